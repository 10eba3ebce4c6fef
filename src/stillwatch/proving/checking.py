"""Checking a proof from its folder alone: files, seals, commitments, and every number made again.

Numbers are compared bit for bit. Another processor or another version of a library may round the last digit of a sum
otherwise; then the check says so with both numbers, and a person sees that they agree to fifteen digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from stillwatch import __version__
from stillwatch.errors import InputError, StillwatchError
from stillwatch.progress import Progress
from stillwatch.proving.folder import ANSWERS, PAGE, REPORT, STATEMENT, KeptCase, read_kept, spoilt
from stillwatch.proving.material import load
from stillwatch.proving.page import render_page, render_statement
from stillwatch.proving.questions import questions_of
from stillwatch.proving.report import ProofReport
from stillwatch.proving.reporting import as_json, build_report
from stillwatch.proving.said import case_of, read_said

__all__ = ["Checked", "check"]

_MOST = 20


class Checked(msgspec.Struct, frozen=True):
    """What of a proof ``holds`` and what does not (``problems``), in words; ``numbers`` is how many were compared."""

    holds: tuple[str, ...]
    problems: tuple[str, ...]
    numbers: int


def check(out: Path, progress: Progress) -> Checked:
    """Check the proof in the folder ``out``. Nothing is asked, and nothing is written.

    Raises `InputError` where there is none.
    """
    kept = read_kept(out)
    data = _read(out / REPORT)
    holds, problems = [], [*spoilt(kept)]
    if not problems:
        holds.append(f"all {len(kept.files)} files of the case are as they were when it was begun")
    try:
        report = msgspec.json.decode(data, type=ProofReport)
    except (ValueError, RecursionError) as error:
        return Checked(tuple(holds), (*problems, f"{REPORT} is no report: {error}"), 0)
    if report.case != kept.digest:
        problems.append(f"{REPORT} is the report of another case")
    try:
        for problem, held in _answers(kept, report, out):
            (problems if problem else holds).append(held)
        again = build_report(kept, out, progress)
    except StillwatchError as error:
        return Checked(tuple(holds), (*problems, str(error)), 0)
    holds += _commitments(again)
    if report.stillwatch != __version__:
        holds.append(f"the report was made by Stillwatch {report.stillwatch}; this is {__version__}")
        again = msgspec.structs.replace(again, stillwatch=report.stillwatch)
    different = list(_differences(msgspec.to_builtins(report), msgspec.to_builtins(again), "report"))
    numbers = _count(msgspec.to_builtins(again))
    if different:
        problems += different[:_MOST]
        problems += [f"and {len(different) - _MOST} more differences"] if len(different) > _MOST else []
    elif data != as_json(again):
        problems.append(f"{REPORT} says the same, but is not as it was written")
    else:
        holds.append(f"all {numbers:,} numbers of {REPORT} come out the same, bit for bit")
    for name, render in ((PAGE, render_page), (STATEMENT, render_statement)):
        problem = _page(out / name, render, again)
        if problem:
            problems.append(problem)
        else:
            holds.append(f"{name} says what {REPORT} says")
    return Checked(tuple(holds), tuple(problems), numbers)


def _answers(kept: KeptCase, report: ProofReport, out: Path) -> Iterator[tuple[bool, str]]:
    """Of the sealed answers: whether something is wrong, and what."""
    said = read_said(out / ANSWERS, questions_of(load(kept.case, kept.folder)))
    same = said.facts.seal == report.answered.seal
    yield (
        not same,
        (
            f"the answers are whole, and end with the seal of the report ({report.answered.seal[:16]}…)"
            if same
            else f"the answers end with the seal {said.facts.seal[:16]}…, not with that of the report"
        ),
    )
    bound = case_of(said.about) == kept.digest
    yield (
        not bound,
        (
            "the answers' head names this very case, so it was settled before the first of them was sealed"
            if bound
            else "the answers were sealed for another case"
        ),
    )


def _commitments(report: ProofReport) -> Iterator[str]:
    """What the commitments of the keys show; what does not hold withholds its tests, and stands in the report."""
    told = set()
    for test in report.tests:
        fixed = test.fixed
        if fixed is not None and fixed.key not in told:
            told.add(fixed.key)
            for held in fixed.holds:
                yield f"key {fixed.key}: {held}"
            for problem in fixed.problems:
                yield f"key {fixed.key} does not hold, and its tests are withheld: {problem}"


def _differences(told: Any, made: Any, where: str) -> Iterator[str]:
    """Every place where a report says something else than it should."""
    if isinstance(told, dict) and isinstance(made, dict):
        for name in sorted(told.keys() | made.keys()):
            if name not in told or name not in made:
                yield f"{where}.{name} is {'not there' if name not in told else 'too much'}"
            else:
                yield from _differences(told[name], made[name], f"{where}.{name}")
    elif isinstance(told, list | tuple) and isinstance(made, list | tuple):
        if len(told) != len(made):
            yield f"{where} has {len(told)} entries, and should have {len(made)}"
        for place, (one, other) in enumerate(zip(told, made, strict=False)):
            yield from _differences(one, other, f"{where}[{place}]")
    elif type(told) is not type(made) or told != made:
        yield f"{where} is {_shown(told)}, and comes out as {_shown(made)}"


def _shown(value: Any) -> str:
    return repr(value)[:120]


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_count(each) for each in value.values())
    if isinstance(value, list | tuple):
        return sum(_count(each) for each in value)
    return int(isinstance(value, int | float) and not isinstance(value, bool))


def _page(path: Path, render: Callable[[ProofReport], str], report: ProofReport) -> str:
    """Why a page is not what the report gives; "" where it is."""
    try:
        return "" if path.read_bytes() == render(report).encode() else f"{path.name} is not what {REPORT} gives"
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", path, "name a folder that `stillwatch prove` wrote"
        ) from None
