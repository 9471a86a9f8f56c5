"""Discrimination, calibration, net benefit, fairness, confounds: every figure with an interval."""
