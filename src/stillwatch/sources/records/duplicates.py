"""Which rows of a log share an exchange id, and which one of them stays, whatever the order of files and rows.

A first look keeps 64 bits per exchange and finds which ids may occur twice. Only rows with such an id are compared:
the one with the smallest time stays, then the one with the smallest hash of its content. Memory is 16 bytes per
exchange at its peak, plus a small record for each id that really occurs twice.
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
IDENTICAL, OTHER = "duplicate id", "duplicate id, other content"


class Keeper(NamedTuple):
    """The row that stays of those with one id: its time (microseconds), hash of its content, and where it stands."""

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
        self._best: dict[str, Keeper] = {}

    @property
    def candidates(self) -> int:
        """How many ids may occur twice."""
        return len(self._candidates)

    def learn(self, batch: pa.RecordBatch, file: int, first_row: int) -> None:
        """Rows of file number ``file``, the first of them its row ``first_row`` (from 0, rejected ones not counted)."""
        for position, row in self._rows(batch):
            keeper = _keeper(row, file, first_row + position)
            known = self._best.get(row["exchange_id"])
            if known is None or keeper < known:
                self._best[row["exchange_id"]] = keeper

    def doubles(self, batch: pa.RecordBatch, file: int, first_row: int) -> dict[int, str]:
        """The rows of a batch that go: their position and the reason."""
        gone: dict[int, str] = {}
        for position, row in self._rows(batch):
            best = self._best[row["exchange_id"]]
            if (best.file, best.row) != (file, first_row + position):
                same = best.content == _keeper(row, file, 0).content
                gone[position] = IDENTICAL if same else OTHER
        return gone

    def _rows(self, batch: pa.RecordBatch) -> Iterator[tuple[int, dict[str, Any]]]:
        if not len(self._candidates) or not batch.num_rows:
            return
        found = hashes(batch.column(0))
        place = np.minimum(np.searchsorted(self._candidates, found), len(self._candidates) - 1)
        positions = np.flatnonzero(self._candidates[place] == found)
        yield from zip(positions.tolist(), batch.take(pa.array(positions)).to_pylist(), strict=True)


def _keeper(row: dict[str, Any], file: int, position: int) -> Keeper:
    content = hashlib.blake2b(msgspec.json.encode(list(row.values())), digest_size=16).digest()
    return Keeper(int(row["started_at"].timestamp() * 1e6), content, file, position)
