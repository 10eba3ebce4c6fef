"""What a drill found, as one value: ``drill.json`` is this as JSON, ``drill.html`` and the terminal show nothing else.

Shares are of 1, times days of the log, money in ``currency``. An interval holds at 95 % whenever one looks, however
often the drill looked before (`stillwatch.calibration.rate_sequence`), unless it says otherwise.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "Adversary",
    "Bounded",
    "Carried",
    "Cell",
    "DrillReport",
    "Evasion",
    "Innocents",
    "Recommendation",
    "Smallest",
    "Timing",
    "Traffic",
]


class Bounded(msgspec.Struct, frozen=True):
    """An estimate and the ends of its interval; NaN is written as null (no trial yet)."""

    value: float | None
    low: float
    high: float


class Traffic(msgspec.Struct, frozen=True):
    """What was planted in: sizes of the user's log, and what of it was drawn for the drill.

    ``suspected`` accounts are those that a scan of the log itself accuses or asks a person to look at: they are neither
    material nor counted as innocent. ``given_up`` is the share of accounts whose lives a planting takes on.
    """

    files: int
    format: str
    exchanges: int
    accounts: int
    days: float
    sampled_accounts: int
    sampled_exchanges: int
    suspected: int
    given_up: float
    blind: tuple[str, ...] = ()


class Adversary(msgspec.Struct, frozen=True):
    """One way of running a campaign: its name, what it does in plain words, and its knobs as ``knob=value``."""

    name: str
    summary: str
    knobs: str
    exchanges: float


class Cell(msgspec.Struct, frozen=True):
    """One question: how likely is a campaign of ``accounts`` taking ``exchanges`` each at ``cover`` found?

    ``found`` is the probability that it is accused as a campaign; ``recall`` the mean share of its accounts that are
    (bootstrap over trials); ``settled`` whether the drill stopped early since the answer is clear.
    """

    adversary: str
    accounts: int
    exchanges: float
    cover: float
    trials: int
    found: Bounded
    recall: Bounded
    settled: bool


class Timing(msgspec.Struct, frozen=True):
    """How soon: of ``trials`` campaigns that worked for ``days`` each, how many were found by then (share of trials).

    ``median`` is the first of the days by which half of them were found; null where that was not reached.
    """

    adversary: str
    accounts: int
    exchanges: float
    cover: float
    trials: int
    days: tuple[float, ...]
    found: tuple[float, ...]
    median: float | None


class Carried(msgspec.Struct, frozen=True):
    """What carried an adversary's accounts: mean log-odds (nats) that one kind of evidence added to each of them."""

    adversary: str
    kind: str
    title: str
    log_odds: float


class Smallest(msgspec.Struct, frozen=True):
    """The smallest campaign that is found with probability 0.9: accounts; null where none of the sizes tried is.

    ``surely`` is the smallest size whose interval lies above 0.9 as a whole, which is a far stronger claim.
    """

    adversary: str
    cover: float
    accounts: int | None
    surely: int | None


class Evasion(msgspec.Struct, frozen=True):
    """What an operator that hides from one signal gains and pays.

    ``hides`` names the signal in plain words, ``knobs`` what is changed against the adversary ``of``. ``found`` and
    ``found_without`` are probabilities with and without the evasion, both for the same number of harvested exchanges,
    which takes ``accounts`` accounts with it. Costs are of 1,000 harvested exchanges: ``cost`` and ``cost_without`` in
    money, ``accounts_needed`` and ``accounts_without`` in accounts (both for the log's span), ``days_needed`` before
    the first exchange can be taken.
    """

    name: str
    of: str
    hides: str
    knobs: str
    accounts: int
    trials: int
    found: Bounded
    found_without: Bounded
    cost: float
    cost_without: float
    accounts_needed: float
    accounts_without: float
    days_needed: float


class Innocents(msgspec.Struct, frozen=True):
    """Innocent accounts accused, of one kind or of all (``kind`` "all"; "shuffled" in the shuffled log): ``accused`` is
    the mean number in one log.

    ``ever`` of the ``accounts`` different innocents were accused in any of ``logs`` logs; ``per_million`` has the mean
    over accounts of the share of logs in which each was accused, and its interval (`calibration.bounded_mean`).
    """

    kind: str
    title: str
    logs: int
    accounts: int
    accused: float
    ever: int
    per_million: Bounded


class Recommendation(msgspec.Struct, frozen=True):
    """Settings at which at most ``allowed`` innocents per million are accused, as far as the drill can tell.

    ``firm`` is the bar of `stillwatch scan --firm`; ``per_million`` what it buys here; ``found`` the share of planted
    campaigns found with it, ``found_default`` with the bar as it is. ``reachable`` is whether the upper end lies within
    what is allowed; where not, more logs or accounts would be needed to show it.
    """

    allowed: float
    firm: float
    firm_default: float
    per_million: Bounded
    found: float
    found_default: float
    reachable: bool
    words: str


class DrillReport(msgspec.Struct, frozen=True):
    """The whole drill. ``spent`` and ``budget`` are minutes; ``complete`` says whether every cell is settled.

    ``shuffled`` counts innocents accused where nobody works with anybody: the log with sessions dealt at random among
    accounts of like load. ``widest`` is the width of the widest interval of a cell that is left.
    """

    version: str
    seed: int
    budget: float
    spent: float
    plantings: int
    complete: bool
    widest: float
    traffic: Traffic
    adversaries: tuple[Adversary, ...]
    cells: tuple[Cell, ...]
    timing: tuple[Timing, ...]
    carried: tuple[Carried, ...]
    smallest: tuple[Smallest, ...]
    evasions: tuple[Evasion, ...]
    innocents: tuple[Innocents, ...]
    shuffled: tuple[Innocents, ...]
    recommendation: Recommendation | None
    currency: str
    notes: tuple[str, ...]
