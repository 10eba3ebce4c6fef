"""Signals of one exchange: one file each."""
