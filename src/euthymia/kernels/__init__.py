"""Published formulas: arrays in, numbers out."""
