"""Statistics that say how good a prediction is, and whether it is evidence at all.

Numbers in, numbers out: no tables, no storage. Rows belong to people; everything that resamples
does so by person.
"""
