"""What was told of requests, by their correlation: in memory while it is little, else in tables on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from stillwatch.sources.containers.lookup import key_digest

__all__ = ["PART_CHARACTERS", "Part", "Told"]

PENDING_CHARACTERS = 32 * 2**20
IDS_TOGETHER = 5_000
PART_CHARACTERS, ROW_CHARACTERS = 140, 320
"""About what a part and a row take in memory beside their texts."""
AHEAD = 256
BYTES_AHEAD = 16_384

Part = tuple[str, int, str]
"""A piece of a request: its name, its place among those of this name, and its text."""
_Row = tuple[str, Sequence[Part] | None, int]
"""What some records in a file tell of a request; None where the file is the gateway's."""
_PARTS = msgspec.msgpack.Decoder(list[Part])
_IDS = msgspec.msgpack.Decoder(list[str])
_SCHEMA = """
    create table told{0}(request blob, called integer, parts blob, file integer);
    create table ids{0}(file integer, ids blob);
    begin;
"""
_ALONE = """
    select distinct file from told{0} as one where not called
        and not exists (select 1 from told{0} as other where other.request = one.request and other.called)
"""


class Told:
    """What some files tell of each request; beyond ``room`` characters in memory, all of it is kept on disk.

    A request's records mostly stand together: a row is what some that do tell of it.
    """

    def __init__(self, table: Callable[[], sqlite3.Connection], number: int, room: int) -> None:
        """``table`` opens the place on disk, whose tables get a ``number``."""
        self.characters = 0
        self._open, self._number, self._room = table, number, room
        self._held = 0
        # Plain tuples and texts, which the garbage collector learns to pass over: there are many.
        self._parts: dict[str, tuple[Part, ...]] = {}
        self._more: dict[str, list[Part]] = {}
        self._told: dict[int, list[str]] = {}  # by the files that tell
        self._called: set[str] = set()
        self._ids: dict[int, list[str]] = {}
        self._disk: _OnDisk | None = None

    def told(self, request: str, parts: list[Part], characters: int, file: int) -> None:
        """Parts that records in a file of models tell, of about so many characters; they are kept here from now on."""
        if request in self._parts:
            self._more.setdefault(request, []).extend(parts)
        else:
            self._parts[request] = tuple(parts)
        self._told.setdefault(file, []).append(request)
        self._held += ROW_CHARACTERS + len(request) + characters
        if self._held > self._room:
            self._make_room()

    def requested(self, request: str | None, identity: str | None, file: int) -> None:
        """A request in a file of the gateway's: None where that tells none, and its id where it is an exchange's."""
        if identity is not None:
            self._ids.setdefault(file, []).append(identity)
        if request is not None:
            self._called.add(request)
        self._held += ROW_CHARACTERS + len(identity or "") + len(request or "")
        if self._held > self._room:
            self._make_room()

    def _make_room(self) -> None:
        if self._disk is None or self._held > PENDING_CHARACTERS:
            self._disk = self._disk or _OnDisk(self._open(), self._number)
            self._to_disk(self._disk)

    def _to_disk(self, disk: _OnDisk) -> None:
        disk.write(self._rows(), self._ids)
        self.characters += self._held
        self._held = self._room = 0
        self._empty()

    def _rows(self) -> Iterator[_Row]:
        """What is held, as rows: of a request that several files tell of, all parts in the first one's."""
        for file, requests in self._told.items():
            for request in requests:
                yield request, (*self._parts.pop(request, ()), *self._more.pop(request, ())), file
        for request in self._called:
            yield request, None, 0

    def _empty(self) -> None:
        self._parts, self._more, self._told, self._called, self._ids = {}, {}, {}, set(), {}

    @property
    def in_memory(self) -> int:
        """How many characters are held in memory."""
        return self._held

    def finish(self) -> set[int]:
        """Makes ready for questions; says which files tell of requests that no file of the gateway's has."""
        if self._disk is not None:
            self._to_disk(self._disk)
            return self._disk.finish()
        self.characters = self._held
        alone = {file for file, requests in self._told.items() if not self._called.issuperset(requests)}
        self._told = {}
        return alone

    def called(self, request: str) -> bool:
        """Whether the gateway's own record of a request is in the files."""
        return request in self._called if self._disk is None else self._disk.called(request)

    def parts(self, request: str) -> Sequence[Part]:
        """All that is told of a request, in any order."""
        if self._disk is None:
            return (*self._parts.get(request, ()), *self._more.get(request, ()))
        return self._disk.parts(request)

    def identities(self, file: int) -> Iterator[list[str]]:
        """The ids of the requests in a file, some at a time."""
        return self._disk.identities(file) if self._disk else iter([self._ids.get(file, [])])

    def drop(self) -> None:
        """Gives back the room that it takes."""
        self._empty()
        self._held = 0
        if self._disk is not None:
            self._disk.drop()


class _OnDisk:
    """The same in tables."""

    def __init__(self, table: sqlite3.Connection, number: int) -> None:
        self._table, self._number = table, number
        self._asked: tuple[str | None, bool] = None, False
        self._row_asked = f"select rowid, parts from told{number} where request = ? and not called"
        self._next_asked = (
            f"select request, parts from told{number} where rowid > ? and rowid <= ?"
            f" and not called and length(parts) <= {BYTES_AHEAD}"
        )
        self._ahead: dict[bytes, bytes] = {}
        self._place = 0
        self._single = False
        table.executescript(_SCHEMA.format(number))

    def write(self, rows: Iterable[_Row], ids: dict[int, list[str]]) -> None:
        encode = msgspec.msgpack.encode
        told = (
            (key_digest(request), parts is None, None if parts is None else encode(parts), file)
            for request, parts, file in rows
        )
        self._table.executemany(f"insert into told{self._number} values(?, ?, ?, ?)", told)
        written = [(file, encode(some)) for file, every in ids.items() for some in _runs(every)]
        self._table.executemany(f"insert into ids{self._number} values(?, ?)", written)

    def finish(self) -> set[int]:
        number = self._number
        self._table.execute(f"create index asked{number} on told{number}(request, called)")
        alone = {file for (file,) in self._table.execute(_ALONE.format(number))}
        several = f"select 1 from told{number} where not called group by request having count(*) > 1 limit 1"
        self._single = self._table.execute(several).fetchone() is None
        self._table.execute("commit")
        return alone

    def called(self, request: str) -> bool:
        if request != self._asked[0]:  # a request's records stand together
            asked = f"select 1 from told{self._number} where request = ? and called limit 1"
            self._asked = request, self._table.execute(asked, (key_digest(request),)).fetchone() is not None
        return self._asked[1]

    def parts(self, request: str) -> list[Part]:
        digest = key_digest(request)
        ahead = self._ahead.pop(digest, None)
        return [part for row in (self._rows(digest) if ahead is None else [ahead]) for part in _PARTS.decode(row)]

    def _rows(self, digest: bytes) -> list[bytes]:
        """The rows on a request; the two logs being in much the same order, the next ones are fetched with it."""
        rows = self._table.execute(self._row_asked, (digest,)).fetchall()
        if len(rows) == 1 and self._single:
            place = rows[0][0]
            if 0 <= place - self._place <= 2 * AHEAD:
                self._ahead = dict(self._table.execute(self._next_asked, (place, place + AHEAD)))
            self._place = place
        return [parts for _, parts in rows]

    def identities(self, file: int) -> Iterator[list[str]]:
        asked = f"select rowid, ids from ids{self._number} where file = ? and rowid > ? order by rowid limit 1"
        row = 0
        while found := self._table.execute(asked, (file, row)).fetchone():
            row = found[0]
            yield _IDS.decode(found[1])

    def drop(self) -> None:
        self._table.executescript(f"drop table told{self._number}; drop table ids{self._number};")


def _runs(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), IDS_TOGETHER):
        yield ids[start : start + IDS_TOGETHER]
