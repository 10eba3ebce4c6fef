"""Marks on answers as LiteLLM's hooks hand them over, and the row of an exchange that waits for its mark.

LiteLLM tells its loggers of an exchange beside the hooks that may change the answer, in no certain order: whichever
comes second writes the journal's line. Imports nothing of LiteLLM.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from stillwatch.gateway.decision import Observed
from stillwatch.gateway.doors.calls import MOST_READ, told_text
from stillwatch.gateway.doors.litellm_answers import again, event, fields_of
from stillwatch.gateway.doors.marks import Due, Marks
from stillwatch.gateway.marking.answers import Made
from stillwatch.gateway.marking.claims import HEADER, with_key
from stillwatch.gateway.marking.records import COLUMN, record_of
from stillwatch.gateway.shielding.events import Cutter

__all__ = ["Marked", "Unmarkable", "marked", "marked_stream", "unclaimed"]

PATIENCE: Final = 60.0
"""Seconds after which an exchange is told of without its mark: a hook that should have come did not."""


class Unmarkable(Exception):
    """The answer could not be marked, and the policy says that it is then withheld."""


class Marked:
    """One call on whose answer a mark is due. ``settled``: what became of it is known; ``said`` is the answer, where
    the model's server marks it."""

    def __init__(self, due: Due) -> None:
        self.due = due
        self.settled = due.engine
        self.said = ""
        self.waiting: Observed | None = None
        self.made: Made | None = None

    def settle(self, made: Made | None) -> Observed | None:
        """What became of the answer; returns the exchange that waited for it."""
        self.made, self.settled = made, True
        waiting, self.waiting = self.waiting, None
        return None if waiting is None else self.on(waiting)

    def on(self, observed: Observed) -> Observed:
        """``observed`` with its mark in the row, and with the answer as it left."""
        due, made, row = self.due, self.made, observed.row
        if not (due.engine or (made is not None and made.fits)):
            return observed
        told = self.said if made is None else told_text(made.data) or ""
        if row.get("response") is not None:
            row["response"] = told
        row[COLUMN] = msgspec.to_builtins(record_of(due.key, due.prompt, told, made))
        return observed


async def marked(answer: Any, call: Marked, marks: Marks) -> tuple[Any, Made | None]:
    """A whole answer of the same type, marked; the same object where nothing was changed. Raises `Unmarkable`."""
    fields = fields_of(answer)
    if fields is None:
        return answer, None
    data = msgspec.json.encode(fields)
    made = marks.made(call.due, data, stream=False)
    if made is None and call.due.closed:
        raise Unmarkable
    if made is None or made.data is data:
        return answer, made
    return again(answer, msgspec.json.decode(made.data)), made


async def marked_stream(
    answer: AsyncIterator[Any], call: Marked, marks: Marks, seconds: float
) -> AsyncIterator[tuple[Any, Made | None]]:
    """A stream's chunks once it is whole, marked, each with what became of the answer. One that breaks off, or takes
    longer than ``seconds``, goes on as it came. Raises `Unmarkable`, and what the stream raises."""
    held: list[Any] = []
    size, begun = 0, time.monotonic()
    try:
        async for chunk in answer:
            held.append(chunk)
            size += len(event(chunk))
            if size > MOST_READ or time.monotonic() - begun > seconds:
                marks.failed(f"an answer has more than {MOST_READ} bytes or takes more than {seconds:g} s")
                break
        else:
            for chunk, made in _remade(held, call, marks):
                yield chunk, made
            return
    except Unmarkable:
        raise
    except Exception:
        for chunk in held:
            yield chunk, None
        raise
    if call.due.closed:
        raise Unmarkable
    for chunk in held:
        yield chunk, None
    async for chunk in answer:
        yield chunk, None


def _remade(held: list[Any], call: Marked, marks: Marks) -> list[tuple[Any, Made | None]]:
    events = [event(chunk) for chunk in held]
    data = b"".join(events)
    made = marks.made(call.due, data, stream=True)
    if made is None and call.due.closed:
        raise Unmarkable
    if made is None or made.data is data:
        return [(chunk, made) for chunk in held]
    if all(isinstance(chunk, str | bytes) for chunk in held):
        return [(made.data, made)]
    after = [one.raw for one in Cutter().feed(made.data)]
    if len(after) != len(held):
        raise ValueError("a chunk is more than one event")
    told: list[tuple[Any, Made | None]] = []
    for chunk, before, now in zip(held, events, after, strict=True):
        told.append((chunk if before == now else _again(chunk, now), made))
    return told


def _again(chunk: Any, told: bytes) -> Any:
    if isinstance(chunk, str | bytes):
        return told
    data = next(line for line in told.splitlines() if line.startswith(b"data: "))
    return again(chunk, msgspec.json.decode(data[6:]))


def unclaimed(data: dict[str, Any], key_id: str = "") -> dict[str, Any]:
    """A call's arguments without the name of a key that the caller wrote into them, and with ``key_id`` in its place;
    the same object where nothing changes."""
    told = with_key(data, key_id)
    extra, headers = told.get("extra_body"), told.get("extra_headers")
    if isinstance(extra, dict) and (kept := with_key(extra)) is not extra:
        told = {**told, "extra_body": kept}
    if isinstance(headers, dict) and any(str(name).lower() == HEADER for name in headers):
        told = {**told, "extra_headers": {n: value for n, value in headers.items() if str(n).lower() != HEADER}}
    if key_id:
        told = {**told, "extra_headers": {**(told.get("extra_headers") or {}), HEADER: key_id}}
    return told
