"""What analysts decide, with who, when and why: it constrains the next scan and is counted against the detector."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from stillwatch.console.decisions.entry import (
    ChangedMeanwhile,
    Entry,
    Faced,
    NotAllowed,
    NotWhatWasShown,
    Person,
)
from stillwatch.console.decisions.preview import Preview
from stillwatch.console.decisions.store import Decisions

__all__ = [
    "ChangedMeanwhile",
    "Decisions",
    "Entry",
    "Faced",
    "NotAllowed",
    "NotWhatWasShown",
    "Person",
    "Preview",
    "open_decisions",
]


def open_decisions(folder: Path, proposal_hours: float = 72.0) -> Decisions:
    """The decisions in ``folder``, made where it is missing; a proposed suspension waits ``proposal_hours``. Raises
    `InputError` where their chain is broken."""
    return Decisions(folder, proposal=dt.timedelta(hours=proposal_hours))
