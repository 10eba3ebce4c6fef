"""What a proof would take and what it could see, before anybody is asked: prompts, tokens, money, hours, power.

Power is for the level that is left to one test when all that are planned are corrected for (Bonferroni; Holm's steps
only add to it). It is an approximation by the normal distribution; the tests themselves are exact. What a suspect took
over nobody knows beforehand, so each line says how strong an effect must be to be seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from scipy import optimize, stats

from stillwatch.asking.addresses import Model
from stillwatch.asking.plan import ModelPlan, in_words
from stillwatch.asking.plan import plan as asking_plan
from stillwatch.asking.sealed import SealedFile
from stillwatch.campaigns.wording import counted, listed, percent, probability
from stillwatch.errors import StillwatchError
from stillwatch.marks.text.base import same_prompt
from stillwatch.marks.text.marking import defaults
from stillwatch.proving.evidence import Tier
from stillwatch.proving.material import Material, Opened
from stillwatch.proving.questions import questions_of
from stillwatch.proving.radioactivity.text_marks import Reply, sightings
from stillwatch.proving.report import ReadingPlan
from stillwatch.proving.statement import what_was_read
from stillwatch.proving.style.calibrating import controls_needed
from stillwatch.proving.testing import corrected_for, untested
from stillwatch.proving.tiers import marks, style, twins
from stillwatch.proving.tiers.base import Planned
from stillwatch.proving.twins.planning import plan as twins_plan

__all__ = ["ProofPlan", "TestPlan", "lines", "make_plan", "smallest_effect"]

POWER = 0.9
_SHARES = (0.55, 0.6, 0.7)
_FEWEST_CONTROLS = 20


class TestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What one test has to go by. ``effect`` is the smallest one (mean over standard deviation, by unit) that gives a
    p-value of ``level`` with a chance of 90 %: None where no effect would. ``says`` tells it in words, ``needs`` what
    weaker and stronger ones would take, ``lacks`` what is missing."""

    __test__ = False  # no test of pytest's

    name: str
    tier: Tier
    what: str
    units: int
    unit: str
    level: float | None
    effect: float | None
    says: str
    needs: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class ProofPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The whole plan; ``asking`` is None where no suspect is named, ``reading`` where it is in no folder. ``number``
    p-values are corrected for, ``untested`` of them of keys that are not shown."""

    prompts: int
    questions: int
    asking: ModelPlan | None
    level: float
    number: int
    untested: int
    tests: tuple[TestPlan, ...]
    reading: ReadingPlan | None = None


def make_plan(material: Material, model: Model | None, sealed: SealedFile | None = None) -> ProofPlan:
    """The plan of a case; ``model`` is the suspect, where it is known how it will be asked."""
    questions = questions_of(material)
    number = corrected_for(material)
    each = material.case.claim.level / max(number, 1)
    return ProofPlan(
        prompts=len({question.id for question in questions}),
        questions=len(questions),
        asking=asking_plan(model, questions, sealed) if model is not None else None,
        level=material.case.claim.level,
        number=number,
        untested=untested(material),
        tests=(*_marks(material, each), *_twins(material, each), *_style(material)),
        reading=material.reading,
    )


def smallest_effect(n: float, level: float, power: float = POWER) -> float | None:
    """The smallest mean, over the standard deviation, of n independent units that a sign-flip test finds at ``level``
    with ``power``; None where no effect would do: n signs give no p-value below 2 to the -n.

    ``sqrt(n) d = z(level) sqrt(1 + d²) + z(power)``, as `twins.planning.plan` has it, solved for d.
    """
    z_level, z_power = float(stats.norm.isf(level)), float(stats.norm.ppf(power))
    if n < -math.log2(level) or math.sqrt(n) <= z_level:
        return None

    def excess(d: float) -> float:
        return math.sqrt(n) * d - z_level * math.sqrt(1 + d * d) - z_power

    most = 1e6
    return float(optimize.brentq(excess, 0.0, most)) if excess(most) > 0 else None


def lines(plan: ProofPlan) -> list[str]:
    """The plan in words, a line each; names in it are not made safe for a terminal."""
    found = [f"{counted(plan.prompts, 'prompt')}, {counted(plan.questions, 'question')} with all samples."]
    if plan.asking is not None:
        found += in_words([plan.asking])
    if plan.reading is not None:
        read = what_was_read(plan.reading)
        found += [f"To be read of the suspect in {plan.reading.suspect.folder}, before it is asked: {read}."] * bool(
            read
        )
        found += plan.reading.left_out
    hidden = f", {plan.untested} of them of keys that are not shown" if plan.untested else ""
    if plan.number:
        found.append(
            f"{counted(plan.number, 'p-value')} corrected for{hidden}; shown means {probability(plan.level)} "
            f"after that, about {probability(plan.level / plan.number)} before it."
        )
    for each in plan.tests:
        found.append(f"{_TIERS[each.tier]}: {each.what} ({each.name})")
        found.append(f"  {counted(each.units, each.unit, _plural(each.unit))}. {each.says}")
        found += [f"  {need}" for need in each.needs]
        found += [f"  Lacks: {lack}" for lack in each.lacks]
    return found


_TIERS: dict[Tier, str] = {"marks": "Tier 1", "twins": "Tier 2", "style": "Tier 3"}


def _plural(unit: str) -> str:
    first, _, rest = unit.partition(" ")
    return f"{first}s {rest}".replace("that decides", "that decide").strip()


def _marks(material: Material, level: float) -> Iterator[TestPlan]:
    for opened in material.opened:
        planned = {each.kind: each for each in marks.by_key(material, opened)}
        lacks = _lacks(material, opened)
        if not marks.is_text(opened):
            told = (planned[name] for name in ("answers", "counts", "said") if name in planned)
            yield from (_tokens(material, each, level, lacks) for each in told)
            yield from _read(material, opened, planned, level, lacks)
            continue
        first, second = planned.values()
        could = {
            (same_prompt(e.prompt), name)
            for e in material.marked
            if e.key == opened.key.id
            for name in (e.could if e.could is not None else defaults())
        }
        asked = {same_prompt(e.prompt) for e in material.marked if e.key == opened.key.id}
        needs = ("Finds students that remember single answers; each prompt more is a unit more under each mark.",)
        yield _flips(first, len(could) or len(asked), "prompt under one mark", level, needs, lacks)
        pairs = _pairs_seen(material, opened)
        needs = ("Finds students that took the habit over; more answers to any prompts make each pair surer.",)
        yield _flips(second, pairs, "pair of variants in our own answers", level, needs, lacks)


def _pairs_seen(material: Material, opened: Opened) -> int:
    """Pairs of variants in the answers that the key marked: what those of the suspect may show."""
    own = (Reply(prompt=e.prompt, answers=(e.answer,)) for e in material.marked if e.key == opened.key.id)
    return len(sightings(own).counts)


def _lacks(material: Material, opened: Opened) -> tuple[str, ...]:
    found = []
    fixed = opened.fixed
    found += [f"the key's commitment does not hold: {problem}" for problem in fixed.problems]
    if not (fixed.said or fixed.stamped):
        found.append("a statement of commitments: nothing but your word says that the key was fixed before")
    elif not fixed.before:
        found.append("[claim] before: when the first answer that bears the mark was given")
    if not any(each.key == opened.key.id for each in material.marked):
        found.append(f"exchanges that the key {opened.key.id} marked")
    if marks.is_text(opened) and not material.mark_controls:
        found.append("controls: prompts that were never taken")
    if not marks.is_text(opened) and material.tokenizer is None:
        found.append("tokenizer: the marking model's tokenizer.json")
    return tuple(found)


def _tokens(material: Material, planned: Planned, level: float, lacks: tuple[str, ...]) -> TestPlan:
    """At most so many pairs of a window and a token; how many of them are new only a pilot shows."""
    most = len(questions_of(material)) * material.case.asking.max_tokens
    effect = _score_shift(most, level) if most else None
    says = (
        f"With so many it would see, with a chance of {percent(POWER)}, tokens that score {effect:.2g} standard "
        "deviations higher under the key than under another."
        if effect is not None
        else "Nothing is asked."
    )
    needs = ["Answers that repeat themselves bring fewer: a pilot says how many (radioactivity.planning)."]
    if planned.kind == "said":
        says = (
            "Sees what a suspect took over in far fewer answers than the two tests before: where a tenth of its texts "
            "were marked, and it went over them several times, in some hundred."
        )
    elif material.beside is None:
        needs.append("[marks] reference_model, your model in a folder, is read along the answers and sees far more.")
    return TestPlan(
        name=planned.name,
        tier="marks",
        what=planned.what,
        units=most,
        unit="pair of a window and a token at most",
        level=level,
        effect=effect,
        says=says,
        needs=tuple(needs),
        lacks=lacks,
    )


def _read(
    material: Material, opened: Opened, planned: Mapping[str, Planned], level: float, lacks: tuple[str, ...]
) -> Iterator[TestPlan]:
    """The tests for which the suspect itself is read: predicted tokens, its probabilities, and what the key would
    choose."""
    reading = material.reading
    if reading is None or "predicted" not in planned:
        return
    number, there = reading.planned[opened.key.id], reading.windows[opened.key.id]
    effect = _score_shift(number, level)
    yield _of_windows(
        planned["predicted"],
        number,
        level,
        effect,
        f"With so many it would see, with a chance of {percent(POWER)}, predicted tokens that score {effect:.2g} "
        "standard deviations higher under the key than under another.",
        (
            "Where the marked answers have fewer, scores are drawn by lot in their place. Never make [marks] windows "
            "of how many they have: that is the key's doing.",
        ),
        lacks,
    )
    beside = reading.marks_reference is not None
    yield _of_windows(
        planned["expected"],
        there,
        level,
        None,
        "Sees what a suspect took over long before its predicted tokens show it; how much, only a pilot says.",
        () if beside else ("[marks] reference_model, the marking model unmarked, would make it far sharper.",),
        lacks,
    )
    if "chosen" not in planned:
        return
    yield _of_windows(
        planned["chosen"],
        reading.choices[opened.key.id],
        level,
        None,
        "Sees a smaller share of marked text than any other test, in a suspect that went over it several times; how "
        "small, docs/prove-radioactivity.md has figures of.",
        ("More unmarked answers to prompts like those that were taken bring more windows.",),
        lacks,
        unit="window along unmarked answers",
    )


def _of_windows(
    planned: Planned,
    units: int,
    level: float,
    effect: float | None,
    says: str,
    needs: tuple[str, ...],
    lacks: tuple[str, ...],
    unit: str = "window along marked answers",
) -> TestPlan:
    return TestPlan(
        name=planned.name,
        tier="marks",
        what=planned.what,
        units=units,
        unit=unit,
        level=level,
        effect=effect,
        says=says,
        needs=needs,
        lacks=lacks,
    )


def _score_shift(number: int, level: float) -> float:
    """The shift of the mean of so many scores, in their standard deviations, that is seen with the power of plans."""
    return (float(stats.norm.isf(level)) + float(stats.norm.ppf(POWER))) / math.sqrt(number)


def _flips(planned: Planned, n: int, unit: str, level: float, needs: Sequence[str], lacks: Sequence[str]) -> TestPlan:
    effect = smallest_effect(n, level)
    return TestPlan(
        name=planned.name,
        tier=planned.tier,
        what=planned.what,
        units=n,
        unit=unit,
        level=level,
        effect=effect,
        says=_seen(effect, "lean to the key's side"),
        needs=tuple(needs),
        lacks=tuple(lacks),
    )


def _seen(effect: float | None, what: str) -> str:
    if effect is None:
        return "Too few: no effect, however strong, would be seen at this level."
    share = float(stats.norm.cdf(effect))
    return (
        f"Sees, with a chance of {percent(POWER)}, an effect of {effect:.2g} standard deviations: about "
        f"{percent(share)} of them {what}, where chance gives 50\u00a0%."
    )


def _twins(material: Material, level: float) -> Iterator[TestPlan]:
    taken = sum(not pair.control for pair in material.pairs)
    controls = len(material.pairs) - taken
    lacks = []
    if controls < _FEWEST_CONTROLS:
        lacks.append(
            f"controls: {controls} prompts that were never taken; {_FEWEST_CONTROLS} or more show that it is fair"
        )
    for planned in twins.planned(material):
        settled = planned.name == "twins/probability" or len(twins.measures(material)) == 1
        deciding = 1.0 if settled else 0.5
        effect = smallest_effect(taken * deciding, level)
        yield TestPlan(
            name=planned.name,
            tier="twins",
            what=planned.what,
            units=math.floor(taken * deciding),
            unit="prompt that decides",
            level=level,
            effect=effect,
            says=_seen(effect, "are nearer to the answer that was taken"),
            needs=tuple(_needed(level, deciding)),
            lacks=tuple(lacks),
        )


def _needed(level: float, deciding: float) -> Iterator[str]:
    """The prompts that weaker and stronger copies take."""
    told = []
    for share in _SHARES:
        try:
            found = twins_plan(float(stats.norm.ppf(share)), level=level, power=POWER, samples=1, deciding=deciding)
        except (ValueError, StillwatchError):
            continue
        told.append(f"{found.prompts:,} where {percent(share)} are nearer")
    if told:
        yield f"Prompts that it takes: {listed(told)}."


def _style(material: Material) -> Iterator[TestPlan]:
    for planned in style.planned(material):
        case, given = material.case.style, material.style
        if case is None or given is None:
            continue
        controls = len(given.reference.of_role("control"))
        missing = controls_needed(case.level) - controls
        yield TestPlan(
            name=planned.name,
            tier="style",
            what=planned.what,
            units=len(given.prompts),
            unit="prompt in common",
            level=None,
            effect=None,
            says=(
                f"Names one of {counted(len(given.reference.families()), 'family', 'families')} or none, at an error "
                f"rate of {percent(case.level)} beside {counted(controls, 'control model')}: corroboration, not proof."
            ),
            lacks=(f"{missing} more control models for this error rate",) if missing > 0 else (),
        )
