"""A whole proof on one page: keep the case, ask or take answers, seal, test once, write."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.asking.addresses import open_model
from stillwatch.asking.sealed import read_sealed
from stillwatch.asking.spending import Budget
from stillwatch.errors import AskingError, InputError, UsageError
from stillwatch.progress import Progress
from stillwatch.proving.asking_for import ask_suspect, seal_prepared
from stillwatch.proving.case import read_case
from stillwatch.proving.folder import ANSWERS, PAGE, REPORT, STATEMENT, KeptCase, keep
from stillwatch.proving.material import load
from stillwatch.proving.page import render_page, render_statement
from stillwatch.proving.planning import ProofPlan, make_plan
from stillwatch.proving.questions import questions_of
from stillwatch.proving.report import ProofReport
from stillwatch.proving.reporting import as_json, build_report
from stillwatch.proving.said import about
from stillwatch.proving.tiers import twins
from stillwatch.storage.whole import write_whole

__all__ = ["Wanted", "preview", "run", "write_questions"]


class Wanted(NamedTuple):
    """What the user asks for. ``suspect`` is an address (`open_model`); with ``answers`` nobody is asked.

    ``close``: test what was answered so far, and ask no more.
    """

    case: Path
    suspect: str | None = None
    answers: tuple[Path, ...] = ()
    budget: Budget = Budget()
    close: bool = False

    def check(self) -> None:
        """Raises `UsageError` unless there is either a suspect to ask or answers to take."""
        if (self.suspect is None) != bool(self.answers):
            raise UsageError(
                "it takes either a suspect to ask or files of its answers", "SUSPECT, --answers", "give one of the two"
            )


def run(wanted: Wanted, out: Path, progress: Progress, *, overwrite: bool = False) -> ProofReport:
    """Prove, and write ``prove.json``, ``prove.html`` and ``statement.html`` into ``out``, beside case and answers.

    A folder whose report is written is closed: called again, it is tested again, and nobody is asked.

    Raises `CaseMistakes`, `UsageError`, `InputError`, `StorageError`; `AskingError` where asking ended early: what was
    answered is kept, nothing is tested, and the next call goes on.
    """
    wanted.check()
    case = read_case(wanted.case)
    load(case, wanted.case.parent)  # whatever is wrong with a file shall be told before anything is written or asked
    kept = keep(case, wanted.case.parent, out, overwrite=overwrite)
    if overwrite:
        for name in (REPORT, PAGE, STATEMENT):
            (out / name).unlink(missing_ok=True)
    if not _closed(out, kept):
        _answers(wanted, kept, out, progress, overwrite=overwrite)
    report = build_report(kept, out, progress)
    progress.step("writing results")
    write_whole(out / PAGE, render_page(report).encode())
    write_whole(out / STATEMENT, render_statement(report).encode())
    write_whole(out / REPORT, as_json(report))
    return report


def preview(wanted: Wanted) -> ProofPlan:
    """What `run` would ask, cost and could see. Nothing is asked or written."""
    material = load(read_case(wanted.case), wanted.case.parent)
    return make_plan(material, None if wanted.suspect is None else open_model(wanted.suspect, "SUSPECT"))


def write_questions(wanted: Wanted, path: Path) -> int:
    """Write all questions as JSON lines, for a suspect that is asked elsewhere; returns how many.

    Raises `StorageError` and what `read_case` raises.
    """
    questions = questions_of(load(read_case(wanted.case), wanted.case.parent))
    write_whole(path, b"".join(msgspec.json.encode(question) + b"\n" for question in questions))
    return len(questions)


def _answers(wanted: Wanted, kept: KeptCase, out: Path, progress: Progress, *, overwrite: bool) -> None:
    """Have the answers sealed. Raises `AskingError` where asking ended early and was not to be closed."""
    material = load(kept.case, kept.folder)
    questions, path = questions_of(material), out / ANSWERS
    if wanted.suspect is None:
        seal_prepared(wanted.answers, material, questions, path, kept.digest, overwrite=overwrite)
        return
    if wanted.close and _some(path):
        return
    head = about(kept.digest, **twins.head(material))
    result, _ = ask_suspect(wanted.suspect, questions, path, head, wanted.budget, progress, overwrite=overwrite)
    if result.left and not wanted.close:
        done = result.answered + result.already
        raise AskingError(
            f"{result.stopped or 'asking ended early'}; {done:,} of {len(questions):,} questions are answered, "
            "and nothing was tested: call again to go on, or with --close to test these and ask no more",
            again=False,
        )


def _some(path: Path) -> bool:
    """Whether there are sealed answers."""
    return path.exists() and bool(read_sealed(path).entries)


def _closed(out: Path, kept: KeptCase) -> bool:
    """Whether the folder has its report already. Raises `InputError` for one of another case."""
    path = out / REPORT
    if not path.exists():
        return False
    try:
        report = msgspec.json.decode(path.read_bytes(), type=ProofReport)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be read: {error}", path, "name another folder, or give --overwrite") from None
    if report.case != kept.digest:
        raise InputError("is the report of another case", path, "name another folder, or give --overwrite")
    return True
