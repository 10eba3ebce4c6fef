"""Stillwatch finds the accounts that one operator runs to distil the model behind an API."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
