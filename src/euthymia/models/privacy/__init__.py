"""Differential privacy with the person as the unit: what a release costs, and who pays for it."""
