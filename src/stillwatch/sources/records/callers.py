"""What of an exchange its caller writes, and may therefore never be a reason to set the exchange aside.

A log format's readers believe what the provider's system writes: a wrong type there means that the record is not what
it seems, and it is set aside. What the caller wrote is made readable or is null, and the exchange stays; else nothing
would be easier than to send half a surrogate pair with every request and never be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.exchange import EXCHANGE, TEXT
from stillwatch.sources.base import ReadBatch
from stillwatch.sources.records.conversation import without_halves
from stillwatch.sources.records.values import BadValueError, text

__all__ = ["CALLERS", "Marks", "Mended", "id_array", "mark_of", "marks_of", "mended", "sound_text"]

CALLERS = frozenset(
    {
        *("session_id", "model", "operation", "system_prompt", "messages"),
        *("temperature", "max_tokens", "tool_count", "user_agent"),
    }
)
"""Columns that come from the request."""

_ECHOES = frozenset({"exchange_id", "response", "reasoning", "client_ip"})
"""Columns that are the provider's, in whose texts a piece of the caller's may stand: forwarded addresses, ids that it
may choose, an answer cut in the middle of a character. Only their letters are mended; a wrong type is none of it."""

_TEXTS = _ECHOES | {name for name in CALLERS if EXCHANGE.field(name).type == TEXT}

_BITS = {name: 1 << place for place, name in enumerate(EXCHANGE.names)}

Marks = npt.NDArray[np.int64]
"""For each exchange of a batch a bit for each column of `EXCHANGE` that was mended."""


def mended(column: str, value: object, error: BadValueError) -> str | None:
    """What a value counts as which its column cannot hold. Raises ``error`` where that is not the caller's doing."""
    if type(value) is str and column in _TEXTS:
        return without_halves(value) or None
    if column in CALLERS:
        return None
    raise error


def mark_of(column: str) -> int:
    """The bit that stands for a column in `Marks`."""
    return _BITS[column]


def marks_of(read: ReadBatch) -> Marks:
    """The marks of a batch, also where its reader knows of none."""
    return np.zeros(read.exchanges.num_rows, np.int64) if read.mended is None else read.mended


class Mended(NamedTuple):
    """In how many exchanges something was mended, and in how many each column."""

    exchanges: int = 0
    columns: Mapping[str, int] = MappingProxyType({})

    def and_those_of(self, marks: Marks) -> Mended:
        """These and the exchanges of another batch."""
        found = int(np.count_nonzero(marks))
        if not found:
            return self
        counts = {name: int(np.count_nonzero(marks & mark_of(name))) for name in EXCHANGE.names}
        columns = {name: self.columns.get(name, 0) + count for name, count in counts.items()}
        return Mended(self.exchanges + found, {name: count for name, count in columns.items() if count})

    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know of them; nothing where there are none."""
        if not self.exchanges:
            return ()
        told = ", ".join(f"{name} {count:,}" for name, count in self.columns.items())
        held = (
            "exchanges held values that no API takes"
            if self.exchanges > 1
            else "exchange held a value that no API takes"
        )
        return (f"{self.exchanges:,} {held} ({told}); what could not be read of these is missing.",)


def sound_text(value: object) -> str | None:
    """An id that the caller chose, as a text that can be kept; null for what is none."""
    if type(value) is str and value.isascii():
        return value or None
    try:
        return None if value is None else text(without_halves(value) if isinstance(value, str) else value)
    except BadValueError:
        return None


def id_array(ids: Sequence[str]) -> pa.Array:
    """Exchange ids as `mended` leaves them."""
    try:
        return pa.array(ids, TEXT)
    except UnicodeError:
        return pa.array(list(map(without_halves, ids)), TEXT)
