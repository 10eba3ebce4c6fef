"""Alerts as the Open Cybersecurity Schema Framework has them: Detection Finding (class 2004), to a file or a collector.

Schema: schema.ocsf.io, version 1.3.0. Only attributes of that class are used; what else there is stands in
``unmapped``, where the schema wants it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from stillwatch import __version__
from stillwatch.errors import PeerError, UsageError
from stillwatch.gateway.alerts.addresses import secret, web_address
from stillwatch.gateway.alerts.base import Alert, Info
from stillwatch.gateway.alerts.posting import post
from stillwatch.gateway.alerts.texts import printable

__all__ = ["Ocsf", "finding"]

SCHEMA = "1.3.0"
SEVERITY = {"info": (1, "Informational"), "warning": (3, "Medium"), "critical": (5, "Critical")}
CATEGORY, CLASS, CREATE = 2, 2004, 1


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either ``file``, to which lines are added (made with mode 0600; turn it with ``copytruncate`` or by renaming), or
    ``url`` of a collector, with ``token`` (``env:NAME``) where it wants a bearer token."""

    file: str = ""
    url: str = ""
    token: str = ""


class Ocsf:
    """Detection findings."""

    info: ClassVar[Info] = Info(
        name="ocsf",
        summary="OCSF Detection Findings (class 2004) as JSON lines in a file, or to a collector over HTTP.",
        reference="Open Cybersecurity Schema Framework 1.3.0, Detection Finding",
        version="1",
        example='{ channel = "ocsf", parameters = { file = "/var/log/stillwatch/findings.jsonl" } }',
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def __init__(self, parameters: Parameters) -> None:
        if bool(parameters.file) == bool(parameters.url):
            raise UsageError("needs one place", "alerts: ocsf", "give file or url")
        self._file = Path(parameters.file) if parameters.file else None
        self._url = web_address(parameters.url, "alerts: ocsf url") if parameters.url else ""
        token = secret(parameters.token, "alerts: ocsf token") if parameters.token else ""
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def encode(self, alert: Alert) -> bytes:
        """One finding as JSON, without a line break."""
        return msgspec.json.encode(finding(alert))

    async def send(self, alert: Alert) -> None:
        """See `Channel.send`. A line that was cut off (a full disk) is tried again on a line of its own."""
        if self._file is None:
            await post(self._url, self.encode(alert), self._headers)
        else:
            await asyncio.to_thread(_append, self._file, self.encode(alert) + b"\n")


def finding(alert: Alert) -> dict[str, Any]:
    """The alert as a Detection Finding; times in milliseconds, as OCSF has them."""
    severity_id, severity = SEVERITY[alert.severity]
    title = alert.kind.replace("_", " ").capitalize()
    at = alert.at // 1000
    return {
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Detection Finding: Create",
        "time": at,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "message": alert.summary,
        "metadata": {
            "version": SCHEMA,
            "uid": alert.id,
            "product": {"name": "Stillwatch", "vendor_name": "Stillwatch", "version": __version__},
        },
        "finding_info": {
            "uid": alert.thing,
            "title": title,
            "desc": alert.summary,
            "types": [f"stillwatch.{alert.kind}"],
            "created_time": at,
        },
        "unmapped": {
            "campaign_id": printable(alert.campaign_id),
            **{
                name: value if isinstance(value, int | float) else printable(value)
                for name, value in alert.facts.items()
            },
        },
    }


def _append(path: Path, line: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a line that was cut off
                line = b"\n" + line
            if os.write(descriptor, line) != len(line):
                raise OSError("the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise PeerError(f"cannot be written: {error.strerror or error}", path, again=True) from error
