"""Tables as Parquet files, byte for byte the same for the same rows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.exchange import EXCHANGE
from stillwatch.storage.disk import disk_errors

__all__ = ["write_batches", "write_table"]

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


def write_batches(batches: Iterable[pa.RecordBatch], path: Path) -> None:
    """Exchanges as a Parquet file, written batch by batch, so that memory does not grow with the log.

    The file appears whole or not at all, and is readable by its owner only, since it holds what people wrote. Raises
    `StorageError` where the disk is full or the place cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with disk_errors(path):
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file, pq.ParquetWriter(file, EXCHANGE, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch, row_group_size=GROUP_ROWS)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
