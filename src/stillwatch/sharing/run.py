"""What of a run's results sharing reads."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.campaigns.report import Report
from stillwatch.errors import InputError
from stillwatch.sharing.fingerprint import BEHAVIOUR

__all__ = ["Run", "open_run"]


class Run(NamedTuple):
    """A run's report, and its accounts' behaviour (None: a scan before this version wrote it)."""

    report: Report
    behaviour: pa.Table | None


def open_run(folder: Path) -> Run:
    """Read a run. Raises `InputError` where the folder is none."""
    path = folder / "report.json"
    try:
        report = msgspec.json.decode(path.read_bytes(), type=Report)
        behaviour = pq.read_table(folder / BEHAVIOUR) if (folder / BEHAVIOUR).exists() else None
    except FileNotFoundError:
        raise InputError("no such file", path, "give the folder that `stillwatch scan --out` wrote") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"cannot be read: {error}", folder) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is no report of this version of Stillwatch ({error})", path, "scan again") from error
    return Run(report, behaviour)
