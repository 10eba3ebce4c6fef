"""One row an account: the account signals, run by an engine over a dataset of exchange features.

At once (`account_profiles`), or in parts that arrive one by one (`write_state` for each day, then
`profiles_of_states`): the values are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.engines.base import Engine, Written
from stillwatch.errors import InputError
from stillwatch.signals import SIGNALS
from stillwatch.signals.aggregate import ACCOUNT, State, aggregates_of, complete, finish, measure, merge
from stillwatch.signals.base import AccountSignal

_PLAIN = "accounts"


def account_signals() -> tuple[AccountSignal, ...]:
    """Every registered signal of an account, in the registry's order."""
    return tuple(signal for _, signal in SIGNALS.all() if isinstance(signal, AccountSignal))


def account_profiles(
    features: Path,
    engine: Engine,
    to: Path,
    signals: Sequence[AccountSignal] | None = None,
    *,
    with_aggregates: bool = False,
) -> pa.Table:
    """Measure every account and write one row for each to ``to`` (Parquet).

    Args:
        features: a Parquet file or folder with columns of `stillwatch.signals.aggregate.FEATURES`; only
            ``account_id`` is needed, what is absent counts as null.
        engine: where it runs.
        to: the file to write; replaced whole or not at all.
        signals: which ones; default: every registered one.
        with_aggregates: also write the aggregates without a key.

    Returns:
        The rows, ordered by ``account_id`` (int64), one column for each signal under its name. The values do not
        depend on the order or the split of the exchanges. No exchange gives no row.

    Raises:
        InputError: no ``account_id``, a column of another type, or not Parquet.
        StorageError: ``to`` cannot be written.
    """
    chosen = account_signals() if signals is None else signals
    state = _measured(features, engine, chosen)
    engine.write(finish(state, chosen, with_aggregates=with_aggregates), to)
    return pq.read_table(to)


def write_state(
    features: Path, engine: Engine, folder: Path, signals: Sequence[AccountSignal] | None = None
) -> dict[str, Written]:
    """Reduce a part of the exchanges to its mergeable state: one file in ``folder`` for each table of it.

    ``accounts.parquet`` holds the aggregates without a key; ``NAME.parquet`` each one with a key
    (``account_id``, ``key``, ``value``). Arguments and errors as `account_profiles`.

    Returns:
        What was written, by the table's name.
    """
    state = _measured(features, engine, account_signals() if signals is None else signals)
    tables = {_PLAIN: state.plain.order_by(ACCOUNT)}
    tables |= {name: rows.order_by([ACCOUNT, "key"]) for name, rows in state.keyed.items()}
    return {name: engine.write(query, folder / f"{name}.parquet") for name, query in tables.items()}


def profiles_of_states(
    folders: Sequence[Path], engine: Engine, to: Path, signals: Sequence[AccountSignal] | None = None
) -> pa.Table:
    """Merge states of `write_state` (one or more, any order) and finish them: the rows of `account_profiles`.

    Raises:
        InputError: no folder is given, or one lacks a table of ``signals``.
        StorageError: ``to`` cannot be written.
    """
    if not folders:
        raise InputError("no state to merge")
    chosen = account_signals() if signals is None else signals

    def every(name: str) -> ibis.Table:
        parts = [engine.open(folder / f"{name}.parquet") for folder in folders]
        return ibis.union(*parts) if len(parts) > 1 else parts[0]

    keyed = {name: every(name) for name, a in aggregates_of(chosen).items() if a.key is not None}
    engine.write(finish(merge(State(every(_PLAIN), keyed), chosen), chosen), to)
    return pq.read_table(to)


def _measured(features: Path, engine: Engine, signals: Sequence[AccountSignal]) -> State:
    table = engine.open(features)
    if ACCOUNT not in table.columns:
        raise InputError(f"has no column {ACCOUNT!r}", features)
    return measure(complete(table), signals)
