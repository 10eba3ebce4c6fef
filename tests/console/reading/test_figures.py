"""The figures of the first page are those of the report, with intervals that hold them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from stillwatch.console.reading import Run, open_run
from stillwatch.console.reading.figures import DayTaken, days_of, figures_of, money, sentence, trend
from stillwatch.console.reading.pictures import Bin, calibration_picture, days_picture
from tests.campaigns import made_reports
from tests.console.reading.made_runs import written


def test_worth_exchanges_and_accounts_come_with_intervals(ordinary: Run) -> None:
    worth, taken, accounts = figures_of(ordinary)
    assert (worth.title, accounts.figure) == ("Worth of what was taken", "448")
    assert all("interval" in figure.note for figure in (worth, taken, accounts))
    assert "expected to be innocent" in accounts.note
    assert sentence(ordinary).startswith("Two campaigns took about")


def test_money_is_added_by_currency_and_its_interval_holds_it() -> None:
    dollars, _ = made_reports.campaign("C1", 10, 1, value=100.0, taken=50.0, taken_low=25.0, taken_high=75.0)
    euros, _ = made_reports.campaign("C2", 10, 1, value=30.0, currency="EUR")
    nothing, _ = made_reports.campaign("C3", 10, 1, value=0.0, taken=0.0, taken_low=0.0, taken_high=0.0)
    assert money([dollars, euros, nothing]) == "EUR 30 + USD 100"
    assert (money([dollars], "low"), money([dollars], "high")) == ("USD 50", "USD 150")


def test_days_add_up_to_what_was_taken(ordinary: Run) -> None:
    days = days_of(ordinary)
    total = sum(day.taken for group in ordinary.accused for day in group.campaign.timeline)
    assert sum(day.taken for day in days) == pytest.approx(total)
    assert [day.date for day in days] == [days[0].date + dt.timedelta(days=n) for n in range(len(days))]


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [(10.0, 20.0, "100 % more than"), (20.0, 10.0, "50 % fewer than"), (5.0, 5.0, "as many as"), (0.0, 3.0, "none in")],
)
def test_the_trend_is_this_week_against_the_one_before(before: float, now: float, said: str) -> None:
    first = dt.date(2026, 9, 1)
    days = [DayTaken(first + dt.timedelta(days=n), before if n < 7 else now, {}) for n in range(14)]
    assert said in trend(days, days[-1].date).replace("\u00a0", " ")
    assert trend(days[:13], days[12].date) == ""
    assert trend([], None) == ""


def test_a_run_that_accuses_nobody_has_no_figures(tmp_path: Path) -> None:
    run = open_run(written(made_reports.empty(), tmp_path / "run"))
    assert figures_of(run) == ()
    assert days_picture(days_of(run)) is None
    assert "No campaign was found" in sentence(run)


def test_pictures_say_in_words_what_they_show(ordinary: Run) -> None:
    days = days_picture(days_of(ordinary))
    assert days is not None
    assert "<desc>From 22 April 2026 to 5 June 2026; the most, about" in days
    stated = calibration_picture([Bin(0.01, 40, 2, 0.05, 0.006, 0.17)])
    assert stated is not None
    assert "stated 1\u00a0%: 2 of 40 were innocent" in stated
    assert calibration_picture([]) is None


def test_years_of_days_are_drawn_as_few_bars() -> None:
    days = [DayTaken(dt.date(2020, 1, 1) + dt.timedelta(days=n), 1.0, {}) for n in range(2_000)]
    drawn = days_picture(days)
    assert drawn is not None
    assert drawn.count("<rect") <= 180
