"""What an audit measures: one file for each property, its items in ``items/``."""
