"""Load and life of two accounts: how far apart they stand among all accounts, and where."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stillwatch.linkage.accounts import Accounts
from stillwatch.linkage.activity import Activity
from stillwatch.linkage.comparisons.base import Block
from stillwatch.signals.base import SignalInfo

_APART = (
    "load", "first", "last", "dur", "rate", "turns", "nip", "nasn", "gapcv", "m5", "fm5", "age", "created", "agent",
    "worded", "viral", "err", "answer", "talk", "firstL", "lastL", "turnsL", "ageL", "durL", "nasnL",
    "tech0", "tech1", "tech2", "tech3", "tech4", "tech5", "tech6",
)  # fmt: skip
_LOW = ("load", "first", "last", "age", "turns", "worded", "agent", "viral", "techmax", "nasn")
_HIGH = ("load", "first", "last", "age", "turns")
_BOXES = (("first", "last", "load"), ("firstL", "lastL", "load"))
_EDGE = np.float32(0.01)


class Rhythm:
    """Differences of ranks (how many accounts lie between two), their lower and upper ends, and boxes of three."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="rhythm",
        summary="Accounts that lie between two in load, start, end, turns, sign-up, answers' size and techniques.",
        reference="ranks: Spearman 1904; which hours of the day were used is not read",
        version="1",
        example="d_last 0.03",
        unit="rank",
        range=(-14.0, 1.0),
        reads=(
            "started_at",
            "created_at",
            "session_id",
            "model",
            "status",
            "messages",
            "system_prompt",
            "tool_count",
            "client_ip",
            "client_asn",
            "output_tokens",
        ),
        innocent_reading="A term, a launch, a deadline that many share.",
    )
    names = (
        *(f"d_{name}" for name in _APART),
        *(f"lo_{name}" for name in _LOW),
        *(f"hi_{name}" for name in _HIGH),
        "box",
        "boxL",
    )

    def prepare(self, activity: Activity, accounts: Accounts) -> Block:
        """See `Comparison.prepare`."""
        rank = accounts.rank
        apart = {name: i for i, name in enumerate(_APART)}

        def fill(rows: NDArray[np.int64], start: int, out: NDArray[np.float32]) -> None:
            for i, name in enumerate(_APART):
                np.abs(rank[name][rows][:, None] - rank[name][None, start:], out=out[i])
            for i, name in enumerate(_LOW, len(_APART)):
                np.minimum(rank[name][rows][:, None], rank[name][None, start:], out=out[i])
            for i, name in enumerate(_HIGH, len(_APART) + len(_LOW)):
                np.maximum(rank[name][rows][:, None], rank[name][None, start:], out=out[i])
            for i, box in enumerate(_BOXES, len(_APART) + len(_LOW) + len(_HIGH)):
                out[i] = sum(np.log(out[apart[name]] + _EDGE) for name in box)

        return fill


COMPARISON = Rhythm()
