"""Answers that people have labelled as refusals or not, as PyRIT ships them to measure its own scorer.

Its labellers also call an answer to another question a refusal; such answers, told by standing elsewhere in the set as
an answer that is none, are marked as stray: rules that look for refusals cannot find those, and need not.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import ClassVar

from stillwatch.errors import InputError
from stillwatch.safety_audit.datasets.base import DataSetInfo, Request
from stillwatch.safety_audit.datasets.reading import text_of

__all__ = ["DATA_SET", "LabelledRefusals", "rows_of"]

_FIELDS = ("objective", "assistant_response", "human_score")


class LabelledRefusals:
    """Requests, answers, and one human score each."""

    info: ClassVar[DataSetInfo] = DataSetInfo(
        name="pyrit.refusals",
        title="Refusals labelled by people, of PyRIT",
        package="pyrit",
        version="1.1.0",
        folder="pyrit/datasets/scorer_evals/refusal_scorer/",
        endings=(".csv",),
        digest="23710c76fa218b320681e274be7217b908f2b5a03155e2855722e93681379133",
        licence="MIT (PyRIT's)",
        credit="Microsoft PyRIT",
        reference="https://github.com/microsoft/PyRIT",
        property="",
        harmful=True,
    )

    def read(self, files: Mapping[str, bytes]) -> tuple[Request, ...]:
        """Every labelled answer."""
        rows = rows_of(files)
        others = {row["assistant_response"] for _, row in rows if row["human_score"] == "0"}
        return tuple(
            Request(
                id=f"{self.info.name}/{name}",
                request=row["objective"],
                text=row["assistant_response"],
                refuses=row["human_score"] == "1",
                stray=row["human_score"] == "1" and row["assistant_response"] in others,
            )
            for name, row in rows
        )


def rows_of(files: Mapping[str, bytes]) -> list[tuple[str, dict[str, str]]]:
    """The rows of such files, each with a name. Raises `InputError` naming the file that cannot be read."""
    return [
        (f"{path.rpartition('/')[2].removesuffix('.csv')}/{number}", row)
        for path, content in sorted(files.items())
        for number, row in enumerate(_rows(path, text_of(path, content)))
    ]


def _rows(path: str, text: str) -> list[dict[str, str]]:
    lines = text.splitlines(keepends=True)
    head = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    try:
        rows = list(csv.DictReader(io.StringIO("".join(lines[head:]), newline="")))
    except csv.Error as error:
        raise InputError(f"is no CSV ({error})", path, "install the package anew") from error
    for row in rows:
        if any(not isinstance(row.get(field), str) for field in _FIELDS) or row["human_score"] not in ("0", "1"):
            raise InputError("lacks a request, an answer or a label", path, "install the package anew")
    return rows


DATA_SET = LabelledRefusals()
