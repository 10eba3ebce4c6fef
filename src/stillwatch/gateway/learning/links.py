"""Who is linked to an accused campaign by what he shows, and how often that is wrong.

The accounts of a log fall in two halves by a keyed hash. Weights are fitted on each half and judged on the other: an
account that neither half was fitted to is like those that come after, and the threshold is an order statistic of the
innocent among them. The share of strangers above it is then known without any model of their traffic (Wilks 1941). An
account that comes later must be linked by both halves' weights, which is rarer still.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from stillwatch.calibration import clopper_pearson
from stillwatch.campaigns.report import ErrorRate
from stillwatch.exchange import keyed_hash
from stillwatch.gateway.learning.evidence import Evidence
from stillwatch.gateway.learning.gathering import Gathered
from stillwatch.gateway.learning.shown import Subjects
from stillwatch.gateway.learning.weights import Weights, fit_weights
from stillwatch.responses.base import Subject

__all__ = ["LINKED_AT_MOST", "Campaign", "Link", "Links", "encode_links", "fit_links", "read_links"]

VERSION = 1
LINKED_AT_MOST = 0.002
"""Share of innocents that may be linked, as expected; the bound that is stated lies above it."""
STATED_AT_MOST = 0.006
"""The bound (95 %) from which nobody is suspected: about 600 accounts must be known to be in nothing."""
LEAST = 9.0
"""Nats below which nobody is linked, whatever the innocents of one log show."""
NEVER_SURER = 0.1
"""Whatever was measured, at least this is the probability that a suspect is innocent: what an account shows at the
gateway can be copied onto it by others, which no held-out account tells of. Only mild responses may act on it."""
FEWEST_MEMBERS, FEWEST_CONVERSATIONS = 8, 5
"""Accounts of a campaign that weights are fitted to; conversations from which a scan's silence on an account tells that
it is in nothing."""
NULL = "older accounts of the log that the scan has in no group, by what was learnt from the other half of accounts"
KIND = "rate of false links"


class Campaign(msgspec.Struct, frozen=True):
    """A campaign that accounts may be linked to. ``weights``: fitted without the first half, without the second.
    ``innocent`` is that of an account linked to it."""

    campaign_id: str
    weights: tuple[Weights, Weights]
    innocent: float
    ruled_out: tuple[str, ...]


class Link(NamedTuple):
    """The strongest link of an account: how many nats to which campaign."""

    nats: float
    campaign: Campaign


class Links(msgspec.Struct, frozen=True):
    """What was learnt from a run and its log. ``threshold`` in nats, None: nobody is suspected. ``centres`` is
    float32, ``SUBJECTS`` rows of 256."""

    version: int
    run: str
    threshold: float | None
    error_rate: ErrorRate
    campaigns: tuple[Campaign, ...]
    centres: bytes

    @property
    def models(self) -> list[Weights]:
        """All weights, two for each campaign: what `Evidence` is told."""
        return [weights for campaign in self.campaigns for weights in campaign.weights]

    @property
    def subjects(self) -> Subjects:
        """The centres."""
        flat = np.frombuffer(self.centres, dtype=np.float32)
        return Subjects(flat.reshape(-1, 256) if len(flat) else flat.reshape(0, 0))

    def strongest(self, evidence: Evidence) -> Link | None:
        """The campaign that an account is linked to if any, threshold or not; None: there is no campaign."""
        nats = evidence.nats()
        both = [min(pair) for pair in zip(nats[::2], nats[1::2], strict=True)]
        best = max(range(len(both)), key=lambda i: both[i], default=None)
        return None if best is None else Link(both[best], self.campaigns[best])

    def suspect(self, account_id: str, evidence: Evidence, at: int, organization_id: str = "") -> Subject | None:
        """The claim about an account, where it is linked."""
        link = self.strongest(evidence)
        if link is None or self.threshold is None or link.nats <= self.threshold:
            return None
        return Subject(
            account_id=account_id,
            campaign_id=link.campaign.campaign_id,
            level="suspected",
            innocent=link.campaign.innocent,
            error_rate=self.error_rate,
            ruled_out=link.campaign.ruled_out,
            since=at,
            run=f"link:{self.run}",
            organization_id=organization_id,
        )


class _Judged(NamedTuple):
    """Highest nats for each campaign, (accounts, campaigns), each account judged by the half that lacks it."""

    members: dict[int, list[float]]
    others: list[list[float]]


def fit_links(
    claims: Collection[Subject],
    accounts: Mapping[str, Gathered],
    subjects: Subjects,
    key: bytes,
    cleared: Collection[str] = (),
) -> Links:
    """Learn from a run's ``claims`` and what its log's ``accounts`` show.

    Members are the accused of campaigns of at least 8 accounts; the innocent are accounts without a claim that were
    there in the log's first half and had at least 5 conversations, and those that a person ``cleared``. Newcomers are
    left out, for a scan's silence tells little of them: replacement accounts that it has not found would be called
    innocent. No campaign, or too few innocents for the rates above: a threshold of None.
    """
    run = next((claim.run for claim in claims), "none")
    free = frozenset(cleared)
    by_campaign: dict[str, list[Subject]] = {}
    for claim in sorted(claims, key=lambda claim: claim.account_id):
        known = claim.account_id in accounts and claim.account_id not in free
        if claim.level in ("campaign", "confirmed") and known:
            by_campaign.setdefault(claim.campaign_id, []).append(claim)
    groups = {name: members for name, members in sorted(by_campaign.items()) if len(members) >= FEWEST_MEMBERS}
    claimed = {claim.account_id for claim in claims} - free
    middle = _middle(accounts)
    others = [
        name
        for name, seen in sorted(accounts.items())
        if name not in claimed and (name in free or (seen.first <= middle and len(seen.seen) >= FEWEST_CONVERSATIONS))
    ]
    weights = {
        name: _halves([c.account_id for c in members], others, accounts, key) for name, members in groups.items()
    }
    judged = _judge(groups, others, list(weights.values()), accounts, key)
    threshold, rate = _threshold(judged)
    campaigns = tuple(
        Campaign(
            name,
            weights[name],
            _innocent(judged, i, threshold, len(accounts) - len(claimed)),
            members[0].ruled_out,
        )
        for i, (name, members) in enumerate(groups.items())
    )
    return Links(VERSION, run, threshold, rate, campaigns, subjects.centres.astype(np.float32).tobytes())


def encode_links(links: Links) -> bytes:
    """As it is kept."""
    return msgspec.msgpack.encode(links)


def read_links(data: bytes) -> Links | None:
    """What `encode_links` wrote; None for another version's: it is learnt anew."""
    try:
        links = msgspec.msgpack.decode(data, type=Links)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return links if links.version == VERSION else None


def _middle(accounts: Mapping[str, Gathered]) -> int:
    """The middle of a log's time; 0 for a log of nobody."""
    if not accounts:
        return 0
    return (min(seen.first for seen in accounts.values()) + max(seen.last for seen in accounts.values())) // 2


def _half(account: str, key: bytes) -> int:
    return int(keyed_hash(f"half\n{account}", key), 16) & 1


def _halves(
    members: Sequence[str], others: Sequence[str], accounts: Mapping[str, Gathered], key: bytes
) -> tuple[Weights, Weights]:
    def without(half: int) -> Weights:
        parts = ([accounts[a].told for a in group if _half(a, key) != half] for group in (members, others))
        return fit_weights(*parts)

    return without(0), without(1)


def _judge(
    groups: Mapping[str, Sequence[Subject]],
    others: Sequence[str],
    weights: Sequence[tuple[Weights, Weights]],
    accounts: Mapping[str, Gathered],
    key: bytes,
) -> _Judged:
    models = [[pair[half] for pair in weights] for half in (0, 1)]

    def highest(account: str) -> list[float]:
        return accounts[account].highest(models[_half(account, key)])

    members = {i: [highest(claim.account_id)[i] for claim in claims] for i, claims in enumerate(groups.values())}
    return _Judged(members, [highest(account) for account in others] if weights else [])


def _threshold(judged: _Judged) -> tuple[float | None, ErrorRate]:
    """The order statistic above which as many strangers lie as may, and its rate's upper bound (Clopper & Pearson).

    Which one is settled by how many innocents there are, before their values are seen: so the bound holds.
    """
    highest = sorted((max(nats) for nats in judged.others), reverse=True)
    n = len(highest)
    above = int(LINKED_AT_MOST * (n + 1)) - 1
    stated = clopper_pearson(above, n).high if above >= 0 else 1.0
    rate = ErrorRate(KIND, stated, NULL, n)
    if above < 0 or stated > STATED_AT_MOST:
        return None, rate
    return max(highest[above], LEAST), rate


def _innocent(judged: _Judged, campaign: int, threshold: float | None, strangers: int) -> float:
    """The expected share of innocents among accounts linked to a campaign, if it takes on as many accounts as the log
    has of it: of ``strangers`` those that are linked falsely (to any campaign), of the others those that are at all."""
    nats, n = judged.members[campaign], len(judged.others)
    if threshold is None or not nats:
        return 1.0
    found = sum(value > threshold for value in nats)
    wrong = strangers * (sum(max(other) > threshold for other in judged.others) + 1) / (n + 1)
    return min(max(wrong / (wrong + found), NEVER_SURER), 1.0)
