"""Alerts to the user's own systems: JSON, signed as Standard Webhooks 1.0 says (standardwebhooks.com).

The receiver computes HMAC-SHA256 over ``{webhook-id}.{webhook-timestamp}.{body}`` with the shared secret, compares it
with ``webhook-signature``, refuses timestamps more than five minutes off, and drops an id that it has seen. Its
libraries exist in most languages.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import time
from typing import ClassVar

import msgspec

from stillwatch.errors import UsageError
from stillwatch.gateway.alerts.addresses import secret, web_address
from stillwatch.gateway.alerts.base import Alert, Info
from stillwatch.gateway.alerts.posting import post

__all__ = ["Webhook", "key_of", "signature", "signed_headers"]

PREFIX, WHERE = "whsec_", "alerts: webhook secret"


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``url`` (or ``env:NAME``), and ``secret``: ``env:NAME`` of a secret ``whsec_…``, 24 to 64 bytes in base64."""

    url: str
    secret: str


class Webhook:
    """Signed JSON to a URL."""

    info: ClassVar[Info] = Info(
        name="webhook",
        summary="Signed JSON to an address of yours.",
        reference="Standard Webhooks 1.0, standardwebhooks.com",
        version="1",
        example='{ channel = "webhook", parameters = { url = "https://ops.example/hook", secret = "env:HOOK_KEY" } }',
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._url = web_address(parameters.url, "alerts: webhook url")
        self._key = key_of(secret(parameters.secret, WHERE))

    def encode(self, alert: Alert) -> bytes:
        """The body; JSON escapes whatever ids hold."""
        told = dt.datetime.fromtimestamp(alert.at / 1e6, dt.UTC).isoformat(timespec="milliseconds")
        return msgspec.json.encode(
            {
                "type": f"stillwatch.{alert.kind}",
                "timestamp": told.replace("+00:00", "Z"),
                "data": {
                    "id": alert.id,
                    "severity": alert.severity,
                    "summary": alert.summary,
                    "campaign_id": alert.campaign_id,
                    "facts": alert.facts,
                },
            }
        )

    def headers(self, alert: Alert, body: bytes, at: int) -> dict[str, str]:
        """The three headers of the standard, for a sending at ``at`` (whole seconds since 1970)."""
        identifier = hashlib.sha256(alert.id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return signed_headers(self._key, f"msg_{identifier}", at, body)

    async def send(self, alert: Alert) -> None:
        """See `Channel.send`."""
        body = self.encode(alert)
        await post(self._url, body, self.headers(alert, body, int(time.time())))


def key_of(text: str) -> bytes:
    """The bytes of a secret ``whsec_…``. Raises `UsageError`, never quoting it."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("is no secret", WHERE, "make one: whsec_ and 24 to 64 bytes in base64") from error
    if not 24 <= len(key) <= 64:
        raise UsageError("is too short or too long", WHERE, "take 24 to 64 random bytes in base64")
    return key


def signed_headers(key: bytes, name: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of the standard: id, whole seconds since 1970, signature."""
    told = {"webhook-id": name, "webhook-timestamp": str(at)}
    return {**told, "webhook-signature": signature(key, name, at, body)}


def signature(key: bytes, name: str, at: int, body: bytes) -> str:
    """What ``webhook-signature`` says: version 1, HMAC-SHA256 in base64."""
    digest = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
