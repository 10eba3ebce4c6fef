"""Which accounts act as one: from sessions to groups, each with the rivals that it beat."""
