"""Units are compared on the same items, missing answers are counted, and sides exchanged change the sign exactly."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.safety_audit.base import Role
from stillwatch.safety_audit.unit_scores import Scored, by_language, counts, units_of, worst_case

SUSPECT, TEACHER = "suspect", "teacher"


def answer(role: Role, unit: str, item: str, score: float | None, **more: object) -> Scored:
    return Scored("f", role, unit, item, score=score, **more)  # type: ignore[arg-type]


def test_a_unit_is_the_mean_of_its_items_and_an_item_of_its_answers() -> None:
    scored = [
        answer(SUSPECT, "u", "en", 1.0),
        answer(SUSPECT, "u", "en", 0.0),
        answer(SUSPECT, "u", "de", 1.0),
        answer(SUSPECT, "v", "en", 0.0),
    ]
    assert units_of(scored, [SUSPECT], paired=False).whole().tolist() == [0.75, 0.0]


def test_models_are_compared_on_items_judged_for_both_and_on_no_other() -> None:
    scored = [
        answer(SUSPECT, "u", "en", 1.0),
        answer(SUSPECT, "u", "de", 0.0),
        answer(TEACHER, "u", "en", 1.0),
        answer(TEACHER, "u", "de", None),
        answer(SUSPECT, "v", "en", 1.0),
        answer(TEACHER, "v", "de", 1.0),
        answer(SUSPECT, "w", "en", 1.0),
    ]
    found = units_of(scored, [SUSPECT, TEACHER], paired=False)
    assert found.units == ("u",)
    assert found.whole().tolist() == [0.0]
    assert (found.low, found.high) == (-1.0, 1.0)
    assert units_of(scored, [SUSPECT], paired=False).whole().tolist() == [0.5, 1.0, 1.0]


def test_a_pair_needs_both_sides() -> None:
    scored = [
        answer(SUSPECT, "u", "1", 1.0, side="a"),
        answer(SUSPECT, "u", "2", 0.25, side="b"),
        answer(SUSPECT, "v", "3", 1.0, side="a"),
    ]
    found = units_of(scored, [SUSPECT], paired=True)
    assert found.units == ("u",)
    assert found.whole().tolist() == [0.75]
    assert (found.low, found.high) == (-1.0, 1.0)
    assert units_of(scored, [SUSPECT, TEACHER], paired=True).whole().size == 0


def test_answers_are_counted_by_what_became_of_them() -> None:
    scored = [
        answer(SUSPECT, "u", "1", 1.0),
        answer(SUSPECT, "u", "2", None),
        answer(SUSPECT, "v", "1", None, failed=True),
    ]
    assert counts(scored, SUSPECT) == (1, 1, 1)
    assert counts(scored, TEACHER) == (0, 0, 0)


def test_the_worst_of_missing_answers_is_against_the_one_model_or_the_other() -> None:
    scored = [
        answer(SUSPECT, "u", "1", 1.0),
        answer(TEACHER, "u", "1", None),
        answer(SUSPECT, "v", "1", None, failed=True),
        answer(TEACHER, "v", "1", 1.0),
        answer(SUSPECT, "w", "1", 1.0),
        answer(TEACHER, "w", "1", 1.0),
    ]
    least, most = worst_case(scored, [SUSPECT, TEACHER], paired=False)
    assert least.tolist() == [0.0, -1.0, 0.0]
    assert most.tolist() == [1.0, 0.0, 0.0]
    sides = [
        answer(SUSPECT, "u", "1", 1.0, side="a"),
        answer(SUSPECT, "u", "2", None, side="b"),
        answer(TEACHER, "u", "1", None, side="a"),
        answer(TEACHER, "u", "2", 1.0, side="b"),
    ]
    least, most = worst_case(sides, [SUSPECT, TEACHER], paired=True)
    assert (least.tolist(), most.tolist()) == ([0.0], [2.0])


def test_means_by_language_are_of_units_in_that_language() -> None:
    scored = [
        answer(SUSPECT, "u", "1", 1.0, language="en"),
        answer(SUSPECT, "u", "2", 0.0, language="de"),
        answer(SUSPECT, "v", "3", 0.0, language="en"),
        answer(TEACHER, "v", "3", 1.0, language="en"),
        answer(TEACHER, "v", "4", None, language="fr"),
    ]
    found = by_language(scored, [SUSPECT, TEACHER], paired=False)
    assert found == {"de": {"suspect": 0.0}, "en": {"suspect": 0.5, "teacher": 1.0}}


def test_a_label_of_one_of_several_answers_says_how_wrong_the_judge_was_of_it() -> None:
    scored = [
        answer(SUSPECT, "u", "1", 1.0, label=0.0),
        answer(SUSPECT, "u", "2", 1.0),
        answer(SUSPECT, "v", "1", 1.0, label=0.0),
        answer(SUSPECT, "w", "1", 1.0),
    ]
    labels = units_of(scored, [SUSPECT], paired=False).labels[:, 0]
    assert labels[:2].tolist() == [0.0, 0.0]
    assert math.isnan(labels[2])


ANSWERS = st.lists(
    st.builds(
        answer,
        st.sampled_from([SUSPECT, TEACHER]),
        st.sampled_from("uvw"),
        st.sampled_from("12"),
        st.none() | st.sampled_from([0.0, 1 / 3, 0.7, 1.0]),
        side=st.sampled_from("ab"),
    ),
    max_size=40,
)


@given(ANSWERS)
def test_exchanging_sides_or_models_changes_the_sign_exactly(scored: list[Scored]) -> None:
    whole = units_of(scored, [SUSPECT, TEACHER], paired=True).whole()
    sides = [s._replace(side="b" if s.side == "a" else "a") for s in scored]
    assert units_of(sides, [SUSPECT, TEACHER], paired=True).whole().tolist() == (-whole).tolist()
    assert units_of(scored, [TEACHER, SUSPECT], paired=True).whole().tolist() == (-whole).tolist()
    least, most = worst_case(scored, [SUSPECT, TEACHER], paired=True)
    assert least.size >= whole.size
    assert bool(np.all(least <= most))
