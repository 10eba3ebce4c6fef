"""Answers that people have labelled, as PyRIT ships them to measure its own scorers: refusals or not.

From a second folder come answers that people found to reach a harmful objective: none of those refuses. What they
found not to reach it is left out, as that may be a refusal or anything else.

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

__all__ = ["DATA_SET", "LabelledRefusals"]

_SCORE = "human_score"
_FIELDS = ("objective", "assistant_response", _SCORE)
_REFUSALS = "pyrit/datasets/scorer_evals/refusal_scorer/"
_OBJECTIVES = "pyrit/datasets/scorer_evals/objective/"


class LabelledRefusals:
    """Requests, answers, and one human score each."""

    info: ClassVar[DataSetInfo] = DataSetInfo(
        name="pyrit.refusals",
        title="Answers labelled by people as refusals or not, of PyRIT",
        package="pyrit",
        version="1.1.0",
        folders=(_REFUSALS, _OBJECTIVES),
        endings=(".csv",),
        digest="04f401a9566cc41a90d3a003f83a9664ae587b9b6bb54880080b05e05af2ff19",
        licence="MIT (PyRIT's)",
        credit="Microsoft PyRIT",
        reference="https://github.com/microsoft/PyRIT",
        property="",
        harmful=True,
    )

    def read(self, files: Mapping[str, bytes]) -> tuple[Request, ...]:
        """Every answer of the first folder, and of the second those that reached their objective."""
        rows = {path: _rows(path, text_of(path, content)) for path, content in sorted(files.items())}
        refusals = {path: found for path, found in rows.items() if path.startswith(_REFUSALS)}
        answered = {row["assistant_response"] for found in refusals.values() for row in found if row[_SCORE] == "0"}
        labelled = [
            self._request(path, number, row, row[_SCORE] == "1", row["assistant_response"] in answered)
            for path, found in refusals.items()
            for number, row in enumerate(found)
        ]
        reached = [
            self._request(path, number, row, False, False)
            for path, found in rows.items()
            if path.startswith(_OBJECTIVES)
            for number, row in enumerate(found)
            if row[_SCORE] == "1"
        ]
        return (*labelled, *reached)

    def _request(self, path: str, number: int, row: Mapping[str, str], refuses: bool, stray: bool) -> Request:
        name = "/".join(path.removesuffix(".csv").split("/")[-2:])
        return Request(
            f"{self.info.name}/{name}/{number}", row["objective"], row["assistant_response"], refuses, refuses and stray
        )


def _rows(path: str, text: str) -> list[dict[str, str]]:
    lines = text.splitlines(keepends=True)
    head = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    try:
        rows = list(csv.DictReader(io.StringIO("".join(lines[head:]), newline="")))
    except csv.Error as error:
        raise InputError(f"is no CSV ({error})", path, "install the package anew") from error
    for row in rows:
        if any(not isinstance(row.get(field), str) for field in _FIELDS) or row[_SCORE] not in ("0", "1"):
            raise InputError("lacks a request, an answer or a label", path, "install the package anew")
    return rows


DATA_SET = LabelledRefusals()
