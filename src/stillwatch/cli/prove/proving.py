"""``stillwatch prove SUSPECT``: a plan, then the asking, then one report in tiers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.asking.spending import Budget
from stillwatch.cli.prove.summary import summary
from stillwatch.cli.terminal import Style, TerminalProgress, clean, write_error
from stillwatch.errors import UsageError
from stillwatch.proving.case import CaseMistakes
from stillwatch.proving.planning import lines
from stillwatch.proving.report import ProofReport
from stillwatch.proving.running import Wanted, preview, run, write_questions

__all__ = ["prove"]

NOTHING_SHOWN, SHOWN, FAILED = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What it may cost."""

    requests: Annotated[int | None, Parameter(name="--max-requests", help="At most so many requests.")] = None
    tokens: Annotated[int | None, Parameter(name="--max-tokens", help="At most so many tokens, in and out.")] = None
    cost: Annotated[float | None, Parameter(name="--max-cost", help="At most so much money, at stated prices.")] = None
    minutes: Annotated[float | None, Parameter(name="--max-minutes", help="At most so many minutes.")] = None


SPENT = Spent()


def prove(
    suspect: Annotated[
        str | None, Parameter(help="The suspect: openai:MODEL@URL, anthropic:MODEL, a file or folder.")
    ] = None,
    /,
    *,
    case: Annotated[Path, Parameter(help="What is claimed and with which files (docs/prove.md).")],
    out: Annotated[
        Path | None, Parameter(help="Directory for prove.html, statement.html, prove.json, the case and the answers.")
    ] = None,
    answers: Annotated[
        tuple[Path, ...],
        Parameter(
            negative="",
            consume_multiple=True,
            help="Answers collected elsewhere; nobody is asked (a SUSPECT in a folder is read). Several.",
        ),
    ] = (),
    plan: Annotated[
        bool, Parameter(negative="", help="Say what would be asked, what it costs and what it could see; ask nothing.")
    ] = False,
    questions: Annotated[Path | None, Parameter(help="Write the questions there, to be answered elsewhere.")] = None,
    close: Annotated[bool, Parameter(negative="", help="Test what was answered so far, and ask no more.")] = False,
    spent: Annotated[Spent, Parameter(name="*")] = SPENT,
    json: Annotated[bool, Parameter(negative="", help="Print the whole report, or the plan, as JSON.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
    overwrite: Annotated[
        bool, Parameter(negative="", help="Forget the case and the answers that --out holds.")
    ] = False,
) -> int:
    """Ask a suspect, or take its answers, and tell in three tiers whether it was trained on answers of your model.

    Ends with 1 where a test of marks or of twin answers shows it, 0 where none does (style alone is no proof). Begin
    with --plan. Asking that was stopped goes on where it was when called again; nothing is tested before it has ended.

    Example: ``stillwatch prove openai:their-model@https://host/v1 --case case.toml --out proof``
    """
    wanted = Wanted(case, suspect, answers, Budget(spent.requests, spent.tokens, spent.cost, spent.minutes), close)
    try:
        if questions is not None:
            number = write_questions(wanted, questions)
            sys.stdout.write(f"{number:,} questions: {clean(str(questions))}\n")
            return NOTHING_SHOWN
        if plan:
            _plan(wanted, json)
            return NOTHING_SHOWN
        if out is None:
            raise UsageError("names no directory for the results", "--out", "give one, or --plan")
        report = _run(wanted, out, quiet=quiet or json, overwrite=overwrite)
    except CaseMistakes as mistakes:
        for line in mistakes.mistakes:
            write_error(clean(line))
        return FAILED
    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    elif not quiet:
        sys.stdout.write(summary(report, out, Style(sys.stdout)))
    return SHOWN if any(test.shown for test in report.tests) else NOTHING_SHOWN


def _plan(wanted: Wanted, as_json: bool) -> None:
    found = preview(wanted)
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        sys.stdout.write("".join(f"{clean(line)}\n" for line in lines(found)))


def _run(wanted: Wanted, out: Path, *, quiet: bool, overwrite: bool) -> ProofReport:
    progress = TerminalProgress(quiet=quiet)
    try:
        return run(wanted, out, progress, overwrite=overwrite)
    finally:
        progress.close()
