"""STIX objects as a server of them sees them: bounded before they are parsed, and by their id, version and type only.

What an object says is its sender's business; that it is an object, that it can be found again and that it cannot
overwrite another is the server's. Sources: STIX 2.1 sections 2.9 (identifiers), 3.2 (common properties), 3.6
(versions); TAXII 2.1 section 3.4.1 (what the version of an object is).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

import msgspec

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_OBJECTS
from stillwatch.sharing.taxii.instants import version_key

__all__ = [
    "DEEPEST",
    "MOST_OBJECT_BYTES",
    "SPEC_VERSIONS",
    "StixObject",
    "envelope",
    "is_identifier",
    "is_type",
    "read_object",
]

SPEC_VERSIONS = ("2.0", "2.1")
DEEPEST = 64
"""Levels of lists and objects within each other in a document that is read."""
MOST_BRACKETS = 20 * MOST_OBJECTS
MOST_OBJECT_BYTES = 4 * 1024 * 1024
_TYPE = re.compile(r"[a-z][a-z0-9-]{1,249}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


class StixObject(NamedTuple):
    """One version of an object. ``version`` is its timestamp as it wrote it, None where it has none (STIX cyber
    observables); ``key`` the same in the form that sorts; ``body`` its JSON, written anew; ``digest`` is the
    same for the same content in any order of its properties."""

    id: str
    type: str
    spec: str
    version: str | None
    key: str | None
    revoked: bool
    body: bytes
    digest: bytes


def is_type(text: str) -> bool:
    """Whether ``text`` can be the type of an object."""
    return _TYPE.fullmatch(text) is not None


def is_identifier(text: str) -> bool:
    """Whether ``text`` is the identifier of an object: its type, two hyphens, a UUID."""
    kind, _, uuid = text.partition("--")
    return is_type(kind) and _UUID.fullmatch(uuid) is not None


def envelope(document: bytes) -> list[Any]:
    """The objects of a TAXII envelope or of a STIX bundle, undecided yet whether each is one.

    Raises `InputError` for what is no such thing, is nested more than `DEEPEST` levels deep, or holds none or too many.
    Brackets are counted before anything is parsed: each would cost sixty times its byte in memory.
    """
    if document.count(b"{") + document.count(b"[") > MOST_BRACKETS:
        raise InputError(f"holds more than {MOST_OBJECTS} objects can")
    try:
        read = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError("is no JSON that can be read") from error
    if not isinstance(read, dict) or not isinstance(read.get("objects"), list) or not read["objects"]:
        raise InputError('holds no list "objects" with at least one object')
    if len(read["objects"]) > MOST_OBJECTS:
        raise InputError(f"holds more than {MOST_OBJECTS} objects")
    if _deeper_than(read, DEEPEST):
        raise InputError(f"is nested more than {DEEPEST} levels deep")
    objects: list[Any] = read["objects"]
    return objects


def read_object(value: Any) -> StixObject:
    """What a server must know of an object. Raises `ValueError`, never quoting it, for what is none."""
    if not isinstance(value, dict):
        raise ValueError("is no object")
    kind, identifier = value.get("type"), value.get("id")
    if not isinstance(kind, str) or not is_type(kind):
        raise ValueError("has no valid type")
    if not isinstance(identifier, str) or not is_identifier(identifier) or not identifier.startswith(f"{kind}--"):
        raise ValueError("has no valid id of its type")
    if kind == "bundle":
        raise ValueError("is a bundle: send the objects in it")
    modified, created = value.get("modified"), value.get("created")
    spec = value.get("spec_version", "2.1" if created is None and modified is None else "2.0")
    if spec not in SPEC_VERSIONS:
        raise ValueError("is of a specification version other than 2.0 and 2.1")
    key = None
    version = created if modified is None else modified
    for name, text in (("created", created), ("modified", modified)):
        if text is not None:
            if not isinstance(text, str):
                raise ValueError(f"has a time {name} that is no text")
            try:
                key = version_key(text)
            except ValueError:
                raise ValueError(f"has a time {name} that is no timestamp") from None
    try:
        body = msgspec.json.encode(value)
        digest = hashlib.sha256(msgspec.json.encode(value, order="deterministic")).digest()
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise ValueError("holds what cannot be written as JSON") from None
    if len(body) > MOST_OBJECT_BYTES:
        raise ValueError(f"is larger than {MOST_OBJECT_BYTES >> 20} MiB")
    return StixObject(identifier, kind, spec, version, key, value.get("revoked") is True, body, digest)


def _deeper_than(value: Any, most: int) -> bool:
    level: list[Any] = [value]
    for _ in range(most):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += [v for v in item.values() if isinstance(v, dict | list)]
            elif isinstance(item, list):
                below += [v for v in item if isinstance(v, dict | list)]
        if not below:
            return False
        level = below
    return True
