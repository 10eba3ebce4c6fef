"""``/``: what is being taken, by whom we think, what changed since the run before, and what waits for a person."""

from __future__ import annotations

from typing import NamedTuple

from stillwatch.campaigns import narrative, wording
from stillwatch.console.page import Page, Role, Shown, Visit
from stillwatch.console.pages.decided import waiting
from stillwatch.console.reading import Run
from stillwatch.console.reading.accusations import Accused
from stillwatch.console.reading.changes import Change
from stillwatch.console.reading.figures import days_of, figures_of, sentence, trend
from stillwatch.console.reading.groups import Group
from stillwatch.console.reading.pictures import days_picture

__all__ = ["PAGE"]

SHOWN = 10
_WORDS = {
    "new": "New since the run before",
    "accused": "Under review before, accused now",
    "grown": "Grown",
    "shrunk": "Smaller than before",
    "doubted": "Accused before, under review now",
    "ended": "No longer found",
    "same": "As it was",
}


class Told(NamedTuple):
    """A change in words; ``accused`` is whom it is about, None for a campaign that is not found any more."""

    word: str
    accused: Accused | None
    words: str


def show(visit: Visit) -> Shown:
    """The page."""
    run: Run = visit.run
    groups = run.accused
    days = days_of(run)
    last = run.report.input.last
    return Shown(
        "today.html",
        {
            "run": run,
            "sentence": sentence(run),
            "figures": figures_of(run),
            "certainty": narrative.certainty(run.report),
            "trend": trend(days, None if last is None else last.date()),
            "picture": days_picture(days),
            "days": days[-31:],
            "campaigns": [_campaign(run, group) for group in groups[:SHOWN]],
            "left_out": len(groups) - SHOWN,
            "doubtful": len(run.doubtful),
            "changes": _changes(run),
            "waiting": waiting(visit),
        },
    )


def _campaign(run: Run, group: Group) -> tuple[Accused, str]:
    """A campaign, and in a sentence what it took and what it was after."""
    campaign = group.campaign
    said = (
        f"{wording.counted(campaign.accounts, 'account')}, about {wording.counted(campaign.taken, 'exchange')} taken "
        f"({wording.interval(campaign.taken_low, campaign.taken_high)}), worth "
        f"{wording.money(campaign.value, campaign.currency)}."
    )
    if campaign.aims:
        aims = wording.listed([wording.visible(aim, limit=80) for aim in campaign.aims], most=3)
        said += f" After: {aims}."
    return run.accusation_of_group(group), said


def _changes(run: Run) -> tuple[tuple[Told, ...], str]:
    """What became of each campaign, and of accounts in a sentence; nothing where no run before is known."""
    changes = run.changes
    if changes is None:
        return (), ""
    told = tuple(_told(run, change) for change in changes.campaigns if change.kind != "same")
    accounts = (
        f"{wording.counted(changes.accused, 'account')} accused that were not; {wording.count(changes.cleared)} "
        f"accused before and no longer; {wording.count(changes.gone)} accused before and gone from the log. About "
        f"{wording.counted(changes.taken_now, 'exchange')} taken in this run, "
        f"{wording.count(changes.taken_before)} in the run before ({wording.date(changes.made_at)})."
    )
    return told, accounts


def _told(run: Run, change: Change) -> Told:
    sizes = f"{wording.counted(change.accounts_before, 'account')} before, {wording.count(change.accounts_now)} now"
    if change.kind == "new":
        sizes = wording.counted(change.accounts_now, "account")
    elif change.kind == "ended":
        name = wording.visible(change.before, limit=60)
        sizes = f"{name} of the run before, {wording.counted(change.accounts_before, 'account')}: this run accuses none"
    group = run.group_named(change.now)
    return Told(_WORDS[change.kind], None if group is None else run.accusation_of_group(group), sizes)


PAGE = Page("today", "Today", "/", Role.VIEWER, show)
