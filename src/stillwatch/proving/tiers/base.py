"""What a test of a tier hands to the report, also where it could not be made."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from stillwatch.errors import StillwatchError
from stillwatch.proving.evidence import Evidence, Tier
from stillwatch.proving.report import Control, Fixed

__all__ = ["CONTROL_LEVEL", "Outcome", "Planned", "carried_out", "withheld_from"]

CONTROL_LEVEL = 0.001
"""A control that is sound fails once in so many tests."""


class Planned(NamedTuple):
    """A test that a case plans: its name in the report, its tier, and what it is in a few words."""

    name: str
    tier: Tier
    what: str

    @property
    def kind(self) -> str:
        """The last part of its name: which of the tests of a key it is."""
        return self.name.rpartition("/")[2]


class Outcome(NamedTuple):
    """What became of a planned test."""

    planned: Planned
    evidence: Evidence
    controls: tuple[Control, ...] = ()
    fixed: Fixed | None = None
    withheld: tuple[str, ...] = ()


def carried_out(planned: Planned, test: Callable[[], Outcome]) -> Outcome:
    """``test``'s outcome; one that cannot be made is withheld with the reason."""
    try:
        outcome = test()
    except StillwatchError as error:
        nothing = Evidence(
            tier=planned.tier,
            test=planned.what,
            claim="Nothing can be said by this test.",
            null="It was not made.",
            randomised="",
        )
        return Outcome(planned, nothing, withheld=(f"It could not be made: {error}",))
    failed = tuple(f"A control did not come out null: {each.what}." for each in outcome.controls if each.failed)
    return outcome._replace(withheld=(*outcome.withheld, *(why for why in failed if not outcome.withheld)))


def withheld_from(evidence: Evidence) -> Evidence:
    """The evidence without any figure that could be read as a result; what a control or a diagnosis found stays."""
    kept = {
        name: evidence.numbers[name] for name in ("controls", "diagnosis", "units", "alike") if name in evidence.numbers
    }
    return msgspec.structs.replace(evidence, p_value=None, error_rate=None, statistic=None, numbers=kept)
