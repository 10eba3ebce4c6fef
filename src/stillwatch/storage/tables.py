"""Tables as Parquet files, byte for byte the same for the same rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["write_table"]

GROUP_ROWS = 65_536


def write_table(table: pa.Table, path: Path) -> None:
    """``table`` as a Parquet file, its rows in their order.

    The bytes depend on the rows, their order and the schema, not on how the table is cut into chunks; they may change
    with the version of Arrow, which the file names. A table of no rows is a file with the schema and no row.
    """
    whole = table.combine_chunks().replace_schema_metadata(None)
    pq.write_table(
        whole,
        path,
        row_group_size=GROUP_ROWS,
        version="2.6",
        compression="zstd",
        compression_level=3,
        use_dictionary=True,
        write_statistics=True,
        store_schema=True,
        data_page_version="1.0",
    )
