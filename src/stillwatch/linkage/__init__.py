"""Which accounts act as one: from sessions to groups, each with the rivals that it beat."""

from stillwatch.linkage.finding import find_groups

__all__ = ["find_groups"]
