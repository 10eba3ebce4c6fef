"""What a replay tells: whom a policy would have touched, how, and what that costs those who did nothing. No text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np

from stillwatch.calibration import sum_interval
from stillwatch.campaigns.verdict import MEMBERSHIP_SD
from stillwatch.responses.base import Level

__all__ = [
    "Cost",
    "Innocents",
    "LeftOutCount",
    "Person",
    "Replay",
    "ResponseCount",
    "StoodDown",
    "Taken",
    "cost",
    "innocents",
]


class Person(msgspec.Struct, kw_only=True):
    """One account that actions stood against. ``innocent`` is the probability that it has no part in it;
    ``responses`` are those that stood, ``watched`` those that only would have (dry measures).

    ``exchanges`` counts what it asked in the log, ``touched`` those that went otherwise than everybody's (a shield
    only where there was reasoning to shield): ``refused``, ``waited`` (together ``wait_hours``), made smaller
    (``shaped``), or without their reasoning (``shielded``).
    """

    account_id: str
    campaign_id: str
    level: Level
    innocent: float
    responses: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    exchanges: int = 0
    touched: int = 0
    refused: int = 0
    waited: int = 0
    shaped: int = 0
    shielded: int = 0
    wait_hours: float = 0.0


class ResponseCount(msgspec.Struct, frozen=True, kw_only=True):
    """A response to a campaign: the ``accounts`` that it stood against, those ``touched``, in how many ``requests``."""

    campaign_id: str
    response: str
    accounts: int
    touched: int
    requests: int
    watched: bool


class LeftOutCount(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts that measures for ``response`` left out, and ``why`` (`gateway.planning.Why`)."""

    response: str
    why: str
    accounts: int


class Innocents(msgspec.Struct, frozen=True, kw_only=True):
    """How many of ``of`` accounts are expected to have no part in it, with an interval at ``level``."""

    of: int
    expected: float
    low: float
    high: float
    level: float = 0.95


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What those pay who have no part in it, as expected: exchanges ``touched`` in any way, those ``refused``, and
    ``wait_hours``."""

    touched: float
    refused: float
    wait_hours: float


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Exchanges expected to have fed the copy, of the ``known`` ones (those that the run has judged): all
    (``without`` the policy), and of these ``refused``, otherwise ``limited``, and ``passed`` as everybody's."""

    known: int
    without: float
    refused: float
    limited: float
    passed: float


class StoodDown(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway would have stood down: when, because of which ``share`` of ``what`` (``most`` is allowed), and how
    many requests it would have touched ``after`` that had it not."""

    at: dt.datetime
    what: Literal["requests", "accounts"]
    share: float
    most: float
    after: int


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A whole replay. ``mode`` is the policy's own; it was replayed as if that were "act". ``claims`` is how many
    accounts the run makes claims about, ``asked`` of how many the provider's verification would have been asked."""

    policy: str
    mode: str
    first: dt.datetime
    last: dt.datetime
    exchanges: int
    accounts: int
    claims: int
    touched_accounts: int
    touched: int
    refused: int
    waited: int
    shaped: int
    shielded: int
    wait_hours: float
    asked: int
    innocent: Innocents
    cost: Cost
    taken: Taken | None
    responses: tuple[ResponseCount, ...]
    people: tuple[Person, ...]
    left_out: tuple[LeftOutCount, ...]
    stood_down: StoodDown | None
    notes: tuple[str, ...]


def innocents(people: Sequence[Person]) -> Innocents:
    """How many of ``people`` are expected innocent: the sum of their probabilities, with the interval that a scan gives
    for its own accused (`campaigns.verdict.look_alikes`: members of one campaign are wrong together, and all
    probabilities may be off as a whole). Nobody: 0, from 0 to 0."""
    names = {name: place for place, name in enumerate(sorted({p.campaign_id for p in people}))}
    groups = np.array([names[p.campaign_id] for p in people], np.int64)
    count = sum_interval([p.innocent for p in people], groups, extra_sd=MEMBERSHIP_SD)
    return Innocents(of=len(people), expected=count.value, low=count.low, high=count.high)


def cost(people: Iterable[Person]) -> Cost:
    """What the innocent among ``people`` are expected to pay."""
    everyone = list(people)
    return Cost(
        touched=sum(p.innocent * p.touched for p in everyone),
        refused=sum(p.innocent * p.refused for p in everyone),
        wait_hours=sum(p.innocent * p.wait_hours for p in everyone),
    )
