"""``dossier.json``: all that a dossier says, as one value, of which the page and the paper are renderings.

Log-odds are natural logarithms (nats), times UTC, shares of 1. It names the campaign's own accounts and no other.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from stillwatch.campaigns.report import Account, Campaign, ErrorRate, Input, Judged, LookAlike

__all__ = [
    "VERSION",
    "Atlas",
    "Backing",
    "Decided",
    "Dossier",
    "Exhibit",
    "InputFile",
    "Measured",
    "Performance",
    "Scan",
]

VERSION = 1

Role = Literal[
    "log", "accounts", "judgements", "prices", "map", "join", "networks", "run", "drill", "proof", "audit", "decisions"
]


class InputFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that the dossier rests on: its ``name`` without any folder of the machine it lay on, size and hashes.

    ``sha256`` is "" where the file was not at hand; ``blake2b`` (256 bits) is what the scan noted of its log.
    ``sealed`` is its name among the sealed inputs, "" where it was not copied.
    """

    role: Role
    name: str
    bytes: int
    sha256: str
    blake2b: str = ""
    sealed: str = ""


class Scan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The scan that the claim comes from."""

    made_at: dt.datetime
    stillwatch: str
    seed: int
    settings: dict[str, str]
    input: Input
    error_rate: ErrorRate
    candidates: int
    look_alikes: tuple[LookAlike, ...]
    notes: tuple[str, ...]
    judged: Judged | None = None


class Atlas(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A technique of MITRE ATLAS, and the technique of the scan that it stands for ("" for what every campaign
    does)."""

    id: str
    name: str
    of: str = ""


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A measured figure, with its interval or base in words."""

    what: str
    figure: str
    base: str


class Performance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How well the method does: measured in this very log (``drill``), or elsewhere (``published``)."""

    source: Literal["drill", "published"]
    said: tuple[str, ...]
    figures: tuple[Measured, ...]


class Backing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a proof or an audit that was given says, in its own words."""

    kind: Literal["proof", "audit"]
    title: str
    said: tuple[str, ...]
    points: tuple[str, ...] = ()


class Decided(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person decided, when, by name, and why."""

    at: str
    by: str
    what: str
    about: str
    why: str


class Exhibit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sample exchange. ``sha256`` is of the whole text (request, a line feed, answer; UTF-8), whatever is shown of
    it.

    ``asked`` and ``answered`` are cut at a bound; ``characters`` is the length of the whole.
    """

    exchange_id: str
    account_id: str
    at: dt.datetime
    technique: str
    taken: float
    sha256: str
    characters: int
    asked: str
    answered: str
    redacted: bool


class Dossier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole. ``dated`` is the time of the scan unless its maker gave another; ``exhibits_note`` says why there are
    these exhibits, or none."""

    version: int
    stillwatch: str
    dated: dt.datetime
    by: str
    scan: Scan
    campaign: Campaign
    accounts: tuple[Account, ...]
    atlas: tuple[Atlas, ...]
    performance: Performance
    backing: tuple[Backing, ...]
    decided: tuple[Decided, ...]
    exhibits: tuple[Exhibit, ...]
    exhibits_note: str
    inputs: tuple[InputFile, ...]
    software: dict[str, str]
    most_accounts: int
