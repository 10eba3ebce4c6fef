"""From trials to answers: the scan's own rule says who is accused, and intervals say how little was seen."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.drill import power
from stillwatch.drill.questions import Question
from stillwatch.drill.trial import Judged, Planted, Trial, accused_by
from stillwatch.linkage.activity import CONTENT, CUSTOMERS, NETWORK

SEES = frozenset({CONTENT, CUSTOMERS, NETWORK})
SMALL, LARGE = Question("ghost", 15, 40.0, 0.3, 1), Question("ghost", 60, 40.0, 0.3, 0)
ASKED = {q.name: q for q in (SMALL, LARGE)}


def group(standing: float, planted: dict[int, int], innocents: tuple[int, ...] = (), sure: float = 0.999) -> Judged:
    members = (*(-1 - c for c, size in planted.items() for _ in range(size)), *innocents)
    return Judged(standing, (sure,) * len(members), members, {"content": 2.0, "networks": -0.5})


def planted(question: Question, share: float = 1.0) -> Planted:
    size = round(question.accounts * share)
    return Planted(question.name, size, round(size * question.exchanges), size * 20, first=1.0, last=13.0)


def trial(number: int, question: Question, *groups: Judged, share: float = 1.0) -> Trial:
    return Trial(number, "planted", number, 0.35, (planted(question, share),), groups)


def test_who_is_accused_hangs_on_the_bar() -> None:
    one = trial(0, LARGE, group(12.0, {0: 50}, (7, 9)), group(7.0, {}, tuple(range(20, 32))))
    told = accused_by(one, one.groups, 8.5, SEES)
    assert told.innocent == (7, 9)
    assert told.caught == (50,)
    assert told.found == (True,)
    assert accused_by(one, one.groups, 6.5, SEES).innocent == (7, 9, *range(20, 32))
    assert (
        accused_by(one, one.groups, 13.0, SEES) == ((), (0,), (False,))
        or not accused_by(one, one.groups, 13.0, SEES).found[0]
    )


def test_two_campaigns_that_end_in_one_group_are_both_found() -> None:
    pair = Trial(0, "planted", 0, 0.35, (planted(LARGE), planted(SMALL)), (group(12.0, {0: 50, 1: 14}, (3, 5)),))
    told = accused_by(pair, pair.groups, 8.5, SEES)
    assert told.found == (True, True)
    assert told.caught == (50, 14)


def test_a_campaign_in_the_shadow_of_another_is_not_found() -> None:
    pair = Trial(0, "planted", 0, 0.35, (planted(LARGE), planted(SMALL)), (group(12.0, {0: 60, 1: 5}),))
    assert accused_by(pair, pair.groups, 8.5, SEES).found == (True, False)


def test_the_scan_leaves_doubtful_members_to_a_person() -> None:
    unsure = Judged(12.0, (0.999,) * 30 + (0.3,) * 30, (-1,) * 60, {})
    one = trial(0, LARGE, unsure)
    assert accused_by(one, one.groups, 8.5, SEES).caught == (30,)


def test_a_planting_that_fell_short_answers_nothing() -> None:
    trials = [trial(0, LARGE, group(12.0, {0: 60})), trial(1, LARGE, group(12.0, {0: 30}), share=0.5)]
    assert power.outcomes(trials, 8.5, SEES, ASKED) == {LARGE.name: [(True, 1.0)]}


def test_cells_borrow_from_smaller_and_larger_campaigns() -> None:
    known = {SMALL.name: [(True, 1.0)] * 6, LARGE.name: [(True, 1.0)] * 4}
    small, large = power.cells([SMALL, LARGE], known)
    assert large.found.value == small.found.value == 1.0
    assert large.found.low > small.found.low > 0.3  # ten campaigns of at most this size, all of them found
    known = {SMALL.name: [(False, 0.0)] * 6, LARGE.name: [(False, 0.0)] * 4}
    small, large = power.cells([SMALL, LARGE], known)
    assert small.found.high < large.found.high < 0.75


def test_what_contradicts_itself_is_not_pooled() -> None:
    known = {SMALL.name: [(True, 1.0)] * 30, LARGE.name: [(False, 0.0)] * 30}
    small, large = power.cells([SMALL, LARGE], known)
    assert small.found.low > 0.7
    assert large.found.high < 0.3


def test_intervals_of_cells_cover() -> None:
    """Two sizes at true rates: in most of 300 drills both intervals hold them."""
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(300):
        known = {
            SMALL.name: [(bool(hit), float(hit)) for hit in rng.random(8) < 0.6],
            LARGE.name: [(bool(hit), float(hit)) for hit in rng.random(8) < 0.85],
        }
        small, large = power.cells([SMALL, LARGE], known)
        covered += small.found.low <= 0.6 <= small.found.high and large.found.low <= 0.85 <= large.found.high
    assert covered / 300 >= 0.93


def test_no_trial_says_nothing() -> None:
    (cell,) = power.cells([LARGE], {})
    assert (cell.trials, cell.found.value, cell.found.low, cell.found.high) == (0, None, 0.0, 1.0)
    assert cell.recall.value is None
    assert not cell.settled
    assert power.timings([], 8.5, SEES, ASKED) == power.carried([], ASKED) == ()
    assert power.smallest([]) == ()


def test_the_smallest_is_where_all_larger_ones_are_found_too() -> None:
    sizes = [Question("quiet", n, 36.0, 0.0, 1) for n in (15, 30, 60, 120)]
    known = {q.name: [(hit, 1.0)] * 40 for q, hit in zip(sizes, (True, False, True, True), strict=True)}
    (told,) = power.smallest(power.cells(sizes, known))
    assert told.accounts == 60


def test_days_are_counted_from_the_campaigns_own_beginning() -> None:
    none, hit = (group(5.0, {0: 20}),), (group(12.0, {0: 60}),)
    looked = Trial(0, "in time", 0, 0.35, (planted(LARGE),), hit, ((3.0, none), (6.0, hit), (14.0, hit)))
    missed = Trial(1, "in time", 1, 0.35, (planted(LARGE),), none, ((3.0, none), (14.0, none)))
    (told,) = power.timings([looked, missed], 8.5, SEES, ASKED)
    assert told.trials == 2
    assert dict(zip(told.days, told.found, strict=True))[5.0] == 0.5
    assert dict(zip(told.days, told.found, strict=True))[3.0] == 0.0
    assert told.median == pytest.approx(5.0)


def test_what_carried_an_adversary_is_the_mean_of_its_groups() -> None:
    told = power.carried([trial(0, LARGE, group(12.0, {0: 60}))], ASKED)
    assert [(c.kind, c.log_odds) for c in told] == [("content", 2.0), ("networks", -0.5)]
    assert told[0].title
