"""Tier 1: text or a model tested for a key's mark, against keys that were never used."""
