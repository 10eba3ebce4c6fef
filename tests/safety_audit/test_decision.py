"""What may be said of a suspect: nothing that its intervals do not show, and no difference only where that is shown."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.safety_audit.decision import decide
from stillwatch.safety_audit.report import Bounded, Contrast, Difference, Reading

MARGIN = 0.05
Ends = tuple[float, float]


def difference(contrast: Contrast, ends: Ends, distance: Ends | None = None) -> Difference:
    interval = Bounded(sum(ends) / 2, *ends)
    far = Bounded(sum(distance) / 2, *distance) if distance else None
    return Difference(contrast, interval, interval, 0.5, 0.5, 100, far)


def reading(direct: Ends, on_the_way: Ends | None = None, before: Ends | None = None, better: str = "lower") -> Reading:
    """Of a figure where lower is better, so that a positive difference is a loss."""
    found = [difference("suspect-teacher", direct)]
    found += [difference("suspect-base", on_the_way)] if on_the_way else []
    found += [difference("base-teacher", before)] if before else []
    return decide(found, better, MARGIN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("direct", "on_the_way", "before", "expected"),
    [
        ((0.2, 0.4), (0.1, 0.3), (0.0, 0.2), "worse than both"),
        ((0.2, 0.4), (0.01, 0.2), (0.1, 0.3), "worse than both"),
        ((0.2, 0.4), (-0.04, 0.04), (0.2, 0.4), "as its base"),
        ((0.2, 0.4), (-0.3, -0.1), (0.4, 0.6), "as its base"),
        ((0.2, 0.4), (0.01, 0.04), (0.2, 0.4), "as its base"),
        ((0.2, 0.4), (-0.04, 0.06), (0.2, 0.4), "worse than teacher"),  # whether more was lost is open
        ((0.2, 0.4), (-0.04, 0.04), (-0.1, 0.4), "worse than teacher"),
        ((0.2, 0.4), (-0.1, 0.3), None, "worse than teacher"),
        ((0.2, 0.4), None, None, "worse than teacher"),
        ((0.01, 0.2), None, None, "worse than teacher"),
        ((-0.04, 0.04), (0.2, 0.4), None, "no difference"),
        ((0.01, 0.04), None, None, "no difference"),  # surely there, and too small to matter
        ((-0.04, 0.06), None, None, "open"),
        ((-1.0, 1.0), (-1.0, 1.0), (-1.0, 1.0), "open"),
        ((-0.4, -0.2), None, None, "better"),
        ((0.0, 0.3), None, None, "open"),
    ],
)
def test_readings(direct: Ends, on_the_way: Ends | None, before: Ends | None, expected: Reading) -> None:
    assert reading(direct, on_the_way, before) == expected

    def turned(ends: Ends | None) -> Ends | None:
        return (-ends[1], -ends[0]) if ends else None

    turned_direct = turned(direct)
    assert turned_direct
    assert reading(turned_direct, turned(on_the_way), turned(before), "higher") == expected


def test_without_a_teacher_nothing_is_said() -> None:
    assert decide([difference("suspect-base", (0.2, 0.4))], "lower", MARGIN) == "open"
    assert decide([], "zero", MARGIN) == "open"


@pytest.mark.parametrize(
    ("signed", "distance", "expected"),
    [
        ((0.2, 0.4), (0.2, 0.4), "worse than teacher"),
        ((-0.4, -0.2), (0.2, 0.4), "worse than teacher"),  # farther from zero on the other side
        ((0.2, 0.4), (-0.4, -0.2), "better"),
        ((-0.03, 0.03), (-0.03, 0.03), "no difference"),
        ((0.5, 0.7), (-0.03, 0.03), "open"),  # as far, but on opposite sides
        ((-0.1, 0.1), (-0.1, 0.1), "open"),
    ],
)
def test_where_zero_is_best_the_distance_decides(signed: Ends, distance: Ends, expected: Reading) -> None:
    assert decide([difference("suspect-teacher", signed, distance)], "zero", MARGIN) == expected


ENDS = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(lambda e: (min(e), max(e)))


@given(ENDS, ENDS, ENDS, st.sampled_from(["higher", "lower"]))
def test_what_is_said_is_shown(
    direct: Ends, on_the_way: Ends, before: Ends, better: Literal["higher", "lower"]
) -> None:
    """Every reading but ``open`` is true of all values that the intervals leave possible."""
    found = [
        difference("suspect-teacher", direct),
        difference("suspect-base", on_the_way),
        difference("base-teacher", before),
    ]
    said = decide(found, better, MARGIN)
    sign = -1 if better == "higher" else 1
    for d, w, b in itertools.product(direct, on_the_way, before):
        worse, lost, base_worse = sign * d, sign * w, sign * b
        assert said != "worse than both" or (worse > 0 and lost > 0)
        assert said != "as its base" or (worse > 0 and base_worse > 0 and lost < MARGIN)
        assert said != "worse than teacher" or worse > 0
        assert said != "better" or worse < 0
        assert said != "no difference" or abs(worse) < MARGIN
