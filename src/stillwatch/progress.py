"""How long work says how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Told of each step of a run, in order."""

    def step(self, title: str, total: int | None = None) -> None:
        """A new step begins; ``total`` is how many units it has, None if unknown."""

    def advance(self, amount: int = 1) -> None:
        """``amount`` more units of the current step are done."""


class Silent:
    """A `Progress` that tells nobody."""

    def step(self, title: str, total: int | None = None) -> None:
        """Nothing happens."""

    def advance(self, amount: int = 1) -> None:
        """Nothing happens."""
