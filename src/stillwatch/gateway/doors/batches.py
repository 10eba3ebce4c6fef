"""Answers of batches, fetched later as lines of JSON: shielded line by line, or a batch would be the way around.

OpenAI keeps them in a file (``/files/ID/content``; each line has ``response.body``), Anthropic under
``/messages/batches/ID/results`` (``result.message``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from stillwatch.gateway.doors.calls import MOST_READ
from stillwatch.gateway.doors.departure import Send
from stillwatch.gateway.doors.streams import Shielding, Telling
from stillwatch.gateway.shielding.base import StreamShield, Summarise
from stillwatch.gateway.shielding.seal import Sealer
from stillwatch.gateway.shielding.shield import shield_body
from stillwatch.responses.traffic import API, ShieldMode
from stillwatch.sources.containers.json_documents import decode_whole

__all__ = ["LineShield", "kept_answers", "shielded_lines"]

_KEPT = re.compile(r"/(?:files/[^/?]+/content|messages/batches/[^/?]+/results)(?:\?|\Z)")
_PLACES = (("response", "body"), ("result", "message"))


def kept_answers(path: str) -> bool:
    """Whether answers of a batch may be fetched there."""
    return _KEPT.search(path) is not None


def shielded_lines(send: Send, telling: Telling, mode: ShieldMode, sealer: Sealer | None) -> Shielding:
    """What an answer from there goes through on its way to ``send``; an error of the server's passes as it is."""

    def unshielded(data: bytes, summary: str | None) -> bytes:
        return data

    return Shielding(
        send, telling, stream=lambda: LineShield(mode, sealer), body=unshielded, summaries=None, lines=True
    )


class LineShield(StreamShield):
    """One file on its way through. Lines without reasoning, and what is no line of a batch (own files, pictures),
    leave as they came; reasoning is sealed where there is a key, else left out: nobody waits for summaries here."""

    def __init__(self, mode: ShieldMode, sealer: Sealer | None) -> None:
        self._mode: ShieldMode = "drop" if mode == "summarise" else mode
        self._sealer = sealer
        self._kept = b""

    def feed(self, chunk: bytes) -> Iterator[bytes | Summarise]:
        """See `StreamShield.feed`."""
        lines = (self._kept + chunk).split(b"\n")
        self._kept = lines.pop()
        for line in lines:
            yield self._line(line) + b"\n"
        if len(self._kept) > MOST_READ:  # no answer is that long: it cannot be looked into, so it does not leave
            self._kept = b""

    def summarised(self, text: str | None) -> Iterator[bytes]:
        """See `StreamShield.summarised`."""
        return iter(())

    def end(self) -> Iterator[bytes | Summarise]:
        """See `StreamShield.end`."""
        if self._kept:
            yield self._line(self._kept)

    def _line(self, line: bytes) -> bytes:
        try:
            value: Any = decode_whole(line)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return line
        for outer, inner in _PLACES:
            holder = value.get(outer) if type(value) is dict else None
            answer = holder.get(inner) if type(holder) is dict else None
            if type(holder) is dict and type(answer) is dict:
                told = msgspec.json.encode(answer)
                shielded = shield_body(_dialect(answer), told, self._mode, sealer=self._sealer)
                if not isinstance(shielded, bytes):
                    shielded = b"{}"
                if shielded != told:
                    return msgspec.json.encode({**value, outer: {**holder, inner: msgspec.Raw(shielded)}})
        return line


def _dialect(answer: dict[str, Any]) -> API:
    if "choices" in answer:
        return "openai_chat"
    return "openai_responses" if "output" in answer else "anthropic_messages"
