"""Metrics with intervals, calibration, paired tests and slices over predictions, and the tables that compare runs."""
