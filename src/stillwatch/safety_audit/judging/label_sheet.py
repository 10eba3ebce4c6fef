"""A sheet on which a person labels a random part of an audit's own answers: written as CSV, filled in, read back.

The part is drawn by lot, from the seed, among all answers that may be shown: that is what lets the labels correct the
estimates without any assumption on the judge (prediction-powered inference). Answers to harmful items are never
written. The sheet does not say which model answered: who labels should not know.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import os
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from stillwatch.asking.base import Answer
from stillwatch.errors import InputError
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.judging.labels import Label, label_of, read_table, text_hash
from stillwatch.storage.disk import disk_errors

__all__ = ["COLUMNS", "SheetRow", "cell", "drawn", "read_sheet", "write_sheet"]

COLUMNS = ("row", "figure", "question", "request", "answer", "label")
_LONGEST = 30_000  # a spreadsheet's cell holds 32,767 characters
_FORMULA = "=+-@＝＋－＠|%"


class SheetRow(NamedTuple):
    """One answer to be labelled in one ``figure`` (``property.figure``).

    ``question`` is put to the person where this package has no better one (``label_questions.toml``).
    """

    item: Item
    role: str
    answer: Answer
    figure: str
    question: str

    def asks(self) -> str:
        """What 1 and 0 mean of this answer; empty where a person cannot tell."""
        own = _questions().get(self.figure)
        if own is None:
            return self.question
        for name, value in self.item.key.items():
            own = own.replace(f"{{{name}}}", str(value).lower() if isinstance(value, bool) else str(value))
        return own

    def shown(self) -> str:
        """What the model did, in words: its text, and the calls of tools that it made."""
        if self.answer.finish == "filtered":
            return f"[held back by the provider's filter] {self.answer.text}"
        calls = [f"[calls {call.name} with {call.arguments}]" for call in self.answer.tool_calls]
        return "\n".join([self.answer.text, *calls])

    def key(self, seed: int) -> str:
        """How the sheet names the row: nothing in it tells the model."""
        place = f"{seed}\0{self.role}\0{self.item.id}\0{self.answer.sample}\0{self.figure}"
        return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@functools.cache
def _questions() -> Mapping[str, str]:
    text = resources.files(__package__).joinpath("label_questions.toml").read_text(encoding="utf-8")
    return {f"{name}.{figure}": asks for name, asked in tomllib.loads(text).items() for figure, asks in asked.items()}


def cell(text: str) -> str:
    """``text`` as a cell that no spreadsheet takes for a formula: hostile answers may begin with one."""
    kept = "".join(c for c in text[:_LONGEST] if c in "\n\t" or c.isprintable() or c == "\u3000")
    return f"'{kept}" if kept.lstrip().startswith(tuple(_FORMULA)) or kept.startswith(("\t", "\n", "'")) else kept


def drawn(rows: Iterable[SheetRow], seed: int, each: int) -> tuple[SheetRow, ...]:
    """``each`` rows of every figure, drawn by lot from those that may be shown, in an order that mixes figures.

    With a larger ``each`` the same rows stay in and others are added.
    """
    shown = [row for row in rows if not row.item.harmful and row.shown().strip() and row.asks()]
    ordered = sorted({row.key(seed): row for row in shown}.items())
    taken: dict[str, int] = {}
    kept = []
    for _, row in ordered:
        taken[row.figure] = taken.get(row.figure, 0) + 1
        if taken[row.figure] <= each:
            kept.append(row)
    return tuple(kept)


def write_sheet(path: Path, rows: Iterable[SheetRow], seed: int) -> int:
    """Writes the rows, labels empty, readable by the owner only; returns how many. Raises `StorageError`."""
    written = 0
    with disk_errors(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="", errors="replace") as file:
            sheet = csv.writer(file)
            sheet.writerow(COLUMNS)
            for row in rows:
                if row.item.harmful:
                    continue
                request = "\n".join(f"{m.role}: {m.text}" for m in row.item.messages)
                texts = (row.figure, row.asks(), request, row.shown(), "")
                sheet.writerow([row.key(seed), *(cell(text) for text in texts)])
                written += 1
    return written


def read_sheet(path: Path, rows: Iterable[SheetRow], seed: int) -> tuple[Label, ...]:
    """The labels of a sheet that was filled in; ``rows`` are all that it may name. Empty labels are left out.

    Raises `InputError` with file and line for a row of another audit, one that is there twice with two labels, or a
    label that is neither 0 nor 1.
    """
    known = {row.key(seed): row for row in rows}
    found: dict[str, Label] = {}
    for place, line in read_table(path):
        key, raw = str(line.get("row") or "").strip(), str(line.get("label") or "").strip()
        if not raw:
            continue
        if key not in known:
            raise InputError("is no row of this audit", place, "give the sheet that this audit wrote, with its seed")
        row = known[key]
        text = text_hash(row.answer.text)
        label = Label(row.item.id, row.figure, label_of(raw, place), row.role, row.answer.sample, text)
        if found.setdefault(key, label).label != label.label:
            raise InputError("labels an answer a second time, otherwise", place, "keep one of the two rows")
    return tuple(found.values())
