"""A table of results: printed as Markdown, kept as JSON in ``bench/out``."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench" / "out"
SHARED = ROOT.parent / "shared"
NAMES = ("dev-mixed", "dev-hard", "dev-clean")
WORLDS = tuple(SHARED / "worlds" / name for name in NAMES)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one table, each a mapping from column to value; ``note`` is printed below it."""

    name: str
    title: str
    rows: Sequence[dict[str, Any]]
    note: str = ""


def cell(value: Any) -> str:
    """A value as a table shows it: a dash for none, three figures for a share, thousands in groups."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items()) or "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def markdown(table: Table) -> str:
    """The table as Markdown; one without rows says so."""
    lines = [f"### {table.title}", ""]
    columns = list(dict.fromkeys(key for row in table.rows for key in row))
    if columns:
        lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines += ["| " + " | ".join(cell(row.get(c)) for c in columns) + " |" for row in table.rows]
    else:
        lines.append("Nothing measured.")
    return "\n".join([*lines, "", *([table.note, ""] if table.note else [])])


def publish(table: Table, out: Path = OUT) -> None:
    """Print the table and write it to ``out/NAME.json``."""
    print(markdown(table), flush=True)
    out.mkdir(parents=True, exist_ok=True)
    held = {"name": table.name, "title": table.title, "note": table.note, "rows": list(table.rows)}
    (out / f"{table.name}.json").write_text(json.dumps(held, indent=1, default=str) + "\n", encoding="utf-8")


def say(text: str) -> None:
    """What is being done, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def present(worlds: Sequence[Path] = WORLDS) -> list[Path]:
    """The worlds that are there; says which are not."""
    for world in worlds:
        if not (world / "exchanges.parquet").exists():
            say(f"skipped {world.name}: {world} is not there")
    return [world for world in worlds if (world / "exchanges.parquet").exists()]
