"""Does a campaign that a peer tells of work here too? A p-value for each of our groups, and what it may move.

Two things are asked of each group that a scan found, accused or under review: does it behave as the bulletin's
fingerprint says (`sharing.fingerprint.likeness`), and do more of its accounts show the bulletin's indicators than
other accounts do (Fisher's exact test, one-sided; 1922)? Each gives a p-value; they become e-values, whose mean is one
whatever their dependence (Vovk & Wang 2021); p-values of all pairs of bulletin and group are adjusted together (Holm
1979).

A match moves the odds of a group by as much as the evidence allows and the peer's record earned, whichever is less
(`sharing.peers`). It never changes a verdict: it says which group under review to look at first, and whether its
members would be sure enough with it. An account in no group of ours is not touched, whatever a bulletin says of it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from scipy.stats import fisher_exact

from stillwatch.calibration import average_e, holm, p_to_e, select_at_fdr
from stillwatch.campaigns.report import Report, Verdict
from stillwatch.linkage.certainty import FEWEST_ACCUSED, INNOCENT
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.fingerprint.likeness import likeness
from stillwatch.sharing.peers import Ledger, Sighting, record_of
from stillwatch.sharing.showing import Showing, looked_for

__all__ = ["LEVEL", "Heard", "Match", "Matching", "match", "peer_of", "sightings_of"]

LEVEL = 0.01
"""Of all matches told by one call: the chance that any of them is none is at most this."""


class Match(msgspec.Struct, frozen=True):
    """A bulletin against a group of ours.

    ``p_value`` is the smaller of the two questions' times how many were asked (None: nothing could be asked);
    ``adjusted`` the same over all pairs; ``behaves`` and ``shows`` are the two before that, ``draws`` the null groups
    behind the first. ``hits`` of the ``accounts`` show one of the indicators. ``earned`` are the nats of the peer's
    record, ``moved`` those that the match moves the group's odds; ``innocent`` and ``innocent_after`` the expected
    number of innocent members before and with it; ``sure`` whether members of a group under review would be sure
    enough with it.
    """

    bulletin: str
    peer: str
    peer_name: str
    campaign_id: str
    verdict: Verdict
    accounts: int
    p_value: float | None
    adjusted: float | None
    matches: bool
    behaves: float | None
    draws: int
    shows: float | None
    hits: int
    earned: float
    moved: float
    innocent: float
    innocent_after: float
    sure: bool


class Matching(msgspec.Struct, frozen=True):
    """All pairs, the surest first; ``unused`` says in a sentence why a bulletin was left out, ``blind`` what could not
    be asked at all. ``level`` is that of ``adjusted`` from which a pair matches."""

    level: float
    pairs: tuple[Match, ...]
    unused: tuple[str, ...]
    blind: tuple[str, ...]


class Heard(NamedTuple):
    """A bulletin and who said it: the ``peer`` under which its record is kept (`peer_of`)."""

    bulletin: Bulletin
    peer: str


def peer_of(bulletin: Bulletin, source: str | None) -> str:
    """Whose record a bulletin counts in, a UUID.

    The producer's identity is a claim that anybody can write. Of a bulletin that came from a ``source`` of the feed,
    whoever sends it is part of the peer: a name that somebody else uses has earned nothing. A file that the user names
    (None) is taken at its word.
    """
    identity = bulletin.producer.identity
    return identity if source is None else str(uuid.uuid5(uuid.UUID(identity), source))


class _Asked(NamedTuple):
    """What a pair's questions gave before all were adjusted together."""

    behaves: float | None
    draws: int
    shows: float | None
    hits: int

    @property
    def asked(self) -> list[float]:
        return [p for p in (self.behaves, self.shows) if p is not None]

    @property
    def p_value(self) -> float | None:
        """Bonferroni over the questions; None where none could be asked."""
        return min(1.0, len(self.asked) * min(self.asked)) if self.asked else None


def match(
    heard: Sequence[Heard],
    report: Report,
    behaviour: pa.Table | None,
    ledger: Ledger,
    *,
    today: dt.date,
    shown: Showing | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> Matching:
    """Hold bulletins that were ``heard`` against the groups of a run.

    ``behaviour`` is the run's (None: it has none); ``shown`` says who shows which indicator (None: the log was not
    given). Revoked and expired bulletins are left out. Without groups or bulletins there are no pairs.
    """
    unused = [f"{b.id}: {'its producer took it back' if b.revoked else f'it expired on {b.expires}'}"
              for b, _ in heard if _stale(b, today)]  # fmt: skip
    used = [h for h in heard if not _stale(h.bulletin, today)]
    blind = []
    if behaviour is None and any(h.bulletin.fingerprint for h in used):
        blind.append("This run holds no behaviour: scan again with this version to match fingerprints.")
    if shown is None and any(looked_for(h.bulletin, today) for h in used):
        blind.append("Indicators were not looked for: they need the log (--log).")
    members = [frozenset(c.members) for c in report.campaigns]
    innocent = [a.account_id for a in report.accounts if a.campaign_id is None]
    asked = [row for h in used for row in _ask(h.bulletin, members, innocent, behaviour, today, shown, seed)]
    told = [i for i, a in enumerate(asked) if a.p_value is not None]
    corrected = holm([p for a in asked if (p := a.p_value) is not None])
    adjusted: dict[int, float] = dict(zip(told, corrected.tolist(), strict=True))
    pairs = []
    for i, a in enumerate(asked):
        place = i % len(members)
        pairs.append(_pair(used[i // len(members)], report, place, a, adjusted.get(i), ledger, level))
    pairs.sort(key=lambda pair: (not pair.matches, pair.adjusted if pair.adjusted is not None else 2.0))
    return Matching(level, tuple(pairs), tuple(unused), tuple(blind))


def sightings_of(matching: Matching, today: dt.date) -> tuple[Sighting, ...]:
    """What the ledger should note: each bulletin that matched, with its surest group."""
    return tuple(
        Sighting(
            bulletin=pair.bulletin, peer=pair.peer, name=pair.peer_name, first_day=today, accounts=pair.accounts,
            p_value=pair.adjusted,
        )
        for pair in matching.pairs
        if pair.matches and pair.adjusted is not None
    )  # fmt: skip


def _stale(bulletin: Bulletin, today: dt.date) -> bool:
    return bulletin.revoked or bulletin.expires < today


def _ask(
    bulletin: Bulletin,
    members: Sequence[frozenset[str]],
    innocent: Sequence[str],
    behaviour: pa.Table | None,
    today: dt.date,
    shown: Showing | None,
    seed: int,
) -> list[_Asked]:
    """Both questions of one bulletin, for each group."""
    alike = None
    if behaviour is not None and bulletin.fingerprint is not None and members:
        groups = [sorted(group) for group in members]
        alike = likeness(bulletin.fingerprint, behaviour, groups, innocent=innocent, seed=seed)
    fresh = looked_for(bulletin, today) if shown is not None else ()
    showing: frozenset[str] = frozenset().union(*(shown.get(i, frozenset()) for i in fresh)) if shown else frozenset()
    rows = []
    for place, group in enumerate(members):
        hits = len(group & showing)
        shows = _fisher(hits, len(group), len(showing & frozenset(innocent)), len(innocent)) if fresh else None
        like = alike[place] if alike is not None else None
        rows.append(_Asked(like.p_value if like else None, like.draws if like else 0, shows, hits))
    return rows


def _fisher(hits: int, size: int, hits_elsewhere: int, elsewhere: int) -> float:
    """P-value of at least so many hits in a group, if its accounts showed indicators as all others do."""
    table = [[hits, size - hits], [hits_elsewhere, elsewhere - hits_elsewhere]]
    return float(fisher_exact(table, alternative="greater").pvalue)


def _pair(
    heard: Heard, report: Report, place: int, asked: _Asked, adjusted: float | None, ledger: Ledger, level: float
) -> Match:
    campaign = report.campaigns[place]
    bulletin = heard.bulletin
    record = record_of(ledger, heard.peer, bulletin.producer.name)
    matches = adjusted is not None and adjusted <= level
    evidence = average_e(p_to_e(asked.asked, None)) if matches else 1.0
    moved = float(min(np.log(max(evidence, 1.0)), record.weight))
    posterior = np.array([a.posterior for a in report.accounts if a.campaign_id == campaign.campaign_id])
    after = _moved(posterior, moved)
    sure = campaign.verdict == "review" and bool(select_at_fdr(after, INNOCENT).sum() >= FEWEST_ACCUSED) and moved > 0
    return Match(
        bulletin=bulletin.id,
        peer=heard.peer,
        peer_name=bulletin.producer.name,
        campaign_id=campaign.campaign_id,
        verdict=campaign.verdict,
        accounts=campaign.accounts,
        p_value=asked.p_value,
        adjusted=adjusted,
        matches=matches,
        behaves=asked.behaves,
        draws=asked.draws,
        shows=asked.shows,
        hits=asked.hits,
        earned=record.weight,
        moved=moved,
        innocent=float((1 - posterior).sum()),
        innocent_after=float((1 - after).sum()),
        sure=sure,
    )


def _moved(posterior: np.ndarray, nats: float) -> np.ndarray:
    """Probabilities after their log-odds moved by ``nats``."""
    odds = posterior / np.maximum(1 - posterior, 1e-12) * np.exp(nats)
    moved: np.ndarray = odds / (1 + odds)
    return moved
