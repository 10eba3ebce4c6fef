"""Texts of the simulated traffic: written by the project, or read at run time from Python's own standard library."""
