"""From the ``[[alerts]]`` of a policy to channels that carry."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stillwatch.errors import InputError
from stillwatch.gateway.alerts import ALERT_CHANNELS
from stillwatch.gateway.alerts.base import AlertTo
from stillwatch.gateway.alerts.outbox import Destination

__all__ = ["check_alerts", "open_channels"]


def check_alerts(entries: Iterable[AlertTo]) -> None:
    """Raise `InputError` for an entry whose channel or parameters there are not; no secret is looked up."""
    for number, entry in enumerate(entries, 1):
        _parameters(number, entry)


def open_channels(entries: Iterable[AlertTo]) -> list[Destination]:
    """A channel for each entry, in their order; none for none.

    Raises `InputError` for an unknown channel or parameter, `UsageError` for an address or secret that cannot be used,
    `PluginError` where an extra is missing.
    """
    opened = []
    for number, entry in enumerate(entries, 1):
        parameters = _parameters(number, entry)
        opened.append(Destination(entry, ALERT_CHANNELS.get(entry.channel)(parameters)))
    return opened


def _parameters(number: int, entry: AlertTo) -> msgspec.Struct:
    where = f"alerts[{number}]"
    if entry.channel not in ALERT_CHANNELS.names():
        known = ", ".join(ALERT_CHANNELS.names())
        raise InputError(f"no channel {entry.channel[:40]!r}", where, f"known: {known}")
    try:
        parameters: msgspec.Struct = msgspec.convert(entry.parameters, ALERT_CHANNELS.get(entry.channel).parameters)
    except msgspec.ValidationError as error:
        raise InputError(f"{entry.channel}: {error}", where, "see docs/gateway-alerts.md") from error
    return parameters
