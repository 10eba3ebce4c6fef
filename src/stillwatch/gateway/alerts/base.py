"""What an alert is, where a policy wants it told, and a channel that carries it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol, get_args

import msgspec

from stillwatch.registry import Info

__all__ = ["KINDS", "SEVERITIES", "Alert", "AlertTo", "Channel", "ChannelKind", "Info", "Kind", "Severity"]

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
KINDS: tuple[Kind, ...] = get_args(Kind)
Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From the mildest."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person should know. ``id`` is the same for the same thing told twice; ``summary`` is one line of
    our own words; ``facts`` are numbers and ids, never text of a log.

    ``at`` in microseconds. Ids (``campaign_id`` and those in ``facts``) were chosen by others: every channel escapes
    them in its own way.
    """

    id: str
    kind: Kind
    at: int
    severity: Severity
    summary: str
    campaign_id: str = ""
    facts: dict[str, Any] = {}

    @property
    def thing(self) -> str:
        """What it is about: the same for every telling of one thing, so that receivers fold them into one."""
        return f"{self.kind}:{self.campaign_id}"


class AlertTo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[alerts]]`` of a policy: which channel, which alerts (none named: all), from which severity on.

    ``parameters`` are the channel's own; a secret among them is written ``env:NAME``.
    """

    channel: str
    kinds: tuple[Kind, ...] = ()
    severity: Severity = "info"
    parameters: dict[str, Any] = {}

    def wants(self, alert: Alert) -> bool:
        """Whether this alert goes there."""
        severe = SEVERITIES.index(alert.severity) >= SEVERITIES.index(self.severity)
        return severe and (not self.kinds or alert.kind in self.kinds)


class Channel(Protocol):
    """Carries alerts to one place; `encode` is pure, so that what leaves can be tested and shown."""

    def encode(self, alert: Alert) -> bytes:
        """The bytes that leave."""
        ...

    async def send(self, alert: Alert) -> None:
        """Deliver; raises `PeerError` where that failed, and says whether trying again may help."""
        ...


class ChannelKind(Protocol):
    """The class of a channel: what it says of itself, its parameters, and how one is made.

    Making one raises `UsageError` where a parameter cannot be (an address without TLS, a secret that is not set).
    """

    info: ClassVar[Info]
    parameters: ClassVar[type[msgspec.Struct]]

    def __call__(self, parameters: Any) -> Channel:
        """A channel with these ``parameters``, of the class's own type."""
        ...
