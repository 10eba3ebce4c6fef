"""Marks in whole texts, in a keyed random half of the answers: one file for each kind of mark."""
