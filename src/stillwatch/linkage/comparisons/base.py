"""What a comparison is: evidence on pairs of accounts, as numbers that a model weighs."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from stillwatch.linkage.accounts import Accounts
from stillwatch.linkage.activity import Activity
from stillwatch.signals.base import SignalInfo

Block = Callable[[NDArray[np.int64], int, NDArray[np.float32]], None]
"""``fill(rows, start, out)``: write (features, rows, accounts - start) into ``out``."""


@runtime_checkable
class Comparison(Protocol):
    """One family of evidence on a pair of accounts. Symmetric: comparing a with b is comparing b with a."""

    info: ClassVar[SignalInfo]
    names: tuple[str, ...]

    def prepare(self, activity: Activity, accounts: Accounts) -> Block:
        """Work done once a log; the result compares blocks of accounts."""
        ...
