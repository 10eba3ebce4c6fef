"""What a bulletin says a campaign was, from its run: coarse, and with at least k accounts behind every figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sharing.bulletin import (
    CampaignFacts,
    ErrorRate,
    Evidence,
    EvidenceName,
    Rival,
    RivalName,
    Technique,
    TechniqueName,
)
from stillwatch.sharing.coarse import count_range, error_bound, fewest_behind, kth_period, rounded_nats, share_down
from stillwatch.sharing.indicators import LeftOut, day_of
from stillwatch.sharing.run import DAY, Run

__all__ = ["facts_of", "waves"]

Ints = npt.NDArray[np.int64]

_PLAIN = "plain"
_WAVE_DAYS = 3


def facts_of(run: Run, k: int, log: pa.Table | None) -> tuple[CampaignFacts, tuple[LeftOut, ...]]:
    """The facts and what was left out of them; ``log`` as `indicators.read_log` gives it. The campaign has k accounts
    or more."""
    campaign, size = run.campaign, int(run.member.sum())
    first, last = run.first[run.member] // DAY, run.last[run.member] // DAY
    begun, ended = kth_period(first, last, k)
    techniques, left = _techniques(run, k, log)
    evidence = {item.name: item.log_odds / size for item in campaign.evidence}
    facts = CampaignFacts(
        first_day=day_of(begun),
        last_day=day_of(ended),
        accounts=count_range(size, k),
        exchanges=count_range(campaign.exchanges, k),
        taken=count_range(campaign.taken, k),
        techniques=techniques,
        evidence=_evidence(evidence),
        rivals=_rivals({item.name: item.log_odds for item in campaign.rivals}),
        error_rate=ErrorRate(
            level=error_bound(campaign.error_rate.level),
            innocent=error_bound(campaign.expected_innocent / size),
            draws=max(campaign.error_rate.n_null, 0),
        ),
        q_value=error_bound(campaign.q_value),
        waves=waves(first, last, k),
    )
    return facts, left


def _techniques(run: Run, k: int, log: pa.Table | None) -> tuple[tuple[Technique, ...], tuple[LeftOut, ...]]:
    """The techniques that k accounts stand behind, by their share of what was taken.

    With the log the accounts of each are counted. Without it a technique counts as told by as many accounts as it
    takes at least to have taken so much: those that took the most.
    """
    taken = run.campaign.techniques
    total = sum(taken.values())
    behind = _accounts_behind(run, log)
    told: list[Technique] = []
    few = rare = 0
    for name, amount in taken.items():
        accounts = behind.get(name, 0) if behind is not None else fewest_behind(amount, run.taken[run.member])
        share = share_down(amount, total)
        if accounts < k or name not in get_args(TechniqueName):
            few += 1
        elif share == 0:
            rare += 1
        else:
            told.append(Technique(name=_technique(name), share=share))
    left = []
    if few:
        how = "" if behind is not None else ", as far as can be told without the log"
        left.append(LeftOut("techniques", few, f"fewer than {k} accounts used each{how}"))
    if rare:
        left.append(LeftOut("techniques", rare, "less than one in twenty of what was taken was taken with each"))
    return tuple(sorted(told, key=lambda item: (-item.share, item.name))), tuple(left)


def _technique(name: str) -> TechniqueName:
    known: dict[str, TechniqueName] = {word: word for word in get_args(TechniqueName)}
    return known[name]


def _accounts_behind(run: Run, log: pa.Table | None) -> Mapping[str, int] | None:
    """How many of the campaign's accounts used each technique; None where that cannot be told."""
    if log is None or run.techniques is None:
        return None
    account = log.column("account").to_numpy()
    mine = np.flatnonzero(run.member[account])
    ids = run.techniques.column("exchange_id").combine_chunks()
    at = pc.index_in(log.column("exchange_id").take(pa.array(mine)), value_set=ids)
    labels = run.techniques.column("technique").fill_null(_PLAIN).take(at).to_pylist()
    used = run.techniques.column("taken").take(at).fill_null(0.0).to_pylist()
    who: dict[str, set[int]] = {}
    for number, label, taken in zip(account[mine].tolist(), labels, used, strict=True):
        if label is not None and taken > 0:
            who.setdefault(label, set()).add(number)
    return {name: len(accounts) for name, accounts in who.items()}


def _evidence(nats: Mapping[str, float]) -> tuple[Evidence, ...]:
    """Kinds of evidence that moved an account by a tenth of a nat or more on average; kinds that no name is agreed for
    are added up as "other"."""
    known: dict[str, EvidenceName] = {word: word for word in get_args(EvidenceName)}
    added: dict[EvidenceName, float] = {}
    for name, value in nats.items():
        word = known.get(name, "other")
        added[word] = added.get(word, 0.0) + value
    told = [Evidence(name=name, nats=rounded_nats(value, 1)) for name, value in added.items()]
    return tuple(sorted((item for item in told if item.nats), key=lambda item: (-item.nats, item.name)))


def _rivals(nats: Mapping[str, float]) -> tuple[Rival, ...]:
    """All innocent explanations, the closest first; of several "other" ones the closest. One that won is told too."""
    known: dict[str, RivalName] = {word: word for word in get_args(RivalName)}
    closest: dict[RivalName, float] = {}
    for name, value in nats.items():
        word = known.get(name, "other")
        closest[word] = min(closest.get(word, value), value)
    told = [Rival(name=name, nats=rounded_nats(value)) for name, value in closest.items()]
    return tuple(sorted(told, key=lambda item: (item.nats, item.name)))


def waves(first: Ints, last: Ints, k: int) -> int:
    """How many cohorts of accounts relieved one another, each of k or more; ``first`` and ``last`` (n,) days of each.

    A cohort is who begins within three days (or longer, until they are k). The next one begins after half of it, and k
    at least, have stopped. 1 where fewer than 2 k accounts are known, or all work to the end.
    """
    count = 0
    left: Any = np.ones(len(first), dtype=bool)
    while int(left.sum()) >= k:
        count += 1
        begun, ended = first[left], last[left]
        cohort = begun <= max(int(np.partition(begun, k - 1)[k - 1]), int(begun.min()) + _WAVE_DAYS - 1)
        stopped = max(k, (int(cohort.sum()) + 1) // 2)
        over = int(np.sort(ended[cohort])[stopped - 1])
        left &= first > over
    return max(count, 1)
