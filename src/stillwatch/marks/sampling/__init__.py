"""Marks in the choice of tokens: one file for each scheme, one for each engine that generates."""
