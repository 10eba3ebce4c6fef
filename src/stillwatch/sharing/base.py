"""What a sharing format is: bulletins to a document and back."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, NamedTuple, Protocol

from stillwatch.sharing.bulletin import Bulletin

__all__ = ["MOST_BYTES", "MOST_OBJECTS", "Decoded", "ForeignIndicator", "Info", "Reject", "ShareFormat"]

MOST_BYTES = 32 * 1024 * 1024
"""Of a document that is read; a larger one is refused before it is parsed."""
MOST_OBJECTS = 50_000
"""Objects, events, rows or rules in a document that is read; one with more is refused whole."""


class Info(NamedTuple):
    """What a format is, for its page in the docs and for ``--help``.

    ``lossless``: reading what was written gives the same bulletins; else only their indicators come back. ``suffix``
    of its files; ``media_type`` as a server names it; ``shows`` what of a bulletin it carries, in Markdown.
    """

    name: str
    summary: str
    reference: str
    version: str
    suffix: str
    media_type: str
    lossless: bool
    shows: str


class ForeignIndicator(NamedTuple):
    """An indicator of somebody who does not write bulletins, as far as it means something here.

    ``kind`` is "asn", "ja4", "address" or "network range"; ``value`` its text, checked to be one; ``source`` the id of
    the object that says it (hostile text, shortened); ``valid_until`` None: it does not say.
    """

    kind: str
    value: str
    source: str
    valid_until: dt.date | None


class Reject(NamedTuple):
    """Something in a document that was set aside: why, and where (an id, a row, a path in it)."""

    reason: str
    where: str


class Decoded(NamedTuple):
    """A document that was read whole: our bulletins, others' indicators, how many objects of each type were seen, and
    what was set aside."""

    bulletins: tuple[Bulletin, ...]
    foreign: tuple[ForeignIndicator, ...]
    seen: dict[str, int]
    rejected: tuple[Reject, ...]


class ShareFormat(Protocol):
    """A document format. Stateless."""

    info: ClassVar[Info]

    def recognises(self, head: bytes) -> bool:
        """Whether a document that begins with ``head`` (up to 64 KiB) is one of this format."""
        ...

    def encode(self, bulletins: tuple[Bulletin, ...]) -> bytes:
        """The document; the same bulletins give the same bytes. No bulletins: a document that holds none."""
        ...

    def decode(self, document: bytes) -> Decoded:
        """Read a document. Raises `InputError` (one line) for one that is too large, malformed, or no such document:
        then nothing of it is used."""
        ...
