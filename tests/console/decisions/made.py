"""People, accounts and a clock for tests of decisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stillwatch.console.decisions import Decisions, Entry, Faced, Person

NOON = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
ADA, BO, CY = Person("Ada", "analyst"), Person("Bo", "approver"), Person("Cy", "approver")
EVE = Person("Eve", "viewer")
RUN = "scan:1"


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> dt.datetime:
        self.now += dt.timedelta(seconds=1)
        return self.now


def faced(name: str, verdict: Any = "campaign", innocent: float | None = 0.01, **more: Any) -> Faced:
    return Faced(name, verdict=verdict, innocent=innocent, **({"campaign_id": "C1", "q_value": 0.02} | more))


def opened(folder: Path, **more: Any) -> Decisions:
    return Decisions(folder, **({"clock": Clock()} | more))


def decide(
    decisions: Decisions,
    kind: Any,
    accounts: Sequence[str | Faced],
    person: Person = ADA,
    why: str = "looked",
    **more: Any,
) -> Entry:
    """A decision as somebody makes it who saw the preview just now."""
    chosen = [one if isinstance(one, Faced) else faced(one) for one in accounts]
    preview = decisions.preview(kind, chosen, run=RUN, campaign="C1")
    return decisions.decide(preview, person, why, **({"digest": preview.digest, "version": preview.version} | more))


def approve(decisions: Decisions, proposal: Entry, person: Person = BO) -> Entry:
    return decisions.approve(proposal.line, person, "looked too", version=decisions.version(proposal.accounts))


def undo(decisions: Decisions, entry: Entry, person: Person = ADA, why: str = "a mistake") -> Entry:
    with decisions.reading() as derived:
        accounts = derived.accounts_of(entry)
    return decisions.undo(entry.line, person, why, version=decisions.version(accounts))
