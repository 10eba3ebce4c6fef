"""Pulling: what is new in a collection of a peer's server goes into the feed, and how far we are is kept.

The place from which the next round goes on is written, whole, after all objects of this one are in the feed. A round
that is cut short is done again from where the last one ended, and the feed takes nothing twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.errors import InputError, PeerError, StillwatchError
from stillwatch.progress import Progress, Silent
from stillwatch.sharing import SHARE_FORMATS
from stillwatch.sharing.base import Decoded, Reject
from stillwatch.sharing.feed import NOTHING, Added, Feed
from stillwatch.sharing.taxii.content import is_identifier
from stillwatch.sharing.taxii.instants import microseconds, now, stamp, version_key
from stillwatch.sharing.taxii.peer import Found, find, pages
from stillwatch.sharing.taxii.wire import Wire
from stillwatch.storage.disk import disk_errors
from stillwatch.storage.whole import write_whole

__all__ = ["Pulled", "pull", "rounds"]

MOST_PULLED = 1_000_000
"""Objects in one round."""
OVERLAP = 1_000_000
"""Microseconds that a round asks for again: servers stamp objects before they show them, some out of order. Not where
the last round came more than `SETTLED` after its newest object: whatever was stamped by then was shown by then."""
SETTLED = 60_000_000
_BATCH, _BATCH_BYTES = 10_000, 16 * 1024 * 1024
_STATES = "pulled"
Decode = Callable[[bytes], Decoded]


class Pulled(NamedTuple):
    """A round: how many objects came, what became of them in the feed, and what a user should know of the server."""

    objects: int
    added: Added
    notes: tuple[str, ...]


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far we are with one collection: when the last object that we have was added there (TAXII timestamp), and when
    we asked (microseconds since 1970)."""

    root: str
    collection: str
    source: str
    added_after: str
    pulled: int


class _Head(msgspec.Struct):
    id: str
    modified: str | None = None
    created: str | None = None


async def pull(
    wire: Wire,
    url: str,
    collection: str,
    feed: Feed,
    *,
    source: str | None = None,
    decode: Decode | None = None,
    progress: Progress | None = None,
) -> Pulled:
    """One round. ``source`` is what the feed calls this collection; left out: host and id. A source that the user took
    out of the feed is read from its beginning again.

    Raises `PeerError` for the server, `InputError` for a damaged feed, `StorageError`; the next round then begins where
    this one did.
    """
    found = await find(wire, url, collection)
    if not found.can_read:
        raise PeerError("does not let this log-in read the collection", wire.where)
    decode = SHARE_FORMATS.get("stix").decode if decode is None else decode
    source = source or f"{wire.where}/{found.id}"
    path = _state_path(feed, wire, found)
    state = _state(path) if feed.place(source).exists() else None
    before = None if state is None else microseconds(state.added_after)
    progress = progress or Silent()
    progress.step(f"objects of {wire.where}")
    total, objects, last = NOTHING, 0, before
    batch: list[bytes] = []
    lossy = False
    async for page in pages(wire, found, _after(state)):
        batch += page.objects
        objects += len(page.objects)
        progress.advance(len(page.objects))
        lossy |= page.lossy
        # A clock that ran ahead over there must not hide what is added before ours gets there.
        last = max(last or 0, min(page.last, now())) if page.last is not None else last
        if objects > MOST_PULLED:
            raise PeerError(f"has more than {MOST_PULLED} new objects", wire.where)
        if len(batch) >= _BATCH or sum(map(len, batch)) >= _BATCH_BYTES:
            total, batch = total.plus(_taken(batch, feed, source, decode)), []
    if batch:
        total = total.plus(_taken(batch, feed, source, decode))
    if last is not None:
        reached = _State(found.root, found.id, source, stamp(last), now())
        with disk_errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(reached) + b"\n")
    notes = ("it added more objects in one instant than it gives at once; some may be missing",) if lossy else ()
    return Pulled(objects, total, notes)


async def rounds(
    one: Callable[[], Awaitable[Pulled]],
    minutes: float,
    told: Callable[[Pulled], None],
    failed: Callable[[StillwatchError], None],
    *,
    most: int | None = None,
) -> None:
    """A round every so many minutes (up to a tenth more, so that peers do not come all at once), for ever or ``most``
    times. One that fails is told, and the next one comes all the same."""
    done = 0
    while True:
        try:
            told(await one())
        except StillwatchError as error:
            failed(error)
        done += 1
        if done == most:
            return
        await asyncio.sleep(60 * minutes * random.uniform(1, 1.1))


def _taken(objects: Sequence[bytes], feed: Feed, source: str, decode: Decode) -> Added:
    """Objects into the feed: of each id the newest version, as bundles. What no bundle can hold is set aside."""
    newest: dict[str, tuple[str, bytes]] = {}
    rejected: list[Reject] = []
    for one in objects:
        try:
            head = msgspec.json.decode(one, type=_Head)
            key = version_key(head.modified or head.created or "1970-01-01T00:00:00Z")
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            rejected.append(Reject("is no STIX object", "unknown"))
            continue
        if not is_identifier(head.id):
            rejected.append(Reject("has no valid id", "unknown"))
        elif head.id not in newest or newest[head.id][0] <= key:
            newest[head.id] = (key, one)
    total = NOTHING._replace(refused=tuple(rejected))
    ids = list(newest)
    parts = [ids] if ids else []
    while parts:
        part = parts.pop()
        document = b",".join(newest[identifier][1] for identifier in part)
        try:
            decoded = decode(b'{"type":"bundle","id":"bundle--%s","objects":[%s]}' % (_uuid(), document))
        except InputError as error:  # one object spoils a bundle: the halves are tried, so that it spoils no other
            if len(part) == 1:
                total = total._replace(refused=(*total.refused, Reject(error.what, part[0])))
            else:
                parts += [part[: len(part) // 2], part[len(part) // 2 :]]
            continue
        added = feed.add(decoded, source=source, about=part)
        total = total.plus(added._replace(refused=(*decoded.rejected, *added.refused)))
    return total


def _uuid() -> bytes:
    return str(uuid.uuid4()).encode()


def _state_path(feed: Feed, wire: Wire, found: Found) -> Path:
    name = re.sub(r"[^a-z0-9.]+", "-", wire.where.lower(), flags=re.ASCII)[:60]
    key = hashlib.sha256(f"{found.root}\n{found.id}".encode()).hexdigest()[:12]
    return feed.folder / _STATES / f"{name}-{key}.json"


def _state(path: Path) -> _State | None:
    if not path.exists():
        return None
    try:
        state = msgspec.json.decode(path.read_bytes(), type=_State)
        microseconds(state.added_after)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise InputError("is damaged", path, "delete it: the next round then reads the whole collection") from error
    return state


def _after(state: _State | None) -> int | None:
    """From when on a round asks."""
    if state is None:
        return None
    last = microseconds(state.added_after)
    return last if state.pulled - last > SETTLED else max(last - OVERLAP, 0)
