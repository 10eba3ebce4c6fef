"""What is said with a result, and why one is withheld: in words that a court can read."""

from __future__ import annotations

from collections.abc import Mapping

from stillwatch.proving.twins.controls import Control
from stillwatch.proving.twins.exchangeability import Diagnosis

__all__ = ["CAVEATS", "CLAIM", "FEWEST", "NULL", "RANDOMISED", "UNIT", "withheld", "without"]

FEWEST = 30
"""Deciding units that tell below which there is no p-value."""
CLAIM = "The suspect was trained on the answers that were taken, or on texts that carry their wording."
NULL = (
    "Given the prompts and what the suspect says to them, each taken answer might as well have been any of its twins, "
    "independently for each unit."
)
RANDOMISED = (
    "The draw that made each answer one of many possible ones: the provider's model threw it when it answered, and "
    "again for each twin."
)
UNIT = "prompt; prompts that are nearly the same count once"
CAVEATS = (
    "It shows that the suspect knows the answers that were handed out, not on which way it came by them.",
    "That no difference of taken answers and twins was found does not show that there is none: what twins are drawn "
    "from (model, version, system prompt, settings) must be shown too.",
)
_KINDS = {
    "logged": "answers in the log that the suspect cannot have had",
    "tossed": "twins of which a coin called one the taken one",
}


def withheld(units: int, controls: Mapping[str, Control], diagnosis: Diagnosis) -> tuple[str, ...]:
    """Why there is no p-value; empty where there is one.

    Args:
        units: that decide, and whose slots differ.
        controls: by kind, ``logged`` and ``tossed``.
        diagnosis: of taken answers and twins.
    """
    why = []
    if units < FEWEST:
        why.append(
            f"Withheld: only {units} deciding units have a taken answer that differs from its twins to the suspect; "
            f"{FEWEST} are needed."
        )
    if diagnosis.failed:
        why.append(
            f"Withheld: taken answers and twins can be told apart without the suspect (p = {diagnosis.p_value:.2g}; "
            f"picked right in {diagnosis.told:.0%} of units, {diagnosis.by_chance:.0%} by chance), so they were not "
            "drawn alike."
        )
    for kind, each in controls.items():
        if each.failed:
            why.append(f"Withheld: the controls did not come out null ({_KINDS[kind]}, p = {each.p_value:.2g}).")
    return tuple(why)


def without(controls: Mapping[str, Control], diagnosis: Diagnosis) -> tuple[str, ...]:
    """What a result has to do without."""
    missing = []
    if controls["logged"].p_value is None:
        missing.append(
            "There are no or too few controls with an answer of the log that the suspect cannot have had: nothing but "
            "the texts themselves was there to show that taken answers and twins were drawn alike."
        )
    if diagnosis.p_value is None:
        missing.append("There are too few units to see whether taken answers and twins can be told apart.")
    return tuple(missing)
