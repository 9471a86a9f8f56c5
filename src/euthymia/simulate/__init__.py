"""A clinic with a known truth, written out in the formats that `sources` reads.

Nothing that comes out of this room is evidence about people: see docs/simulator.md.
"""
