"""MISP events: one for each bulletin, with objects of contributed templates; and anybody's exports."""

from __future__ import annotations

import re
from typing import ClassVar

import msgspec

from stillwatch.sharing.base import MOST_BYTES, Decoded, Info
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.formats.bounds import checked_size, text_of
from stillwatch.sharing.formats.misp_reading import read
from stillwatch.sharing.formats.misp_writing import event_of

__all__ = ["FORMAT"]

WRAPPED = re.compile(rb'(?:\[ ?)?\{ ?"(?:Event|response)" ?:')
BARE = re.compile(rb'"(?:Attribute|Object|Orgc|EventReport|threat_level_id|orgc_id)" ?:')
OTHERS = (b'"stillwatch_bulletins"', b'"spec_version"')


class Misp:
    """MISP's core format (JSON)."""

    info: ClassVar[Info] = Info(
        name="misp",
        summary="MISP events with the objects model-distillation-campaign and model-distillation-indicator.",
        reference="https://www.misp-standard.org/rfc/misp-standard-core.html",
        version="2.5",
        suffix=".json",
        media_type="application/json",
        lossless=True,
        shows=(
            "Everything: networks and TLS fingerprints as attributes that MISP correlates, the rest in the campaign's "
            "object, the claim with its error rate in the event's report."
        ),
    )

    def recognises(self, head: bytes) -> bool:
        """Whether it begins as an event, a list of them or a response: bare events are known by MISP's own keys."""
        start = b" ".join(head[:65536].removeprefix(b"\xef\xbb\xbf").split())
        if WRAPPED.match(start):
            return True
        bare = start.startswith(b"{") and b'"info"' in start and BARE.search(start) is not None
        return bare and not any(mark in start for mark in OTHERS)

    def encode(self, bulletins: tuple[Bulletin, ...]) -> bytes:
        """One event as MISP exports one, else a response. Raises `InputError` where it would be too large to read."""
        events: list[bytes] = []
        size = 0
        for bulletin in bulletins:
            events.append(msgspec.json.encode({"Event": event_of(bulletin)}, order="sorted"))
            size += len(events[-1])
            if size > MOST_BYTES:
                break
        document = events[0] if len(events) == 1 else b'{"response":[' + b",".join(events) + b"]}"
        return checked_size(document + b"\n")

    def decode(self, document: bytes) -> Decoded:
        """Our bulletins, whole; of others' events the indicators. Raises `InputError`."""
        return read(text_of(document))


FORMAT = Misp()
