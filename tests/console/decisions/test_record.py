"""Our own record: what was stated of whom people judged, against what they found."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from stillwatch.calibration import clopper_pearson
from stillwatch.campaigns.judgements import Judgement
from tests.console.decisions.made import NOON, approve, decide, faced, opened, undo


def test_the_record_is_by_what_was_stated_with_exact_intervals(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    sure = [faced(f"s{n}", innocent=0.005, nearest="class") for n in range(40)]
    doubted = [faced(f"d{n}", innocent=0.2, nearest="company") for n in range(10)]
    decide(decisions, "confirm", sure[1:])
    decide(decisions, "dismiss", sure[:1], explanation="class")
    decide(decisions, "dismiss", doubted[:3], explanation="company")
    decide(decisions, "confirm", doubted[3:])
    decide(decisions, "hold", [faced("h")])
    decide(decisions, "suspend", [faced("p")])
    decide(decisions, "dismiss", [faced("r", "review", None)])
    record = decisions.calibration()
    low, high = record.by_stated
    assert (low.judged, low.cleared, high.judged, high.cleared) == (40, 1, 10, 3)
    assert low.stated_share == pytest.approx(0.005)
    assert (high.low, high.high) == (clopper_pearson(3, 10).low, clopper_pearson(3, 10).high)
    assert high.kept
    assert (record.overall.judged, record.overall.cleared, record.overall.measured) == (51, 5, 50)
    assert record.overall.stated == pytest.approx(40 * 0.005 + 10 * 0.2)
    assert {rate.name: (rate.judged, rate.cleared) for rate in record.by_nearest} == {
        "class": (40, 1), "company": (10, 3), "": (1, 1),
    }  # fmt: skip
    assert {rate.name: rate.judged for rate in record.by_verdict} == {"campaign": 50, "review": 1}
    assert dict(record.explanations) == {"company": 3, "class": 1, "": 1}


def test_who_stated_too_little_is_told(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    decide(decisions, "dismiss", [faced(f"a{n}", innocent=0.001) for n in range(5)])
    (rate,) = decisions.calibration().by_stated
    assert not rate.kept


def test_each_account_counts_once_by_what_stands(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    decide(decisions, "confirm", ["a", "b"])
    dismissed = decide(decisions, "dismiss", ["a"])
    assert (decisions.calibration().overall.judged, decisions.calibration().overall.cleared) == (2, 1)
    undo(decisions, dismissed)
    assert (decisions.calibration().overall.judged, decisions.calibration().overall.cleared) == (2, 0)
    approve(decisions, decide(decisions, "suspend", ["c"]))
    assert decisions.calibration().overall.judged == 3


def test_appeals_count_and_what_the_console_wrote_itself_counts_once(tmp_path: Path) -> None:
    decisions = opened(tmp_path)
    decide(decisions, "dismiss", ["a"])
    later = NOON + dt.timedelta(days=1)
    said = [
        Judgement(account_id="a", verdict="cleared", at=later, by="Ada", why="x", innocent=0.01),
        Judgement(account_id="b", verdict="cleared", at=later, by="Bo", why="x", innocent=0.03, reference="ABCDEFG234"),
        Judgement(account_id="c", verdict="confirmed", at=later, by="Bo", why="x", innocent=0.02),
    ]
    record = decisions.calibration(said)
    assert (record.overall.judged, record.overall.cleared) == (3, 2)
    assert {rate.name: (rate.judged, rate.cleared) for rate in record.by_way} == {
        "analyst": (1, 1), "appeal": (1, 1), "gateway": (1, 0),
    }  # fmt: skip


def test_nobody_judged_is_no_rate(tmp_path: Path) -> None:
    record = opened(tmp_path).calibration()
    assert (record.overall.judged, record.overall.low, record.overall.high) == (0, 0.0, 1.0)
    assert record.by_stated == ()
    assert record.overall.stated_share == 0.0
