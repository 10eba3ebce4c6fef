"""The whole on one page: answers and a reference set in, a verdict out."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.errors import InputError, UsageError
from stillwatch.proving.style.answers import Answers
from stillwatch.proving.style.deciding import LEVEL, RESAMPLES, Verdict, decide, excess_by_family
from stillwatch.proving.style.features import DEFAULT
from stillwatch.proving.style.likeness import cosines
from stillwatch.proving.style.reference import Reference, first_word

__all__ = ["LEAST_PROMPTS", "nearest_teacher"]

LEAST_PROMPTS = 50
"""Below this, no answer: `bench style` shows what fewer prompts cost."""


def nearest_teacher(
    answers: Answers,
    reference: Reference,
    suspect: str,
    *,
    maker: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    resamples: int = RESAMPLES,
    features: Iterable[str] = DEFAULT,
) -> Verdict:
    """Whom does ``suspect`` write like?

    Args:
        answers: of the suspect and of every model of the reference set to common prompts; prompts that one of them did
            not answer do not count.
        reference: candidates and controls. If the suspect stands in it, it is left out; known students are compared
            with, where they have answers.
        suspect: the name beside its answers.
        maker: who made the suspect: no candidate of the same maker is named. None: what the reference set says, else
            the first word of the suspect's name; empty: nobody's.
        level: at most this share of unrelated models is called, if the controls are like them.
        seed: of the resamples of prompts.
        resamples: how many.
        features: names in the registry of features.

    Raises:
        InputError: models lack answers, fewer than `LEAST_PROMPTS` prompts are common, or controls are too few.
        UsageError: ``level`` is not between 0 and 1, or no resample was asked for.
    """
    if not 0 < level < 1 or resamples < 1:
        raise UsageError(f"need a level between 0 and 1 and at least one resample, not {level:g} and {resamples}")
    itself = reference.get(suspect)
    if maker is None:
        maker = itself.maker if itself is not None else first_word(suspect)
    others = reference.without(suspect) if itself is not None else reference
    versions = others.of_role("candidate")
    models = [*(model.name for model in (*versions, *others.of_role("control"))), suspect]
    prompts = answers.common(models)
    if len(prompts) < LEAST_PROMPTS:
        scarce = min(models, key=lambda model: len(answers.texts[model]))
        raise InputError(
            f"{len(prompts)} prompts were answered by all {len(models)} models; it takes {LEAST_PROMPTS}",
            None,
            f"leave out models with few answers ({scarce!r} has {len(answers.texts[scarce])}) or ask them more",
        )
    students = [s for s in others.of_role("student") if set(prompts) <= set(answers.texts.get(s.name, ()))]
    families = {version.name: family for family, of_family in others.families().items() for version in of_family}
    found = cosines(answers, [*models, *(s.name for s in students)], families, prompts, features)
    return decide(
        found,
        others,
        suspect,
        maker=maker,
        level=level,
        seed=seed,
        resamples=resamples,
        students={s.name: excess_by_family(found, others, s.name, s.maker) for s in students},
    )
