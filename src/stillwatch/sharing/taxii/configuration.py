"""What a server offers to whom: a TOML file (docs/sharing-taxii.md), read and checked before anything is served."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_BYTES
from stillwatch.sharing.taxii.users import is_user_name

__all__ = ["CollectionOffer", "Offer", "RootOffer", "read_offer"]

_UUID4 = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_RESERVED = frozenset({"taxii2"})
Words = Annotated[str, Meta(min_length=1, max_length=2000)]


class RootOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An API root: mostly one trust group."""

    title: Words
    description: str = ""


class CollectionOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A collection: its root, who reads and who writes. ``shared``: any writer may version and delete any object; else
    only who brought it."""

    id: Annotated[str, Meta(pattern=_UUID4)]
    root: str
    title: Words
    description: str = ""
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    shared: bool = False


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file. ``collections`` are keyed by their alias."""

    title: Words
    description: str = ""
    contact: str = ""
    roots: dict[str, RootOffer]
    collections: dict[str, CollectionOffer]
    max_content_length: Annotated[int, Meta(ge=1024, le=MOST_BYTES)] = 8 * 1024 * 1024
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1000

    def __post_init__(self) -> None:
        if not self.roots:
            raise ValueError("it names no root")
        for name in (*self.roots, *self.collections):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name[:80]!r} is no name: use small letters, digits and -")
        for name in self.roots.keys() & _RESERVED:
            raise ValueError(f"{name} is the name of the discovery, and no root's")
        identifiers = [collection.id for collection in self.collections.values()]
        if len(set(identifiers)) < len(identifiers):
            raise ValueError("two collections have one id")
        for alias, collection in self.collections.items():
            if collection.root not in self.roots:
                raise ValueError(f"collection {alias} is in a root that is not named: {collection.root[:80]!r}")
            for user in (*collection.read, *collection.write):
                if not is_user_name(user):
                    raise ValueError(f"collection {alias} names a user who cannot be: {user[:80]!r}")


def read_offer(path: Path) -> Offer:
    """The file, checked. Raises `InputError` in one line."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Offer)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (msgspec.ValidationError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise InputError(f"cannot be served: {error}", path, "docs/sharing-taxii.md shows one") from error
