"""A peer's TAXII 2.1 server as a client sees it: its collections, their pages, and adding to one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from stillwatch.errors import PeerError
from stillwatch.sharing.taxii.instants import microseconds, stamp
from stillwatch.sharing.taxii.wire import Wire, same_origin

__all__ = ["Found", "Got", "Sent", "added", "find", "pages"]

LIMIT = 1000
MOST_LIMIT = 32_000
MOST_PAGES = 10_000
MOST_ROOTS = 100
_MOST_EMPTY = 3
_STATUS_TRIES = 60
_DISCOVERY = "/taxii2/"
_FIRST, _LAST = "x-taxii-date-added-first", "x-taxii-date-added-last"
_TRY_DISCOVERY = frozenset({200, 301, 302, 303, 307, 308, 403, 404, 405, 406})
"""What a web page, or nothing, answers where an address is just a host: then its discovery is asked."""
T = TypeVar("T")


class Found(NamedTuple):
    """A collection: its address, what it is called, what may be done with it, and the longest request it takes."""

    root: str
    url: str
    id: str
    title: str
    can_read: bool
    can_write: bool
    most_bytes: int


class Got(NamedTuple):
    """A page: its objects as they came, when the last of them was added (microseconds since 1970; None: not said),
    and whether objects may have been missed because too many were added in one instant."""

    objects: tuple[bytes, ...]
    last: int | None
    lossy: bool = False


class Sent(NamedTuple):
    """What became of objects that were sent: ids accepted, and ids refused with the server's word."""

    accepted: int
    refused: tuple[tuple[str, str, str], ...]


class _Said(msgspec.Struct):
    """A discovery or an API root: which of the two its properties tell."""

    title: str = ""
    api_roots: list[str] | None = None
    versions: list[str] | None = None
    max_content_length: int | None = None


class _Collection(msgspec.Struct):
    id: str
    can_read: bool
    can_write: bool
    title: str = ""
    alias: str | None = None


class _Collections(msgspec.Struct):
    collections: list[_Collection] = []


class _Envelope(msgspec.Struct):
    objects: list[msgspec.Raw] = []
    more: bool = False
    next: str | int | None = None


class _Detail(msgspec.Struct):
    id: str = ""
    version: str = ""
    message: str = ""


class _Times(msgspec.Struct):
    id: str
    created: str | None = None
    modified: str | None = None


class _Status(msgspec.Struct):
    id: str
    status: str
    total_count: int = 0
    success_count: int = 0
    failure_count: int = 0
    pending_count: int = 0
    failures: list[_Detail] = []


async def find(wire: Wire, url: str, collection: str) -> Found:
    """The collection of this id or alias, in any API root that the server offers on the same host.

    ``url`` is a discovery, an API root, or just the host. Raises `PeerError`.
    """
    roots = await _roots(wire, url)
    known: list[str] = []
    for root, most_bytes in roots:
        try:
            told = _read(wire, (await wire.get(urljoin(root, "collections/"))).body, _Collections, "its collections")
        except PeerError as error:
            if error.status in {403, 404} and len(roots) > 1:
                continue
            raise
        for one in told.collections:
            known.append(one.id)
            if collection in (one.id, one.alias):
                place = urljoin(root, f"collections/{quote(one.id, safe='')}/")
                return Found(root, place, one.id, one.title, one.can_read, one.can_write, most_bytes)
    raise PeerError(f"has no collection {collection!r} for this log-in", wire.where, f"it names {len(known)} others")


async def pages(wire: Wire, found: Found, after: int | None) -> AsyncIterator[Got]:
    """All objects that were added after ``after`` (microseconds since 1970; None: ever), in pages.

    It goes on by ``next`` where the server gives one (section 3.5), else by the date of the last object; as several
    objects may share that date, it asks again for those of the last one. Raises `PeerError` where a server says that
    there is more and never gives it.
    """
    limit, since, cursor = LIMIT, after, None
    before: set[bytes] = set()
    empty = 0
    for _ in range(MOST_PAGES):
        query = {"limit": str(limit)}
        query |= {} if since is None else {"added_after": stamp(since)}
        query |= {} if cursor is None else {"next": cursor}
        answer = await wire.get(urljoin(found.url, "objects/"), query)
        page = _read(wire, answer.body, _Envelope, "its objects")
        first, last = (_moment(answer.headers.get(name)) for name in (_FIRST, _LAST))
        digests = [hashlib.sha256(bytes(one)).digest() for one in page.objects]
        fresh = tuple(bytes(one) for one, digest in zip(page.objects, digests, strict=True) if digest not in before)
        if not page.more:
            yield Got(fresh, last)
            return
        empty = 0 if fresh else empty + 1
        if empty > _MOST_EMPTY:
            break
        cursor = None if page.next in (None, "") else str(page.next)
        if cursor is not None:
            yield Got(fresh, last)
            continue
        if last is None:
            raise PeerError("says that there is more, but not how to get it", wire.where)
        lossy = False
        if first is not None and first < last:
            limit, since = LIMIT, last - 1
        elif fresh and limit < MOST_LIMIT:
            limit *= 2
        else:
            limit, since, lossy = LIMIT, last, True
        before = set(digests)
        yield Got(fresh, last, lossy)
    raise PeerError("says without end that there is more", wire.where)


async def added(wire: Wire, found: Found, objects: Sequence[bytes]) -> Sent:
    """Add objects and wait until the server is done with them. Of those that it refuses, what it holds already in the
    same version counts as accepted: not every server keeps section 5.5's word on duplicates. Raises `PeerError`."""
    envelope = b'{"objects":[' + b",".join(objects) + b"]}"
    answer = await wire.post(urljoin(found.url, "objects/"), envelope)
    status = _read(wire, answer.body, _Status, "its status")
    for waited in range(_STATUS_TRIES):
        if status.status == "complete":
            break
        await asyncio.sleep(min(0.5 * 1.3**waited, 15.0))
        where = urljoin(found.root, f"status/{quote(status.id, safe='')}/")
        status = _read(wire, (await wire.get(where)).body, _Status, "its status")
    else:
        raise PeerError(f"is not done with {status.pending_count} objects", wire.where, "look again later")
    refused = [(one.id[:120], one.version[:60], _harmless(one.message)) for one in status.failures]
    if not refused and status.failure_count:
        refused = [("unknown", "", f"{status.failure_count} objects, without a reason")]
    if refused and found.can_read:
        timeless = _timeless(objects)
        refused = [one for one in refused if not await _holds(wire, found, one[0], one[1], one[0] in timeless)]
    return Sent(len(objects) - len(refused), tuple(refused))


async def _holds(wire: Wire, found: Found, identifier: str, version: str, timeless: bool) -> bool:
    """Whether the collection has this version, or any of an object that has no time of its own."""
    where = urljoin(found.url, f"objects/{quote(identifier, safe='')}/")
    query = {"limit": "1"} if timeless else {"match[version]": version, "limit": "1"}
    try:
        answer = await wire.get(where, query)
    except PeerError as error:
        if error.status:
            return False
        raise
    return bool(_read(wire, answer.body, _Envelope, "its objects").objects)


def _timeless(objects: Sequence[bytes]) -> set[str]:
    """Ids of objects without a version: observables."""
    found = set()
    for one in objects:
        try:
            head = msgspec.json.decode(one, type=_Times)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            continue
        if head.modified is None and head.created is None:
            found.add(head.id)
    return found


async def _roots(wire: Wire, url: str) -> list[tuple[str, int]]:
    """The API roots on this host with the longest request of each: those that a discovery names, or ``url`` itself."""
    try:
        said = _read(wire, (await wire.get(url)).body, _Said, "its discovery")
    except PeerError as error:
        if urlsplit(url).path.endswith(_DISCOVERY) or error.status not in _TRY_DISCOVERY:
            raise
        said = None
    if said is not None and said.api_roots is None and said.versions is not None:
        return [(url, _length(said))]
    if said is None or said.api_roots is None:
        url = urljoin(url, _DISCOVERY)
        said = _read(wire, (await wire.get(url)).body, _Said, "its discovery")
    roots = []
    for named in (said.api_roots or [])[:MOST_ROOTS]:
        root = urljoin(url, named).partition("?")[0].partition("#")[0].rstrip("/") + "/"
        if same_origin(root, url):
            roots.append(root)
    if not roots:
        elsewhere = "names API roots on other hosts only" if said.api_roots else "names no API root for this log-in"
        raise PeerError(elsewhere, wire.where, "give the address of the API root itself")
    lengths: list[tuple[str, int]] = []
    for root in roots:
        try:
            lengths.append((root, _length(_read(wire, (await wire.get(root)).body, _Said, "its API root"))))
        except PeerError as error:
            if error.status not in {401, 403, 404} or len(roots) == 1:
                raise
    return lengths


def _length(said: _Said) -> int:
    return max(said.max_content_length or 0, 1024) if said.max_content_length else 1024 * 1024


def _read(wire: Wire, body: bytes, kind: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        raise PeerError(f"is no TAXII 2.1 server: {what} cannot be read", wire.where, status=200) from None


def _moment(text: str | None) -> int | None:
    """A time as servers write it: some leave out the fraction, or say +00:00 for Z."""
    if text is None or len(text) > 60:
        return None
    try:
        return microseconds(text.strip().replace("+00:00", "Z"))
    except ValueError:
        return None


def _harmless(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:160]).strip() or "no reason given"
