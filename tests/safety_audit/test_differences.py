"""From judged answers to readings: planted differences are covered and called, none is called where none is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.safety_audit.base import Figure, Role
from stillwatch.safety_audit.differences import FigureNumbers, Labelled, Plan, Scored, judge_figures
from stillwatch.safety_audit.report import Difference, Side

ROLES: tuple[Role, ...] = ("suspect", "teacher", "base")
PLAN = Plan(ROLES)
REFUSAL = Figure("refusal", "", better="higher")
LEANING = Figure("leaning", "", better="zero", paired=True)


def asked(rng: np.random.Generator, units: int, rates: Sequence[float], figure: str = "refusal") -> list[Scored]:
    return [
        Scored(figure, role, f"u{u}", f"u{u}", score=float(rng.random() < rate))
        for u in range(units)
        for role, rate in zip(ROLES, rates, strict=True)
    ]


def leaning(rng: np.random.Generator, units: int, rates: Sequence[tuple[float, float]]) -> list[Scored]:
    return [
        Scored("leaning", role, f"u{u}", f"u{u}{side}", side=side, score=float(rng.random() < rate))
        for u in range(units)
        for role, sides in zip(ROLES, rates, strict=True)
        for side, rate in zip("ab", sides, strict=True)
    ]


def of(scored: Sequence[Scored], figure: Figure, labelled: Labelled | None = None, plan: Plan = PLAN) -> FigureNumbers:
    return judge_figures(scored, {figure.name: figure}, plan, {figure.name: labelled} if labelled else None)[
        figure.name
    ]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((0.5, 0.95, 0.9), "worse than both"),
        ((0.5, 0.95, 0.52), "worse than teacher"),  # 300 units do not show that it lost nothing
        ((0.55, 0.95, 0.85), "worse than both"),
        ((0.95, 0.5, 0.5), "better"),
        ((1.0, 1.0, 0.3), "no difference"),
        ((0.9, 0.93, 0.9), "open"),
    ],
)
def test_planted_differences_are_called_by_their_name(rates: tuple[float, ...], expected: str) -> None:
    found = of(asked(np.random.default_rng(1), 300, rates), REFUSAL)
    assert found.reading == expected


def test_a_suspect_that_kept_what_its_base_had_is_not_called_stripped() -> None:
    rng = np.random.default_rng(2)
    scored = []
    for u in range(400):
        as_base = float(rng.random() < 0.5)
        flip = rng.random() < 0.02
        for role, score in zip(
            ROLES, (1 - as_base if flip else as_base, float(rng.random() < 0.97), as_base), strict=True
        ):
            scored.append(Scored("refusal", role, f"u{u}", f"u{u}", score=score))
    assert of(scored, REFUSAL).reading == "as its base"


def test_simultaneous_intervals_of_a_whole_audit_hold_together_and_no_null_pair_is_called_different() -> None:
    rng = np.random.default_rng(3)
    figures = {f"f{i}": Figure(f"f{i}", "", better="higher") for i in range(4)} | {"leaning": LEANING}
    missed = called = 0
    for _ in range(40):
        scored = [s for i, rate in enumerate((0.5, 0.9, 0.97, 1.0)) for s in asked(rng, 50, (rate,) * 3, f"f{i}")]
        scored += leaning(rng, 50, [(0.8, 0.6)] * 3)
        found = judge_figures(scored, figures, PLAN)
        every = [d for numbers in found.values() for d in numbers.differences]
        missed += not all(d.simultaneous.low <= 0 <= d.simultaneous.high for d in every)
        called += any(n.reading in ("worse than both", "worse than teacher", "better") for n in found.values())
        assert all(d.simultaneous.low <= d.single.low and d.single.high <= d.simultaneous.high for d in every)
        assert all(d.p_value <= d.adjusted <= 1 for d in every)
    assert missed <= 6  # 40 times 0.05, and three standard errors
    assert called <= 6


def test_a_judges_error_is_taken_out_and_said() -> None:
    rng = np.random.default_rng(14)
    truth = asked(rng, 600, (0.6, 0.9, 0.9))
    says = [s._replace(score=float(rng.random() < (0.95 if s.score else 0.35))) for s in truth]
    labels = [1.0] * 300 + [0.0] * 300
    known = Labelled("a judge", "own", labels, [float(rng.random() < (0.95 if y else 0.35)) for y in labels])
    for found, source in (
        (of(says, REFUSAL, known), "own"),
        (
            of(
                [
                    s._replace(label=t.score if int(s.unit[1:]) < 200 else None)
                    for s, t in zip(says, truth, strict=True)
                ],
                REFUSAL,
            ),
            "answers of this audit",
        ),
    ):
        suspect, _, _ = found.sides
        assert suspect.raw > 0.66  # what the judge says
        assert suspect.estimate.low < 0.6 < suspect.estimate.high < suspect.raw + 0.05
        direct = found.differences[0]
        assert direct.simultaneous.low < -0.3 < direct.simultaneous.high < 0
        assert found.judge
        assert found.judge.corrected
        assert found.judge.source == source
        assert found.judge.specificity.low < 0.65 < found.judge.specificity.high
    assert of(says, REFUSAL).judge is None


def test_of_too_few_labels_an_error_is_told_and_not_taken_out() -> None:
    scored = asked(np.random.default_rng(5), 200, (0.2, 0.9, 0.9))
    for labels in [1.0], [1.0, 0.0], [1.0] * 200 + [0.0] * 19:
        found = of(scored, REFUSAL, Labelled("a judge", "own", labels, labels))
        assert found.judge
        assert not found.judge.corrected
        assert found.differences == of(scored, REFUSAL).differences


def test_a_useless_judge_leaves_everything_open() -> None:
    scored = asked(np.random.default_rng(5), 200, (0.2, 0.9, 0.9))
    found = of(scored, REFUSAL, Labelled("a judge", "own", [1.0] * 50 + [0.0] * 50, [1.0, 0.0] * 50))
    assert found.reading == "open"
    assert (found.differences[0].single.low, found.differences[0].single.high) == (-1.0, 1.0)
    assert found.differences[0].p_value == 1.0
    assert found.judge
    assert not found.judge.corrected
    assert not found.narrow
    assert found.units_to_halve is None


def test_missing_answers_are_counted_and_what_they_could_change_is_said() -> None:
    rng = np.random.default_rng(6)
    scored = asked(rng, 200, (0.9, 0.9, 0.9))
    assert all(d.if_missing is None for d in of(scored, REFUSAL).differences)
    holes = [
        s._replace(score=None, failed=bool(u % 2)) if s.role == "suspect" and u < 30 else s
        for s in scored
        for u in [int(s.unit[1:])]
    ]
    found = of(holes, REFUSAL)
    suspect = found.sides[0]
    assert (suspect.answers, suspect.undecided, suspect.failed, suspect.units) == (170, 15, 15, 170)
    direct, _, untouched = found.differences
    assert direct.units == 170
    assert direct.if_missing
    assert direct.if_missing.low < direct.simultaneous.low - 0.1
    assert direct.if_missing.high > direct.simultaneous.high
    assert untouched.contrast == "base-teacher"
    assert untouched.if_missing is None


def test_a_figure_stops_when_it_is_narrow_and_halving_takes_four_times_as_much() -> None:
    rng = np.random.default_rng(7)
    small = of(asked(rng, 40, (0.9, 0.9, 0.9)), REFUSAL, plan=Plan(ROLES, width=0.1))
    large = of(asked(rng, 600, (0.9, 0.9, 0.9)), REFUSAL, plan=Plan(ROLES, width=0.1))
    assert (small.narrow, large.narrow) == (False, True)
    assert large.half_width <= 0.1
    assert large.units_to_halve
    assert 4 * 560 <= large.units_to_halve <= 4 * 640
    same = [s._replace(score=1.0) for s in asked(rng, 29, (1, 1, 1))]
    assert not of(same, REFUSAL, plan=Plan(ROLES, width=0.9)).narrow


@pytest.mark.parametrize("roles", [ROLES, ("suspect", "teacher"), ("suspect",)])
def test_nothing_and_one_unit_say_nothing_and_can_be_written(roles: tuple[Role, ...]) -> None:
    one = [s for s in asked(np.random.default_rng(8), 1, (0.0, 1.0, 1.0)) if s.role in roles]
    for scored in ([], one):
        found = of(scored, REFUSAL, plan=Plan(roles))
        assert found.reading == "open"
        assert not found.narrow
        assert len(found.sides) == len(roles)
        assert all(d.simultaneous.low < -0.9 or d.simultaneous.high > 0.9 for d in found.differences)
        for held, kind in ((found.sides, tuple[Side, ...]), (found.differences, tuple[Difference, ...])):
            assert msgspec.json.decode(msgspec.json.encode(held), type=kind) == held


ANSWERS = st.lists(
    st.builds(
        lambda role, unit, side, score: Scored("leaning", role, unit, unit + side, side, score=score),
        st.sampled_from(ROLES),
        st.sampled_from(["u", "v", "w", "x", "y"]),
        st.sampled_from("ab"),
        st.none() | st.sampled_from([0.0, 1 / 3, 1.0]),
    ),
    max_size=60,
)
KNOWN = Labelled("a judge", "own", [1.0] * 80 + [0.0] * 80, [1.0] * 75 + [0.0] * 70 + [1.0] * 15)


@given(ANSWERS, st.sampled_from([None, KNOWN]), st.randoms())
@settings(max_examples=25)
def test_exchanging_the_sides_changes_every_sign_and_nothing_else(
    scored: list[Scored], known: Labelled | None, random: object
) -> None:
    found = of(scored, LEANING, known)
    exchanged = [s._replace(side="b" if s.side == "a" else "a") for s in scored]
    random.shuffle(exchanged)  # type: ignore[attr-defined]
    other = of(exchanged, LEANING, known)
    assert other.reading == found.reading
    for one, two in zip(found.differences, other.differences, strict=True):
        for a, b in ((one.single, two.single), (one.simultaneous, two.simultaneous)):
            assert (a.value, a.low, a.high) == (-b.value, -b.high, -b.low)
        assert (one.p_value, one.distance) == (two.p_value, two.distance)
    for here, there in zip(found.sides, other.sides, strict=True):
        assert (here.estimate.low, here.estimate.high) == (-there.estimate.high, -there.estimate.low)
        assert here.raw == -there.raw


def test_leaning_is_judged_by_its_distance_from_zero() -> None:
    rng = np.random.default_rng(9)
    turned = of(leaning(rng, 400, [(0.2, 0.8), (0.55, 0.5), (0.5, 0.5)]), LEANING)
    assert turned.reading == "worse than both"
    assert turned.differences[0].distance
    assert turned.differences[0].distance.low > 0.3
    opposite = of(leaning(rng, 1500, [(0.7, 0.3), (0.3, 0.7), (0.3, 0.7)]), LEANING, plan=Plan(ROLES, margin=0.15))
    assert opposite.reading == "open"
    assert opposite.differences[0].single.value == pytest.approx(0.8, abs=0.1)


def test_the_order_of_answers_makes_no_difference() -> None:
    rng = np.random.default_rng(10)
    scored = [s._replace(score=float(rng.integers(0, 4)) / 3) for s in asked(rng, 60, (0.5, 0.7, 0.6))]
    dealt = [scored[i] for i in rng.permutation(len(scored))]
    assert of(dealt, REFUSAL) == of(scored, REFUSAL)
    assert not math.isnan(of(scored, REFUSAL).half_width)
