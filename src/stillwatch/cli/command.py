"""What a command is to the command line."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Command"]


class Command(NamedTuple):
    """Where a command's function is, what it does, and an example that works; a ``family`` has commands of its own."""

    target: str
    summary: str
    example: str
    family: bool = False
