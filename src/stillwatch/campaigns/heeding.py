"""A scan's findings after people were heard, and the detector's own record with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.calibration import clopper_pearson
from stillwatch.campaigns.decided import Decided
from stillwatch.campaigns.judgements import Judgement, cleared
from stillwatch.campaigns.regrouping import hold_back, regrouped
from stillwatch.campaigns.report import Judged, Report
from stillwatch.exchange import accounts_of
from stillwatch.linkage.certainty import FEWEST_ACCUSED, FIRM, part
from stillwatch.linkage.findings import Findings, Group

__all__ = ["BAR", "Heeded", "heed", "heed_decided", "judged", "with_judgements"]

BAR = 3.0
"""Nats (odds of twenty to one) by which an account that a person cleared must look less innocent than when he cleared
it before it is shown to a person again."""
FEWEST_SINCE = 5
"""Exchanges since it was cleared that it takes besides: what a person saw is not new evidence."""


class Heeded(NamedTuple):
    """Findings after people were heard: ``judgements`` are the latest about each account, whoever kept them; ``again``
    counts cleared accounts that were in a group again, ``told`` says in sentences what people's decisions did."""

    findings: Findings
    judgements: tuple[Judgement, ...]
    again: int
    told: tuple[str, ...]


def heed_decided(
    findings: Findings, exchanges: pa.Table, judgements: Sequence[Judgement], decided: Decided, firm: float = FIRM
) -> Heeded:
    """`heed`, and beyond it the decisions of the console: groups joined and parted as people said (`regrouped`), and
    accounts on hold accused of nothing.

    Whoever was cleared there is in no group again, as on appeal, unless an accused group holds him with new evidence:
    the odds that he is innocent fell by `BAR` nats or more below what was stated when he was cleared, and five of his
    exchanges or more began after that. Then he is shown to a person, and not accused. Nothing decided: as `heed`.
    """
    ids, account = accounts_of(exchanges)
    names = ids.to_pylist()
    latest = {one.account_id: one for one in judgements}
    final = {*cleared(judgements), *decided.final}
    for one in decided.judgements:
        before = latest.get(one.account_id)
        if before is None or one.at >= before.at:
            latest[one.account_id] = one
    everyone = tuple(latest[name] for name in sorted(latest))
    open_to_doubt = {name: one for name, one in cleared(everyone).items() if name not in final}
    back = _with_new_evidence(findings, exchanges, names, account, open_to_doubt)
    heeded, again = heed(findings, exchanges, [one for one in everyone if one.account_id not in back])
    groups, told = regrouped(heeded.groups, decided.links, names, firm)
    aside = np.array([name in back or name in decided.held for name in names], dtype=bool)
    groups = hold_back(groups, lambda group: aside[group.accounts])
    if back:
        told.append(
            f"New evidence about {len(back):,} accounts that people had cleared: shown to a person, not accused."
        )
    if decided.last:
        told.append(f"People's decisions were heeded up to the line with the hash {decided.last}.")
    return Heeded(replace(heeded, groups=tuple(groups)), everyone, again + len(back), tuple(told))


def _with_new_evidence(
    findings: Findings, exchanges: pa.Table, names: Sequence[str], account: np.ndarray, doubted: Mapping[str, Judgement]
) -> frozenset[str]:
    """The accounts among ``doubted`` (cleared, and not on appeal) about whom there is new evidence beyond the bar."""
    if not doubted:
        return frozenset()
    started = exchanges.column("started_at").cast(pa.int64()).to_numpy()
    found = set()
    for group in findings.groups:
        if group.verdict != "campaign":
            continue
        for number, posterior in zip(group.accounts.tolist(), group.posterior.tolist(), strict=True):
            judgement = doubted.get(names[number])
            if judgement is None or judgement.innocent is None:
                continue
            innocent = max(1.0 - posterior, group.q_value)
            since = int((started[account == number] > judgement.at.timestamp() * 1_000_000).sum())
            if _log_odds(judgement.innocent) - _log_odds(innocent) >= BAR and since >= FEWEST_SINCE:
                found.add(names[number])
    return frozenset(found)


def _log_odds(probability: float) -> float:
    inside = min(max(probability, 1e-9), 1 - 1e-9)
    return float(np.log(inside / (1 - inside)))


def heed(findings: Findings, exchanges: pa.Table, judgements: Sequence[Judgement]) -> tuple[Findings, int]:
    """The findings without the accounts that a person cleared, and how many of those were in a group again.

    A group left with fewer than eight members accuses nobody; one left empty is gone. What cleared accounts exchanged
    was not taken. Without judgements the findings are returned as they are.
    """
    known = cleared(judgements)
    if not known:
        return findings, 0
    ids, account = accounts_of(exchanges)
    innocent = np.array([name in known for name in ids.to_pylist()], dtype=bool)
    again = sum(int(innocent[group.accounts].sum()) for group in findings.groups)
    groups = tuple(g for g in (_without(group, innocent) for group in findings.groups) if len(g.accounts))
    taken = np.where(innocent[account], 0.0, findings.taken)
    return replace(findings, groups=groups, taken=taken), again


def _without(group: Group, innocent: np.ndarray) -> Group:
    kept = ~innocent[group.accounts]
    if kept.all():
        return group
    return part(group, kept, group.verdict if kept.sum() >= FEWEST_ACCUSED else "review")


def with_judgements(report: Report, judgements: Sequence[Judgement], again: int, told: tuple[str, ...] = ()) -> Report:
    """The report with the record (`judged`), at each account that was cleared the day, and what there is to be ``told``
    of people's decisions among its notes."""
    known = cleared(judgements)
    accounts = tuple(
        msgspec.structs.replace(account, cleared=known[account.account_id].at.astimezone(dt.UTC).date())
        if account.account_id in known
        else account
        for account in report.accounts
    )
    notes = (*report.notes, *told)
    return msgspec.structs.replace(report, accounts=accounts, judged=judged(judgements, again), notes=notes)


def judged(judgements: Sequence[Judgement], again: int) -> Judged:
    """The detector's record with people: how many of the accounts that a person judged were innocent, with the exact
    95 % interval (Clopper and Pearson 1934; no judgement: 0 to 1), beside what had been stated of them.

    Who appeals is not drawn at random, so this is a record, not an estimate of the rate among all accused.
    """
    found = len(cleared(judgements))
    interval = clopper_pearson(found, len(judgements)) if judgements else None
    stated = [judgement.innocent for judgement in judgements if judgement.innocent is not None]
    return Judged(
        accounts=len(judgements),
        cleared=found,
        kept_out=again,
        share=found / len(judgements) if judgements else 0.0,
        low=interval.low if interval else 0.0,
        high=interval.high if interval else 1.0,
        stated_accounts=len(stated),
        stated_innocent=float(sum(stated)),
    )
