"""A clinic with a known truth, written out in the formats that `sources` reads."""
