"""What is being taken, for somebody with a minute: one sentence, three figures with intervals, the days."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from stillwatch.calibration import sum_interval
from stillwatch.campaigns import narrative, wording
from stillwatch.campaigns.report import Campaign
from stillwatch.campaigns.verdict import MEMBERSHIP_SD
from stillwatch.console.reading.run import Run

__all__ = ["DayTaken", "Figure", "days_of", "figures_of", "money", "sentence", "trend"]

_WEEK = dt.timedelta(days=7)
_TOGETHER = 0.5  # accounts of one campaign are innocent together, as `stillwatch.campaigns.verdict` has it


class Figure(NamedTuple):
    """A figure at the top of a page: what it is, the figure, and its interval with what it rests on."""

    title: str
    figure: str
    note: str


class DayTaken(msgspec.Struct, frozen=True):
    """What the accused campaigns took on one day (UTC): expected exchanges, and their worth by currency."""

    date: dt.date
    taken: float
    value: dict[str, float]


def sentence(run: Run) -> str:
    """The run in one sentence, with the money where something was taken."""
    said = narrative.headline(run.report)
    if not run.accused:
        return said
    return f"{said.removesuffix('.')}, worth {money([g.campaign for g in run.accused])} at the price table."


def money(campaigns: Sequence[Campaign], end: str = "") -> str:
    """What was taken from ``campaigns``, currency by currency; ``end`` is ``low`` or ``high`` of the interval.

    Worth is in proportion to exchanges, so its interval is that of the exchanges taken, scaled; the intervals of
    several campaigns are added, which is too wide rather than too narrow.
    """
    sums: dict[str, float] = {}
    for campaign in campaigns:
        part = {"": campaign.taken, "low": campaign.taken_low, "high": campaign.taken_high}[end]
        share = part / campaign.taken if campaign.taken > 0 else float(not end)
        sums[campaign.currency] = sums.get(campaign.currency, 0.0) + campaign.value * share
    return " + ".join(wording.money(value, currency) for currency, value in sorted(sums.items())) or "nothing"


def figures_of(run: Run) -> tuple[Figure, ...]:
    """Worth, exchanges and accounts, each with its interval; none where no campaign is accused."""
    campaigns = [group.campaign for group in run.accused]
    if not campaigns:
        return ()
    low, high = (sum(getattr(c, name) for c in campaigns) for name in ("taken_low", "taken_high"))
    level = wording.percent(min(campaign.taken_level for campaign in campaigns))
    joint = f"{level} interval" if len(campaigns) == 1 else f"the campaigns' {level} intervals, added"
    innocent = run.once("expected innocent", lambda: _innocent(run))
    accounts = sum(len(group.rows) for group in run.accused)
    taken = wording.count(sum(campaign.taken for campaign in campaigns))
    worth = f"{money(campaigns, 'low')} to {money(campaigns, 'high')} ({joint})"
    return (
        Figure("Worth of what was taken", money(campaigns), worth),
        Figure("Exchanges taken", taken, f"{wording.interval(low, high)} ({joint})"),
        Figure("Accounts accused", wording.count(accounts), innocent),
    )


def _innocent(run: Run) -> str:
    """How many of the accused are expected to be innocent, with an interval that takes them as falling together."""
    posterior = run.accounts.table.get_column("posterior")
    rows = [group.rows for group in run.accused]
    chances = [1 - np.clip(posterior.gather(some).fill_null(0.0).to_numpy(), 0.0, 1.0) for some in rows]
    of = np.repeat(np.arange(len(rows)), [len(some) for some in rows])
    found = sum_interval(np.concatenate(chances), of, correlation=_TOGETHER, extra_sd=MEMBERSHIP_SD)
    expected = sum(group.campaign.expected_innocent for group in run.accused)
    ends = wording.interval(min(found.low, expected), max(found.high, expected))
    return f"{narrative.innocents(expected)} expected to be innocent (95\u00a0% interval {ends})"


def days_of(run: Run) -> tuple[DayTaken, ...]:
    """The days of all accused campaigns together, gaps included; none where nothing was taken."""
    return run.once("days", lambda: _days(run))


def _days(run: Run) -> tuple[DayTaken, ...]:
    taken: dict[dt.date, float] = {}
    value: dict[dt.date, dict[str, float]] = {}
    for group in run.accused:
        campaign = group.campaign
        worth = campaign.value / campaign.taken if campaign.taken > 0 else 0.0
        for day in campaign.timeline:
            if math.isfinite(day.taken):
                taken[day.date] = taken.get(day.date, 0.0) + day.taken
                sums = value.setdefault(day.date, {})
                sums[campaign.currency] = sums.get(campaign.currency, 0.0) + day.taken * worth
    if not taken:
        return ()
    first, last = min(taken), max(taken)
    span = (last - first).days + 1
    listed = sorted(taken) if span > 4_000 else [first + dt.timedelta(days=n) for n in range(span)]
    return tuple(DayTaken(date, taken.get(date, 0.0), value.get(date, {})) for date in listed)


def trend(days: Sequence[DayTaken], last: dt.date | None) -> str:
    """The last seven days of the log against the seven before; "" where the log is shorter than two weeks."""
    if not days or last is None or last - days[0].date < 2 * _WEEK - dt.timedelta(days=1):
        return ""
    now = sum(day.taken for day in days if last - _WEEK < day.date <= last)
    before = sum(day.taken for day in days if last - 2 * _WEEK < day.date <= last - _WEEK)
    counted = wording.counted(now, "exchange")
    if before <= 0:
        return f"In the last 7 days of the log {counted} were taken, and none in the 7 before."
    moved = now / before - 1
    size = wording.percent(abs(moved))
    way = "as many as" if abs(moved) < 0.005 else f"{size} {'more' if moved > 0 else 'fewer'} than"
    return f"In the last 7 days of the log about {counted} were taken, {way} in the 7 before."
