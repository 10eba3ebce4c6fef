"""The audit against models whose behaviour is planted: python -m bench audit

Each audit is whole and real: questions over HTTP to a reference server (`stillwatch.safety_audit.reference`), answers
sealed, judged, and differences with intervals. What was planted is known, so coverage is counted: how many of the 95 %
intervals hold the planted difference, and how many differences are told where two models were planted alike.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.tables import Table, publish, say
from stillwatch.asking.addresses import Model, open_model
from stillwatch.asking.limits import Limits
from stillwatch.asking.running import Asker
from stillwatch.asking.sealed import open_sealed
from stillwatch.asking.spending import Spending
from stillwatch.calibration import clopper_pearson
from stillwatch.progress import Silent
from stillwatch.safety_audit.answers import name_of
from stillwatch.safety_audit.auditing import Audit, Course, carry_out, result
from stillwatch.safety_audit.base import ROLES, Item, Role
from stillwatch.safety_audit.choosing import in_turns, units_of
from stillwatch.safety_audit.differences import CONTRASTS, FigureNumbers, Labelled, Plan
from stillwatch.safety_audit.judging.panel import Judge
from stillwatch.safety_audit.reference.answering import Answerer
from stillwatch.safety_audit.reference.behaviour import Behaviour
from stillwatch.safety_audit.reference.cast import Cast, Known
from stillwatch.safety_audit.reference.known import known_properties
from stillwatch.safety_audit.reference.server import Serving, serving

LANGUAGES = ("en", "zh")
FAULTS = {"share": 0.1, "mishaps": ["limited", "overloaded", "error", "broken", "cut"], "retry_after": 0.01}
FAST = Limits(concurrency=16, timeout=20.0, tries=20)


class Setting(NamedTuple):
    """What is planted: by role the share of answers of the usual kind, and what else.

    ``lean`` makes side b of every pair do worse, ``shared`` lets all models find the same units hard, ``faults`` makes
    a tenth of all tries fail.
    """

    restraint: Mapping[Role, float]
    shared: float = 0.0
    lean: bool = False
    faults: bool = False

    @property
    def name(self) -> str:
        """As a row is called."""
        levels = " ".join(f"{role} {share:g}" for role, share in self.restraint.items())
        extras = [word for word, is_so in (("lean", self.lean), ("faults", self.faults)) if is_so]
        return ", ".join([levels, *([f"shared {self.shared:g}"] if self.shared else []), *extras])


LEVELS = [
    (0.9, 0.9, 0.9), (0.5, 0.5, 0.5), (0.98, 0.98, 0.98), (1.0, 1.0, 1.0),
    (0.1, 0.9, 0.85), (0.6, 0.9, 0.5), (0.85, 0.95, 0.95), (0.02, 0.98, 0.9),
    (0.7, 0.8, 0.3), (0.95, 0.6, 0.6), (0.0, 1.0, 0.5), (0.4, 0.4, 0.9),
]  # fmt: skip
SETTINGS = tuple(
    Setting(dict(zip(ROLES, levels, strict=True)), shared, lean, faults)
    for levels, (shared, lean, faults) in itertools.product(
        LEVELS, [(0.0, False, False), (0.6, False, True), (0.0, True, False)]
    )
)


class Told(NamedTuple):
    """One difference that an audit told, and what was planted."""

    setting: str
    figure: str
    contrast: str
    planted: float
    value: float
    low: float
    high: float
    level_low: float
    level_high: float
    """Of the interval that holds together with all others."""
    alike: bool
    """Whether both models were planted alike."""

    @property
    def covered(self) -> bool:
        return self.low - 1e-9 <= self.planted <= self.high + 1e-9

    @property
    def covered_together(self) -> bool:
        return self.level_low - 1e-9 <= self.planted <= self.level_high + 1e-9

    @property
    def false(self) -> bool:
        """A difference told where there is none."""
        return self.alike and not self.low <= 0 <= self.high


def rates_of(answerer: Answerer, share: float, kinds: Sequence[str] = ()) -> dict[str, float]:
    """The usual kind at ``share``, the others (of ``kinds``, where these are named) alike often."""
    others = [kind for kind in kinds or answerer.kinds if kind != answerer.usual]
    return {answerer.usual: share} | dict.fromkeys(others, (1 - share) / len(others))


def planted(
    setting: Setting,
    known: Sequence[Known],
    seed: int,
    judges: Mapping[str, Any] | None = None,
    kinds: Mapping[str, Sequence[str]] | None = None,
) -> Behaviour:
    """The behaviour of a setting's models, and of a judging one."""

    def rates(one: Known, share: float) -> dict[str, float]:
        return rates_of(one.answerer, share, (kinds or {}).get(one.name, ()))

    models: dict[str, Any] = {}
    for role, share in setting.restraint.items():
        models[role] = {
            "rates": {one.name: rates(one, share) for one in known},
            "shared": setting.shared,
            "failures": FAULTS if setting.faults else {},
        }
        if setting.lean:
            worse = share * (0.5 if role == "suspect" else 0.8)
            models[role]["where"] = [{"property": one.name, "side": "b", "rates": rates(one, worse)} for one in known]
    models["stranger"] = {"rates": {one.name: rates(one, 0.5) for one in known}}
    models["judge"] = {"judges": dict(judges or {})}
    return msgspec.convert({"models": models, "seed": seed}, Behaviour)


def some_of(known: Sequence[Known], units: int, seed: int) -> list[Course]:
    """So many units of each property, in the order in which an audit asks them."""
    return [Course(one.property, in_turns(units_of(one.items), seed)[:units]) for one in known]


async def measured(
    served: Serving,
    courses: Sequence[Course],
    folder: Path,
    *,
    width: float,
    judges: Sequence[Judge] = (),
    labelled: Mapping[str, Labelled] | None = None,
) -> tuple[dict[str, FigureNumbers], dict[str, FigureNumbers]]:
    """One whole audit of the models ``suspect``, ``teacher`` and ``base`` of a server, with labels and without."""
    spending = Spending()
    with contextlib.ExitStack() as files:
        askers: dict[Role, Asker] = {}
        for role in ROLES:
            model = quick(served, role)
            sealed = files.enter_context(open_sealed(folder / f"{role}.jsonl", model=model.name, seed=0))
            askers[role] = Asker(model, spending, sealed=sealed)
        plan = Plan(ROLES, width=width)
        audit = Audit(askers, judges, courses, plan, labelled=labelled or {})
        outcome = await carry_out(audit, {}, Silent())
        for asker in askers.values():
            await asker.close()
        if outcome.why:
            raise RuntimeError(outcome.why)
        return result(audit, outcome.units), result(audit._replace(labelled={}), outcome.units)


def quick(served: Serving, model: str) -> Model:
    """One of the server's models, asked as fast as it answers."""
    return open_model(served.address(model))._replace(limits=FAST)


def compared(
    setting: Setting,
    cast: Cast,
    courses: Sequence[Course],
    known: Sequence[Known],
    numbers: Mapping[str, FigureNumbers],
) -> list[Told]:
    """What was told beside what was planted, figure by figure.

    Left out is a figure that some answers say nothing of where models share their luck: the units that are judged for
    both models are then not a fair part of all, so that what was planted is not what such an audit measures.
    """
    items = [item for course in courses for unit in course.units for item in unit.items]
    truths = {role: cast.truth(role, items) for role in ROLES}
    told = []
    for one in known:
        for figure in one.property.info.figures:
            name = name_of(one.property, figure)
            key = (one.name, figure.name)
            if name not in numbers or key not in truths["suspect"]:
                continue
            if setting.shared and not always_told(one, figure.name, items):
                continue
            for difference in numbers[name].differences:
                first, second = CONTRASTS[difference.contrast]
                single, together = difference.single, difference.simultaneous
                told.append(
                    Told(
                        setting.name, name, difference.contrast, truths[first][key] - truths[second][key],
                        single.value, single.low, single.high, together.low, together.high,
                        cast.behaviour.models[first] == cast.behaviour.models[second],
                    )
                )  # fmt: skip
    return told


def always_told(one: Known, figure: str, items: Iterable[Item]) -> bool:
    """Whether every kind of answer to every item of the figure has a score in it."""
    about = [item for item in one.items if not item.figures or figure in item.figures]
    return all(figure in one.answerer.scores(item, kind) for item in about for kind in one.answerer.kinds)


def coverage(settings: Sequence[Setting], repeats: int, units: int, names: Sequence[str] | None) -> list[Told]:
    """Every setting, so many times, each time with new draws; languages take turns."""
    told = []
    began = time.monotonic()
    for number, (repeat, setting) in enumerate(itertools.product(range(repeats), settings)):
        known = known_properties((LANGUAGES[number % len(LANGUAGES)],), names)
        cast = Cast(planted(setting, known, seed=number), known)
        courses = some_of(known, units, seed=number)
        with serving(cast) as served, tempfile.TemporaryDirectory() as folder:
            numbers, _ = asyncio.run(measured(served, courses, Path(folder), width=0.1))
        told += compared(setting, cast, courses, known, numbers)
        seconds = time.monotonic() - began
        say(f"{number + 1} of {len(settings) * repeats}: {setting.name}, repeat {repeat} ({seconds:.0f} s)")
    return told


def share(told: Sequence[Told], of: str) -> dict[str, Any]:
    """How many of the differences are ``of`` that kind, as a share with its exact interval."""
    held = sum(getattr(one, of) for one in told)
    interval = clopper_pearson(held, len(told)) if told else None
    return {"share": interval.value, "95 %": f"{interval.low:.3f} to {interval.high:.3f}"} if interval else {}


def rows_of(told: Sequence[Told]) -> list[dict[str, Any]]:
    """Coverage over all, and by what was planted."""
    groups: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        groups["all"].append(one)
        groups["planted alike" if one.alike else "planted apart"].append(one)
        for word in ("shared", "lean", "faults"):
            if word in one.setting:
                groups[f"with {word}"].append(one)
        groups[one.figure].append(one)
    rows = []
    for name, some in groups.items():
        width = sum(one.high - one.low for one in some) / 2 / len(some)
        covered = share(some, "covered")
        together = sum(one.covered_together for one in some) / len(some)
        row = {"differences": name, "n": len(some), "covered": covered["share"], "of the share": covered["95 %"]}
        rows.append({**row, "simultaneous": together, "half-width": width})
    return rows


def false_rows(told: Sequence[Told]) -> list[dict[str, Any]]:
    """Differences told of models that were planted alike."""
    alike = [one for one in told if one.alike]
    rows = []
    for setting in dict.fromkeys(one.setting for one in alike):
        some = [one for one in alike if one.setting == setting]
        rows.append(
            {"setting": setting, "n": len(some), "told": sum(one.false for one in some), **share(some, "false")}
        )
    return [{"setting": "all", "n": len(alike), "told": sum(o.false for o in alike), **share(alike, "false")}, *rows]


def main(arguments: Sequence[str] = ()) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--units", type=int, default=60, help="of each property, at most")
    parser.add_argument("--properties", nargs="*")
    parser.add_argument("--settings", type=int, default=len(SETTINGS), help="only so many, for a look")
    given = parser.parse_args(arguments)
    told = coverage(SETTINGS[: given.settings], given.repeats, given.units, given.properties)
    note = f"{given.settings} settings, {given.repeats} times each, three models over HTTP; intervals of 95 %."
    publish(Table("audit_coverage", "Do an audit's intervals hold what was planted?", rows_of(told), note))
    publish(Table("audit_false", "Differences told of models that were planted alike", false_rows(told)))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
