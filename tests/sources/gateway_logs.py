"""What the tests of the gateways' log formats share: reading golden files, hostile changes, the round trip."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from stillwatch.exchange import EXCHANGE, in_order
from stillwatch.simulation.world import simulate
from stillwatch.sources.base import Source
from stillwatch.sources.log import open_log
from tests.sources.rounds import JSON, places

GOLDEN = Path(__file__).parent.parent / "golden" / "logs"


def golden_rows(format: str, *names: str) -> list[dict[str, Any]]:
    """The rows of golden files of one format, without nulls, times as text and conversations decoded."""
    log = open_log([GOLDEN / format / name for name in names])
    assert log.format == format
    rows = [plain(row) for row in log.read().to_pylist()]
    assert log.rejects == ()
    return rows


def plain(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if value is not None}
    kept["started_at"] = kept["started_at"].isoformat()
    if "messages" in kept:
        kept["messages"] = [(message["role"], message["content"]) for message in json.loads(kept["messages"])]
    return kept


def changed(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The JSON value with another one at ``path``."""
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], other)
    return copy


def hostile_documents(documents: list[Any]) -> st.SearchStrategy[Any]:
    """One of the documents with a value left out or replaced by any other."""
    spots = [(document, path) for document in documents for path in places(document)]

    def change(spot: tuple[Any, tuple[Any, ...]], other: Any) -> Any:
        return changed(spot[0], spot[1], other)

    return st.builds(change, st.sampled_from(spots), JSON)


def golden_documents(format: str) -> list[Any]:
    documents: list[Any] = []
    for path in sorted((GOLDEN / format).iterdir()):
        for line in path.read_text("utf-8").splitlines():
            documents.append(json.loads(line))
    return documents


def read_or_set_aside(source: Source, documents: list[Any]) -> tuple[int, int]:
    """How many rows and rejects a file of these documents gives; every row's id was announced by `identities`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        path.write_text("".join(json.dumps(document) + "\n" for document in documents), "utf-8")
        announced = {i for array in source.identities(str(path)) for i in array.to_pylist()}
        batches = list(source.read(str(path), None))
        read = {i for batch in batches for i in batch.exchanges.column(0).to_pylist()}
        assert read <= announced
        return len(read), sum(len(batch.rejected) for batch in batches)


@functools.cache
def simulated() -> pa.Table:
    """Exchanges of a small world, each column filled somewhere."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(accounts=30, days=3.0, campaigns=[], seed=5, load=0.5).write(Path(folder))
        table = open_log([Path(folder) / "exchanges.parquet"]).read().slice(0, 60)
    rows = table.to_pylist()
    for number, row in enumerate(rows):
        if number % 4 == 0 and row["response"]:
            row |= {"reasoning": f"Step {number}:\nso.", "reasoning_tokens": min(5, row["output_tokens"])}
        if number % 5 == 0:
            row["system_prompt"] = f"You are agent {number} – be brief."
        if number % 7 == 0:
            row |= {"status": 429, "response": None, "reasoning": None, "output_tokens": 0, "reasoning_tokens": 0}
        row["tool_count"] = number % 3
        row["temperature"] = 0.25 * (number % 5)
    return in_order(pa.Table.from_pylist(rows, schema=EXCHANGE))


def assert_round_trip(
    write: Callable[[pa.Table, Path], list[Path]], carries: frozenset[str], format: str, folder: Path
) -> None:
    """Simulated exchanges come back through a writer and the reader with every column in ``carries`` as it was."""
    table = simulated()
    assert write(table, folder)
    log = open_log([folder])
    assert log.format == format
    found = in_order(log.read())
    assert log.rejects == ()
    assert found.num_rows == table.num_rows
    for name in EXCHANGE.names:
        if name not in carries:
            continue
        expected, came = table.column(name).to_pylist(), found.column(name).to_pylist()
        if name == "messages":
            expected, came = [json.loads(text) for text in expected], [json.loads(text) for text in came]
        assert came == expected, name
