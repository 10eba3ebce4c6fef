"""What a test hands to the report: one claim, the number for it, and what the number rests on."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = ["Evidence", "Tier"]

Tier = Literal["marks", "twins", "style"]
"""1, 2 and 3 of docs/prove.md; never combined into one figure."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one test, as the report prints it and ``prove.json`` keeps it.

    ``p_value`` is None where a test gives none (style gives an error rate instead, in ``error_rate``). ``chosen_on``
    says what data any choice within the test was made on, ``tested_on`` what data the p-value is from: they never
    overlap. ``numbers`` holds all that is needed to compute the p-value again from the sealed answers.
    """

    tier: Tier
    test: str
    claim: str
    """In one sentence what it would mean if the null were false."""
    null: str
    """In one sentence what the p-value assumes, and nothing else."""
    randomised: str
    """Which coin the p-value rests on, who threw it and when ("" for style: nobody did)."""
    p_value: float | None = None
    error_rate: float | None = None
    statistic: float | None = None
    n: int = 0
    """Units that count: tokens, prompts, or answers; what they are is in ``unit``."""
    unit: str = ""
    seed: int | None = None
    chosen_on: str = ""
    tested_on: str = ""
    numbers: dict[str, Any] = {}
    caveats: tuple[str, ...] = ()
