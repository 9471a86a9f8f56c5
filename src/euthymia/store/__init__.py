"""Encrypted records and sample segments. The in-memory store is the reference for the others."""
