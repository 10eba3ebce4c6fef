"""Which rows of a log tell of one exchange, and which one of them stays, whatever the order of files and rows.

A first look keeps 64 bits per exchange and finds which ids may occur twice. Only rows with such an id are compared.
Rows with one id are one exchange if they are of one account and begin within the same ten minutes: the one that tells
most stays (two logs of one call tell of it differently), of these the one with the smallest time, then the one with the
smallest hash of its content. Any others are exchanges of their own: with
many gateways the caller may choose the id, and who sends the same with every request must not hide them, nor anybody
else's. They get an id of their own: of ``r1`` the first in time stays ``r1``, the next becomes ``r1~2``. Memory is 16
bytes per exchange at its peak, plus a small record for each exchange whose id really occurs twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

__all__ = ["IDENTICAL", "OTHER", "Keeper", "Keepers", "repeated"]

Hashes = npt.NDArray[np.uint64]
_Which = tuple[int, str]  # ten minutes, account: with the id, one exchange
_WITHIN = 600
IDENTICAL, OTHER = "duplicate id", "duplicate id, other content"


class Keeper(NamedTuple):
    """The row that stays of those of one exchange: how many of its columns are empty, its time (microseconds), its
    content's hash, and where it stands.
    """

    lacks: int
    started_at: int
    content: bytes
    file: int
    row: int


def hashes(ids: pa.Array) -> Hashes:
    """64 bits of each id; equal ids have equal bits."""
    found: Hashes = pl.Series(pl.from_arrow(ids)).hash(1).to_numpy()
    return found


def repeated(ids: Iterable[pa.Array]) -> Hashes:
    """The hashes that occur more than once among all ids, sorted; empty for none or one id."""
    parts = [hashes(array) for array in ids if len(array)]
    if not parts:
        return np.empty(0, np.uint64)
    every = np.concatenate(parts)
    every.sort()
    return np.unique(every[1:][every[1:] == every[:-1]])


class Keepers:
    """Learns from every row whose id may occur twice which one stays (`learn`), then says so (`doubles`)."""

    def __init__(self, candidates: Hashes) -> None:
        self._candidates = candidates
        self._best: dict[str, dict[_Which, Keeper]] = {}
        self._place: dict[str, dict[_Which, int]] = {}

    @property
    def candidates(self) -> int:
        """How many ids may occur twice."""
        return len(self._candidates)

    def learn(self, batch: pa.RecordBatch, file: int, first_row: int) -> None:
        """Rows of file number ``file``, the first of them its row ``first_row`` (from 0, rejected ones not counted)."""
        for position, row in self._rows(batch):
            keeper = _keeper(row, file, first_row + position)
            exchanges = self._best.setdefault(row["exchange_id"], {})
            known = exchanges.get(_which(row))
            if known is None or keeper < known:
                exchanges[_which(row)] = keeper

    def doubles(self, batch: pa.RecordBatch, file: int, first_row: int) -> tuple[dict[int, str], dict[int, str]]:
        """The rows of a batch that go, their position and the reason; and those that get another id, and which."""
        gone: dict[int, str] = {}
        renamed: dict[int, str] = {}
        for position, row in self._rows(batch):
            identity, which = row["exchange_id"], _which(row)
            best = self._best[identity][which]
            if (best.file, best.row) != (file, first_row + position):
                same = best.content == _keeper(row, file, 0).content
                gone[position] = IDENTICAL if same else OTHER
            elif place := self._places(identity)[which]:
                renamed[position] = f"{identity}~{place + 1}"
        return gone, renamed

    def _places(self, identity: str) -> dict[_Which, int]:
        """The place in time of each exchange with one id, from 0."""
        if identity not in self._place:
            in_time = sorted(self._best[identity])
            self._place[identity] = {which: place for place, which in enumerate(in_time)}
        return self._place[identity]

    def _rows(self, batch: pa.RecordBatch) -> Iterator[tuple[int, dict[str, Any]]]:
        if not len(self._candidates) or not batch.num_rows:
            return
        found = hashes(batch.column(0))
        place = np.minimum(np.searchsorted(self._candidates, found), len(self._candidates) - 1)
        positions = np.flatnonzero(self._candidates[place] == found)
        yield from zip(positions.tolist(), batch.take(pa.array(positions)).to_pylist(), strict=True)


def _which(row: dict[str, Any]) -> _Which:
    return int(row["started_at"].timestamp()) // _WITHIN, row["account_id"]


def _keeper(row: dict[str, Any], file: int, position: int) -> Keeper:
    content = hashlib.blake2b(msgspec.json.encode(list(row.values())), digest_size=16).digest()
    lacks = sum(value is None for value in row.values())
    return Keeper(lacks, int(row["started_at"].timestamp() * 1e6), content, file, position)
