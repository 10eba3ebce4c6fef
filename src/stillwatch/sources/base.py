"""What a log format is: three questions and a description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple, Protocol

import pyarrow as pa

__all__ = ["BATCH_ROWS", "Cursor", "Info", "ReadBatch", "Rejected", "Source"]

BATCH_ROWS = 16_384


class Info(NamedTuple):
    """A format's name, one-line summary, where it is specified, the version read, and a small file in it."""

    name: str
    summary: str
    reference: str
    version: str
    example: bytes


class Rejected(NamedTuple):
    """Something in a log that was set aside: why, and where it stands (``file:line``, counted from 1)."""

    reason: str
    where: str


class Cursor(NamedTuple):
    """How far one file was read: ``records`` (lines, rows or objects, good and bad) from its beginning."""

    records: int


class ReadBatch(NamedTuple):
    """Exchanges in the schema `stillwatch.exchange.EXCHANGE`, what was set aside, and how far the file is read."""

    exchanges: pa.RecordBatch
    rejected: tuple[Rejected, ...]
    cursor: Cursor


class Source(Protocol):
    """A log format. Stateless: one object reads any number of files."""

    info: ClassVar[Info]

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with ``head`` (up to 256 KiB, decompressed) is in this format."""

    def read(self, location: str, since: Cursor | None) -> Iterator[ReadBatch]:
        """The exchanges in the file ``location``, after those that ``since`` has passed (None: from the beginning).

        What cannot be read is set aside, line by line; a file of no lines yields nothing. Raises `InputError` only
        where the file as a whole is not in this format.
        """

    def identities(self, location: str) -> Iterator[pa.Array]:
        """The ids of all exchanges that `read` may yield, as texts; more may come, none may be missing.

        A quick look that finds which ids occur more than once, so that only those are compared with care.
        """
