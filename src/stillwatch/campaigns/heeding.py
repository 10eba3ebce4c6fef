"""A scan's findings after people were heard, and the detector's own record with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.calibration import clopper_pearson
from stillwatch.campaigns.judgements import Judgement, cleared
from stillwatch.campaigns.report import Judged, Report
from stillwatch.exchange import accounts_of
from stillwatch.linkage.certainty import FEWEST_ACCUSED, part
from stillwatch.linkage.findings import Findings, Group

__all__ = ["heed", "judged", "with_judgements"]


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


def with_judgements(report: Report, judgements: Sequence[Judgement], again: int) -> Report:
    """The report with the record (`judged`) and, at each account that was cleared, the day."""
    known = cleared(judgements)
    accounts = tuple(
        msgspec.structs.replace(account, cleared=known[account.account_id].at.astimezone(dt.UTC).date())
        if account.account_id in known
        else account
        for account in report.accounts
    )
    return msgspec.structs.replace(report, accounts=accounts, judged=judged(judgements, again))


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
