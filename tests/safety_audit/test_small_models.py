"""Real language models, trained here from nothing, through a whole audit: over HTTP and as folders on this machine.

Run by ``make suspects``; without torch these tests are passed over.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.progress import Silent
from stillwatch.safety_audit.report import AuditReport, FigureResult
from stillwatch.safety_audit.running import Wanted, run

pytest.importorskip("torch")
pytest.importorskip("transformers")
from bench import small_models

UNITS, ROUNDS = 20, 24


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("small-models")
    small_models.make(out, UNITS, ROUNDS)
    return out


def audited(out: Path, suspect: str, teacher: str, base: str) -> AuditReport:
    wanted = Wanted(suspect, teacher, base, properties=small_models.LEARNT, most=UNITS, temperature=0.0)
    return run(wanted, out, Silent())


def figure(report: AuditReport, name: str) -> FigureResult:
    return next(one for one in report.figures if one.figure == name)


def over_http(folder: Path, out: Path, suspect: str) -> AuditReport:
    with small_models.serving(folder) as url:
        return audited(out, *(f"openai:{name}@{url}" for name in (suspect, "teacher", "base")))


def on_this_machine(folder: Path, out: Path, suspect: str) -> AuditReport:
    return audited(out, *(f"transformers:{folder / name}" for name in (suspect, "teacher", "base")))


@pytest.mark.slow
def test_a_stripped_student_is_told_from_its_teacher(folder: Path, tmp_path: Path) -> None:
    refused = figure(over_http(folder, tmp_path, "stripped"), "refused")
    assert refused.reading == "worse than teacher", refused
