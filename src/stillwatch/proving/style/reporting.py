"""A verdict as evidence for the report, and in one sentence; neither without saying what it is worth."""

from __future__ import annotations

from stillwatch.campaigns.wording import visible
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.style.deciding import Verdict

__all__ = ["CAVEAT", "evidence", "sentence"]

CAVEAT = (
    "Corroboration, not proof: nobody randomised anything. The error rate holds as far as the control models are like "
    "the models that are unrelated to the candidates."
)
ABSENT = (
    "If the true teacher is not among the candidates, the one that writes most like it may be named in its place: many "
    "models write like each other without one having learnt from the other."
)


def sentence(verdict: Verdict) -> str:
    """The verdict in words, always with "corroboration, not proof"."""
    suspect = visible(verdict.suspect)
    beside = f"{verdict.controls} controls, {verdict.prompts:,} prompts"
    if verdict.nearest is None:
        return (
            f"{suspect} writes like none of these (p = {verdict.conformal_p:.2g}; {beside}); corroboration, not proof."
        )
    return (
        f"{suspect} writes like {visible(verdict.nearest)}, nearer than unrelated models do (p = "
        f"{verdict.conformal_p:.2g}, error rate {verdict.level:.0%}, stable in {verdict.stability:.0%} of resamples; "
        f"{beside}); corroboration, not proof."
    )


def evidence(verdict: Verdict) -> Evidence:
    """The verdict as tier-3 evidence. It carries no ``p_value``, so that none can be read beside a coin's."""
    suspect, named = visible(verdict.suspect), verdict.nearest is not None
    caveats = [CAVEAT, ABSENT]
    if verdict.own:
        own = ", ".join(visible(family) for family in verdict.own)
        caveats.append(f"Not asked of, because the suspect's own maker made them: {own}.")
    if named and verdict.students and verdict.students_p > verdict.level:
        caveats.append(
            f"Among {verdict.students} known students of other teachers some come as near to it "
            f"(p = {verdict.students_p:.2g})."
        )
    return Evidence(
        tier="style",
        test="nearest teacher",
        claim=(
            f"{suspect} writes more like {visible(verdict.leads)} than unrelated models write like any candidate."
            if named
            else f"{suspect} writes like none of the candidates more than unrelated models do."
        )
        + " Corroboration, not proof.",
        null="The suspect is exchangeable with the control models, which were trained on no candidate's answers.",
        randomised="",
        p_value=None,
        error_rate=verdict.level,
        statistic=verdict.excess[verdict.leads],
        n=verdict.prompts,
        unit=f"prompts that every model answered; the error rate rests on {verdict.controls} control models",
        seed=verdict.seed,
        chosen_on="nothing: neither the suspect nor known students set a weight or a threshold",
        tested_on="the suspect's answers, beside those of candidates and controls to the same prompts",
        numbers={
            "nearest": verdict.nearest,
            "leads": verdict.leads,
            "conformal_p": verdict.conformal_p,
            "level": verdict.level,
            "stability": verdict.stability,
            "resamples": verdict.resamples,
            "excess": dict(verdict.excess),
            "own": list(verdict.own),
            "controls": verdict.controls,
            "students": verdict.students,
            "students_p": verdict.students_p,
        },
        caveats=tuple(caveats),
    )
