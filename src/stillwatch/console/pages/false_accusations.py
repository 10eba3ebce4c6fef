"""``/false-accusations``: our own record: whom we expect to accuse falsely, and what people found who looked."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET

from stillwatch.campaigns import wording
from stillwatch.campaigns.judgements import Judgement, read_judgements
from stillwatch.campaigns.plots import scales
from stillwatch.console.decisions import Decisions
from stillwatch.console.page import Page, Role, Shown, Visit
from stillwatch.console.reading import Run
from stillwatch.console.reading.pictures import Bin, calibration_picture

__all__ = ["PAGE"]

JUDGEMENTS = "judgements.jsonl"


def show(visit: Visit) -> Shown:
    """The page."""
    run: Run = visit.run
    decisions: Decisions = visit.decisions
    record = decisions.calibration(_judgements(visit))
    axis, kinds = scales.interval_rows(run.report.look_alikes)
    bins = [
        Bin(rate.stated_share, rate.judged, rate.cleared, rate.share, rate.low, rate.high)
        for rate in record.by_stated
        if rate.measured
    ]
    return Shown(
        "false_accusations.html",
        {
            "accused": sum(len(group.rows) for group in run.accused),
            "rate": wording.error_rate(run.report.error_rate),
            "kind_axis": axis,
            "kinds": kinds,
            "scan_record": "" if run.report.judged is UNSET else wording.record(run.report.judged),
            "record": record,
            "tables": [
                ("By what had been stated", record.by_stated),
                ("By the scan’s verdict", record.by_verdict),
                ("By the innocent explanation that had come closest", record.by_nearest),
                ("By how the judgement came about", record.by_way),
            ],
            "picture": calibration_picture(bins),
        },
    )


def _judgements(visit: Visit) -> Sequence[Judgement]:
    """What people decided at a gateway. Raises `InputError` for a file that cannot be read."""
    path = None if visit.places.state is None else visit.places.state / JUDGEMENTS
    if path is None or not path.is_file():
        return ()
    told = path.stat()
    return _read(path, told.st_mtime_ns, told.st_size)


@functools.lru_cache(maxsize=2)
def _read(path: Path, written: int, size: int) -> tuple[Judgement, ...]:
    return read_judgements(path)


PAGE = Page("false_accusations", "False accusations", "/false-accusations", Role.VIEWER, show)
