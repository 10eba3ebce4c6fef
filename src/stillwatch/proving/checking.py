"""Checking a proof from its folder alone: files, seals, commitments, and every number made again.

Numbers are compared bit for bit. Another processor or another version of a library may round the last digit of a sum
otherwise; then the check says so with both numbers, and a person sees that they agree to fifteen digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stillwatch import __version__
from stillwatch.errors import InputError, StillwatchError
from stillwatch.progress import Progress
from stillwatch.proving.folder import ANSWERS, PAGE, REPORT, STATEMENT, KeptCase, read_kept, spoilt
from stillwatch.proving.material import load
from stillwatch.proving.page import render_page, render_statement
from stillwatch.proving.questions import questions_of
from stillwatch.proving.readings.beside import plan_in as plan_beside_in
from stillwatch.proving.readings.read import plan_in
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
    holds: list[str] = []
    problems = spoilt(kept)
    if problems:  # numbers of other files would say nothing
        return Checked((), tuple(problems), 0)
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
    told = _Found(holds, problems)
    numbers = _compared(report, again, data, told)
    if report.stillwatch == __version__:
        _pages(out, again, told)
    return Checked(tuple(told.holds), tuple(told.problems), numbers)


class _Found(NamedTuple):
    """What is found on the way."""

    holds: list[str]
    problems: list[str]


class _Difference(NamedTuple):
    """A place where a report says something else than it should; ``words``: in words only."""

    said: str
    words: bool


def _compared(report: ProofReport, again: ProofReport, data: bytes, found: _Found) -> int:
    """Hold a report against the one that was made again; returns how many numbers were compared.

    What another version words otherwise is no problem: its numbers are what counts.
    """
    another = report.stillwatch != __version__
    again = msgspec.structs.replace(again, stillwatch=report.stillwatch)
    written = msgspec.json.decode(as_json(again))  # as it is read again: nothing in JSON is NaN or a tuple
    numbers = _count(written)
    different = list(_differences(msgspec.json.decode(data), written, "report"))
    worded = [each for each in different if each.words] if another else []
    counting = [each.said for each in different if each not in worded]
    if another:
        found.holds.append(
            f"the report was made by Stillwatch {report.stillwatch}, and this is {__version__}: {len(worded)} of its "
            "texts are worded otherwise, and its pages were not compared"
        )
    found.problems.extend(counting[:_MOST])
    if len(counting) > _MOST:
        found.problems.append(f"and {len(counting) - _MOST} more differences")
    if not different and data != as_json(again):
        found.problems.append(f"{REPORT} says the same, but is not as it was written")
    elif not counting:
        found.holds.append(f"all {numbers:,} numbers of {REPORT} come out the same, bit for bit")
    return numbers


def _pages(out: Path, again: ProofReport, found: _Found) -> None:
    for name, render in ((PAGE, render_page), (STATEMENT, render_statement)):
        problem = _page(out / name, render, again)
        if problem:
            found.problems.append(problem)
        else:
            found.holds.append(f"{name} says what {REPORT} says")


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
    if report.read is not None:
        settled = plan_in(said.about)
        bound = settled is not None and settled[1] == report.read.seal
        yield (
            not bound,
            (
                f"what was read of the suspect itself ends with the seal ({report.read.seal[:16]}…) that the answers' "
                "head names, so it was read before the first of them was sealed"
                if bound
                else "the answers' head does not name the readings of the report"
            ),
        )
    if report.beside is not None:
        bound = plan_beside_in(said.about) == report.beside.plan
        yield (
            not bound,
            (
                "the answers' head settles which model of ours is read along them, and what was read names their seal"
                if bound
                else "the answers' head settles nothing of the model of ours that was read along them"
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


def _differences(told: Any, made: Any, where: str) -> Iterator[_Difference]:
    """Every place where a report says something else than it should."""
    if isinstance(told, dict) and isinstance(made, dict):
        for name in sorted(told.keys() | made.keys()):
            if name not in told or name not in made:
                said = f"{where}.{name} is {'not there' if name not in told else 'too much'}"
                yield _Difference(said, False)
            else:
                yield from _differences(told[name], made[name], f"{where}.{name}")
    elif isinstance(told, list | tuple) and isinstance(made, list | tuple):
        if len(told) != len(made):
            yield _Difference(f"{where} has {len(told)} entries, and should have {len(made)}", False)
        for place, (one, other) in enumerate(zip(told, made, strict=False)):
            yield from _differences(one, other, f"{where}[{place}]")
    elif type(told) is not type(made) or told != made:
        words = isinstance(told, str) and isinstance(made, str)
        yield _Difference(f"{where} is {_shown(told)}, and comes out as {_shown(made)}", words)


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
