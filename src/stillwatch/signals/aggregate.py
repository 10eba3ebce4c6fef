"""From exchanges to accounts by sums, minima and maxima alone, so that parts merge in any order.

`measure` reduces exchanges to a `State`; `merge` reduces the states of any split of the exchanges to one;
`finish` turns a state into one row an account. All are definitions (Ibis expressions): an engine runs them.

A keyed aggregate is kept for each account *and* key. `finish` shows a signal only what does not depend on
*which* keys they were: ``A_keys`` (how many), ``A_total`` (sum of the values), ``A_top`` (largest value) and
``A_squares`` (sum of squared values). So no signal can hold it against anyone *at which hour* an account works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import ibis
import ibis.expr.types as ir

from stillwatch.signals.base import AccountSignal, Aggregate

ACCOUNT = "account_id"
KEY = "key"
VALUE = "value"

FEATURES: Mapping[str, str] = {
    "account_id": "int64",  # keyed hash; never null
    "session_id": "int64",  # keyed hash
    "started_at": "int64",  # microseconds since 1970-01-01, UTC
    "model": "int64",  # keyed hash
    "status": "int64",  # HTTP status
    "input_tokens": "int64",
    "output_tokens": "int64",
    "reasoning_tokens": "int64",
    "temperature": "float64",
    "max_tokens": "int64",
    "client_ip": "int64",  # keyed hash
    "user_agent": "int64",  # keyed hash
    "ja4": "int64",  # keyed hash
    "new_text": "int64",  # keyed hash of what the user newly wrote
}
"""Columns of a dataset of exchange features, and their types. All but ``account_id`` may be null or absent."""


class State(NamedTuple):
    """Merged or mergeable aggregates.

    Attributes:
        plain: one row an account: ``account_id`` and one column for each aggregate without a key.
        keyed: for each aggregate with a key, rows of ``account_id``, ``key``, ``value``.
    """

    plain: ir.Table
    keyed: Mapping[str, ir.Table]


def aggregates_of(signals: Sequence[AccountSignal]) -> dict[str, Aggregate]:
    """All aggregates of ``signals`` by name; signals may share one, if it is the very same object.

    Raises:
        ValueError: two signals give one name to different aggregates.
    """
    found: dict[str, Aggregate] = {}
    for signal in signals:
        for name, aggregate in signal.aggregates.items():
            if found.setdefault(name, aggregate) is not aggregate:
                raise ValueError(f"signal {signal.info.name!r} names another aggregate {name!r} that exists already")
    return found


def complete(features: ir.Table) -> ir.Table:
    """``features`` with every column of `FEATURES`, in their types; absent ones are null."""
    columns = {
        name: features[name].cast(kind) if name in features.columns else ibis.null(kind)
        for name, kind in FEATURES.items()
    }
    return features.select(**columns)


def measure(features: ir.Table, signals: Sequence[AccountSignal]) -> State:
    """Reduce exchanges (columns: `FEATURES`) to the aggregates of ``signals``. No exchange: no row."""
    aggregates = aggregates_of(signals)
    plain = {name: a for name, a in aggregates.items() if a.key is None}
    values = features.select(features[ACCOUNT], **{name: a.value(features) for name, a in plain.items()})
    keyed = {}
    for name, a in aggregates.items():
        if a.key is not None:
            rows = features.select(features[ACCOUNT], key=a.key(features), value=a.value(features))
            keyed[name] = _reduce_keyed(rows, a)
    return State(_reduce_plain(values, plain), keyed)


def merge(states: State, signals: Sequence[AccountSignal]) -> State:
    """Reduce the concatenated states of any split of the exchanges to the state of all of them."""
    aggregates = aggregates_of(signals)
    plain = {name: a for name, a in aggregates.items() if a.key is None}
    return State(
        _reduce_plain(states.plain, plain),
        {name: _reduce_keyed(rows, aggregates[name]) for name, rows in states.keyed.items()},
    )


def finish(state: State, signals: Sequence[AccountSignal], *, with_aggregates: bool = False) -> ir.Table:
    """One row an account, by ``account_id``: the finished value of each signal, under its name.

    ``with_aggregates`` adds the aggregates without a key (first seen, minima, registers), which comparisons of
    two accounts read.
    """
    account = state.plain
    for name, rows in state.keyed.items():
        account = account.left_join(_summary(name, rows), ACCOUNT).drop(f"{ACCOUNT}_right")
    summaries = [f"{name}_{part}" for name in state.keyed for part in ("keys", "total", "top", "squares")]
    # An account without a single key (no session id, say) is not in the summary: it has 0 keys, not null.
    account = account.mutate(**{name: account[name].fill_null(0) for name in summaries})
    columns = {signal.info.name: signal.finish(account) for signal in signals}
    if with_aggregates:
        columns = {n: account[n] for n in state.plain.columns if n != ACCOUNT and n not in columns} | columns
    return account.select(account[ACCOUNT], **columns).order_by(ACCOUNT)


def _reduce_plain(rows: ir.Table, aggregates: Mapping[str, Aggregate]) -> ir.Table:
    return rows.group_by(ACCOUNT).aggregate(**{name: _apply(rows[name], a) for name, a in aggregates.items()})


def _reduce_keyed(rows: ir.Table, aggregate: Aggregate) -> ir.Table:
    rows = rows.filter(rows[KEY].notnull())
    return rows.group_by([ACCOUNT, KEY]).aggregate(value=_apply(rows[VALUE], aggregate))


def _summary(name: str, rows: ir.Table) -> ir.Table:
    value = rows[VALUE]
    parts = {
        f"{name}_keys": rows.count(),
        f"{name}_total": value.sum(),
        f"{name}_top": value.max(),
        f"{name}_squares": (value * value).sum(),
    }
    return rows.group_by(ACCOUNT).aggregate(**parts)


def _apply(value: ir.Value, aggregate: Aggregate) -> ir.Value:
    reduced: ir.Value = getattr(value, aggregate.op)()
    return reduced.fill_null(0) if aggregate.op == "sum" else reduced
