"""Whether two formats in one log tell of the same accounts at the same hours: then they may be two logs of one traffic.

A call that two systems logged under ids of their own counts twice, and nothing in a row shows it. What shows is that
nearly every account that calls in an hour of the one calls in that hour of the other. Of each format the 4,096 smallest
hashes of its pairs of an account and an hour are kept (a bottom-k sketch: Cohen and Kaplan, Summarizing data using
bottom-k sketches, 2007), whatever the size of the log; below the smaller of two sketches' ends both are complete.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sources.records.duplicates import hashes

__all__ = ["Overlaps"]

KEPT = 4_096
SHARE = 0.5
FEWEST = 3
HOUR_US = 3_600_000_000
SHARING_IDS = ("litellm", "litellm_spend")
"""Two formats whose readers give a call one id, so that it counts once (`formats.litellm.sharing_ids`)."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ divided by the golden ratio: neighbouring hours come apart


class Overlaps:
    """Learns which accounts each format tells of, hour by hour, and says which formats agree too well."""

    def __init__(self) -> None:
        self._seen: dict[str, npt.NDArray[np.uint64]] = {}

    def learn(self, format: str, exchanges: pa.RecordBatch) -> None:
        """Exchanges that were read from a file of ``format``."""
        hours = pc.cast(exchanges.column("started_at"), pa.int64()).to_numpy() // HOUR_US
        with np.errstate(over="ignore"):
            pairs = (hashes(exchanges.column("account_id")) ^ (hours.astype(np.uint64) * _SPREAD)) * _SPREAD
        known = self._seen.get(format, np.empty(0, np.uint64))
        self._seen[format] = np.unique(np.concatenate([known, pairs]))[:KEPT]

    def notes(self) -> tuple[str, ...]:
        """A warning for each two formats of which one's accounts are mostly the other's, hour by hour."""
        return tuple(
            f"{one} and {other} tell of the same accounts in the same hours. If they are two logs of the same calls, "
            "each call counts twice: scan one of them, and join the other with --join."
            for one, other in itertools.combinations(sorted(self._seen), 2)
            if (one, other) != SHARING_IDS and self._agree(one, other)
        )

    def _agree(self, one: str, other: str) -> bool:
        sketches = self._seen[one], self._seen[other]
        ends = [sketch[-1] for sketch in sketches if len(sketch) == KEPT]
        left, right = (sketch[sketch <= min(ends)] if ends else sketch for sketch in sketches)
        both, fewer = len(np.intersect1d(left, right)), min(len(left), len(right))
        return fewer >= FEWEST and both >= SHARE * fewer
