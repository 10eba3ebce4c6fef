"""A stranger's bundle, read with distrust: bounded before it is parsed, whole or not at all.

No object is followed to another, so that cycles, missing ends and a million relationships cost nothing; what must not
be circular is checked once. Of the objects only campaigns with our extension and indicators are looked into.
"""

from __future__ import annotations

import codecs
import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Literal, TypeVar

import msgspec

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_OBJECTS, Decoded, ForeignIndicator, Reject
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.formats.bounds import readable_size, shown
from stillwatch.sharing.formats.stix_parts.extension import EXTENSION, bulletin_of
from stillwatch.sharing.formats.stix_parts.fixed import TLP_MARKINGS
from stillwatch.sharing.formats.stix_parts.patterns import PatternError, found_in

__all__ = ["read"]

MOST_BRACKETS = 20 * MOST_OBJECTS
MOST_COMMAS = 80 * MOST_OBJECTS
MOST_REJECTS = 1000
MOST_PATTERNS = 8 * 1024 * 1024  # characters of all patterns together
MOST_OF_ONE = 256 * 1024  # a longer pattern was never meant to be read
MOST_TYPES = 200
CHUNK = 1 << 20
_ID = re.compile(r"(?P<type>[a-z0-9][a-z0-9-]{0,249})--(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)
_NEVER_CIRCULAR = frozenset({"derived-from", "subtechnique-of", "revoked-by"})
_READ = frozenset({"campaign", "indicator"})
_LEVELS = {marking: level for level, marking in TLP_MARKINGS.items()}
Extensions = dict[str, msgspec.Raw]
T = TypeVar("T")


class _Blank(msgspec.Struct):
    """Any object of JSON: counted before it is looked into."""


class _Shape(msgspec.Struct):
    type: Literal["bundle"]
    objects: list[_Blank] = []


class _Bundle(msgspec.Struct):
    objects: list[msgspec.Raw] = []


class _Head(msgspec.Struct):
    type: str
    id: str
    modified: str = ""


class _Indicator(msgspec.Struct):
    pattern: str
    pattern_type: str = "stix"
    valid_until: dt.datetime | None = None
    revoked: bool = False
    extensions: Extensions = {}


class _Campaign(msgspec.Struct):
    extensions: Extensions = {}


class _OurCampaign(msgspec.Struct):
    created: dt.datetime
    modified: dt.datetime
    first_seen: dt.datetime
    last_seen: dt.datetime
    created_by_ref: str
    object_marking_refs: list[str]
    revoked: bool = False


class _Relationship(msgspec.Struct):
    relationship_type: str
    source_ref: str
    target_ref: str


class _Marking(msgspec.Struct):
    object_marking_refs: list[str] = []


def read(document: bytes) -> Decoded:
    """What is in a bundle. Raises `InputError`: too large, no bundle, or one that contradicts itself."""
    try:
        return _Reading(_objects(document)).whole()
    except RecursionError as error:
        raise InputError("is nested too deeply to be a STIX bundle") from error


def _objects(document: bytes) -> list[msgspec.Raw]:
    """The objects of a bundle, unread; refused by its size and its brackets before anything is parsed."""
    readable_size(document)
    brackets = document.count(b"{") + document.count(b"[")
    if brackets > MOST_BRACKETS or document.count(b",") > MOST_COMMAS:
        raise InputError(f"holds more than {MOST_OBJECTS} objects can", do="ask its sender for a part of it")
    document = document.removeprefix(codecs.BOM_UTF8)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(document), CHUNK):
            decoder.decode(document[start : start + CHUNK], final=start + CHUNK >= len(document))
    except UnicodeDecodeError as error:
        raise InputError("is no UTF-8 text") from error
    try:
        if len(msgspec.json.decode(document, type=_Shape).objects) > MOST_OBJECTS:
            raise InputError(f"holds more than {MOST_OBJECTS} objects", do="ask its sender for a part of it")
        return msgspec.json.decode(document, type=_Bundle).objects
    except msgspec.DecodeError as error:
        raise InputError(f"is no STIX bundle: {shown(error, 200)}") from error


class _Reading:
    """A bundle while it is read."""

    def __init__(self, objects: list[msgspec.Raw]) -> None:
        self.objects = objects
        self.bulletins: list[Bulletin] = []
        self.foreign: dict[ForeignIndicator, None] = {}
        self.seen: Counter[str] = Counter()
        self.rejected: list[Reject] = []
        self.left_out = 0
        self.pattern_characters = 0
        self.known: dict[tuple[str, str], msgspec.Raw] = {}
        self.above: dict[str, list[str]] = {}

    def whole(self) -> Decoded:
        """Everything, in the order of the bundle. Raises `InputError`."""
        for place, raw in enumerate(self.objects):
            self.take(place, raw)
        self.check_circles()
        if self.left_out:
            self.rejected.append(Reject(f"and {self.left_out} objects more", "the bundle"))
        seen = dict(sorted(self.seen.items()))
        return Decoded(tuple(self.bulletins), tuple(self.foreign), seen, tuple(self.rejected))

    def take(self, place: int, raw: msgspec.Raw) -> None:
        where = f"object {place + 1}"
        head = self.parsed(raw, _Head, where)
        if head is None:
            self.seen["unreadable"] += 1
            return
        named = _ID.fullmatch(head.id)
        if named is None or named["type"] != head.type:
            self.seen["unreadable"] += 1
            self.reject("its id is none of its type", where)
            return
        kind = head.type if head.type in self.seen or len(self.seen) < MOST_TYPES else "of other types"
        self.seen[kind] += 1
        if self.is_double(head, raw):
            return
        if head.type == "indicator":
            self.indicator(head.id, raw)
        elif head.type == "campaign":
            self.campaign(head.id, named["uuid"], raw)
        elif head.type == "relationship":
            self.relationship(head.id, raw)
        elif head.type == "marking-definition":
            marking = self.parsed(raw, _Marking, head.id)
            self.above.setdefault(head.id, []).extend(marking.object_marking_refs if marking else ())

    def parsed(self, raw: msgspec.Raw, kind: type[T], where: str) -> T | None:
        """An object as far as it matters; None: it is broken, and was set aside."""
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.DecodeError as error:
            self.reject(shown(error, 200), where)
            return None

    def reject(self, reason: str, where: str) -> None:
        if len(self.rejected) < MOST_REJECTS:
            self.rejected.append(Reject(reason, where))
        else:
            self.left_out += 1

    def is_double(self, head: _Head, raw: msgspec.Raw) -> bool:
        """Whether the bundle told of it before: a second, different telling is set aside (MITRE ATLAS's own bundle
        has 34 relationships of that kind). Raises `InputError` where it is one of those that count here."""
        key = (head.id, head.modified)
        before = self.known.setdefault(key, raw)
        if before is raw:
            return False
        if bytes(before) != bytes(raw) and msgspec.json.decode(before) != msgspec.json.decode(raw):
            if head.type in _READ:
                raise InputError(f"says two different things under the id {head.id}")
            self.reject("the bundle says something else under its id too", head.id)
        return True

    def relationship(self, identifier: str, raw: msgspec.Raw) -> None:
        said = self.parsed(raw, _Relationship, identifier)
        if said is not None and said.relationship_type in _NEVER_CIRCULAR:
            self.above.setdefault(said.source_ref, []).append(said.target_ref)

    def check_circles(self) -> None:
        """Raises `InputError` where one thing descends from itself, or a marking marks itself."""
        try:
            TopologicalSorter(self.above).prepare()
        except CycleError as error:
            raise InputError("its objects descend from one another in a circle") from error

    def indicator(self, identifier: str, raw: msgspec.Raw) -> None:
        """A stranger's indicator; one of our own bulletins is told by its campaign."""
        said = self.parsed(raw, _Indicator, identifier)
        if said is None or said.revoked or said.pattern_type != "stix" or EXTENSION in said.extensions:
            return
        if len(said.pattern) > MOST_OF_ONE:
            raise InputError(f"holds a pattern of more than {MOST_OF_ONE >> 10} KiB: {identifier}")
        self.pattern_characters += len(said.pattern)
        if self.pattern_characters > MOST_PATTERNS:
            raise InputError(f"holds more than {MOST_PATTERNS >> 20} MiB of patterns", do="ask its sender for a part")
        try:
            found = found_in(said.pattern)
        except PatternError as error:
            self.reject(str(error), identifier)
            return
        until = None if said.valid_until is None else _day(said.valid_until)
        for kind, value in found:
            self.foreign[ForeignIndicator(kind, value, identifier, until)] = None
        if len(self.foreign) > MOST_OBJECTS:
            raise InputError(f"holds more than {MOST_OBJECTS} indicators", do="ask its sender for a part of it")

    def campaign(self, identifier: str, uuid: str, raw: msgspec.Raw) -> None:
        """A bulletin of ours, all of it or nothing; any other campaign is only counted."""
        about = self.parsed(raw, _Campaign, identifier)
        if about is None or EXTENSION not in about.extensions:
            return
        said = self.parsed(raw, _OurCampaign, identifier)
        if said is None:
            return
        try:
            self.bulletins.append(
                bulletin_of(
                    msgspec.json.decode(about.extensions[EXTENSION]),
                    {
                        ("id",): uuid,
                        ("created",): said.created,
                        ("modified",): said.modified,
                        ("revoked",): said.revoked,
                        ("tlp",): _level(said.object_marking_refs),
                        ("producer", "identity"): _uuid_of("identity", said.created_by_ref),
                        ("campaign", "first_day"): _day(said.first_seen),
                        ("campaign", "last_day"): _day(said.last_seen),
                    },
                )
            )
        except ValueError as error:
            self.reject(shown(error, 200), identifier)


def _level(markings: Sequence[str]) -> str:
    levels = [_LEVELS[marking] for marking in markings if marking in _LEVELS]
    if len(levels) != 1:
        raise ValueError("it needs one marking of TLP 2.0")
    return levels[0]


def _uuid_of(kind: str, identifier: str) -> str:
    named = _ID.fullmatch(identifier)
    if named is None or named["type"] != kind:
        raise ValueError(f"it names no {kind}")
    return named["uuid"]


def _day(moment: dt.datetime) -> dt.date:
    """The day in UTC; a time so near the end of time that its day cannot be told is as it stands."""
    try:
        return moment.astimezone(dt.UTC).date() if moment.tzinfo is not None else moment.date()
    except OverflowError:
        return moment.date()
