"""What the records of language models, in the files of a folder, say of the requests that API Management has logged."""

from __future__ import annotations

import functools
import operator
import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from stillwatch.errors import InputError
from stillwatch.sources.calls.azure_records import (
    COUNTS,
    PARTS,
    Flat,
    ModelRecord,
    RequestRecord,
    flat,
    glance,
    is_azure,
    kind,
    records,
)
from stillwatch.sources.containers.files import Beside, files_in, folder_of, open_bytes
from stillwatch.sources.containers.hostile_json import written
from stillwatch.sources.containers.lookup import key_digest, lookup_table
from stillwatch.sources.records.conversation import without_halves

__all__ = ["KEPT_CHARACTERS", "Indexes", "Messages"]

CONTAINERS = ("insights-logs-gatewayllmlogs", "insights-logs-gatewaylogs")
ROWS_HELD = 5_000
CHARACTERS_HELD = 32 * 2**20
KEPT_CHARACTERS = 2**30
LIST_ITEM = 8
AHEAD = 256
BYTES_AHEAD = 16_384
HEAD = 65_536

_Part = tuple[str, int, str]
_PARTS = msgspec.msgpack.Decoder(list[_Part])
_COUNTS = operator.attrgetter(*COUNTS.values())
_IDS = msgspec.msgpack.Decoder(list[str])
_SCHEMA = """
    create table told{0}(request blob, called integer, parts blob, file integer);
    create table ids{0}(file integer, ids blob);
"""
_ALONE = """
    select distinct file from told{0} as one where not called
        and not exists (select 1 from told{0} as other where other.request = one.request and other.called)
"""


class Messages:
    """What the records in some files say of each request; kept on disk, so memory stays small.

    A request's records mostly stand together: a row of the table is what some that do tell of it.
    """

    def __init__(self, files: tuple[Beside, ...], table: sqlite3.Connection, number: int) -> None:
        """Reads the files into tables with a ``number``; what cannot be read is set aside where its file is read."""
        self.characters = 0
        self._table, self._number = table, number
        self._asked: tuple[Any, bool] = None, False
        self._row_asked = f"select rowid, parts from told{number} where request = ? and not called"
        self._next_asked = (
            f"select request, parts from told{number} where rowid > ? and rowid <= ?"
            f" and not called and length(parts) <= {BYTES_AHEAD}"
        )
        self._ahead: dict[bytes, bytes] = {}
        self._place = 0
        self._ids: list[str] = []
        self._rows: list[tuple[bytes, bool, bytes | None, int]] = []
        self._correlation: Any = None
        self._model = False
        self._parts: list[_Part] = []
        self._held = 0
        self._read: dict[str, int] = {}
        self._silent: set[int] = set()
        table.executescript(_SCHEMA.format(number) + "begin;")
        for place, file in enumerate(files):
            self._learn_file(file.location, place)
        table.execute(f"create index asked{number} on told{number}(request, called)")
        self._silent -= {place for (place,) in table.execute(_ALONE.format(number))}
        several = f"select 1 from told{number} where not called group by request having count(*) > 1 limit 1"
        self._single = table.execute(several).fetchone() is None
        table.execute("commit")

    def _learn_file(self, location: str, file: int) -> None:
        self._silent.add(file)
        try:
            for document in records(location, glance):
                value = document.value
                if type(value) is ModelRecord:
                    self._about(value.correlationId, file)
                    self._hold_own(value.properties)
                elif type(value) is RequestRecord:
                    self._about(value.correlationId, file)
                    self._requested(value.correlationId, "gateway", file)
                else:
                    fields = flat(value)
                    self._about(fields.get("correlationid"), file)
                    if (told := kind(fields)) == "model":
                        self._hold_parts(fields)
                    else:
                        self._requested(self._correlation, told, file)
        except InputError:
            self._silent.discard(file)
        else:
            self._read[location] = file
        self._end_request(file)
        self._write(file)

    def _about(self, correlation: Any, file: int) -> None:
        """What comes next is told of a request."""
        if correlation != self._correlation or self._held > CHARACTERS_HELD or len(self._parts) > ROWS_HELD:
            self._end_request(file)
            self._correlation = correlation

    def _requested(self, correlation: Any, told: str | None, file: int) -> None:
        """A record that is none of a language model."""
        self._silent.discard(file)
        if told is not None and isinstance(correlation, str | int):
            self._ids.append(without_halves(str(correlation)))  # as `JsonLog.identities` tells it
            self._held += len(self._ids[-1]) + LIST_ITEM
        if told == "gateway" and (request := _digest(correlation)) is not None:
            self._rows.append((request, True, None, file))

    def _hold_own(self, told: Any) -> None:
        """What a `ModelRecord` has of its own."""
        self._model = True
        place = told.sequenceNumber
        place = place if type(place) is int and abs(place) < 2**31 else 0
        if told.requestMessages:
            self._hold("requestmessages", place, told.requestMessages)
        if told.responseMessages:
            self._hold("responsemessages", place, told.responseMessages)
        counts = _COUNTS(told)
        if any(counts):
            named = zip(COUNTS, counts, strict=True)
            self._hold("counts", place, {name: count for name, count in named if count is not None})

    def _hold_parts(self, fields: Flat) -> None:
        """What a model's record in any other spelling has of its own."""
        self._model = True
        place = fields.get("sequencenumber")
        place = place if type(place) is int and abs(place) < 2**31 else 0
        for name in PARTS:
            if value := fields.get(name):
                self._hold(name, place, value)
        counts = {name: fields[name] for name in COUNTS if name in fields}
        if counts and any(counts.values()):
            self._hold("counts", place, counts)

    def _hold(self, name: str, place: int, value: Any) -> None:
        text = value if isinstance(value, str) else written(value, sort=True).decode()
        if not text.isascii():
            text = without_halves(text)
        self._parts.append((name, place, text))
        self._held += len(text)

    def _end_request(self, file: int) -> None:
        if self._model:
            request = _digest(self._correlation)
            if request is None:
                self._silent.discard(file)
            else:
                self._rows.append((request, False, msgspec.msgpack.encode(self._parts), file))
            self._parts, self._model = [], False
        if len(self._rows) + len(self._ids) > ROWS_HELD or self._held > CHARACTERS_HELD:
            self._write(file)

    def _write(self, file: int) -> None:
        self._table.executemany(f"insert into told{self._number} values(?, ?, ?, ?)", self._rows)
        if self._ids:
            self._table.execute(
                f"insert into ids{self._number} values(?, ?)", (file, msgspec.msgpack.encode(self._ids))
            )
        self.characters += self._held
        self._rows, self._ids, self._held = [], [], 0

    def silent(self, location: str) -> bool:
        """Whether a file holds whole records of language models alone, all of them on requests in these files."""
        return self._read.get(location) in self._silent

    def identities(self, location: str) -> Iterator[list[str]] | None:
        """The ids of the requests in a file; None where it could not be read to its end."""
        return self._identities(self._read[location]) if location in self._read else None

    def _identities(self, file: int) -> Iterator[list[str]]:
        asked = f"select rowid, ids from ids{self._number} where file = ? and rowid > ? order by rowid limit 1"
        row = 0
        while found := self._table.execute(asked, (file, row)).fetchone():
            row = found[0]
            yield _IDS.decode(found[1])

    def called(self, correlation: Any) -> bool:
        """Whether the gateway's own record of a request is in the files."""
        if correlation != self._asked[0]:  # a request's records stand together
            asked = f"select 1 from told{self._number} where request = ? and called limit 1"
            self._asked = correlation, self._table.execute(asked, (_digest(correlation),)).fetchone() is not None
        return self._asked[1]

    def parts(self, correlation: Any) -> dict[str, list[str]]:
        """The pieces of the request's and the answer's messages, in order, and the records' other fields as JSON.

        Of several records for one place the same one counts, whatever their order.
        """
        request = _digest(correlation)
        ahead = None if request is None else self._ahead.pop(request, None)
        rows = [ahead] if ahead is not None else self._looked_up(request)
        told = {
            (name, place): text for name, place, text in sorted([part for row in rows for part in _PARTS.decode(row)])
        }
        found: dict[str, list[str]] = {}
        for (name, _), text in told.items():
            found.setdefault(name, []).append(text)
        return found

    def _looked_up(self, request: bytes | None) -> list[bytes]:
        """The rows on a request; the two logs being in much the same order, the next ones are fetched with it."""
        rows = self._table.execute(self._row_asked, (request,)).fetchall()
        if len(rows) == 1 and self._single:
            place = rows[0][0]
            if 0 <= place - self._place <= 2 * AHEAD:
                self._ahead = dict(self._table.execute(self._next_asked, (place, place + AHEAD)))
            self._place = place
        return [parts for _, parts in rows]

    def drop(self) -> None:
        """Gives back the room that the tables take."""
        self._table.executescript(f"drop table told{self._number}; drop table ids{self._number};")


def _digest(correlation: Any) -> bytes | None:
    if not isinstance(correlation, str) or not correlation:
        return None
    return key_digest(correlation.lower())


class Indexes:
    """The indexes of a log's folders, kept until they hold ``characters`` of text; of further ones, the last.

    A log's ids are asked for before its exchanges: what is kept is read once for both.
    """

    def __init__(self, characters: int = 0) -> None:
        self._characters = characters
        self._table: sqlite3.Connection | None = None
        self._kept: dict[tuple[Beside, ...], Messages] = {}
        self._last: tuple[tuple[Beside, ...], Messages] | None = None
        self._made = 0

    def beside(self, location: str) -> Messages:
        """What the files beside one tell: those in its folder, and in that of the other category's container."""
        files = files_beside(location)
        if files in self._kept:
            return self._kept[files]
        if self._last is not None:
            if self._last[0] == files:
                return self._last[1]
            self._last[1].drop()
            self._last = None
        self._table = self._table or lookup_table("")
        self._made += 1
        index = Messages(files, self._table, self._made)
        if self.room:
            self._kept[files] = index
        else:
            self._last = files, index
        return index

    @property
    def room(self) -> bool:
        """Whether the next index will be kept."""
        return sum(index.characters for index in self._kept.values()) < self._characters

    def kept(self, location: str) -> Messages | None:
        """The index that a file belongs to, where it is made already."""
        return self._kept.get(files_beside(location)) if self._kept else None


def files_beside(location: str) -> tuple[Beside, ...]:
    """The files in a file's folder, and in that of the other category's container, that are these logs."""
    folders = {folder_of(location)}
    for one, other in (CONTAINERS, CONTAINERS[::-1]):
        if one in location:
            folders.add(folder_of(location.replace(one, other)))
    return tuple(sorted({file for folder in folders for file in _files(folder) if _is_read(file)}))


def _files(folder: str) -> tuple[Beside, ...]:
    try:
        return files_in(folder)
    except InputError:
        return ()


@functools.lru_cache(maxsize=100_000)
def _is_read(file: Beside) -> bool:
    """Looked up once for a file as it is, not once for each of its neighbours."""
    try:
        with open_bytes(file.location) as stream:
            return is_azure(stream.read(HEAD).removeprefix(b"\xef\xbb\xbf"))
    except (InputError, OSError, EOFError):
        return False
