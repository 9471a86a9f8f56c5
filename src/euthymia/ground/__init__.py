"""The ground every room stands on: ids, clock, units, errors, records, schemas, plug-in discovery.

Imports nothing of ours.
"""
