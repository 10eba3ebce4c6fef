"""What all files of a folder tell of their spans: who called, what lies within what, and the messages of each.

A collector that sends traces and logs through pipelines of their own writes them into two files, and a file that has
grown too large goes on in another: what belongs to a call may stand anywhere. Everything that one span tells of another
is therefore kept in a table on disk, so memory stays small, and the order of files and lines does not matter.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stillwatch.errors import InputError
from stillwatch.sources.calls.attributes import Event
from stillwatch.sources.calls.bodies import mapping
from stillwatch.sources.calls.model_spans import DETAILS, context_values
from stillwatch.sources.calls.span_window import Call, Key, Record, Span, inherited, short
from stillwatch.sources.containers.files import Beside, files_in, folder_of
from stillwatch.sources.containers.hostile_json import written
from stillwatch.sources.containers.json_documents import decode_whole
from stillwatch.sources.containers.lookup import key_digest, lookup_table
from stillwatch.sources.records.conversation import without_halves

__all__ = ["ALONE", "SpanIndex", "files_beside", "span_index"]

ALONE = "no span beside it tells whose call this was"
OTHERS = {"traces": "logs", "logs": "traces"}
WRITTEN = 5_000
_SCHEMA = """
    create table span(key blob primary key, parent blob, call integer, context text, encloses integer default 0)
        without rowid;
    create table event(key blob, time integer, name text, content blob, place integer, value text,
        primary key(key, time, name, content)) without rowid;
    begin;
"""
_SPAN = """
    insert into span(key, parent, call, context) values(?, ?, ?, ?) on conflict do update set
        parent = max(parent, excluded.parent), call = max(call, excluded.call), context = max(context, excluded.context)
"""
_ENCLOSES = """
    with recursive above(key) as (
        select parent from span where call and parent <> x''
        union select span.parent from span join above on span.key = above.key where span.parent <> x'')
    update span set encloses = 1 where key in above
"""
Told = Callable[[str], Iterator[Span | Record]]


class SpanIndex:
    """The spans and log records of some files. Of several that are the same one counts: exporters send again."""

    def __init__(self, files: tuple[str, ...], told: Told) -> None:
        """Reads the files; what cannot be read is passed over, for it is set aside where its file is read."""
        self._table = lookup_table(_SCHEMA)
        self._spans: list[tuple[bytes, bytes, bool, str]] = []
        self._events: list[tuple[bytes, int, str, bytes, int, str]] = []
        self._place = 0
        for file in files:
            with contextlib.suppress(InputError):
                for one in told(file):
                    self._learn(one)
        self._write()
        self._table.execute(_ENCLOSES)
        self._table.execute("commit")

    def _learn(self, told: Span | Record) -> None:
        if told.key is None:
            return
        key = _digest(told.key)
        if isinstance(told, Span):
            context = short(context_values(told.attributes, server=told.server, call=told.call, litellm=told.litellm))
            parent = b"" if told.parent is None else _digest(told.parent)
            self._spans.append((key, parent, told.call, written(context, sort=True).decode() if context else ""))
        else:
            self._place += 1
            value = written(told.event.values).decode()
            content = hashlib.blake2b(value.encode(), digest_size=16).digest()
            timed = type(told.time) is int and abs(told.time) < 2**63
            content += b"" if timed else self._place.to_bytes(8, "big")  # sent again, or said twice: who knows
            self._events.append(
                (key, told.time if timed else 0, without_halves(told.event.name), content, self._place, value)
            )
        if len(self._spans) + len(self._events) >= WRITTEN:
            self._write()

    def _write(self) -> None:
        self._table.executemany(_SPAN, self._spans)
        self._table.executemany("insert or ignore into event values(?, ?, ?, ?, ?, ?)", self._events)
        self._spans, self._events = [], []

    def row(self, told: Span | Record) -> list[Any] | None:
        """The values of the exchange that a span or a log record of the details is (`Call.row`); None for no such."""
        if isinstance(told, Span):
            if not told.call or (told.key is not None and self._asked("encloses", told.key)):
                return None
        elif told.event.name != DETAILS or (told.key is not None and self._asked("call", told.key)):
            return None
        call = Call(told)
        if isinstance(told, Span) and told.key is not None:
            call.events = call.events + self._messages(told.key)
        return call.row(inherited(call, self._above))

    def knows(self, key: Key | None) -> bool:
        """Whether a span is in the files."""
        return key is not None and self._asked("1", key)

    def _asked(self, what: str, key: Key) -> bool:
        found = self._table.execute(f"select {what} from span where key = ?", (_digest(key),)).fetchone()
        return bool(found and found[0])

    def _messages(self, key: Key) -> list[Event]:
        asked = "select name, value from event where key = ? order by time, place"
        found = self._table.execute(asked, (_digest(key),))
        return [Event(name, mapping(decode_whole(value.encode()))) for name, value in found]

    def _above(self, key: Key | bytes) -> tuple[Mapping[str, Any], bytes | None, bool] | None:
        digest = key if isinstance(key, bytes) else _digest(key)
        found = self._table.execute("select context, parent, encloses from span where key = ?", (digest,)).fetchone()
        if found is None:
            return None
        return mapping(decode_whole(found[0].encode())) if found[0] else {}, found[1] or None, bool(found[2])


def _digest(key: Key) -> bytes:
    return key_digest(f"{key[0]}\0{key[1]}")


def files_beside(location: str, recognised: Callable[[Beside], bool]) -> tuple[Beside, ...]:
    """The files of one format in a file's folder, and where that is called traces or logs, in the other beside it."""
    folder = folder_of(location)
    parent, _, name = folder.replace("\\", "/").rpartition("/")
    folders = [folder, f"{parent}/{OTHERS[name]}" if parent else OTHERS[name]] if name in OTHERS else [folder]
    found: list[Beside] = []
    for each in folders:
        with contextlib.suppress(InputError):  # there need not be one
            found += files_in(each)
    own = [file for file in found if Path(file.location) == Path(location)] or [Beside(location, 0, 0)]
    return tuple(sorted({*own, *filter(recognised, found)}))


@functools.lru_cache(maxsize=2)
def span_index(files: tuple[Beside, ...], told: Told) -> SpanIndex:
    """One index serves all files of a folder, which are read one after the other."""
    return SpanIndex(tuple(file.location for file in files), told)
