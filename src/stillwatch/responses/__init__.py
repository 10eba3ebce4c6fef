"""Countermeasures, from the mildest to the strongest: each one file, planned before it is applied, and undone.

`RESPONSES` lists them; a new one is one file and one line here, or an entry point of the group
``stillwatch.responses`` in another wheel.
"""

from __future__ import annotations

from stillwatch.registry import Registry
from stillwatch.responses.base import Response

__all__ = ["RESPONSES"]

RESPONSES: Registry[Response] = Registry(
    "stillwatch.responses",
    {
        "observe": "stillwatch.responses.observe:RESPONSE",
        "step_up": "stillwatch.responses.step_up:RESPONSE",
        "mark_output": "stillwatch.responses.mark_output:RESPONSE",
        "reduce_detail": "stillwatch.responses.reduce_detail:RESPONSE",
        "cap_reasoning": "stillwatch.responses.cap_reasoning:RESPONSE",
        "shield_reasoning": "stillwatch.responses.shield_reasoning:RESPONSE",
        "slow_down": "stillwatch.responses.slow_down:RESPONSE",
        "hold_for_review": "stillwatch.responses.hold_for_review:RESPONSE",
        "suspend": "stillwatch.responses.suspend:RESPONSE",
    },
)
