"""Stillwatch finds the accounts that one operator runs to distil a model behind an API."""
