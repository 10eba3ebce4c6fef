"""A drill ends within its budget: no planting is begun that is not likely to end in time."""

from __future__ import annotations

from pathlib import Path

from stillwatch.drill.drilling import _may_begin
from stillwatch.drill.record import Record

BUDGET = 1800.0
SHORT, IN_TIME = 65, 67
"""The numbers of a plain planting, and of one that also looks at parts of the log."""


def record(seconds: dict[int, float]) -> Record:
    return Record(Path("nowhere"), {}, seconds)


def test_a_long_planting_is_not_begun_where_a_short_one_still_may() -> None:
    taken = record({n: 200.0 if n % 8 == 3 else 30.0 for n in range(60)})
    late = BUDGET - 150
    assert _may_begin(late, BUDGET, taken, SHORT, 0.5)
    assert not _may_begin(late, BUDGET, taken, IN_TIME, 0.5)


def test_a_machine_that_became_slow_is_believed() -> None:
    steady, slowing = ({n: 30.0 if n < 56 else last for n in range(60)} for last in (30.0, 120.0))
    assert _may_begin(BUDGET - 100, BUDGET, record(steady), SHORT, 0.5)
    assert not _may_begin(BUDGET - 100, BUDGET, record(slowing), SHORT, 0.5)


def test_one_that_must_wait_for_another_needs_the_time_of_both() -> None:
    taken = record(dict.fromkeys(range(60), 60.0))
    assert _may_begin(BUDGET - 130, BUDGET, taken, SHORT + 1, 0.5)
    assert not _may_begin(BUDGET - 130, BUDGET, taken, SHORT + 1, 1.0)


def test_the_first_is_begun_whatever_it_will_take_unless_nothing_is_left() -> None:
    assert _may_begin(0.0, 60.0, record({}), 0, 0.0)
    assert not _may_begin(60.0, 60.0, record({}), 0, 0.0)
