"""P-values where there is nothing to find: sessions dealt at random among accounts of like size.

    python -m bench nulls

What draws the groups is `NULLS`: a function of a world's folder that returns p-values by the kind of group ("random"
groups of innocents, groups "searched" for), and their e-values under the same names. Linkage supplies it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.tables import Table, present, publish, say

LEVELS = (0.01, 0.05, 0.1)
NULLS = "bench.null_groups:null_groups"


class Nulls(NamedTuple):
    """P-values and e-values of groups of innocents of one kind."""

    p_values: np.ndarray
    e_values: np.ndarray


Supplier = Callable[[Path], Mapping[str, Nulls]]


def supplier() -> Supplier | None:
    """What draws the groups, or None where it has not been written."""
    module, _, name = NULLS.partition(":")
    try:
        found: Supplier = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return None
    return found


def figures(world: str, nulls: Mapping[str, Nulls]) -> list[dict[str, object]]:
    """The share of p-values at or below each level, and its standard error were they uniform; the mean e-value."""
    rows: list[dict[str, object]] = []
    for kind, group in sorted(nulls.items()):
        n = len(group.p_values)
        row: dict[str, object] = {"world": world, "groups": kind, "number": n}
        for level in LEVELS:
            error = (level * (1 - level) / max(n, 1)) ** 0.5
            row[f"p <= {level}"] = f"{np.mean(group.p_values <= level):.3f} (at most {level} + {2 * error:.3f})"
        row["mean e-value"] = float(np.mean(group.e_values))
        rows.append(row)
    return rows


def main() -> None:
    """Print and keep the table."""
    draw = supplier()
    if draw is None:
        say(f"skipped the nulls: {NULLS} is not there")
        return
    rows = [row for world in present() if world.name == "dev-clean" for row in figures(world.name, draw(world))]
    publish(Table("nulls", "P-values where there is nothing to find", rows))


if __name__ == "__main__":
    main()
