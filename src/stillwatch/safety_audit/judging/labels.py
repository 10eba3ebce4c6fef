"""Answers of which a person says what they are: our own, which ship with the package, and a user's file.

A user's file is CSV (with a header) or JSON lines with the fields ``item``, ``figure``, ``label`` (0 or 1), and either
``sha256`` (of the answer's text) or ``role`` (suspect, teacher, base) with, where an item was asked several times,
``sample``.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import msgspec

from stillwatch.asking.base import Answer
from stillwatch.errors import InputError
from stillwatch.safety_audit.base import Role
from stillwatch.safety_audit.judging.refusal_answers import FIGURES, answers_to

__all__ = ["Example", "Label", "LabelBook", "examples", "label_of", "read_labels", "read_table", "text_hash"]

_FORMS = "the fields are item, figure, label (0 or 1), and sha256 or role"
_LARGEST = 64 * 2**20


class Example(msgspec.Struct, frozen=True):
    """An answer of our own to one of our own items, with what a person says of it: figure → label."""

    property: str
    item: str
    answer: Answer
    labels: Mapping[str, float]
    kept_back: bool
    """Rules were written with the others in view, and are measured on these."""


class Label(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person says of one answer in one figure.

    The answer is named by the hash of its text, or by role and sample; of a label with both, the hash must agree too.
    """

    item: str
    figure: str
    label: float
    role: str = ""
    sample: int = 0
    sha256: str = ""


def text_hash(text: str) -> str:
    """How an answer is named without storing it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@functools.cache
def examples(property_name: str) -> tuple[Example, ...]:
    """Our labelled answers to the items of a property; none where none are shipped."""
    if property_name in FIGURES:
        return tuple(
            Example(property_name, item, Answer(item, text=text), {FIGURES[property_name]: label}, kept_back)
            for item, text, label, kept_back in answers_to(property_name)
        )
    file = resources.files(__package__).joinpath("labelled", f"{property_name}.toml")
    if not file.is_file():
        return ()
    lists = tomllib.loads(file.read_text(encoding="utf-8"))
    found = []
    for kept_back, row in [(kind == "kept_back", row) for kind in ("answers", "kept_back") for row in lists[kind]]:
        rest = {key: value for key, value in row.items() if key not in ("item", "text", "finish", "calls")}
        answer = msgspec.convert(
            {
                "question": row["item"],
                "text": row.get("text", ""),
                "finish": row.get("finish", "stop"),
                "tool_calls": row.get("calls", []),
            },
            Answer,
        )
        labels = {figure: float(label) for figure, label in rest.items()}
        found.append(Example(property_name, row["item"], answer, labels, kept_back))
    return tuple(found)


def read_table(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a CSV file with a header, or of JSON lines, each with its place (``file:line``).

    CSV may have been saved by a spreadsheet: with a byte order mark, and semicolons or tabs. Raises `InputError`.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError("is larger than 64 MiB", path, "give labels of fewer answers")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name another file") from error
    except UnicodeDecodeError as error:
        raise InputError("is no UTF-8 text", path, "save it as UTF-8") from error
    head = next((line for line in text.splitlines() if line.strip()), "")
    rows = _json_rows(text, path) if head.lstrip().startswith("{") else _csv_rows(text, head, path)
    return iter(rows)


def _json_rows(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise InputError("is no JSON object", f"{path}:{at}", "give one JSON object on each line")
        yield f"{path}:{at}", row


def _csv_rows(text: str, head: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            yield (
                f"{path}:{reader.line_num}",
                {str(key).strip(): value for key, value in row.items() if key is not None},
            )
    except csv.Error as error:
        raise InputError(f"is no CSV: {error}", f"{path}:{reader.line_num}", _FORMS) from error


def label_of(value: object, place: str) -> float:
    """A label as a person wrote it: 0 or 1. Raises `InputError` for anything else."""
    text = str(value).strip().replace(",", ".")
    if text in ("0", "0.0", "1", "1.0"):
        return float(text)
    raise InputError("has a label that is neither 0 nor 1", place, "write 0 or 1, or leave it empty")


def read_labels(path: Path) -> tuple[Label, ...]:
    """The labels of a user's file; rows whose label is empty are left out. Raises `InputError` with file and line."""
    found = []
    for place, row in read_table(path):
        fields = {name: str(row.get(name) or "").strip() for name in ("item", "figure", "role", "sample", "sha256")}
        raw = row.get("label")
        if raw is None or not str(raw).strip():
            if "label" not in row:
                raise InputError("has no field label", place, _FORMS)
            continue
        if not fields["item"] or not fields["figure"] or not (fields["role"] or fields["sha256"]):
            raise InputError("does not say which answer it labels", place, _FORMS)
        if fields["role"] and fields["role"] not in get_args(Role):
            raise InputError("names no role", place, "a role is suspect, teacher or base")
        if not fields["sample"].isascii() or not (fields["sample"] or "0").isdigit() or len(fields["sample"]) > 9:
            raise InputError("has a sample that is no number", place, "count samples from 0")
        label = label_of(raw, place)
        sample = int(fields["sample"] or 0)
        found.append(
            Label(fields["item"], fields["figure"], label, fields["role"], sample, fields["sha256"].casefold())
        )
    return tuple(found)


class LabelBook:
    """Labels by the answer that they are of; of two labels of one answer in one figure the mean counts."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._by_text: dict[tuple[str, str, str], list[float]] = {}
        self._by_place: dict[tuple[str, str, str, int], list[tuple[str, float]]] = {}
        for label in labels:
            if not label.role:
                self._by_text.setdefault((label.figure, label.item, label.sha256), []).append(label.label)
            else:
                key = (label.figure, label.item, label.role, label.sample)
                self._by_place.setdefault(key, []).append((label.sha256, label.label))

    def label(self, figure: str, item: str, role: str, answer: Answer) -> float | None:
        """The label of a model's answer, by its place or else by its text; None where nobody said."""
        text = text_hash(answer.text)
        placed = self._by_place.get((figure, item, role, answer.sample), [])
        told = [label for of, label in placed if of in ("", text)] or self._by_text.get((figure, item, text))
        return sum(told) / len(told) if told else None
