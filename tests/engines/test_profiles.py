"""The law of account signals: any split, any order, merged, gives the same values; and they are right."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import duckdb
import ibis
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.engines.duckdb import DuckDB
from stillwatch.engines.profiles import account_profiles, profiles_of_states, write_state
from stillwatch.errors import InputError
from stillwatch.signals import SIGNALS
from stillwatch.signals.aggregate import FEATURES, State, aggregates_of, finish, measure, merge
from stillwatch.signals.base import AccountSignal

EVERY: list[AccountSignal] = [
    import_module(target.partition(":")[0]).SIGNAL
    for target in SIGNALS.targets().values()
    if target.startswith("stillwatch.signals.account.")
]
SCHEMA = pa.schema([(name, pa.int64() if kind == "int64" else pa.float64()) for name, kind in FEATURES.items()])
HASHES = st.sampled_from([None, 0, -1, 2**63 - 1, -(2**63), 7 << 40, 12345678901234567])
ROW = st.fixed_dictionaries(
    {
        "account_id": st.sampled_from([-5, 1, 2**62]),
        "session_id": HASHES,
        "started_at": st.one_of(st.none(), st.integers(1_780_000_000_000_000, 1_790_000_000_000_000)),
        "model": HASHES,
        "status": st.sampled_from([None, 200, 429, 500]),
        "input_tokens": st.one_of(st.none(), st.integers(0, 10**9)),
        "output_tokens": st.integers(0, 10**9),
        "reasoning_tokens": st.none(),
        "temperature": st.sampled_from([None, float("nan"), 0.0, 0.25, 0.7, 1e300]),
        "max_tokens": st.sampled_from([None, -1, 0, 1, 1023, 1024, 2**62]),
        "client_ip": HASHES,
        "user_agent": HASHES,
        "ja4": HASHES,
        "new_text": st.one_of(HASHES, st.integers(-(2**63), 2**63 - 1)),
    }
)


class Compiled:
    """The definitions as SQL, compiled once: compiling costs a hundred times what a small query costs."""

    def __init__(self) -> None:
        features = ibis.table(dict(FEATURES), name="features")
        state = measure(features, EVERY)
        plain = ibis.table(state.plain.schema(), name="plain")
        keyed = {name: ibis.table(rows.schema(), name=name) for name, rows in state.keyed.items()}
        self.direct = self.sql(finish(state, EVERY, with_aggregates=True))
        self.parts = {"plain": self.sql(state.plain)} | {n: self.sql(rows) for n, rows in state.keyed.items()}
        self.merged = self.sql(finish(merge(State(plain, keyed), EVERY), EVERY, with_aggregates=True))
        self.connection = duckdb.connect(config={"threads": 1})

    @staticmethod
    def sql(query: ibis.Table) -> str:
        return str(ibis.to_sql(query, dialect="duckdb"))

    def run(self, sql: str, **tables: pa.Table) -> pa.Table:
        for name, table in tables.items():
            self.connection.register(name, table)
        return self.connection.sql(sql).to_arrow_table()


@pytest.fixture(scope="module")
def compiled() -> Iterator[Compiled]:
    definitions = Compiled()
    yield definitions
    definitions.connection.close()


def random_features(n: int, accounts: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    columns = {
        "account_id": rng.integers(-(2**62), 2**62, accounts)[rng.integers(0, accounts, n)],
        "session_id": rng.integers(-(2**62), 2**62, n // 3 + 1)[rng.integers(0, n // 3 + 1, n)],
        "started_at": 1_789_000_000_000_000 + rng.integers(0, 14 * 86_400_000_000, n),
        "model": rng.integers(0, 3, n),
        "status": rng.choice([200, 200, 200, 429], n),
        "input_tokens": rng.integers(0, 5_000, n),
        "output_tokens": rng.integers(0, 5_000, n),
        "reasoning_tokens": rng.integers(0, 5_000, n),
        "temperature": rng.choice([0.0, 0.25, 0.7, 1.0], n),
        "max_tokens": rng.choice([256, 1024, 4096], n),
        "client_ip": rng.integers(-(2**63), 2**63 - 1, 40)[rng.integers(0, 40, n)],
        "user_agent": rng.integers(-(2**63), 2**63 - 1, 5)[rng.integers(0, 5, n)],
        "ja4": rng.integers(-(2**63), 2**63 - 1, 5)[rng.integers(0, 5, n)],
        "new_text": rng.integers(-(2**63), 2**63 - 1, n),
    }
    return pa.table(columns, schema=SCHEMA)


@settings(max_examples=12, deadline=None)
@given(rows=st.lists(st.tuples(ROW, st.integers(0, 2)), max_size=30), data=st.data())
def test_any_split_any_order_same_value(
    compiled: Compiled, rows: list[tuple[dict[str, object], int]], data: st.DataObject
) -> None:
    whole = pa.Table.from_pylist([row for row, _ in rows], schema=SCHEMA)
    direct = compiled.run(compiled.direct, features=whole)
    dealt = data.draw(st.permutations(rows))
    splits = [pa.Table.from_pylist([row for row, part in dealt if part == k], schema=SCHEMA) for k in range(3)]
    state = {
        name: pa.concat_tables([compiled.run(sql, features=split) for split in splits])
        for name, sql in compiled.parts.items()
    }
    assert compiled.run(compiled.merged, **state).to_pylist() == direct.to_pylist()


def test_states_on_disk_merge_to_the_same_profiles(tmp_path: Path) -> None:
    table = random_features(3_000, 50, 61)
    pq.write_table(table, tmp_path / "all.parquet")
    engine = DuckDB(threads=2)
    direct = account_profiles(tmp_path / "all.parquet", engine, tmp_path / "direct.parquet", EVERY)
    order = np.random.default_rng(1).permutation(table.num_rows)
    for day, rows in enumerate(np.array_split(order, 3)):
        pq.write_table(table.take(pa.array(rows)), tmp_path / f"day{day}.parquet")
        write_state(tmp_path / f"day{day}.parquet", engine, tmp_path / f"state{day}", EVERY)
    folders = [tmp_path / f"state{day}" for day in (2, 0, 1)]
    merged = profiles_of_states(folders, DuckDB(threads=1), tmp_path / "merged.parquet", EVERY)
    assert merged.equals(direct)
    assert (tmp_path / "merged.parquet").read_bytes() == (tmp_path / "direct.parquet").read_bytes()
    assert direct["account_id"].to_pylist() == sorted(set(table["account_id"].to_pylist()))


def test_values_equal_those_of_an_independent_computation(tmp_path: Path) -> None:
    table = random_features(4_000, 30, 62)
    pq.write_table(table, tmp_path / "all.parquet")
    found = pl.from_arrow(account_profiles(tmp_path / "all.parquet", DuckDB(), tmp_path / "out.parquet", EVERY))
    frame = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    assert isinstance(frame, pl.DataFrame)
    day = pl.col("started_at") // 86_400_000_000
    hour = pl.col("started_at") // 3_600_000_000
    counts = {name: key.value_counts().struct.field("count") for name, key in (("day", day), ("hour", hour))}
    counts["model"] = pl.col("model").value_counts().struct.field("count")
    true = (
        frame.group_by("account_id")
        .agg(
            exchanges=pl.len(),
            sessions=pl.col("session_id").n_unique(),
            first_seen=pl.col("started_at").min(),
            last_seen=pl.col("started_at").max(),
            active_span=(pl.col("started_at").max() - pl.col("started_at").min()) / 86_400e6,
            input_tokens=pl.col("input_tokens").sum(),
            output_tokens=pl.col("output_tokens").sum(),
            reasoning_tokens=pl.col("reasoning_tokens").sum(),
            error_share=(pl.col("status") >= 400).mean(),
            active_days=day.n_unique(),
            load_evenness=counts["day"].sum() ** 2 / (counts["day"] ** 2).sum() / day.n_unique(),
            burstiness=(counts["hour"] ** 2).sum() / pl.len(),
            model_variety=counts["model"].sum() ** 2 / (counts["model"] ** 2).sum(),
            address_count=pl.col("client_ip").n_unique(),
            client_count=pl.col("user_agent").n_unique(),
            fingerprint_count=pl.col("ja4").n_unique(),
            text_count=pl.col("new_text").n_unique(),
        )
        .sort("account_id")
    )
    assert found["account_id"].equals(true["account_id"])
    estimates = {"address_count", "client_count", "fingerprint_count", "text_count"}
    for name in set(true.columns) - estimates:
        assert found[name].to_numpy() == pytest.approx(true[name].to_numpy(), rel=1e-12), name
    for name in estimates:
        assert np.abs(found[name].to_numpy() / true[name].to_numpy() - 1).max() < 0.1, name


@pytest.mark.parametrize("n", [1, 10, 100, 1_000, 3_000, 20_000, 300_000])
def test_estimate_of_distinct_values(compiled: Compiled, n: int) -> None:
    rng = np.random.default_rng(n)
    texts = rng.integers(-(2**63), 2**63 - 1, n)
    table = pa.table({name: texts if name == "new_text" else np.ones(n) for name in FEATURES}, schema=SCHEMA)
    (row,) = compiled.run(compiled.direct, features=table).to_pylist()
    assert row["text_count"] == pytest.approx(n, rel=0.02 if n <= 100 else 0.1)


def test_metadata_only_log(tmp_path: Path) -> None:
    pq.write_table(pa.table({"account_id": pa.array([3, 3, 1], pa.int64())}), tmp_path / "all.parquet")
    rows = account_profiles(tmp_path / "all.parquet", DuckDB(), tmp_path / "out.parquet", EVERY).to_pylist()
    assert [row["account_id"] for row in rows] == [1, 3]
    assert [row["exchanges"] for row in rows] == [1, 2]
    assert rows[0]["sessions"] == rows[0]["text_count"] == rows[0]["error_share"] == 0
    assert rows[0]["first_seen"] is None


def test_without_accounts(tmp_path: Path) -> None:
    pq.write_table(pa.table({"session_id": pa.array([3], pa.int64())}), tmp_path / "all.parquet")
    with pytest.raises(InputError, match="no column 'account_id'"):
        account_profiles(tmp_path / "all.parquet", DuckDB(), tmp_path / "out.parquet", EVERY)
    with pytest.raises(InputError, match="no state"):
        profiles_of_states([], DuckDB(), tmp_path / "out.parquet", EVERY)


def test_aggregates_are_shared_and_not_computed_twice() -> None:
    assert len(aggregates_of(EVERY)) < sum(len(signal.aggregates) for signal in EVERY)
