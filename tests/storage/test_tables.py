"""Parquet files are the same bytes for the same rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.storage.tables import write_table

ROW = st.tuples(st.text(max_size=4), st.integers(-5, 5) | st.none(), st.floats(allow_nan=False))


def table(rows: list[tuple[str, int | None, float]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    kinds = (pa.large_string(), pa.int64(), pa.float64())
    return pa.table({name: pa.array(c, k) for name, c, k in zip("abc", columns, kinds, strict=True)})


@given(st.lists(ROW, max_size=20), st.integers(0, 20))
def test_bytes_do_not_depend_on_chunks(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int | None, float]], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    whole = table(rows)
    parts = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)]).replace_schema_metadata({"made": "elsewhere"})
    write_table(whole, folder / "whole.parquet")
    write_table(parts, folder / "parts.parquet")
    assert (folder / "whole.parquet").read_bytes() == (folder / "parts.parquet").read_bytes()
    assert pq.read_table(folder / "whole.parquet").equals(whole)


def test_other_rows_are_other_bytes(tmp_path: Path) -> None:
    write_table(table([("x", 1, 0.0), ("y", 2, 0.0)]), tmp_path / "a")
    write_table(table([("y", 2, 0.0), ("x", 1, 0.0)]), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()
