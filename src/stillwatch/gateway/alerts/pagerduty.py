"""Alerts that wake somebody: PagerDuty's Events API v2, or a service that takes its events.

Every telling of one thing has the same ``dedup_key``, so that it stays one incident.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import socket
from typing import ClassVar

import msgspec

from stillwatch.gateway.alerts.addresses import secret, web_address
from stillwatch.gateway.alerts.base import Alert, Info
from stillwatch.gateway.alerts.posting import post
from stillwatch.gateway.alerts.texts import fact_lines, printable

__all__ = ["PagerDuty"]

EVENTS = "https://events.pagerduty.com/v2/enqueue"
LONGEST_SUMMARY, LONGEST_KEY = 1024, 255


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``routing_key``: ``env:NAME`` of the integration's key; ``url`` where it is not PagerDuty's own; ``source``: what
    the incident is said to come from, this machine's name where it is left out."""

    routing_key: str
    url: str = EVENTS
    source: str = ""


class PagerDuty:
    """An incident."""

    info: ClassVar[Info] = Info(
        name="pagerduty",
        summary="An incident by PagerDuty's Events API v2.",
        reference="PagerDuty, Events API v2: send an alert event",
        version="1",
        example='{ channel = "pagerduty", severity = "critical", parameters = { routing_key = "env:PAGERDUTY_KEY" } }',
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._url = web_address(parameters.url, "alerts: pagerduty url")
        self._key = secret(parameters.routing_key, "alerts: pagerduty routing_key")
        self._source = parameters.source or socket.gethostname() or "stillwatch"

    def encode(self, alert: Alert) -> bytes:
        """The event. It holds the routing key, as the API wants it."""
        key = alert.thing
        if len(key) > LONGEST_KEY or not key.isprintable():
            key = f"{alert.kind}:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
        payload = {
            "summary": printable(alert.summary, LONGEST_SUMMARY),
            "source": self._source,
            "severity": alert.severity,
            "timestamp": dt.datetime.fromtimestamp(alert.at / 1e6, dt.UTC).isoformat(timespec="milliseconds"),
            "component": "gateway",
            "class": alert.kind,
            "custom_details": {"campaign": printable(alert.campaign_id), **dict(fact_lines(alert.facts))},
        }
        event = {"routing_key": self._key, "event_action": "trigger", "dedup_key": key, "client": "Stillwatch"}
        return msgspec.json.encode({**event, "payload": payload})

    async def send(self, alert: Alert) -> None:
        """See `Channel.send`."""
        await post(self._url, self.encode(alert), {})
