"""What a scan knows, indexed once: the log's columns as arrays, the groups in their order, the customers by number.

Everything that is said of a group or an account afterwards is computed from a `Case` and from nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.technique import label_campaign, label_sessions
from stillwatch.exchange import CUSTOMER, accounts_of
from stillwatch.linkage.findings import Findings, Group

NOBODY = -1
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """A log and what linkage found in it.

    ``account_ids`` (accounts,) and ``account`` (exchanges,) are those of `stillwatch.exchange.accounts_of`;
    ``started`` (exchanges,) is in microseconds since 1970, UTC. ``customers`` has one row for each account number
    (schema `CUSTOMER`; null where the provider's table says nothing), or is None without a table. ``groups`` are
    accused ones before those under review, the most taken first; ``names`` their ids (C1, C2, …), ``rows`` the
    exchange numbers of each, ``group_of`` (accounts,) the place of an account's group, `NOBODY` for none.
    ``technique`` (exchanges,) holds labels as in `stillwatch.campaigns.technique`.
    """

    exchanges: pa.Table
    customers: pa.Table | None
    findings: Findings
    account_ids: tuple[str, ...]
    account: Ints
    started: Ints
    groups: tuple[Group, ...]
    names: tuple[str, ...]
    rows: tuple[Ints, ...]
    group_of: Ints
    technique: Ints


def open_case(exchanges: pa.Table, customers: pa.Table | None, findings: Findings) -> Case:
    """Index a log (schema `EXCHANGE`, in the order that linkage was given) and what linkage found in it.

    Probabilities a rounding error beyond [0, 1] are cut. Raises ValueError where the findings are not about this
    table: lengths differ, account numbers out of range or not ascending.
    """
    findings = replace(findings, taken=np.clip(findings.taken, 0.0, 1.0))
    ids, account = accounts_of(exchanges)
    _check(findings, exchanges.num_rows, len(ids))
    groups = _one_group_each(findings.groups)
    taken = [float(findings.taken[np.isin(account, group.accounts)].sum()) for group in groups]
    order = sorted(
        range(len(groups)), key=lambda g: (groups[g].verdict != "campaign", -taken[g], int(groups[g].accounts[0]))
    )
    groups = tuple(groups[g] for g in order)
    group_of = np.full(len(ids), NOBODY, dtype=np.int64)
    for place, group in enumerate(groups):
        group_of[group.accounts] = place
    rows = _rows_by_group(group_of[account], len(groups))
    return Case(
        exchanges=exchanges,
        customers=None if customers is None else by_number(customers, ids),
        findings=findings,
        account_ids=tuple(ids.to_pylist()),
        account=account,
        started=exchanges.column("started_at").cast(pa.int64()).to_numpy().astype(np.int64),
        groups=groups,
        names=tuple(f"C{place + 1}" for place in range(len(groups))),
        rows=rows,
        group_of=group_of,
        technique=_techniques(findings, rows),
    )


def _check(findings: Findings, exchanges: int, accounts: int) -> None:
    lengths = {len(findings.taken), len(findings.session), len(findings.wording), len(findings.technique)}
    if lengths != {exchanges}:
        raise ValueError(f"findings of {sorted(lengths)} exchanges for a log of {exchanges}")
    for group in findings.groups:
        if len(group.accounts) and not 0 <= group.accounts.min() <= group.accounts.max() < accounts:
            raise ValueError(f"a group names an account beyond the log's {accounts}")
        if bool((np.diff(group.accounts) <= 0).any()):
            raise ValueError("a group's accounts do not ascend")


def _one_group_each(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """The groups without what another claims too: an accused group keeps an account before one under review, and of
    two alike the one that is surer of it (a tie: the first). Groups left empty are dropped."""
    claims: dict[int, tuple[bool, float, int]] = {}
    for place, group in enumerate(groups):
        for account, posterior in zip(group.accounts.tolist(), group.posterior.tolist(), strict=True):
            claim = (group.verdict == "campaign", posterior, -place)
            claims[account] = max(claims.get(account, claim), claim)
    kept = []
    for place, group in enumerate(groups):
        mine = np.array([claims[account][2] == -place for account in group.accounts.tolist()], dtype=bool)
        if mine.all():
            kept.append(group)
        elif mine.any():
            evidence = {name: bars[mine] for name, bars in group.evidence.items()}
            innocent = group.expected_innocent * float(mine.mean())
            part = replace(group, accounts=group.accounts[mine], posterior=group.posterior[mine], evidence=evidence)
            kept.append(replace(part, expected_innocent=innocent))
    return tuple(group for group in kept if len(group.accounts))


def _rows_by_group(group: Ints, groups: int) -> tuple[Ints, ...]:
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(groups + 1))
    return tuple(order[bounds[g] : bounds[g + 1]].astype(np.int64) for g in range(groups))


def by_number(customers: pa.Table, ids: pa.Array) -> pa.Table:
    """One row for each of the accounts ``ids``, in their order; null where the provider's table has none."""
    return customers.select(CUSTOMER.names).take(pc.index_in(ids, value_set=customers.column("account_id")))


def _techniques(findings: Findings, rows: tuple[Ints, ...]) -> Ints:
    labels = label_sessions(findings.technique, findings.session)
    for mine in rows:
        labels[mine] = label_campaign(
            findings.technique[mine],
            findings.session[mine],
            findings.wording[mine],
            findings.taken[mine],
            None if findings.frames is None else findings.frames[mine],
        )
    return labels
