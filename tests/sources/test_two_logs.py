"""Two logs of the same calls in one scan: a call counts once where both know one id of it, else somebody is told."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stillwatch.exchange import EXCHANGE
from stillwatch.sources.log import Log, open_log
from stillwatch.sources.records.overlap import Overlaps
from tests.sources.gateway_logs import simulated
from tests.sources.writers import helicone, kong, litellm, litellm_spend


def write_both(folder: Path, **spend: Any) -> pa.Table:
    """LiteLLM's payloads, and its spend logs with some columns changed, of the same calls."""
    table = simulated()
    payloads = [litellm.payload(row) for row in table.to_pylist()]
    rows = litellm_spend.rows(table)
    for payload, row in zip(payloads, rows, strict=True):
        row |= {"request_id": payload["id"], **spend}
        row["startTime"] = row["startTime"][:-4] + "Z"  # the database keeps milliseconds
    for name, documents in (("payloads.jsonl", payloads), ("spend.jsonl", rows)):
        (folder / name).write_text("".join(json.dumps(document) + "\n" for document in documents))
    return table


def read(folder: Path) -> tuple[list[dict[str, Any]], Log]:
    log = open_log([folder])
    return sorted(log.read().to_pylist(), key=lambda row: row["exchange_id"]), log


def test_a_call_that_payload_and_spend_logs_tell_of_counts_once_with_its_texts(tmp_path: Path) -> None:
    """Spend logs have no texts unless somebody asked for them."""
    table = write_both(tmp_path, proxy_server_request={}, response={})
    found, log = read(tmp_path)
    assert log.format == "litellm, litellm_spend"
    assert len(found) == table.num_rows
    assert all(row["messages"] for row in found)
    assert sum(reject.records for reject in log.rejects) == table.num_rows
    assert log.notes == ()


def test_payloads_alone_go_by_the_id_that_no_two_calls_share(tmp_path: Path) -> None:
    write_both(tmp_path)
    (tmp_path / "spend.jsonl").unlink()
    found, _ = read(tmp_path)
    assert [row["exchange_id"] for row in found] == sorted(simulated()["exchange_id"].to_pylist())


def renamed(table: pa.Table) -> pa.Table:
    """The exchanges under ids that another system gave them."""
    names = [f"other {name}" for name in table["exchange_id"].to_pylist()]
    return table.set_column(0, EXCHANGE.field(0), pa.array(names, pa.large_string()))


@pytest.mark.parametrize("look", [Log.read, lambda log: log.beginning(5_000)])
def test_two_logs_of_the_same_calls_under_ids_of_their_own_are_named(look: Any, tmp_path: Path) -> None:
    table = simulated()
    kong.write(table, tmp_path)
    helicone.write(renamed(table), tmp_path)
    log = open_log([tmp_path])
    look(log)
    (note,) = log.notes
    assert note.startswith("helicone and kong tell of the same accounts in the same hours.")


def test_two_logs_of_other_accounts_or_other_hours_are_not(tmp_path: Path) -> None:
    table = simulated()
    later = [moment + dt.timedelta(days=30) for moment in table["started_at"].to_pylist()]
    kong.write(table, tmp_path)
    moved = renamed(table).set_column(1, EXCHANGE.field(1), pa.array(later, EXCHANGE.field(1).type))
    helicone.write(moved, tmp_path)
    log = open_log([tmp_path])
    log.read()
    assert log.notes == ()


def made(accounts: range, hours: int) -> pa.RecordBatch:
    start = dt.datetime(2026, 9, 7, tzinfo=dt.UTC)
    rows = [
        {"exchange_id": f"{a} {h}", "started_at": start + dt.timedelta(hours=h), "account_id": f"a{a}"}
        for a in accounts
        for h in range(hours)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=EXCHANGE)


@pytest.mark.parametrize(("shared", "told"), [(20_000, True), (14_000, True), (6_000, False), (0, False)])
def test_large_logs_are_compared_by_a_sample(shared: int, told: bool) -> None:
    overlaps = Overlaps()
    for format, first in (("kong", 0), ("envoy", 20_000 - shared)):
        for part in range(0, 20_000, 5_000):
            overlaps.learn(format, made(range(first + part, first + part + 5_000), 1))
    assert bool(overlaps.notes()) == told
