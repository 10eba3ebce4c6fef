"""What the records of language models, in the files of a folder, say of the requests that API Management has logged."""

from __future__ import annotations

import functools
import operator
import sqlite3
from collections.abc import Callable, Iterator
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
    records_in,
)
from stillwatch.sources.calls.azure_told import PART_CHARACTERS, Part, Told
from stillwatch.sources.containers.files import Beside, files_in, folder_of, open_bytes
from stillwatch.sources.containers.hostile_json import written
from stillwatch.sources.containers.json_documents import json_documents
from stillwatch.sources.containers.lookup import lookup_table
from stillwatch.sources.records.conversation import without_halves
from stillwatch.sources.records.cycles import no_cycles_sought

__all__ = ["KEPT_CHARACTERS", "Indexes", "Messages"]

CONTAINERS = ("insights-logs-gatewayllmlogs", "insights-logs-gatewaylogs")
CHARACTERS_HELD = 16 * 2**20
KEPT_CHARACTERS = 2**30
MEMORY_CHARACTERS = 256 * 2**20
"""How much of what is kept is in memory."""
WIDEST = 4
HEAD = 65_536

_COUNTS = operator.attrgetter(*COUNTS.values())
_PLAIN = frozenset({str, int, type(None)})
_WRITTEN: Any = msgspec.defstruct("Counts", [(name, Any, None) for name in sorted(COUNTS)], omit_defaults=True)
_IN_ORDER = operator.itemgetter(*map(list(COUNTS).index, sorted(COUNTS)))
_encode = msgspec.json.Encoder().encode


def counts_text(counts: tuple[Any, ...]) -> str:
    """The JSON text of what stands under the names of `COUNTS`: those that are not null, sorted."""
    if _PLAIN.issuperset(map(type, counts)):
        try:
            return _encode(_WRITTEN(*_IN_ORDER(counts))).decode()
        except OverflowError:
            pass  # a number too large
    told = {name: count for name, count in zip(COUNTS, counts, strict=True) if count is not None}
    return written(told, sort=True).decode()


class Messages:
    """What the records in some files say of each request: see `Told` for where it is kept.

    A request's records mostly stand together and are told at once.
    """

    def __init__(
        self, files: tuple[Beside, ...], table: Callable[[], sqlite3.Connection], number: int, room: int
    ) -> None:
        """Reads the files; what cannot be read is set aside where its file is read. The rest: see `Told`."""
        self._told = Told(table, number, room)
        self._correlation: Any = None
        self._model = False
        self._parts: list[Part] = []
        self._characters = 0
        self._read: dict[str, int] = {}
        self._silent: set[int] = set()
        with no_cycles_sought():
            for place, file in enumerate(files):
                self._learn_file(file.location, place)
        self._silent -= self._told.finish()

    def _learn_file(self, location: str, file: int) -> None:
        self._silent.add(file)
        try:
            for document in json_documents(location, decode=glance):
                value = document.value
                if type(value) is ModelRecord:
                    if value.correlationId != self._correlation or self._characters > CHARACTERS_HELD:
                        self._about(value.correlationId, file)
                    self._hold_own(value.properties)
                elif type(value) is RequestRecord:
                    correlation = value.correlationId
                    self._about(correlation, file)
                    self._silent.discard(file)
                    self._told.requested(correlation.lower() or None, correlation, file)
                else:
                    for record in records_in(document) if type(value) is dict else (document,):
                        self._learn(flat(record.value), file)
        except InputError:
            self._silent.discard(file)
        else:
            self._read[location] = file
        self._end_request(file)

    def _learn(self, fields: Flat, file: int) -> None:
        """A record in any other spelling."""
        self._about(fields.get("correlationid"), file)
        if (told := kind(fields)) == "model":
            self._hold_parts(fields)
        else:
            self._requested(self._correlation, told, file)

    def _about(self, correlation: Any, file: int) -> None:
        """What comes next is told of a request."""
        if correlation != self._correlation or self._characters > CHARACTERS_HELD:
            self._end_request(file)
            self._correlation = correlation

    def _requested(self, correlation: Any, told: str | None, file: int) -> None:
        """A record that is none of a language model."""
        self._silent.discard(file)
        identity = None
        if told is not None and isinstance(correlation, str | int):
            identity = without_halves(str(correlation))  # as `JsonLog.identities` tells it
        self._told.requested(_key(correlation) if told == "gateway" else None, identity, file)

    def _hold_own(self, told: Any) -> None:
        """What a `ModelRecord` has of its own; as a strict decoder read it, no text has halves of pairs."""
        self._model = True
        place = told.sequenceNumber
        place = place if type(place) is int and abs(place) < 2**31 else 0
        if told.requestMessages:
            self._hold_text("requestmessages", place, told.requestMessages)
        if told.responseMessages:
            self._hold_text("responsemessages", place, told.responseMessages)
        counts = _COUNTS(told)
        if any(counts):
            self._hold_text("counts", place, counts_text(counts))

    def _hold_text(self, name: str, place: int, value: Any) -> None:
        text = value if type(value) is str else written(value, sort=True).decode()
        self._parts.append((name, place, text))
        self._characters += PART_CHARACTERS + (len(text) if text.isascii() else WIDEST * len(text))

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
        self._hold_text(name, place, without_halves(text))

    def _end_request(self, file: int) -> None:
        if self._model:
            request = _key(self._correlation)
            if request is None:
                self._silent.discard(file)
            else:
                self._told.told(request, self._parts, self._characters, file)
            self._parts, self._model, self._characters = [], False, 0

    @property
    def characters(self) -> int:
        """How much is kept."""
        return self._told.characters

    @property
    def in_memory(self) -> int:
        """How much of it is kept in memory."""
        return self._told.in_memory

    def silent(self, location: str) -> bool:
        """Whether a file holds whole records of language models alone, all of them on requests in these files."""
        return self._read.get(location) in self._silent

    def identities(self, location: str) -> Iterator[list[str]] | None:
        """The ids of the requests in a file; None where it could not be read to its end."""
        return self._told.identities(self._read[location]) if location in self._read else None

    def called(self, correlation: Any) -> bool:
        """Whether the gateway's own record of a request is in the files."""
        request = _key(correlation)
        return request is not None and self._told.called(request)

    def parts(self, correlation: Any) -> dict[str, list[str]]:
        """The pieces of the request's and the answer's messages, in order, and the records' other fields as JSON.

        Of several records for one place the same one counts, whatever their order.
        """
        found: dict[str, list[str]] = {}
        request = _key(correlation)
        before: tuple[str, int] | None = None
        for name, place, text in sorted(self._told.parts(request)) if request is not None else ():
            texts = found.get(name)
            if texts is None:
                found[name] = [text]
            elif before == (name, place):
                texts[-1] = text
            else:
                texts.append(text)
            before = name, place
        return found

    def drop(self) -> None:
        """Gives back the room that it takes."""
        self._told.drop()


def _key(correlation: Any) -> str | None:
    return correlation.lower() if isinstance(correlation, str) and correlation else None


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
        self._made += 1
        taken = sum(kept.in_memory for kept in self._kept.values())
        index = Messages(files, self._on_disk, self._made, min(MEMORY_CHARACTERS, self._characters) - taken)
        if self.room:
            self._kept[files] = index
        else:
            self._last = files, index
        return index

    def _on_disk(self) -> sqlite3.Connection:
        self._table = self._table or lookup_table("")
        return self._table

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
