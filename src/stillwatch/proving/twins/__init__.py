"""Tier 2: answers that were taken against answers that might as well have been given."""
