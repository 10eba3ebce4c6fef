"""The report of a scan as one value: what ``report.json`` holds and what every rendering shows.

`report.html` and ``stillwatch explain`` are renderings of this value and of nothing else, so that they
cannot disagree. No field holds text from the log unless the user asked for it (`Sample`). Log-odds are
natural logarithms; times are UTC; counts of tokens and exchanges are of the log that was scanned.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

Verdict = Literal["campaign", "review", "clear"]


class ErrorRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a verdict's threshold buys: ``level`` of ``kind``, measured on ``n_null`` draws of ``null``."""

    kind: str
    level: float
    null: str
    n_null: int


class Evidence(msgspec.Struct, frozen=True):
    """One bar of the waterfall: how far this evidence moved the log-odds of "one operator" (nats)."""

    name: str
    title: str
    log_odds: float
    plain: str
    innocent_reading: str


class Rival(msgspec.Struct, frozen=True):
    """An innocent explanation that was scored on the same evidence.

    ``log_odds`` is how far the campaign model beat it (nats; positive: the rival lost).
    """

    name: str
    title: str
    log_odds: float
    plain: str


class Day(msgspec.Struct, frozen=True):
    """One day of a campaign: exchanges by model, sign-ups, accounts first and last seen that day."""

    date: dt.date
    exchanges: dict[str, int]
    taken: float
    sign_ups: int
    first_seen: int
    last_seen: int


class ArtefactLink(msgspec.Struct, frozen=True):
    """An artefact (keyed hash, never the raw value) and the campaign's accounts that used it.

    ``kind`` is the artefact's field ("payment", "address", "client", "wording", ...). ``outsiders``
    counts accounts outside the campaign that used it too.
    """

    kind: str
    artefact: str
    accounts: tuple[str, ...]
    outsiders: int


class NetworkKinds(msgspec.Struct, frozen=True):
    """Exchanges by kind of network: how many have a ``known`` one, and each kind's share of them, largest first."""

    known: int
    shares: dict[str, float]


class Networks(msgspec.Struct, frozen=True):
    """A group's exchanges by kind of network, and all ``others`` (None where nothing is known of them). No verdict
    rests on it."""

    own: NetworkKinds
    others: NetworkKinds | None


class Sample(msgspec.Struct, frozen=True):
    """An exchange's text, present only where the user asked for it (``--with-text``)."""

    exchange_id: str
    account_id: str
    technique: str | None
    taken: float
    text: str


class Account(msgspec.Struct, frozen=True):
    """One account with its verdict. ``q_value`` and ``posterior`` refer to the campaign named; ``cleared`` is the day
    on which a person cleared it, and is there only then."""

    account_id: str
    campaign_id: str | None
    verdict: Verdict
    q_value: float
    posterior: float
    exchanges: int
    taken: float
    first_seen: dt.datetime
    last_seen: dt.datetime
    evidence: tuple[Evidence, ...]
    nearest_rival: Rival | None
    cleared: dt.date | UnsetType = UNSET


class Campaign(msgspec.Struct, frozen=True):
    """A group of accounts claimed to be run by one operator, with the evidence for the claim.

    ``taken`` is the expected number of exchanges that fed the copy, with its interval at ``taken_level``.
    ``techniques`` splits it (expected exchanges by technique). Tokens and ``value`` are those of the exchanges
    taken, each weighted by its probability. ``networks`` is there only where the log or a table tells kinds.
    """

    campaign_id: str
    verdict: Verdict
    accounts: int
    exchanges: int
    taken: float
    taken_low: float
    taken_high: float
    expected_innocent: float
    input_tokens: float
    output_tokens: float
    reasoning_tokens: float
    value: float
    currency: str
    p_value: float
    e_value: float
    q_value: float
    error_rate: ErrorRate
    techniques: dict[str, float]
    aims: tuple[str, ...]
    story: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    rivals: tuple[Rival, ...]
    timeline: tuple[Day, ...]
    artefacts: tuple[ArtefactLink, ...]
    members: tuple[str, ...]
    samples: tuple[Sample, ...] = ()
    taken_level: float = 0.95
    networks: Networks | UnsetType = UNSET


class LookAlike(msgspec.Struct, frozen=True):
    """False-accusation figures for one kind of innocent look-alike, recognised by behaviour alone.

    ``accounts`` are those of the kind in the log, ``accused`` how many of them the scan accused, rightly or
    wrongly; ``false_rate`` the share of the kind that is expected to be accused and innocent, with its 95 % interval
    (``low``, ``high``; `stillwatch.campaigns.verdict.look_alikes` says how).
    """

    name: str
    title: str
    accounts: int
    accused: int
    false_rate: float
    low: float
    high: float


class Judged(msgspec.Struct, frozen=True):
    """What people found who looked: of ``accounts`` judged, ``cleared`` were innocent (``share``, with its exact 95 %
    interval); ``kept_out`` of the cleared were in a group again and were left alone. Of ``stated_accounts`` among the
    judged a probability of innocence had been stated; they sum to ``stated_innocent``."""

    accounts: int
    cleared: int
    kept_out: int
    share: float
    low: float
    high: float
    stated_accounts: int
    stated_innocent: float


class Reject(msgspec.Struct, frozen=True):
    """Lines set aside while reading: how many, why, and where the first one stood (file:line)."""

    reason: str
    count: int
    first: str


class Input(msgspec.Struct, frozen=True):
    """What was read, and what could not be seen in it (each entry of ``blind`` is one sentence)."""

    files: int
    format: str
    exchanges: int
    sessions: int
    accounts: int
    first: dt.datetime | None
    last: dt.datetime | None
    rejected: tuple[Reject, ...]
    blind: tuple[str, ...]
    networks: NetworkKinds | UnsetType = UNSET


class Report(msgspec.Struct, frozen=True):
    """A whole scan. ``version`` is the report's schema version; ``judged`` is there where people's judgements
    were given."""

    version: int
    stillwatch: str
    seed: int
    settings: dict[str, str]
    input: Input
    campaigns: tuple[Campaign, ...]
    accounts: tuple[Account, ...]
    look_alikes: tuple[LookAlike, ...]
    error_rate: ErrorRate
    candidates: int
    notes: tuple[str, ...]
    judged: Judged | UnsetType = UNSET
