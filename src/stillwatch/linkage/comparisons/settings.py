"""How two accounts call the model: the same temperature, token limit and client, and how rare that is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stillwatch.linkage.accounts import Accounts
from stillwatch.linkage.activity import Activity, Ints
from stillwatch.linkage.comparisons.base import Block
from stillwatch.signals.base import SignalInfo


class Settings:
    """log(accounts / accounts with the setting) where two accounts' usual settings agree, else -1."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="settings",
        summary="Agreement of the usual temperature, token limit and client, weighed by rarity.",
        reference="Fellegi & Sunter 1969",
        version="1",
        example="temp 2.1",
        unit="nat",
        range=(-1.0, float("inf")),
        reads=("temperature", "max_tokens", "user_agent"),
        innocent_reading="The defaults of a tool that many use.",
    )
    names = ("temp", "maxt", "mclient")

    def prepare(self, activity: Activity, accounts: Accounts) -> Block:
        """See `Comparison.prepare`."""
        usual = [usual_code(activity, c) for c in (activity.temperature, activity.max_tokens, activity.client)]
        rarity = [np.log(activity.accounts / np.bincount(code)[code]).astype(np.float32) for code in usual]

        def fill(rows: NDArray[np.int64], start: int, out: NDArray[np.float32]) -> None:
            for i, (code, rare) in enumerate(zip(usual, rarity, strict=True)):
                out[i] = np.where(code[rows][:, None] == code[None, start:], rare[rows][:, None], -1)

        return fill


def usual_code(activity: Activity, code: Ints) -> Ints:
    """The commonest code of each account, (n,); of equally common ones the lowest, 0 for an account without session."""
    width = int(code.max(initial=0)) + 1
    pairs, count = np.unique(activity.account * np.int64(width) + code, return_counts=True)
    order = np.lexsort((pairs, -count))
    usual = np.zeros(activity.accounts, dtype=np.int64)
    usual[(pairs[order] // width)[::-1]] = (pairs[order] % width)[::-1]
    return usual


COMPARISON = Settings()
