"""What every registered signal of an account keeps to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import ClassVar

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from stillwatch.signals import SIGNALS
from stillwatch.signals.aggregate import ACCOUNT, FEATURES, aggregates_of, finish, measure
from stillwatch.signals.base import FORBIDDEN_READS, AccountSignal, Aggregate, SignalInfo

PACKAGE = "stillwatch.signals.account."
TARGETS = {name: target for name, target in SIGNALS.targets().items() if target.startswith(PACKAGE)}


def signal_called(name: str) -> AccountSignal:
    module, _, attribute = TARGETS[name].partition(":")
    signal = getattr(import_module(module), attribute)
    assert isinstance(signal, AccountSignal)
    return signal


every_signal = pytest.mark.parametrize("name", TARGETS)


def features() -> ibis.Table:
    return ibis.table(dict(FEATURES), name="features")


@cache
def compiled(name: str) -> str:
    signal = signal_called(name)
    return str(ibis.to_sql(finish(measure(features(), [signal]), [signal]), dialect="duckdb"))


def values(name: str, rows: list[dict[str, int | float | None]]) -> list[float | None]:
    """Finished values of the signal, by account."""
    schema = pa.schema([(column, pa.int64() if kind == "int64" else pa.float64()) for column, kind in FEATURES.items()])
    connection = duckdb.connect()
    connection.register("features", pa.Table.from_pylist(rows, schema=schema))
    return [row[1] for row in connection.sql(compiled(name)).fetchall()]


def test_there_are_signals_of_what_an_account_does() -> None:
    assert {"exchanges", "sessions", "first_seen", "last_seen", "output_tokens", "address_count"} <= TARGETS.keys()


@every_signal
def test_info_is_complete(name: str) -> None:
    info = signal_called(name).info
    assert info.name == name == TARGETS[name].removeprefix(PACKAGE).partition(":")[0]
    for text in (info.summary, info.reference, info.version, info.example, info.unit, info.innocent_reading):
        assert text.strip() == text != ""
    assert info.summary.endswith(".")
    assert info.innocent_reading.endswith(".")
    assert info.range[0] < info.range[1]


@every_signal
def test_reads_only_columns_that_exist_and_none_that_is_forbidden(name: str) -> None:
    info = signal_called(name).info
    assert info.reads
    assert set(info.reads) <= FEATURES.keys()
    words = {word for column in info.reads for word in (column, *column.split("_"))}
    assert not words & {*FORBIDDEN_READS, "hour", "weekday", "region", "city"}


@every_signal
def test_reads_names_every_column_that_it_reads(name: str) -> None:
    signal = signal_called(name)
    table = features()
    for aggregate in signal.aggregates.values():
        parts = [aggregate.value(table)] + ([] if aggregate.key is None else [aggregate.key(table)])
        for part in parts:
            used = {field.name for field in part.op().find(ibis.expr.operations.Field)}
            assert used <= {*signal.info.reads, ACCOUNT}


@every_signal
def test_aggregates_merge(name: str) -> None:
    table = features()
    for aggregate in signal_called(name).aggregates.values():
        assert aggregate.op in ("sum", "min", "max")
        # A sum of floats depends on the order of its parts in the last bit: verdicts must not.
        assert aggregate.value(table).type().is_integer()
        assert aggregate.key is None or aggregate.key(table).type().is_integer()


def test_no_two_signals_name_an_aggregate_alike() -> None:
    everything = [signal_called(name) for name in TARGETS]
    aggregates = aggregates_of(everything)
    columns = [f"{n}_{part}" for n, a in aggregates.items() if a.key for part in ("keys", "total", "top", "squares")]
    columns += [n for n, a in aggregates.items() if a.key is None]
    assert len(columns) == len(set(columns))
    # A signal may share its name with an aggregate only where it is that aggregate.
    for name in TARGETS.keys() & set(columns):
        assert name in signal_called(name).aggregates


def test_a_clash_of_names_is_refused() -> None:
    one, other = signal_called("exchanges"), signal_called("input_tokens")

    class Impostor:
        info: ClassVar[SignalInfo] = other.info
        aggregates: ClassVar[Mapping[str, Aggregate]] = {"exchanges": other.aggregates["input_tokens"]}

        def finish(self, account: ir.Table) -> ir.Value:
            return other.finish(account)

    with pytest.raises(ValueError, match="'exchanges' that exists already"):
        aggregates_of([one, Impostor()])


@every_signal
def test_value_lies_in_its_range_whatever_is_missing(name: str) -> None:
    low, high = signal_called(name).info.range
    full: dict[str, int | float | None] = dict.fromkeys(FEATURES, 1700000000000000)
    full |= {"status": 200}
    nothing: dict[str, int | float | None] = dict.fromkeys(FEATURES)
    odd = full | {"temperature": math.nan, "max_tokens": -1, "client_ip": -(2**63), "new_text": 2**63 - 1}
    odd |= {"started_at": 5, "input_tokens": 0}
    worlds = [[full], [full] * 3, [nothing], [odd], [full, nothing, odd], [full | {"temperature": math.inf}]]
    for rows in worlds:
        found = values(name, [row | {ACCOUNT: 7} for row in rows])
        assert len(found) == 1
        if rows != [nothing] or name not in ("first_seen", "last_seen", "active_span"):
            assert found[0] is not None
            assert math.isfinite(found[0])
            assert low <= found[0] <= high


@every_signal
def test_no_exchange_gives_no_account(name: str) -> None:
    assert values(name, []) == []


@every_signal
def test_moving_the_clock_changes_nothing_but_when(name: str) -> None:
    """Whoever lives twelve hours or a week away is measured alike: no signal knows the hour of the day."""
    if name in ("first_seen", "last_seen"):
        pytest.skip("says when, and is compared between accounts only")
    hour = 3_600_000_000
    start = 1_789_000_000_000_000 // (24 * hour) * 24 * hour
    offsets = (0, 20, 3 * 60, 26 * 60, 27 * 60)
    row: dict[str, int | float | None] = dict.fromkeys(FEATURES, 1)
    shifted = {
        shift: values(name, [row | {"started_at": start + shift * hour + minutes * hour // 60} for minutes in offsets])
        for shift in (0, 12, 7 * 24)
    }
    assert shifted[0] == shifted[7 * 24]
    if name not in ("active_days", "load_evenness"):  # days begin at midnight UTC for everyone
        assert shifted[0] == shifted[12]
