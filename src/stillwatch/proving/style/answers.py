"""Answers of several models to common prompts, from Parquet or JSON lines; what is broken is set aside and counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError

__all__ = ["Answers", "read_answers"]

_COLUMNS = ("prompt_id", "model", "answer")
_FORMS = "give Parquet or JSON lines with prompt_id, model and answer"
_LONGEST_NAME, _LONGEST_ANSWER, _LONGEST_LINE = 200, 200_000, 4 * 2**20


@dataclass(frozen=True, slots=True)
class Answers:
    """``texts[model][prompt_id]``, and what was set aside: ``bad`` lines, and ``doubles`` of which the first counts."""

    texts: Mapping[str, Mapping[str, str]]
    bad: int = 0
    doubles: int = 0
    examples: tuple[str, ...] = field(default=())
    """Of up to five bad lines where they stand and why; without their text."""

    def and_(self, other: Answers) -> Answers:
        """Both together: a suspect's answers beside a reference set's. A model in both keeps those that are here."""
        texts = {model: dict(of_model) for model, of_model in other.texts.items()}
        doubles = self.doubles + other.doubles
        for model, of_model in self.texts.items():
            mine = texts.setdefault(model, {})
            doubles += len(mine.keys() & of_model.keys())
            mine.update(of_model)
        return Answers(texts, self.bad + other.bad, doubles, (*self.examples, *other.examples)[:5])

    def common(self, models: Sequence[str]) -> tuple[str, ...]:
        """The prompts that every one of ``models`` answered, by id. Raises `InputError` for a stranger."""
        for model in models:
            if model not in self.texts:
                raise InputError(f"no answer of the model {model!r}", None, "check the names in the reference set")
        shared = set.intersection(*(set(self.texts[model]) for model in models)) if models else set()
        return tuple(sorted(shared))


def read_answers(path: Path, model: str | None = None) -> Answers:
    """Read a file of answers.

    Args:
        path: ``.parquet``, or JSON lines under any other name. Fields: ``prompt_id`` (text or whole number), ``model``,
            ``answer`` (may be empty); others are ignored.
        model: whose answers they are where the file does not say.

    Raises:
        InputError: the file cannot be read, lacks a column, or holds no answer at all.
    """
    rows = _parquet(path, model) if path.suffix == ".parquet" else _lines(path, model)
    texts: dict[str, dict[str, str]] = {}
    bad, doubles = 0, 0
    examples: list[str] = []
    for place, row in rows:
        why = row if isinstance(row, str) else _wrong(row)
        if why or isinstance(row, str):
            bad += 1
            if len(examples) < 5:
                examples.append(f"{place}: {why}")
            continue
        name, prompt, answer = row["model"], str(row["prompt_id"]), row["answer"]
        if prompt in texts.setdefault(name, {}):
            doubles += 1
        else:
            texts[name][prompt] = answer
    if not any(texts.values()):
        raise InputError(f"holds no answer ({bad} bad lines)", path, _FORMS)
    return Answers(texts, bad, doubles, tuple(examples))


def _wrong(row: Mapping[str, Any]) -> str:
    """Why a row is no answer; empty for one that is."""
    prompt, name, answer = (row.get(column) for column in _COLUMNS)
    if isinstance(prompt, bool) or not isinstance(prompt, str | int) or not 0 < len(str(prompt)) <= _LONGEST_NAME:
        return "no prompt_id"
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        return "no model"
    if not isinstance(answer, str):
        return "no answer"
    return "" if len(answer) <= _LONGEST_ANSWER else f"an answer of more than {_LONGEST_ANSWER:,} characters"


def _lines(path: Path, model: str | None) -> Iterator[tuple[str, dict[str, Any] | str]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE + 1), b""), start=1):
                place = f"{path.name}:{number}"
                if len(line) > _LONGEST_LINE:
                    yield place, f"a line of more than {_LONGEST_LINE:,} bytes"
                    while line and not line.endswith(b"\n"):
                        line = file.readline(_LONGEST_LINE)
                elif line.strip():
                    try:
                        row = decoder.decode(line)
                    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                        yield place, "not a JSON object"
                    else:
                        yield place, row if model is None else {"model": model} | row
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path) from error


def _parquet(path: Path, model: str | None) -> Iterator[tuple[str, dict[str, Any] | str]]:
    try:
        with pq.ParquetFile(path) as file:
            wanted = [
                c for c in _COLUMNS if not (c == "model" and model is not None and c not in file.schema_arrow.names)
            ]
            for column in wanted:
                if column not in file.schema_arrow.names:
                    raise InputError(f"has no column {column}", path, _FORMS)
            yield from _rows(file.iter_batches(2048, columns=wanted), path, model)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot be read as Parquet: {error}", path, _FORMS) from error


def _rows(batches: Iterable[pa.RecordBatch], path: Path, model: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 0
    for batch in batches:
        for row in batch.to_pylist():
            number += 1
            yield f"{path.name}, row {number}", row if model is None else {"model": model} | row
