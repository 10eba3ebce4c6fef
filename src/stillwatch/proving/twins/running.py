"""The whole test of twin answers on one page: from pairs and a suspect's answers to one piece of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stillwatch.proving.evidence import Evidence
from stillwatch.proving.twins.base import Answers, LogProbabilities, Pair, Scored, Unit
from stillwatch.proving.twins.choosing import Choice, How, choose
from stillwatch.proving.twins.controls import Control, control
from stillwatch.proving.twins.exchangeability import Diagnosis, told_apart
from stillwatch.proving.twins.scoring import answered, measured, score_open, score_texts
from stillwatch.proving.twins.splitting import NOT_SEALED, Sealing, chooses, commitment, departure, digest_of
from stillwatch.proving.twins.testing import Tested, test
from stillwatch.proving.twins.units import Units, units_of

__all__ = ["FEWEST", "prove", "prove_open"]

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
_CAVEATS = (
    "It shows that the suspect knows the answers that were handed out, not on which way it came by them.",
    "That no difference of taken answers and twins was found does not show that there is none: what twins are drawn "
    "from (model, version, system prompt, settings) must be shown too.",
)


def prove(
    pairs: Sequence[Pair],
    answers: Answers,
    key: bytes,
    *,
    measures: Sequence[str] = (),
    how: How = "weighted",
    seed: int = 0,
    sealing: Sealing = NOT_SEALED,
) -> Evidence:
    """The test by the suspect's texts alone.

    Args:
        pairs: of prompts that were taken, and of controls.
        answers: the suspect's, by prompt id.
        key: of the split and the coins, settled before the suspect was asked (`splitting.about`).
        measures: names; default all. One alone is settled beforehand: nothing is chosen, and all units decide.
        how: how several measures are made one.
        seed: of the draws that the p-value is checked by.
        sealing: what the sealed answers say of themselves.

    Returns:
        Evidence whose p-value is None where it is withheld; ``numbers["withheld"]`` says why.
    """
    units = units_of(pairs, key)
    kept = [answered(of, answers) for of in (units.taken, units.logged, units.tossed)]
    every = [unit for of in kept for unit in of]
    scored = score_texts(every, answers, measures)
    samples = [len(answers[name]) for unit in every for name in unit.prompt_ids]
    said = {"samples": float(np.mean(samples)) if samples else 0.0}
    return _evidence("twin answers, by text", pairs, key, units, kept, scored, how, seed, sealing, said)


def prove_open(
    pairs: Sequence[Pair],
    given: LogProbabilities,
    key: bytes,
    *,
    seed: int = 0,
    sealing: Sealing = NOT_SEALED,
) -> Evidence:
    """The test by the probability that the suspect gives to each candidate; nothing is chosen, and all units decide.

    Arguments and result are those of `prove`.
    """
    units = units_of(pairs, key)
    kept = [measured(of, given) for of in (units.taken, units.logged, units.tossed)]
    scored = score_open([unit for of in kept for unit in of], given)
    return _evidence("twin answers, by probability", pairs, key, units, kept, scored, "weighted", seed, sealing, {})


def _evidence(
    name: str,
    pairs: Sequence[Pair],
    key: bytes,
    units: Units,
    kept: Sequence[Sequence[Unit]],
    scored: Scored,
    how: How,
    seed: int,
    sealing: Sealing,
    said: Mapping[str, Any],
) -> Evidence:
    ends = np.cumsum([len(of) for of in kept]).tolist()
    taken, logged, tossed = (scored.between(a, b) for a, b in zip([0, *ends], ends, strict=False))
    choosing, deciding, choice = _chosen(taken, key, how)
    tested = test(choice.scores(deciding), seed)
    controls = {"logged": control(choice.scores(logged)), "tossed": control(choice.scores(tossed))}
    diagnosis = told_apart([*units.taken, *units.logged], key)
    withheld = _withheld(tested, controls, diagnosis)
    departed = departure(sealing.about, pairs, key)
    numbers: dict[str, Any] = {
        **said,
        "pairs": len(pairs),
        "set_aside": dict(units.set_aside),
        "units": len(units.taken),
        "without_answer": len(units.taken) - len(kept[0]),
        "alike": sum(unit.alike for unit in kept[0]),
        "chose": choosing,
        "decide": len(deciding.names),
        "measures": list(choice.measures),
        "weights": choice.weights.tolist(),
        "scales": choice.scales.tolist(),
        "controls": {kind: each._asdict() | {"failed": each.failed} for kind, each in controls.items()},
        "diagnosis": diagnosis._asdict() | {"failed": diagnosis.failed},
        "split": {"commitment": commitment(key), "key": key.hex()},
        "pairs_digest": digest_of(pairs),
        "seal": sealing.seal,
        "withheld": list(withheld),
    }
    if not withheld:
        numbers |= tested.numbers()
        numbers["scores"] = [[None if np.isnan(x) else x for x in row] for row in choice.scores(deciding).tolist()]
    half = "a keyed half of the units" if choosing else ""
    return Evidence(
        tier="twins",
        test=name,
        claim=CLAIM,
        null=NULL,
        randomised=RANDOMISED,
        p_value=None if withheld else tested.p_value,
        statistic=None if withheld else tested.statistic,
        n=tested.units,
        unit=UNIT,
        seed=seed,
        chosen_on=half or "nothing: the measure was settled beforehand",
        tested_on="the other half of the units" if choosing else "all units",
        numbers=numbers,
        caveats=(*withheld, *((departed,) if departed else ()), *_without(controls, diagnosis), *_CAVEATS),
    )


def _chosen(taken: Scored, key: bytes, how: How) -> tuple[int, Scored, Choice]:
    """How many units chose, those that decide, and what was chosen."""
    if len(taken.measures) == 1:
        return 0, taken, Choice(taken.measures, np.ones(1), np.ones(1))
    half = np.array([chooses(key, name) for name in taken.names], dtype=np.bool_)
    return int(half.sum()), taken.only(~half), choose(taken.only(half), how)


def _withheld(tested: Tested, controls: Mapping[str, Control], diagnosis: Diagnosis) -> tuple[str, ...]:
    why = []
    if tested.units < FEWEST:
        why.append(
            f"Withheld: only {tested.units} deciding units have a taken answer that differs from its twins to the "
            f"suspect; {FEWEST} are needed."
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


_KINDS = {
    "logged": "answers in the log that the suspect cannot have had",
    "tossed": "twins of which a coin called one the taken one",
}


def _without(controls: Mapping[str, Control], diagnosis: Diagnosis) -> tuple[str, ...]:
    missing = []
    if controls["logged"].p_value is None:
        missing.append(
            "There are no or too few controls with an answer of the log that the suspect cannot have had: nothing but "
            "the texts themselves was there to show that taken answers and twins were drawn alike."
        )
    if diagnosis.p_value is None:
        missing.append("There are too few units to see whether taken answers and twins can be told apart.")
    return tuple(missing)
