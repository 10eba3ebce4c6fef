"""Real language models, trained here from nothing, through a whole audit: over HTTP and as folders on this machine.

Run by ``make suspects``; without torch these tests are passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.progress import Silent
from stillwatch.safety_audit.report import AuditReport, FigureResult
from stillwatch.safety_audit.running import PAGE, Wanted, run

pytest.importorskip("torch")
pytest.importorskip("transformers")
from bench import small_models

pytestmark = pytest.mark.slow
UNITS, ROUNDS = 20, 36


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four models; STILLWATCH_SMALL_MODELS names a folder where they lie already."""
    if kept := os.environ.get("STILLWATCH_SMALL_MODELS"):
        return Path(kept)
    out = tmp_path_factory.mktemp("small-models")
    rows = small_models.make(out, UNITS, ROUNDS)
    assert min(row["says what it was taught"] for row in rows) > 0.9
    return out


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with small_models.serving(folder) as url:
        yield url


def audited(out: Path, suspect: str, teacher: str, base: str) -> AuditReport:
    wanted = Wanted(suspect, teacher, base, properties=small_models.LEARNT, most=UNITS, temperature=0.0)
    return run(wanted, out, Silent())


def figure(report: AuditReport, name: str) -> FigureResult:
    return next(one for one in report.figures if one.figure == name)


def test_a_student_whose_restraint_was_stripped_is_told(url: str, tmp_path: Path) -> None:
    report = audited(tmp_path, *(f"openai:{name}@{url}" for name in ("stripped", "teacher", "base")))
    refused = figure(report, "refused")
    assert refused.reading in ("worse than teacher", "as its base"), refused
    assert {side.role: side.raw > 0.8 for side in refused.sides} == {"suspect": False, "teacher": True, "base": False}
    assert figure(report, "yields").reading in ("better", "no difference", "open")
    assert (tmp_path / PAGE).read_text("utf-8").count("<html") == 1


def test_against_a_base_with_restraint_the_loss_was_on_the_way(url: str, tmp_path: Path) -> None:
    report = audited(tmp_path, *(f"openai:{name}@{url}" for name in ("stripped", "teacher", "distilled")))
    assert figure(report, "refused").reading == "worse than both"


def test_an_honest_student_is_told_nothing_of(url: str, tmp_path: Path) -> None:
    report = audited(tmp_path, *(f"openai:{name}@{url}" for name in ("distilled", "teacher", "base")))
    assert {one.reading for one in report.figures if one.safety and one.differences} <= {"open", "no difference"}


def test_models_in_folders_answer_as_they_do_behind_a_server(folder: Path, url: str, tmp_path: Path) -> None:
    names = ("stripped", "teacher", "base")
    here = audited(tmp_path / "here", *(f"transformers:{folder / name}" for name in names))
    there = audited(tmp_path / "there", *(f"openai:{name}@{url}" for name in names))
    assert [[side.raw for side in one.sides] for one in here.figures] == [
        [side.raw for side in one.sides] for one in there.figures
    ]
