"""Tier 3 for one case: whom the suspect writes like, beside control models. Corroboration, not proof."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.proving.material import Material, StyleSet
from stillwatch.proving.report import Control
from stillwatch.proving.said import Said
from stillwatch.proving.style import Answers, evidence, nearest_teacher
from stillwatch.proving.tiers.base import Outcome, Planned, carried_out

__all__ = ["outcomes", "planned"]

_NEAREST = Planned("style/nearest", "style", "nearest teacher")


def planned(material: Material) -> tuple[Planned, ...]:
    """The one test, where the case has a reference set."""
    return () if material.style is None else (_NEAREST,)


def outcomes(material: Material, said: Said) -> Iterator[Outcome]:
    """Make it: by the first answer to each common prompt."""
    style = material.style
    if style is not None:
        yield carried_out(_NEAREST, lambda: _outcome(material, style, said))


def _outcome(material: Material, style: StyleSet, said: Said) -> Outcome:
    case, suspect = material.case, material.case.claim.suspect
    texts = {each.id: said.of(each.text)[0] for each in style.prompts if said.of(each.text)}
    verdict = nearest_teacher(
        Answers({suspect: texts}).and_(style.answers),
        style.reference,
        suspect,
        maker=case.style.maker if case.style is not None else None,
        level=case.style.level if case.style is not None else 0.2,
        seed=case.style.seed if case.style is not None else 0,
    )
    control = Control(
        what=f"{verdict.controls} control models, each judged as the suspect is: share that comes as near to any",
        n=verdict.controls,
        unit="control model",
        p_value=verdict.conformal_p,
    )
    return Outcome(_NEAREST, evidence(verdict), (control,))
