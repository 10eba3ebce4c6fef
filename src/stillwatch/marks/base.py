"""What every mark shares: the key that it is made under. No arrays: the gateway imports it on the way of a request."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["MarkKey", "Scope"]

Scope = Literal["campaign", "tier", "all"]
"""Whose answers a key marks: those of one campaign, of one tier of suspicion, or everybody's."""


class MarkKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key. ``secret`` (32 bytes) is derived from a master that never leaves the provider; ``id`` may be told: it is
    the beginning of the secret's commitment. ``scheme`` names the mark that it is for (a key is never used by two), for
    sampling schemes with every parameter that is not as usual: ``red_green:gamma=0.5``."""

    id: str
    secret: bytes
    scheme: str
    scope: Scope
    about: str
    """Which campaign or tier; "" for all traffic."""
    epoch: int
    """Counts rotations from 0: a key that leaked stops there."""

    def __repr__(self) -> str:
        """All but the secret: what is printed ends up in logs."""
        return f"MarkKey({self.id}, {self.scheme}, {self.scope}, {self.about!r}, epoch {self.epoch})"
