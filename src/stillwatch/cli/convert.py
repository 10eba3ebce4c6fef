"""``stillwatch convert``: a log in any known format as the canonical table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.cli.log_options import DEFAULT_LOG_OPTIONS, LogLocations, LogOptions
from stillwatch.cli.terminal import TerminalProgress, clean
from stillwatch.errors import StorageError, UsageError
from stillwatch.storage.tables import write_batches

__all__ = ["convert"]


def convert(
    log: LogLocations,
    /,
    *,
    out: Annotated[Path, Parameter(help="Parquet file for the exchanges; there only once it is whole.")],
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
    overwrite: Annotated[bool, Parameter(negative="", help="Replace the file that --out names.")] = False,
) -> int:
    """Write a log in any known format as Stillwatch's own table (Parquet), texts and identifiers as they are.

    Example: ``stillwatch convert logs/ --out exchanges.parquet``

    Returns 0.
    """
    if out.suffix != ".parquet":
        raise UsageError(f"{out.name} is no Parquet file", "--out", "name it with .parquet at the end")
    if out.exists() and not overwrite:
        raise StorageError("exists already", out, "give --overwrite to replace it")
    progress = TerminalProgress(quiet=quiet)
    try:
        with reading.open(log, progress) as opened:
            write_batches(opened.batches(progress), out)
    finally:
        progress.close()
    if not quiet:
        lines = [f"Wrote {opened.exchanges:,} exchanges ({opened.format}) to {out}.", *opened.notes]
        lines += [f"Set aside {r.records:,}: {r.reason}, first at {r.first}" for r in opened.rejects]
        sys.stdout.write("".join(clean(line) + "\n" for line in lines))
    return 0
