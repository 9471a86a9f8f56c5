"""Euthymia: precision mental health care on a clinic's own machines."""

__version__ = "0.1.0"
