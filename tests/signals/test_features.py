"""Accounts and their numbers, the order of exchanges, and exchanges as numbers only."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa

from stillwatch.exchange import EXCHANGE, accounts_of, in_order, keyed_hashes
from stillwatch.signals.aggregate import FEATURES
from stillwatch.signals.features import exchange_features

NOON = dt.datetime(2026, 9, 7, 12, tzinfo=dt.UTC)


def table(*rows: dict[str, object]) -> pa.Table:
    filled = [{"exchange_id": f"x{n}", "started_at": NOON, "account_id": "a"} | row for n, row in enumerate(rows)]
    return pa.Table.from_pylist(filled, schema=EXCHANGE)


def test_account_numbers_are_ranks_of_ids() -> None:
    rows = table(*({"account_id": account} for account in ("é", "b", "Z", "b", "", "a")))
    ids, numbers = accounts_of(pa.concat_tables([rows.slice(0, 2), rows.slice(2)]))
    assert ids.to_pylist() == ["", "Z", "a", "b", "é"]
    assert numbers.tolist() == [4, 3, 1, 3, 0, 2]
    assert numbers.dtype == np.int64


def test_of_no_exchange() -> None:
    none = EXCHANGE.empty_table()
    ids, numbers = accounts_of(none)
    assert (len(ids), len(numbers), in_order(none).num_rows) == (0, 0, 0)
    assert exchange_features(none, numbers, b"k").num_rows == 0


def test_order_is_time_then_id() -> None:
    later = NOON + dt.timedelta(microseconds=1)
    rows = table({"started_at": later, "exchange_id": "a"}, {"exchange_id": "c"}, {"exchange_id": "b"})
    assert in_order(rows).column("exchange_id").to_pylist() == ["b", "c", "a"]
    assert in_order(rows.take(pa.array([2, 0, 1]))).equals(in_order(rows))


def test_features_are_numbers() -> None:
    old = '{"role": "user", "content": "old"}, {"role": "assistant", "content": "x"}'
    told = f'[{old}, {{"role": "user", "content": "new"}}]'
    rows = table({"messages": told, "model": "m", "temperature": 0.5, "status": 200}, {"messages": "{broken"}, {})
    features = exchange_features(rows, np.array([3, 0, 0]), b"key")
    assert features.column_names == list(FEATURES)
    assert {str(kind) for kind in features.schema.types} == {"int64", "double"}
    first, broken, bare = features.to_pylist()
    assert first["new_text"] == keyed_hashes(pa.array(["new"]), b"key")[0].as_py()
    assert (first["account_id"], first["temperature"], first["status"]) == (3, 0.5, 200)
    assert first["started_at"] == int(NOON.timestamp() * 1e6)
    assert broken["new_text"] is None
    assert bare["session_id"] is bare["model"] is bare["client_ip"] is None
