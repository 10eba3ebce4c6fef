"""Alerts to a SIEM: syslog (RFC 5424) that carries ArcSight's Common Event Format (CEF).

``udp://`` one datagram each (nothing says whether it arrived), ``tcp://`` and ``tls://`` (RFC 5425) with the octet
count before each message (RFC 6587, 3.4.1). Syslog has no answer: delivered means that the other side's system took
the bytes.

In CEF, ``\\`` and ``|`` are escaped in the header, ``\\`` and ``=`` and line breaks in the extension ("Implementing
ArcSight Common Event Format", version 26). Controls are replaced before, so that no id begins a line of its own.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import re
import socket
import ssl
from pathlib import Path
from typing import ClassVar

import msgspec

from stillwatch import __version__
from stillwatch.errors import PeerError, UsageError
from stillwatch.gateway.alerts.addresses import split_address
from stillwatch.gateway.alerts.base import Alert, Info
from stillwatch.gateway.alerts.texts import MOST_FACTS, printable

__all__ = ["Syslog", "cef"]

FACILITY = 13
"""Log audit."""
SYSLOG_SEVERITY = {"info": 6, "warning": 4, "critical": 2}
CEF_SEVERITY = {"info": 3, "warning": 6, "critical": 9}
PORTS = {"udp": 514, "tcp": 514, "tls": 6514}
SECONDS = 10.0
LARGEST_DATAGRAM = 2048
"""Bytes that every receiver should take (RFC 5424, 6.1); what is longer goes by tcp or tls."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``address``: ``udp://HOST:514``, ``tcp://HOST:514`` or ``tls://HOST:6514``; ``authority``: a PEM file of who
    vouches for the certificate, where it is none that this system knows."""

    address: str
    authority: str = ""


class Syslog:
    """CEF by syslog."""

    info: ClassVar[Info] = Info(
        name="syslog",
        summary="Common Event Format (CEF) by syslog over UDP, TCP or TLS.",
        reference="RFC 5424, RFC 5425, RFC 6587; ArcSight Common Event Format",
        version="1",
        example='{ channel = "syslog", parameters = { address = "tls://siem.example:6514" } }',
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def __init__(self, parameters: Parameters) -> None:
        parts = split_address(parameters.address, "alerts: syslog address", ("tls", "tcp", "udp"))
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port = parts.port or PORTS[parts.scheme]
        self._name = re.sub(r"[^!-~]", "-", socket.gethostname())[:255] or "-"
        self._tls: ssl.SSLContext | None = None
        if self._scheme == "tls":
            try:
                authority = str(Path(parameters.authority)) if parameters.authority else None
                self._tls = ssl.create_default_context(cafile=authority)
            except (OSError, ssl.SSLError) as error:
                raise UsageError("is no PEM file", "alerts: syslog authority", "name the file of the authority") from (
                    error
                )

    def encode(self, alert: Alert) -> bytes:
        """One message of RFC 5424 without framing."""
        told = dt.datetime.fromtimestamp(alert.at / 1e6, dt.UTC).isoformat(timespec="milliseconds")
        priority = FACILITY * 8 + SYSLOG_SEVERITY[alert.severity]
        head = f"<{priority}>1 {told.replace('+00:00', 'Z')} {self._name} stillwatch {os.getpid()} {alert.kind} - "
        return head.encode() + b"\xef\xbb\xbf" + cef(alert).encode("utf-8", "replace")

    async def send(self, alert: Alert) -> None:
        """See `Channel.send`."""
        where = f"{self._scheme}://{self._host}:{self._port}"
        message = self.encode(alert)
        try:
            async with asyncio.timeout(SECONDS):
                if self._scheme == "udp":
                    await self._datagram(message[:LARGEST_DATAGRAM].decode("utf-8", "ignore").encode())
                else:
                    await self._stream(b"%d %s" % (len(message), message))
        except (OSError, TimeoutError, ssl.SSLError) as error:
            raise PeerError(f"cannot be reached ({type(error).__name__})", where, again=True) from error

    async def _datagram(self, message: bytes) -> None:
        address = (self._host, self._port)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=address
        )
        transport.sendto(message)
        transport.close()

    async def _stream(self, framed: bytes) -> None:
        _, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        try:
            writer.write(framed)
            await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        finally:
            writer.close()
            await writer.wait_closed()


def cef(alert: Alert) -> str:
    """The alert as one line of CEF."""
    title = alert.kind.replace("_", " ").capitalize()
    head = ["CEF:0", "Stillwatch", "gateway", __version__, alert.kind, title, str(CEF_SEVERITY[alert.severity])]
    fields: dict[str, object] = {
        "rt": str(alert.at // 1000),
        "externalId": alert.id,
        "msg": alert.summary,
        "cs1Label": "campaign",
        "cs1": alert.campaign_id,
    }
    for name, value in list(alert.facts.items())[:MOST_FACTS]:
        words = re.findall(r"[A-Za-z0-9]+", name)
        fields["stillwatch" + "".join(word.capitalize() for word in words)] = value
    extension = " ".join(f"{name}={_extension(value)}" for name, value in fields.items() if value != "")
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in head) + "|" + extension


def _extension(value: object) -> str:
    text = printable(value, 1000)
    return text.replace("\\", "\\\\").replace("=", "\\=").replace("\n", "\\n").replace("\r", "\\r")
