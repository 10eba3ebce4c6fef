"""What tests of log formats share: exchanges to write and read again, and documents with one value replaced."""

from __future__ import annotations

import copy
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from stillwatch.simulation.world import simulate
from stillwatch.sources.log import open_log

GONE = object()
SHAPES: tuple[Any, ...] = (
    None,
    True,
    -1.5,
    10**30,
    "x",
    "[",
    "{}",
    '[{"role": []}]',
    [],
    {},
    [[]],
    [{}],
    ["x"],
    [{"role": {}, "type": []}],
    [{"type": []}],
    {"role": [], "type": {}, "content": [[[]]]},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@functools.cache
def exchanges() -> pa.Table:
    """Simulated exchanges in which every column is told somewhere."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(accounts=30, days=3.0, campaigns=[], seed=5, load=0.5).write(Path(folder))
        table = open_log([Path(folder) / "exchanges.parquet"]).read()
    rows = table.to_pylist()[:200]
    for number, row in enumerate(rows):
        if row["response"] and number % 3 == 0:
            row["reasoning"] = f"First, «{number}».\nThen the rest."
            row["reasoning_tokens"] = row["output_tokens"] // 2
        row["tool_count"] = number % 4
    return pa.Table.from_pylist(rows, schema=table.schema)


def agree(written: pa.Table, read: pa.Table, columns: frozenset[str]) -> None:
    """Fails unless both hold the same exchanges as far as ``columns`` go."""
    order = [("exchange_id", "ascending")]
    kept = [name for name in written.column_names if name in columns]
    assert read.num_rows == written.num_rows
    left, right = written.sort_by(order).select(kept), read.sort_by(order).select(kept)
    for name in kept:
        assert right.column(name).to_pylist() == left.column(name).to_pylist(), name


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def misshapen(documents: list[Any]) -> Iterator[Any]:
    """The documents with each value in turn gone, or of a shape that code may trip over."""
    for document in documents:
        for path in places(document):
            for value in (GONE, *SHAPES):
                yield _replace((document, path), value)


def replaced(documents: list[Any]) -> st.SearchStrategy[Any]:
    """One of ``documents`` with the value at one place replaced by any JSON, or gone."""
    spots = [(document, path) for document in documents for path in places(document)]
    return st.builds(_replace, st.sampled_from(spots), st.just(GONE) | JSON)


def _replace(place: tuple[Any, tuple[Any, ...]], value: Any) -> Any:
    document = copy.deepcopy(place[0])
    *way, last = place[1]
    parent = document
    for step in way:
        parent = parent[step]
    if value is GONE:
        del parent[last]
    else:
        parent[last] = value
    return document
