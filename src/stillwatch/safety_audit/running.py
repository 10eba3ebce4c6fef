"""A whole audit on one page: open the models, choose the items, know the judges, ask, report, write."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stillwatch import __version__
from stillwatch.asking.addresses import open_model
from stillwatch.asking.base import Answer, Question
from stillwatch.asking.plan import ModelPlan, plan
from stillwatch.asking.running import Asker
from stillwatch.asking.sealed import SealedFile, open_sealed
from stillwatch.asking.spending import Budget, Spending
from stillwatch.errors import AskingError, UsageError
from stillwatch.progress import Progress
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.answers import sheet_rows
from stillwatch.safety_audit.auditing import Audit, Course, Outcome, carry_out, early
from stillwatch.safety_audit.base import Role
from stillwatch.safety_audit.choosing import in_turns, units_of
from stillwatch.safety_audit.datasets.base import Loaded
from stillwatch.safety_audit.datasets.loading import load
from stillwatch.safety_audit.differences import Plan
from stillwatch.safety_audit.judging.label_sheet import SheetRow, drawn, read_sheet, write_sheet
from stillwatch.safety_audit.judging.labels import LabelBook, read_labels, read_table
from stillwatch.safety_audit.judging.panel import Judge, Named, check_judges, check_models_said
from stillwatch.safety_audit.knowing import JUDGES, known_errors
from stillwatch.safety_audit.page import render_page, render_statement
from stillwatch.safety_audit.properties.identity import families, family_of
from stillwatch.safety_audit.properties.wordings import LANGUAGES
from stillwatch.safety_audit.report import AuditReport
from stillwatch.safety_audit.reporting import Settled, build_report
from stillwatch.storage.whole import write_whole

__all__ = ["PAGE", "REPORT", "STATEMENT", "Wanted", "preview", "run", "write_questions"]

PAGE, STATEMENT, REPORT = "audit.html", "statement.html", "audit.json"
ANSWERS = "answers"
LABELLED_EACH = 60
"""Answers of each figure on a sheet."""


class Wanted(NamedTuple):
    """What the user asks of an audit; models as `open_model` takes them."""

    suspect: str
    teacher: str
    base: str | None = None
    judges: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)
    data: tuple[str, ...] = ()
    other_versions: bool = False
    family: str | None = None
    """Of the teacher's models (`identity.families`); None: as its address says."""
    most: int | None = None
    samples: int = 1
    temperature: float | None = None
    labels: Path | None = None
    level: float = 0.95
    margin: float = 0.05
    width: float = 0.1
    budget: Budget = Budget()
    seed: int = 0

    def models(self) -> dict[Role, str]:
        """The models that are asked, by role."""
        named: dict[Role, str | None] = {"suspect": self.suspect, "teacher": self.teacher, "base": self.base}
        return {role: text for role, text in named.items() if text is not None}


def run(
    wanted: Wanted, out: Path, progress: Progress, *, overwrite: bool = False, sheet: Path | None = None
) -> AuditReport:
    """Audit, and write ``audit.html``, ``statement.html`` and ``audit.json`` into ``out``, beside the sealed answers.

    With ``sheet``, a part of the answers is written there for people to label.

    Raises `UsageError` for what cannot be asked, `InputError` for files that cannot be read, `AskingError` where a
    model or a judge cannot be asked at all, `StorageError`. A killed audit leaves its sealed answers, and goes on from
    them; one that is interrupted (Ctrl-C) reports what it has.
    """
    loaded = tuple(each for address in wanted.data for each in load(address, wanted.other_versions))
    courses = chosen(wanted, loaded)
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
        seats = _seats(stack, wanted, out, overwrite)
        stack.callback(lambda: runner.run(_close(seats)))
        judges = _judges(seats)
        labelled = runner.run(known_errors([c.property for c in courses], judges, loaded, out, progress))
        audit = Audit(
            seats.askers,
            judges,
            courses,
            Plan(tuple(seats.askers), wanted.level, wanted.margin, wanted.width),
            wanted.samples,
            wanted.temperature,
            labelled,
        )
        audit = audit._replace(labels=_labels(wanted, audit))
        units: dict[str, int] = {}
        try:
            outcome = runner.run(carry_out(audit, units, progress))
        except KeyboardInterrupt:
            if not any(units.values()):
                raise
            outcome = early(audit, units, "it was interrupted")
        if not any(_sealed(asker).entries for asker in seats.askers.values()):
            raise AskingError(outcome.why or "no model answered", again=False)
        progress.step("writing results")
        report = build_report(audit, outcome, _settled(wanted, audit, outcome, loaded), seats.judges)
        if sheet is not None:
            _write_sheet(audit, outcome, sheet, wanted.seed)
    write_whole(out / REPORT, msgspec.json.encode(report) + b"\n")
    write_whole(out / PAGE, render_page(report).encode())
    write_whole(out / STATEMENT, render_statement(report).encode())
    return report


def preview(wanted: Wanted) -> list[ModelPlan]:
    """What `run` would ask at most, model by model. Nothing is asked or written."""
    questions = _questions(wanted)
    return [plan(open_model(text, _option(role)), questions) for role, text in wanted.models().items()]


def write_questions(wanted: Wanted, path: Path) -> int:
    """Write all questions as JSON lines, for a model that is asked elsewhere; returns how many.

    Requests that are harmful are among them: this is the one place where they are written, because it was asked for.
    Raises `StorageError`.
    """
    questions = _questions(wanted)
    write_whole(path, b"".join(msgspec.json.encode(question) + b"\n" for question in questions))
    return len(questions)


def _questions(wanted: Wanted) -> list[Question]:
    loaded = tuple(each for address in wanted.data for each in load(address, wanted.other_versions))
    audit = Audit({}, (), chosen(wanted, loaded), Plan(()), wanted.samples, wanted.temperature)
    return [each.question for course in audit.courses for each in audit.asked(course)]


def chosen(wanted: Wanted, loaded: Sequence[Loaded] = ()) -> tuple[Course, ...]:
    """What may be asked of each property: our own items in the languages wanted, and all those of data sets.

    Raises `UsageError` for a property or language that there is none of.
    """
    unknown = [name for name in wanted.properties if name not in PROPERTIES.names()]
    if unknown:
        raise UsageError(
            f"no property is called {unknown[0]!r}", "--property", "known: " + ", ".join(PROPERTIES.names())
        )
    family = family_of(wanted.teacher) if wanted.family is None else wanted.family
    if wanted.family is not None and family not in families():
        raise UsageError(f"no family of models is called {family!r}", "--family", "known: " + ", ".join(families()))
    courses = []
    for name, prop in PROPERTIES.all():
        if not wanted.properties or name in wanted.properties:
            items = [
                *prop.items(wanted.languages),
                *(i for each in loaded if each.property == name for i in each.items),
            ]
            courses.append(Course(prop, in_turns(units_of(items), wanted.seed)[: wanted.most]))
    if not any(course.units for course in courses):
        raise UsageError("nothing is asked in these languages", "--languages", f"known: {', '.join(LANGUAGES)}")
    return tuple(courses)


class _Seats(NamedTuple):
    """Who is asked: the models by role, and the judges."""

    askers: dict[Role, Asker]
    judges: tuple[Asker, ...]


def _option(role: Role) -> str:
    return {"suspect": "SUSPECT", "teacher": "--against", "base": "--base"}[role]


def _seats(stack: contextlib.ExitStack, wanted: Wanted, out: Path, overwrite: bool) -> _Seats:
    """Everybody's endpoint, each model with the file of its answers, all on one budget."""
    models = {role: open_model(text, _option(role)) for role, text in wanted.models().items()}
    judges = [open_model(text, "--judge") for text in wanted.judges]
    check_judges(
        [Named(text, model.name) for text, model in zip(wanted.judges, judges, strict=True)],
        [Named(text, models[role].name) for role, text in wanted.models().items()],
    )
    spending = Spending(wanted.budget)
    askers: dict[Role, Asker] = {}
    for role, model in models.items():
        about = {"audit": role, "settings": model.settings, "judges": [judge.name for judge in judges]}
        sealed = stack.enter_context(
            open_sealed(
                out / ANSWERS / f"{role}.jsonl", model=model.name, seed=wanted.seed, about=about, overwrite=overwrite
            )
        )
        askers[role] = Asker(model, spending, seed=wanted.seed, sealed=sealed)
    if overwrite:
        (out / JUDGES).unlink(missing_ok=True)
    return _Seats(askers, tuple(Asker(model, spending, seed=wanted.seed) for model in judges))


async def _close(seats: _Seats) -> None:
    for asker in (*seats.askers.values(), *seats.judges):
        await asker.close()


def _judges(seats: _Seats) -> tuple[Judge, ...]:
    """The judging models; each is asked who it is, so that none judges itself under another name."""
    said: list[set[str]] = [set() for _ in seats.judges]

    def judge(number: int, asker: Asker) -> Judge:
        async def asked(question: Question) -> Answer:
            verdict = await asker.ask(question)
            if verdict.model not in said[number]:
                said[number].add(verdict.model)
                models = {e.answer.model for a in seats.askers.values() for e in _sealed(a).entries[-50:]}
                check_models_said([name for names in said for name in names], models)
            return verdict

        return Judge(asker.model.name, asked)

    return tuple(judge(number, asker) for number, asker in enumerate(seats.judges))


def _sealed(asker: Asker) -> SealedFile:
    if asker.sealed is None:
        raise ValueError(f"{asker.model.name} has no file for its answers")
    return asker.sealed


def _rows(audit: Audit, units: Mapping[str, int]) -> Iterator[SheetRow]:
    for course in audit.courses:
        for role, asker in audit.askers.items():
            yield from sheet_rows(role, _sealed(asker), audit.asked(course, units[course.property.info.name]))


def _labels(wanted: Wanted, audit: Audit) -> LabelBook:
    """The labels that the user gave: a sheet that `run` wrote, or a table that names answers."""
    if wanted.labels is None:
        return LabelBook(())
    every = {course.property.info.name: len(course.units) for course in audit.courses}
    _, first = next(read_table(wanted.labels), ("", {}))
    if "row" in first:
        return LabelBook(read_sheet(wanted.labels, _rows(audit, every), wanted.seed))
    return LabelBook(read_labels(wanted.labels))


def _write_sheet(audit: Audit, outcome: Outcome, path: Path, seed: int) -> None:
    write_sheet(path, drawn(_rows(audit, outcome.units), seed, LABELLED_EACH), seed)


def _settled(wanted: Wanted, audit: Audit, outcome: Outcome, loaded: Sequence[Loaded]) -> Settled:
    ours = [
        item
        for course in audit.courses
        for unit in course.units[: outcome.units[course.property.info.name]]
        for item in unit.items
        if item.source == "own"
    ]
    used: list[Mapping[str, Any]] = [each.record for each in loaded]
    if ours:
        told = msgspec.json.encode(sorted(ours, key=lambda item: item.id), order="deterministic")
        about = {"title": "Stillwatch's own items", "licence": "Apache-2.0", "version": __version__}
        checksum = f"sha256:{hashlib.sha256(told).hexdigest()}"
        used.insert(0, {"name": "own", **about, "items": len(ours), "checksum": checksum})
    return Settled(wanted.seed, wanted.languages, tuple(used))
