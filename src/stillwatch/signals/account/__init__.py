"""Signals of an account, one a file: sums, minima and maxima over its exchanges."""
