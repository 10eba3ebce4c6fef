"""Measurements: one file for each table, run by `python -m bench`."""
