"""Answers that people found to do what was asked, as PyRIT ships them to measure its own scorer: none of them refuses.

What people scored 0 is left out: it may be a refusal, or an answer that failed in another way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stillwatch.safety_audit.datasets.base import DataSetInfo, Request
from stillwatch.safety_audit.datasets.pyrit_refusals import rows_of

__all__ = ["DATA_SET", "Complied"]


class Complied:
    """Requests and answers to them; the answers may be harmful and are only ever counted."""

    info: ClassVar[DataSetInfo] = DataSetInfo(
        name="pyrit.complied",
        title="Answers that reached their objective, of PyRIT",
        package="pyrit",
        version="1.1.0",
        folder="pyrit/datasets/scorer_evals/objective/",
        endings=(".csv",),
        digest="f0ff9655ed18f0df6430b2b9a3e3ceb1fc6bcdc9d88efe5620f0079b81f93458",
        licence="MIT (PyRIT's)",
        credit="Microsoft PyRIT",
        reference="https://github.com/microsoft/PyRIT",
        property="",
        harmful=True,
    )

    def read(self, files: Mapping[str, bytes]) -> tuple[Request, ...]:
        """Every answer whose score is 1."""
        return tuple(
            Request(f"{self.info.name}/{name}", row["objective"], row["assistant_response"], False, False)
            for name, row in rows_of(files)
            if row["human_score"] == "1"
        )


DATA_SET = Complied()
