"""What an alert is, and a channel that carries it."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

__all__ = ["Alert", "Channel", "Kind"]

Kind = Literal[
    "new_campaign",
    "campaign_growing",
    "replacement_accounts",
    "model_switch",
    "reasoning_extraction_rising",
    "stood_down",
    "switched_off",
    "store_down",
    "appeal_waiting",
]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person should know. ``id`` is the same for the same thing told twice; ``summary`` is one line of
    our own words; ``facts`` are numbers and ids, never text of a log."""

    id: str
    kind: Kind
    at: int
    severity: Literal["info", "warning", "critical"]
    summary: str
    campaign_id: str = ""
    facts: dict[str, Any] = {}


class Channel(Protocol):
    """Carries alerts to one place; `encode` is pure, so that what leaves can be tested and shown."""

    def encode(self, alert: Alert) -> bytes:
        """The bytes that leave."""
        ...

    async def send(self, alert: Alert) -> None:
        """Deliver; raises `PeerError` where that failed, and says whether trying again may help."""
        ...
