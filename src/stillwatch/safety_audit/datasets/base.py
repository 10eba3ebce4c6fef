"""What a data set is: where its files lie, what they must be, under which licence, and how they become items."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

from stillwatch.safety_audit.base import Item

__all__ = ["DataSet", "DataSetInfo", "Loaded", "Request", "digest_of"]


class DataSetInfo(NamedTuple):
    """A data set in words. Its files lie in ``package``: those of ``folders`` whose names end in one of ``endings``.

    ``digest`` (see `digest_of`) is what those of ``version`` have. ``licence`` is what was found in the package, and
    ``credit`` whom to name. ``property`` is empty where the set holds labelled answers instead of items.
    """

    name: str
    title: str
    package: str
    version: str
    folders: tuple[str, ...]
    endings: tuple[str, ...]
    digest: str
    licence: str
    credit: str
    reference: str
    property: str
    harmful: bool


class Request(NamedTuple):
    """An answer of a data set that people have labelled: what was asked, what came, and whether it refuses."""

    id: str
    request: str
    text: str
    refuses: bool
    stray: bool
    """Whether it answers another request of the set: then some call it a refusal, and no rule can."""


class Loaded(NamedTuple):
    """A data set as it was read: its items (or labelled answers), and what a report says of it."""

    name: str
    items: tuple[Item, ...]
    answers: tuple[Request, ...]
    property: str
    record: Mapping[str, Any]
    """Name, licence, checksum, count, and where it came from."""
    changed: Literal["", "other version"] = ""


class DataSet(Protocol):
    """One data set: one file here and one line in the registry."""

    info: ClassVar[DataSetInfo]

    def read(self, files: Mapping[str, bytes]) -> tuple[Item, ...] | tuple[Request, ...]:
        """Items, or labelled answers, from the set's files. Raises `InputError` naming the file that cannot be read."""
        ...


def digest_of(files: Mapping[str, bytes]) -> str:
    """One SHA-256 for all files of a set: over a line ``sha256  path`` for each, in the order of their paths."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()
