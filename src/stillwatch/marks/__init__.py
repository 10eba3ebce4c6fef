"""Marks in what a model writes: chosen by a secret key, so that whoever copied them can be told from whoever did not.

A mark is worth something in court only where its key was fixed before it was used: `keys` keeps them, `commitments`
says so to the world without giving them away. ``sampling/`` marks the choice of tokens, ``text/`` marks whole texts,
for those who cannot touch the sampling.
"""
