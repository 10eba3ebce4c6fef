"""A MISP export of anybody's: our bulletins, whole; of others' attributes what means something here; the rest counted.

PyMISP is not used to read: it sets whatever properties a document names, guesses at dates and unpacks archives. Here
every part is typed, nothing is kept that is not needed, and limits hold before anything is parsed.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_OBJECTS, Decoded, ForeignIndicator
from stillwatch.sharing.bulletin import Bulletin, Network, Tls
from stillwatch.sharing.formats.bounds import shown
from stillwatch.sharing.formats.collecting import Found
from stillwatch.sharing.formats.misp_templates import CAMPAIGN, INDICATOR
from stillwatch.sharing.formats.values import address_value, asn_value, ja4_value

__all__ = ["read"]

MOST_PARTS = 10 * MOST_OBJECTS
"""JSON objects of any kind in a document, attributes of objects included."""
PART = re.compile(r"([0-9]{1,4})/([0-9]{1,4}):(.*)\.", re.DOTALL)
JA4_RELATIONS = ("ja4", "ja4-fingerprint")
ADDRESSES = {"ip-src": 0, "ip-dst": 0, "ip-src|port": 0, "ip-dst|port": 0, "domain|ip": 1}
"""Types that hold an address, and in which of their parts."""
Flag = bool | int | str | None


class _Attribute(Struct):
    type: str
    value: str | int | float | None = None
    uuid: str | None = None
    object_relation: str | None = None
    deleted: Flag = None


class _Anything(Struct):
    """Any JSON object; nothing of it is kept."""


class _Object(Struct):
    name: str | None = None
    uuid: str | None = None
    attributes: Raw | UnsetType = msgspec.field(default=UNSET, name="Attribute")
    deleted: Flag = None


class _Event(Struct):
    info: str | UnsetType | None = UNSET
    uuid: str | None = None
    attributes: Raw | UnsetType = msgspec.field(default=UNSET, name="Attribute")
    objects: Raw | UnsetType = msgspec.field(default=UNSET, name="Object")


class _Wrapped(Struct):
    event: Raw | UnsetType = msgspec.field(default=UNSET, name="Event")
    response: Raw | UnsetType = UNSET


class _Value(NamedTuple):
    """An attribute with the name of the object that it is in ("" for none), and until when that says it holds."""

    attribute: _Attribute
    template: str
    until: dt.date | None = None


def read(text: str) -> Decoded:
    """Every event of a document: a list, ``{"response": …}``, or one event, wrapped or not. Raises `InputError`."""
    if text.count("{") > MOST_PARTS:
        raise InputError(f"holds more than {MOST_PARTS} parts")
    found = Found()
    try:
        events = _events(Raw(text.encode()))
        found.room(len(events))
        for number, event in enumerate(events, 1):
            _read_event(event, f"event {number}", found, alone=len(events) == 1)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"is no MISP document: {shown(error, 200)}") from error
    return found.decoded()


def _events(raw: Raw) -> list[Raw]:
    """The events below a list or a response, each still unparsed."""
    if not _is_list(raw):
        outer = msgspec.json.decode(raw, type=_Wrapped)
        if not isinstance(outer.response, Raw):
            return [outer.event if isinstance(outer.event, Raw) else raw]
        raw = outer.response
    return [_unwrapped(item) for item in (_items(raw) if _is_list(raw) else [raw])]


def _is_list(raw: Raw) -> bool:
    return bytes(raw).lstrip()[:1] == b"["


def _items(raw: Raw | UnsetType) -> list[Raw]:
    """The objects of a list, still unparsed; none where there is no list. Raises ValidationError for another list.

    That all are objects is seen first: what then lies in memory is bounded by how many braces there are.
    """
    if isinstance(raw, UnsetType):
        return []
    shapes = msgspec.json.decode(raw, type=list[_Anything] | None)
    return msgspec.json.decode(raw, type=list[Raw]) if shapes else []


def _unwrapped(raw: Raw) -> Raw:
    try:
        wrapped = msgspec.json.decode(raw, type=_Wrapped)
    except msgspec.ValidationError:
        return raw
    return wrapped.event if isinstance(wrapped.event, Raw) else raw


def _read_event(raw: Raw, where: str, found: Found, *, alone: bool) -> None:
    try:
        event = msgspec.json.decode(raw, type=_Event)
        if event.info is UNSET and event.attributes is UNSET and event.objects is UNSET:
            raise msgspec.ValidationError("neither a title nor attributes nor objects")
        plain, objects = _items(event.attributes), _items(event.objects)
    except msgspec.ValidationError as error:
        if alone:
            raise
        found.reject(f"is no event: {error}", where)
        return
    found.seen["event"] += 1
    where = f"{where}, {event.uuid}" if event.uuid else where
    values: list[_Value] = []
    own: list[tuple[_Object, list[_Attribute]]] = []
    found.room(len(plain) + len(objects))
    values += (_Value(attribute, "") for attribute in _attributes(plain, where, found))
    for item in objects:
        _read_object(item, where, found, values, own)
    try:
        bulletins = [_bulletin(*campaign) for campaign in own]
    except ValueError as error:  # a msgspec.ValidationError is one
        found.reject(f"its bulletin cannot be read, so nothing of it is used: {error}", where)
        return
    found.bulletins += bulletins
    if bulletins:
        found.seen["bulletin"] += len(bulletins)
    known = {pair for bulletin in bulletins for pair in _pairs(bulletin)}
    for value in values:
        _read_value(value, where, found, known)


def _read_object(
    raw: Raw, where: str, found: Found, values: list[_Value], own: list[tuple[_Object, list[_Attribute]]]
) -> None:
    """Adds one object's attributes to ``values``, or a campaign of ours to ``own``."""
    try:
        item = msgspec.json.decode(raw, type=_Object)
        held = _items(item.attributes)
    except msgspec.ValidationError as error:
        found.reject(f"is no object: {error}", where)
        return
    name = item.name or ""
    found.count("object", name)
    attributes = _attributes(held, where, found)
    if name == CAMPAIGN:
        own.append((item, attributes))
    elif _set(item.deleted):
        found.seen["deleted"] += 1
    else:
        until = _until(attributes) if name == INDICATOR else None
        values += (_Value(attribute, name, until) for attribute in attributes)


def _attributes(raws: list[Raw], where: str, found: Found) -> list[_Attribute]:
    read_so_far: list[_Attribute] = []
    for raw in raws:
        try:
            attribute = msgspec.json.decode(raw, type=_Attribute)
        except msgspec.ValidationError as error:
            found.reject(f"is no attribute: {error}", where)
            continue
        found.count("attribute", attribute.type)
        read_so_far.append(attribute)
    return read_so_far


def _until(attributes: list[_Attribute]) -> dt.date | None:
    """The day in an indicator of our template, None where there is none that can be read."""
    said = [str(a.value)[:10] for a in attributes if a.object_relation == "valid-until" and not _set(a.deleted)]
    try:
        return min(map(dt.date.fromisoformat, said), default=None)
    except ValueError:
        return None


def _set(flag: Flag) -> bool:
    """MISP writes a flag as true, 1 or "1"."""
    return flag in (True, 1, "1", "true")


def _bulletin(item: _Object, attributes: list[_Attribute]) -> Bulletin:
    """The bulletin in an object of ours; one that somebody deleted is taken back. Raises ValueError."""
    texts = [str(a.value) for a in attributes if a.object_relation == "bulletin"]
    if len(texts) == 1 and texts[0].startswith("{"):
        whole = texts[0]
    else:
        parts = [PART.fullmatch(text) for text in texts]
        if not parts or not all(parts):
            raise ValueError("it is not there")
        numbered = sorted((int(part[1]), int(part[2]), part[3]) for part in parts if part)
        if [(number, of) for number, of, _ in numbered] != [(n, len(parts)) for n in range(1, len(parts) + 1)]:
            raise ValueError("some of it is missing")
        whole = "".join(part for _, _, part in numbered)
    try:
        bulletin = msgspec.json.decode(whole, type=Bulletin)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return msgspec.structs.replace(bulletin, revoked=True) if _set(item.deleted) else bulletin


def _pairs(bulletin: Bulletin) -> list[tuple[str, str]]:
    """A bulletin's indicators as others' would read."""
    return [
        ("asn", str(item.asn)) if isinstance(item, Network) else ("ja4", item.ja4)
        for item in bulletin.indicators
        if isinstance(item, Network | Tls)
    ]


def _read_value(value: _Value, where: str, found: Found, known: set[tuple[str, str]]) -> None:
    """One attribute of anybody's: an indicator, one that is broken, or one that means nothing here."""
    attribute = value.attribute
    if _set(attribute.deleted):
        found.seen["deleted"] += 1
        return
    try:
        pair = _indicator(attribute, value.template)
    except ValueError as error:
        found.reject(f"{shown(attribute.value)} {error}", f"{where}, attribute {shown(attribute.uuid or '')}")
        return
    if pair is not None and pair not in known:
        found.foreign.append(ForeignIndicator(*pair, shown(attribute.uuid or where), value.until))


def _indicator(attribute: _Attribute, template: str) -> tuple[str, str] | None:
    """The kind and value, None for what means nothing here. Raises ValueError for what is not what it says."""
    text = str(attribute.value)
    if attribute.type == "AS":
        if isinstance(attribute.value, float):  # 64500.0 would read as the two halves of a number
            raise ValueError("is no AS number")
        return "asn", asn_value(text)
    if attribute.type in ADDRESSES:
        parts = text.split("|")
        if len(parts) != attribute.type.count("|") + 1:
            raise ValueError("is no address")
        return address_value(parts[ADDRESSES[attribute.type]])
    if template and attribute.object_relation in JA4_RELATIONS:
        return _ja4(text, template)
    return None


def _ja4(text: str, template: str) -> tuple[str, str] | None:
    """MISP's own template also holds JA4S, JA4H and so on, which are no JA4s and mean nothing here."""
    try:
        return "ja4", ja4_value(text)
    except ValueError:
        if template == INDICATOR:
            raise
        return None
