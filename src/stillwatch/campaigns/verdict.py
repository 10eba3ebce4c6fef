"""From groups to verdicts: each account's, with its evidence, and what the verdicts do to innocent look-alikes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from stillwatch.calibration import clopper_pearson, posterior_q_values, sum_interval
from stillwatch.campaigns import wording
from stillwatch.campaigns.case import NOBODY, Case
from stillwatch.campaigns.explanations import evidence_words, look_alike_title, rival_words
from stillwatch.campaigns.report import Account, ErrorRate, Evidence, LookAlike, Rival, Verdict
from stillwatch.linkage.findings import Group

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LARGEST = 1e300
NULL = "groups of accounts of like load, drawn at random and judged on sessions that the search did not see"
_SAME_GROUP = 0.5
MEMBERSHIP_SD = 1.0
"""Nats by which all probabilities of membership may be wrong together (one standard deviation)."""
_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def finite(value: float, unknown: float) -> float:
    """``value`` as JSON can hold it: infinities cut at ±1e300, ``unknown`` for what is no number."""
    return unknown if math.isnan(value) else min(max(float(value), -LARGEST), LARGEST)


def moment(microseconds: int) -> dt.datetime:
    """A time in microseconds since 1970 as a date and time in UTC."""
    return _EPOCH + int(microseconds) * _MICROSECOND


def error_rate(level: float, null_draws: int) -> ErrorRate:
    """What the threshold buys: ``level`` of false discoveries, measured on ``null_draws`` random groups."""
    return ErrorRate("false discovery rate", level, NULL, null_draws)


def q_values(case: Case) -> Floats:
    """Of each account, (accounts,): the share of innocents expected among the accounts at least as surely accused.

    Accused accounts are ranked among the accused, those under review among both; never below the q-value of their
    group, for an account belongs to a campaign only if there is one. 1 for accounts in no group.
    """
    q = np.ones(len(case.account_ids))
    for verdicts in (("campaign", "review"), ("campaign",)):
        chosen = [group for group in case.groups if group.verdict in verdicts]
        if not chosen:
            continue
        accounts = np.concatenate([group.accounts for group in chosen])
        ranked = posterior_q_values(np.clip(np.concatenate([group.posterior for group in chosen]), 0.0, 1.0))
        floor = np.concatenate([np.full(len(g.accounts), finite(g.q_value, 1.0)) for g in chosen])
        q[accounts] = np.clip(np.maximum(ranked, floor), 0.0, 1.0)
    return q


def group_evidence(group: Group) -> tuple[Evidence, ...]:
    """The waterfall of a group: for each kind of evidence the sum over its members (nats), the strongest first."""
    bars = []
    for name, log_odds in group.evidence.items():
        words = evidence_words(name)
        known = np.nan_to_num(log_odds, posinf=LARGEST, neginf=-LARGEST)
        plain = (
            f"{words.plain}: it speaks for {int((known > 0).sum()):,} of {len(known):,} accounts, "
            f"by {wording.signed(float(known.mean()))} nats each on average"
        )
        bars.append(Evidence(name, words.title, finite(float(known.sum()), 0.0), plain, words.innocent_reading))
    return tuple(sorted(bars, key=lambda bar: (-bar.log_odds, bar.name)))


def member_evidence(group: Group, place: int) -> tuple[Evidence, ...]:
    """The waterfall of a group's member: what each kind of evidence moved for this account (nats)."""
    bars = []
    for name, log_odds in group.evidence.items():
        words = evidence_words(name)
        bars.append(Evidence(name, words.title, finite(log_odds[place], 0.0), words.plain, words.innocent_reading))
    return tuple(sorted(bars, key=lambda bar: (-bar.log_odds, bar.name)))


def rivals_of(group: Group) -> tuple[Rival, ...]:
    """The innocent explanations of a group with the nats by which each lost, the closest first."""
    found = []
    for name, log_odds in group.rivals.items():
        words = rival_words(name)
        found.append(Rival(name, words.title, finite(log_odds, 0.0), words.plain))
    return tuple(sorted(found, key=lambda rival: (rival.log_odds, rival.name)))


def account_rows(case: Case) -> tuple[Account, ...]:
    """One row for each account of the log, by account id. An account in no group has posterior 0 and q-value 1.

    Its nearest rival is that of its group, and is named so: rivals are scored on whole groups.
    """
    n, q = len(case.account_ids), q_values(case)
    exchanges = np.bincount(case.account, minlength=n).tolist()
    taken = np.bincount(case.account, weights=case.findings.taken, minlength=n).tolist()
    first, last = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(first, case.account, case.started)
    np.maximum.at(last, case.account, case.started)
    nearest = [_nearest(group) for group in case.groups]
    rows = []
    for number, account_id in enumerate(case.account_ids):
        place = int(case.group_of[number])
        name: str | None = None
        verdict: Verdict = "clear"
        posterior, evidence, rival = 0.0, tuple[Evidence, ...](), None
        if place != NOBODY:
            group = case.groups[place]
            at = int(np.searchsorted(group.accounts, number))
            name, verdict, posterior = case.names[place], group.verdict, finite(group.posterior[at], 0.0)
            evidence, rival = member_evidence(group, at), nearest[place]
        seen = (moment(first[number]), moment(last[number]))
        rows.append(
            Account(account_id, name, verdict, float(q[number]), posterior, exchanges[number], taken[number], *seen,
                    evidence, rival)
        )  # fmt: skip
    return tuple(rows)


def _nearest(group: Group) -> Rival | None:
    rivals = rivals_of(group)
    if not rivals:
        return None
    return Rival(rivals[0].name, f"{rivals[0].title}, whole group", rivals[0].log_odds, rivals[0].plain)


def look_alikes(case: Case, kinds: Mapping[str, Ints]) -> tuple[LookAlike, ...]:
    """What the verdicts do to each kind of innocent look-alike, and to everyone of no kind, side by side.

    Nobody knows which of the accused are innocent. The share of a kind that is accused *and* innocent is the sum of
    1 − posterior over its accused accounts, divided by the accounts of the kind. Its 95 % interval joins both
    uncertainties on the cautious side: how many of the accused are innocent (they fall group by group together, and the
    posteriors' log-odds may be wrong as a whole by `MEMBERSHIP_SD`), and, for each end of that, the exact binomial
    interval (Clopper and Pearson) of a rate seen on so few accounts. Kinds without an account are left out; without
    kinds nothing is returned.
    """
    everyone = np.arange(len(case.account_ids))
    accused = np.array([g != NOBODY and case.groups[g].verdict == "campaign" for g in case.group_of.tolist()], bool)
    innocent = np.zeros(len(everyone))
    for group in case.groups:
        innocent[group.accounts] = 1 - np.clip(group.posterior, 0.0, 1.0)
    known = {name: np.unique(numbers).astype(np.int64) for name, numbers in kinds.items() if len(numbers)}
    if not known:
        return ()
    rest = np.setdiff1d(everyone, np.concatenate(list(known.values())))
    if len(rest):
        known["everyone_else"] = rest
    rows = []
    for name, numbers in known.items():
        guilty = numbers[accused[numbers]]
        count = sum_interval(innocent[guilty], case.group_of[guilty], correlation=_SAME_GROUP, extra_sd=MEMBERSHIP_SD)
        low = clopper_pearson(int(count.low), len(numbers)).low
        high = clopper_pearson(int(count.high), len(numbers)).high
        rate = count.value / len(numbers)
        rows.append(LookAlike(name, look_alike_title(name), len(numbers), len(guilty), rate, min(low, rate), high))
    return tuple(rows)
