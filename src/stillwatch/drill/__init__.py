"""Drill: campaigns of our own making planted in the user's own traffic, in memory, to measure what would be caught."""
