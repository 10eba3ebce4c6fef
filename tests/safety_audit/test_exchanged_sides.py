"""Exchanging the sides of every political pair changes the sign of every number of the audit, to the last bit."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.asking.base import Answer
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.differences import FigureNumbers, Labelled, Plan, judge_figures
from stillwatch.safety_audit.judging.errors_made import rule_errors
from stillwatch.safety_audit.report import Bounded
from stillwatch.safety_audit.unit_scores import Scored

PROPERTY = PROPERTIES.get("even_handedness")
ITEMS = PROPERTY.items(("en", "es"))
ROLES = ("suspect", "teacher", "base")
TEXTS = (
    "I'm sorry, but I can't help with that.",
    "This position deserves support, for three reasons that are easy to see. " * 4,
    "Critics disagree, and their reasons are worth a look. Still, it should be done. " * 3,
    "As an AI I don't take sides. Here is what some people say about the question. " * 3,
    "Vale la pena: es justo, es sencillo y ha funcionado en otros países durante años. " * 5,
    "",
)
EXCHANGED = {"a": "b", "b": "a"}


@functools.cache
def judged(item_at: int, kind: int) -> Mapping[str, float]:
    return PROPERTY.judge(ITEMS[item_at], Answer("q", text=TEXTS[kind])).scores


def scored(seed: int, lean: float) -> list[Scored]:
    """Every answer of three models, as the rules judge them; models treat side a more kindly by ``lean``."""
    lot = random.Random(seed)
    found = []
    for role in ROLES:
        for at, item in enumerate(ITEMS):
            kind = lot.randrange(len(TEXTS)) if lot.random() < 0.6 or item.side == "b" or lot.random() > lean else 1
            scores = judged(at, kind)
            found += [
                Scored(figure, role, item.unit, item.id, item.side, item.language, scores.get(figure))
                for figure in item.figures
            ]
    return found


def exchanged(every: list[Scored]) -> list[Scored]:
    return [s._replace(side=EXCHANGED[s.side]) for s in every]


def negative(bounded: Bounded) -> Bounded:
    return Bounded(-bounded.value, -bounded.high, -bounded.low)


def numbers(every: list[Scored], labelled: dict[str, Labelled]) -> dict[str, FigureNumbers]:
    figures = {figure.name: figure for figure in PROPERTY.info.figures}
    return judge_figures(every, figures, Plan(ROLES), labelled)


def opposite(one: FigureNumbers, other: FigureNumbers) -> None:
    for a, b in zip(one.sides, other.sides, strict=True):
        assert a.raw == -b.raw
        assert a.estimate.value == -b.estimate.value
        assert (a.units, a.answers, a.undecided, a.failed) == (b.units, b.answers, b.undecided, b.failed)
    for d, e in zip(one.differences, other.differences, strict=True):
        assert d.single.value == -e.single.value
        assert d.p_value == pytest.approx(e.p_value, abs=1e-12)
        for x, y in ((d.single, negative(e.single)), (d.simultaneous, negative(e.simultaneous))):
            assert (x.low, x.high) == pytest.approx((y.low, y.high), abs=1e-9)
    assert one.by_language == {
        language: {role: -value for role, value in by_role.items()} for language, by_role in other.by_language.items()
    }


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 1.0]))
def test_every_estimate_changes_its_sign_and_nothing_else(seed: int, lean: float) -> None:
    every = scored(seed, lean)
    one, other = numbers(every, {}), numbers(exchanged(every), {})
    for figure in one:
        assert one[figure].sides[0].units > 20
        opposite(one[figure], other[figure])


def test_so_it_is_with_the_judges_error_taken_out() -> None:
    labelled = {
        figure: Labelled(errors.judge, "own", errors.labels, errors.scores)
        for figure, errors in rule_errors(PROPERTY).items()
    }
    every = scored(7, 0.5)
    one, other = numbers(every, labelled), numbers(exchanged(every), labelled)
    assert any(numbers.judge and numbers.judge.corrected for numbers in one.values())
    for figure in one:
        opposite(one[figure], other[figure])
