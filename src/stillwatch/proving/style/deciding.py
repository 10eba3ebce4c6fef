"""One family, or none of these: one is named where the suspect is nearer to it than controls are to any, stably."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from stillwatch.calibration import conformal_p_values
from stillwatch.errors import InputError
from stillwatch.proving.style.calibrating import RIDGE, Pool, controls_needed, excesses, leaders, p_value, shares
from stillwatch.proving.style.likeness import Cosines, Likeness, likeness
from stillwatch.proving.style.reference import Reference

__all__ = ["LEVEL", "RESAMPLES", "Verdict", "decide", "excess_by_family"]

Floats = NDArray[np.float64]
LEVEL = 0.2
"""Which share of unrelated models may be called at most; beside fewer than 4 controls nothing can be called at it."""
RESAMPLES = 200
_LEADS = 0.5


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a model writes like: corroboration, not proof."""

    suspect: str
    nearest: str | None
    """The family, or None for "none of these"."""
    leads: str
    """The family with the greatest excess, whether or not it is called."""
    conformal_p: float
    """Of "the suspect is exchangeable with the controls", which an unrelated model may fail to be."""
    level: float
    stability: float
    """In which share of resamples of the prompts ``leads`` is the greatest; above one half to be called."""
    excess: Mapping[str, float]
    """Of each family that was asked of: its share of the suspect's likeness beyond the median member's."""
    own: tuple[str, ...]
    """Families not asked of, because the suspect's own maker made them."""
    controls: int
    prompts: int
    students: int
    """Known students of other families, for which ``leads`` is the wrong answer; 0 where the set names none."""
    students_p: float
    """Conformal p-value of the excess over ``leads`` among those; 1 without any."""
    seed: int
    resamples: int


def decide(
    found: Cosines,
    reference: Reference,
    suspect: str,
    *,
    maker: str = "",
    level: float = LEVEL,
    seed: int = 0,
    resamples: int = RESAMPLES,
    ridge: float = RIDGE,
    students: Mapping[str, Mapping[str, float]] | None = None,
) -> Verdict:
    """Judge one suspect.

    Args:
        found: of the suspect and every candidate and control of ``reference``, at least.
        reference: in which the suspect itself does not stand.
        suspect: its name.
        maker: who made it; families of that maker are not asked of. Empty: unknown, all are.
        level: the error rate: of models that are exchangeable with the controls, at most this share is called.
        seed: of the resamples.
        resamples: of the prompts, for the stability.
        ridge: see `shares`.
        students: excess of known students over each family (`excess_by_family`), for `Verdict.students_p`.

    Raises:
        InputError: there are too few controls for ``level``, or every candidate is of the suspect's own maker.
    """
    controls = reference.of_role("control")
    missing = controls_needed(level) - len(controls)
    if missing > 0:
        raise InputError(
            f"{len(controls)} control models cannot show an error rate of {level:g}", None, f"give {missing} more"
        )
    families, pool, pairs = _pool(found, reference, suspect, maker)
    if pool.own[-1].all():
        raise InputError(f"every candidate is of {maker!r}, who made {suspect!r}", None, "name others as candidates")
    of_pool = excesses(shares(pairs.between(_even(pairs.pairs)), pool, ridge))
    p, last = p_value(of_pool), of_pool[-1]
    first = int(np.nanargmax(last))
    stability = float(np.mean(leaders(pairs, pool, resamples, seed, ridge) == first))
    others = _excess_of_others(reference, students or {}, suspect, families[first])
    return Verdict(
        suspect=suspect,
        nearest=families[first] if p <= level and stability > _LEADS else None,
        leads=families[first],
        conformal_p=p,
        level=level,
        stability=stability,
        excess={family: float(last[f]) for f, family in enumerate(families) if not np.isnan(last[f])},
        own=tuple(family for f, family in enumerate(families) if pool.own[-1, f]),
        controls=len(controls),
        prompts=len(pairs.pairs),
        students=len(others),
        students_p=float(conformal_p_values(others, [last[first]])[0]),
        seed=seed,
        resamples=resamples,
    )


def excess_by_family(found: Cosines, reference: Reference, model: str, maker: str = "") -> dict[str, float]:
    """A model's excess over each family, judged beside the controls like a suspect; families of ``maker`` left out."""
    families, pool, pairs = _pool(found, reference, model, maker)
    last = excesses(shares(pairs.between(_even(pairs.pairs)), pool))[-1]
    return {family: float(last[f]) for f, family in enumerate(families) if not np.isnan(last[f])}


def _pool(found: Cosines, reference: Reference, suspect: str, maker: str) -> tuple[list[str], Pool, Likeness]:
    candidates, controls = reference.of_role("candidate"), reference.of_role("control")
    names = [model.name for model in (*candidates, *controls)] + [suspect]
    pairs = likeness(found.of(names))
    place = {name: i for i, name in enumerate(names)}
    families = reference.families()
    makers = [{version.maker for version in versions} - {""} for versions in families.values()]
    members = [*((control.name, control.maker) for control in controls), (suspect, maker)]
    pool = Pool(
        tuple(tuple(place[version.name] for version in versions) for versions in families.values()),
        tuple(place[name] for name, _ in members),
        np.array([[made_by in of_family for of_family in makers] for _, made_by in members], dtype=bool),
    )
    return list(families), pool, pairs


def _even(pairs: Floats) -> Floats:
    """Every prompt weighs the same."""
    return np.full(len(pairs), 1 / len(pairs))


def _excess_of_others(
    reference: Reference, students: Mapping[str, Mapping[str, float]], suspect: str, family: str
) -> list[float]:
    """The excess over ``family`` of the known students that it did not teach."""
    taught = {model.name for model in reference.models if family in model.teachers} | {suspect}
    return [excess[family] for name, excess in students.items() if name not in taught and family in excess]
