"""What a log format is: three questions and a description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.exchange import REQUIRED

__all__ = ["BATCH_ROWS", "READERS_OWN", "Cursor", "Info", "ReadBatch", "Rejected", "Source", "Trust"]

BATCH_ROWS = 16_384

READERS_OWN: tuple[str, ...] = tuple(name for name in REQUIRED if name != "account_id")
"""Columns without which a reader sets a record aside; the account may be told by a second log, so `Log` asks for it."""


class Trust(NamedTuple):
    """What of a format is believed, in Markdown: for readers of a verdict, who must know whom it can be about.

    ``account``: which fields are taken for the account; ``claim``: whether the caller can choose it; ``address``: where
    the client's address comes from.
    """

    account: str
    claim: str
    address: str


class Info(NamedTuple):
    """What a format is: everything that its page in the docs and ``stillwatch inspect`` say of it.

    ``name``, a one-line ``summary``, where it is specified (``reference``), the ``version`` read, a small file in it
    (``example``); which columns of `EXCHANGE` it can carry (``carries``); how to switch its logging on so that the scan
    sees what it needs (``switch_on``), what its privacy switches do to the scan (``privacy``), what of it is believed
    (``trust``), and which files are looked into though nobody named them (``beside``; empty: none), in Markdown.
    """

    name: str
    summary: str
    reference: str
    version: str
    example: bytes
    carries: tuple[str, ...]
    switch_on: str
    privacy: str
    trust: Trust = Trust("", "", "")
    beside: str = ""


class Rejected(NamedTuple):
    """Something in a log that was set aside: why, and where it stands (``file:line``, counted from 1)."""

    reason: str
    where: str


class Cursor(NamedTuple):
    """How far one file was read: ``records`` (lines, rows or objects, good and bad) from its beginning."""

    records: int


class ReadBatch(NamedTuple):
    """Exchanges in the schema `stillwatch.exchange.EXCHANGE`, what was set aside, and how far the file is read.

    ``account_id`` may still be null here, and ``client_ip`` a forwarded list: `Log` sees to both.

    ``lines`` says for each exchange on which line (row, for a table) of the file it begins, counted from 1; ``mended``
    which of its columns held something of the caller's that could not be (`records.callers.Marks`; None: none did).
    """

    exchanges: pa.RecordBatch
    rejected: tuple[Rejected, ...]
    cursor: Cursor
    lines: npt.NDArray[np.int64]
    mended: npt.NDArray[np.int64] | None = None


class Source(Protocol):
    """A log format. Stateless: one object reads any number of files."""

    info: ClassVar[Info]

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with ``head`` (up to 256 KiB, decompressed) is in this format.

        Of a Parquet file the head is the magic bytes and the names of its columns (`canonical_parquet.told_columns`).
        """

    def read(self, location: str, since: Cursor | None) -> Iterator[ReadBatch]:
        """The exchanges in the file ``location``, after those that ``since`` has passed (None: from the beginning).

        What cannot be read is set aside, line by line; a file of no lines yields nothing. Raises `InputError` only
        where the file as a whole is not in this format.
        """

    def identities(self, location: str) -> Iterator[pa.Array]:
        """The ids of all exchanges that `read` may yield, as texts; more may come, none may be missing.

        A quick look that finds which ids occur more than once, so that only those are compared with care.
        """
