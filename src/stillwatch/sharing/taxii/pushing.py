"""Pushing: documents of any sharing format into a collection of a peer's server, as STIX objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.errors import InputError, PeerError
from stillwatch.progress import Progress, Silent
from stillwatch.sharing import SHARE_FORMATS
from stillwatch.sharing.base import MOST_OBJECTS
from stillwatch.sharing.documents import format_of, read_document
from stillwatch.sharing.taxii.peer import added, find
from stillwatch.sharing.taxii.wire import Wire

__all__ = ["Pushed", "objects_of", "push"]

_MOST_AT_ONCE = 1000
_ROOM = 64
"""Bytes of an envelope around its objects."""


_RED = (
    b"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
    b"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
)
"""TLP:RED of TLP 2.0 and of TLP 1.0: a collection has readers whom nobody addressed."""


class Pushed(NamedTuple):
    """How many objects the server took, and those that it refused: id, version, its word."""

    accepted: int
    refused: tuple[tuple[str, str, str], ...]
    title: str


class _Bundle(msgspec.Struct):
    type: str
    objects: list[msgspec.Raw] = []


async def push(
    wire: Wire, url: str, collection: str, files: Sequence[Path], progress: Progress | None = None
) -> Pushed:
    """Send what the files hold. Every file is read before anything is sent; pushing again sends nothing twice that the
    server keeps. Raises `InputError` for a file, `PeerError` for the server."""
    objects = [one for path in files for one in objects_of(path)]
    objects = list({hashlib.sha256(one).digest(): one for one in objects}.values())
    found = await find(wire, url, collection)
    if not found.can_write:
        raise PeerError("does not let this log-in write to the collection", wire.where)
    refused: list[tuple[str, str, str]] = []
    accepted = 0
    progress = progress or Silent()
    progress.step(f"objects to {wire.where}", len(objects))
    for part in _parts(objects, found.most_bytes - _ROOM):
        progress.advance(len(part))
        if len(part) == 1 and len(part[0]) > found.most_bytes - _ROOM:
            refused.append(("an object", "", f"is larger than the {found.most_bytes} bytes that the server takes"))
            continue
        sent = await added(wire, found, part)
        accepted += sent.accepted
        refused += sent.refused
    return Pushed(accepted, tuple(refused), found.title)


def objects_of(path: Path) -> list[bytes]:
    """The STIX objects of a document: of a bundle as they stand in it, of any other format as our own bundle says it.

    Raises `InputError` naming the file.
    """
    document = read_document(path)
    try:
        read = msgspec.json.decode(document, type=_Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        read = _Bundle("")
    try:
        if read.type != "bundle":
            bulletins = format_of(document).decode(document).bulletins
            if not bulletins:
                raise InputError("holds no bulletin", do="name a document that does, or a STIX bundle")
            read = msgspec.json.decode(SHARE_FORMATS.get("stix").encode(bulletins), type=_Bundle)
    except InputError as error:
        raise InputError(error.what, path, error.do) from error
    if len(read.objects) > MOST_OBJECTS:
        raise InputError(f"holds more than {MOST_OBJECTS} objects", path)
    if not read.objects:
        raise InputError("holds no objects", path)
    if any(mark in bytes(one) for one in read.objects for mark in _RED):
        raise InputError(
            "holds what is marked TLP:RED, for the persons addressed and no others", path, "hand it to them"
        )
    return [bytes(one) for one in read.objects]


def _parts(objects: Sequence[bytes], most_bytes: int) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for one in objects:
        if part and (size + len(one) + 1 > most_bytes or len(part) >= _MOST_AT_ONCE):
            yield part
            part, size = [], 0
        part.append(one)
        size += len(one) + 1
    if part:
        yield part
