"""Votes of accounts out of a run's ``behaviour.parquet``, checked: what a fingerprint's protection rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.errors import InputError
from stillwatch.signals.behaviour import STEPS, TRAITS, classes, space

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Voters(NamedTuple):
    """Accounts (n,) by id, their ``sessions`` (n,), ``votes`` (n, k) in steps of 1 / `STEPS` of a vote, whole numbers
    whose sum is at most `STEPS`, and ``traits`` (n, t)."""

    ids: dict[str, int]
    sessions: Ints
    votes: Ints
    traits: Floats

    def rows(self, accounts: Sequence[str]) -> Ints:
        """Row numbers of accounts, each once, those unknown left out: ascending."""
        found = {self.ids[account] for account in accounts if account in self.ids}
        return np.array(sorted(found), dtype=np.int64)


def read_voters(behaviour: pa.Table) -> Voters | None:
    """The accounts of a table of behaviour; None where it is of another version of the space. Raises `InputError` for a
    table that is none."""
    try:
        spaces = pc.unique(behaviour.column("space")).to_pylist()
        ids = behaviour.column("account_id").to_pylist()
        sessions = behaviour.column("sessions").to_numpy().astype(np.int64)
        votes, traits = (_matrix(behaviour.column(name), len(ids)) for name in ("votes", "traits"))
    except (KeyError, ValueError, TypeError, pa.ArrowException) as error:
        raise InputError("is no table of behaviour", do="give the behaviour.parquet of a scan") from error
    if any(name != space() for name in spaces):
        return None
    if votes.shape[1] != classes() or traits.shape[1] != TRAITS:
        raise InputError("is no table of behaviour of this version", do="scan the log again")
    return Voters({name: i for i, name in enumerate(ids)}, sessions, in_steps(votes), np.nan_to_num(traits))


def in_steps(votes: Floats) -> Ints:
    """Votes (n, k) as whole numbers of steps, at least 0 and at most `STEPS` in all, whatever was given: this is the
    clip.

    What is too much is taken from the row's last classes, so that the bound holds for a table that somebody altered
    too.
    """
    steps = np.floor(np.clip(np.nan_to_num(votes, nan=0.0), 0, 1) * STEPS + 1e-6).astype(np.int64)
    room = STEPS - (np.cumsum(steps, axis=1) - steps)
    clipped: Ints = np.clip(steps, 0, np.maximum(room, 0))
    return clipped


def _matrix(column: pa.ChunkedArray, rows: int) -> Floats:
    flat = column.combine_chunks()
    if not pa.types.is_fixed_size_list(flat.type):
        raise ValueError("no list of numbers of one length")
    width = flat.type.list_size
    values = flat.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    matrix: Floats = values.reshape(rows, width)
    return matrix
