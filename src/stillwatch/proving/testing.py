"""All tests that a case plans, made one after the other, and corrected for their number, whatever came out.

The correction counts p-values that were planned: those that came out null, those that were withheld, and those of keys
that were to be tested and are not shown (Holm 1979). Style has no p-value and is no part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from stillwatch.calibration import holm
from stillwatch.progress import Progress
from stillwatch.proving.material import Material
from stillwatch.proving.radioactivity.choices import Leans
from stillwatch.proving.readings.base import Readings
from stillwatch.proving.report import Tested
from stillwatch.proving.said import Said
from stillwatch.proving.tiers import marks, style, twins
from stillwatch.proving.tiers.base import Outcome, Planned, withheld_from

__all__ = ["all_tests", "corrected_for", "planned", "untested"]


def planned(material: Material) -> tuple[Planned, ...]:
    """The tests of a case, by tier."""
    return (*marks.planned(material), *twins.planned(material), *style.planned(material))


def untested(material: Material) -> int:
    """How many p-values of keys that are not shown the correction counts."""
    return marks.each_key(material) * max(material.tried - len(material.opened), 0)


def corrected_for(material: Material) -> int:
    """For how many p-values the correction is."""
    return sum(each.tier != "style" for each in planned(material)) + untested(material)


def all_tests(
    material: Material,
    said: Said,
    progress: Progress,
    readings: Readings | None = None,
    leans: Mapping[int, Leans] | None = None,
) -> tuple[Tested, ...]:
    """Make them all; ``progress`` is told of each. ``readings`` is what was read of the suspect itself, ``leans`` what
    our own model gives along its answers, by the tokens of a window."""
    progress.step("Testing", len(planned(material)))
    made = list(_told(_outcomes(material, said, readings, leans or {}), progress))
    return _corrected(made, corrected_for(material), material.case.claim.level)


def _outcomes(
    material: Material, said: Said, readings: Readings | None, leans: Mapping[int, Leans]
) -> Iterator[Outcome]:
    yield from marks.outcomes(material, said, readings, leans)
    yield from twins.outcomes(material, said, readings)
    yield from style.outcomes(material, said)


def _told(outcomes: Iterable[Outcome], progress: Progress) -> Iterator[Outcome]:
    for outcome in outcomes:
        progress.advance()
        yield outcome


def _corrected(outcomes: Sequence[Outcome], number: int, level: float) -> tuple[Tested, ...]:
    """Each with its p-value for all; a withheld one has none, and still counts."""
    tests = [
        Tested(
            name=outcome.planned.name,
            evidence=withheld_from(outcome.evidence) if outcome.withheld else outcome.evidence,
            controls=outcome.controls,
            fixed=outcome.fixed,
            withheld=outcome.withheld,
        )
        for outcome in outcomes
    ]
    known = [at for at, test in enumerate(tests) if test.evidence.p_value is not None]
    p_values = [test.evidence.p_value for test in tests if test.evidence.p_value is not None]
    for at, adjusted in zip(known, holm(p_values, number).tolist() if p_values else [], strict=True):
        tests[at] = msgspec.structs.replace(tests[at], adjusted=adjusted, shown=adjusted <= level)
    return tuple(tests)
