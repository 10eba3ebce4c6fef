"""The whole test of twin answers on one page: from pairs and a suspect's answers to one piece of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stillwatch.proving.evidence import Evidence
from stillwatch.proving.twins.base import Answers, LogProbabilities, Pair, Scored, Unit
from stillwatch.proving.twins.choosing import Choice, How, choose
from stillwatch.proving.twins.controls import Control, control
from stillwatch.proving.twins.exchangeability import Diagnosis, told_apart
from stillwatch.proving.twins.scoring import answered, measured, score_open, score_texts
from stillwatch.proving.twins.sequential import follow
from stillwatch.proving.twins.splitting import (
    NOT_SEALED,
    Sealing,
    chooses,
    commitment,
    departure,
    digest_of,
    in_order,
)
from stillwatch.proving.twins.statement import CAVEATS, CLAIM, NULL, RANDOMISED, UNIT, withheld, without
from stillwatch.proving.twins.testing import telling, test
from stillwatch.proving.twins.units import Units, units_of

__all__ = ["prove", "prove_open", "prove_sequentially"]


class _Looked(NamedTuple):
    """All that a test may use: what was given, units in numbers by kind, and whether answers and twins differ."""

    pairs: Sequence[Pair]
    key: bytes
    sealing: Sealing
    units: Units
    taken: Scored
    logged: Scored
    tossed: Scored
    diagnosis: Diagnosis
    numbers: Mapping[str, Any]


class _Outcome(NamedTuple):
    """What a test made of it."""

    p_value: float
    statistic: float
    units: int
    choice: Choice
    chosen_on: str
    tested_on: str
    numbers: Mapping[str, Any]
    unless_withheld: Mapping[str, Any]


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
    looked = _by_text(pairs, answers, key, measures, sealing)
    return _evidence("twin answers, by text", looked, _tested(looked, how, seed), seed)


def prove_sequentially(
    pairs: Sequence[Pair],
    answers: Answers,
    key: bytes,
    *,
    measures: Sequence[str] = (),
    sealing: Sealing = NOT_SEALED,
) -> Evidence:
    """The test by texts that may be repeated as answers come in, and stopped whenever one likes (`sequential`).

    The suspect is asked in the order of `units.asking_order`, and units are looked at in it; all pairs are given each
    time, and the answers that there are. Arguments and result are those of `prove`; the statistic is the natural log of
    the highest stake so far.
    """
    looked = _by_text(pairs, answers, key, measures, sealing)
    course = follow(looked.taken, in_order(key, looked.taken.names))
    choice = choose(looked.taken)  # for the controls, which are other prompts
    outcome = _Outcome(
        course.p_value,
        float(course.log_e.max(initial=0.0)),
        len(telling(choice.scores(looked.taken))),
        choice,
        "before each unit, by those before it",
        "each unit in turn",
        {"decide": len(looked.taken.names)},
        {"log_e": course.log_e.tolist()},
    )
    return _evidence("twin answers, by text, looked at as they came", looked, outcome, None)


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
    looked = _looked(pairs, key, sealing, units, kept, scored, {})
    return _evidence("twin answers, by probability", looked, _tested(looked, "weighted", seed), seed)


def _by_text(pairs: Sequence[Pair], answers: Answers, key: bytes, measures: Sequence[str], sealing: Sealing) -> _Looked:
    units = units_of(pairs, key)
    kept = [answered(of, answers) for of in (units.taken, units.logged, units.tossed)]
    every = [unit for of in kept for unit in of]
    samples = [len(answers[name]) for unit in every for name in unit.prompt_ids]
    mean = {"samples": float(np.mean(samples)) if samples else 0.0}
    scored = score_texts(every, answers, measures, [*units.taken, *units.logged, *units.tossed])
    return _looked(pairs, key, sealing, units, kept, scored, mean)


def _looked(
    pairs: Sequence[Pair],
    key: bytes,
    sealing: Sealing,
    units: Units,
    kept: Sequence[Sequence[Unit]],
    scored: Scored,
    said: Mapping[str, Any],
) -> _Looked:
    ends = np.cumsum([len(of) for of in kept]).tolist()
    taken, logged, tossed = (scored.between(a, b) for a, b in zip([0, *ends], ends, strict=False))
    numbers: dict[str, Any] = {
        **said,
        "pairs": len(pairs),
        "set_aside": dict(units.set_aside),
        "units": len(units.taken),
        "without_answer": len(units.taken) - len(kept[0]),
        "alike": sum(unit.alike for unit in kept[0]),
    }
    diagnosis = told_apart([*units.taken, *units.logged], key)
    return _Looked(pairs, key, sealing, units, taken, logged, tossed, diagnosis, numbers)


def _tested(looked: _Looked, how: How, seed: int) -> _Outcome:
    taken = looked.taken
    if len(taken.measures) == 1:
        half = np.zeros(len(taken.names), dtype=np.bool_)
        choice = Choice(taken.measures, np.ones(1), np.ones(1))
        chosen_on, tested_on = "nothing: the measure was settled beforehand", "all units"
    else:
        half = np.array([chooses(looked.key, name) for name in taken.names], dtype=np.bool_)
        choice = choose(taken.only(half), how)
        chosen_on, tested_on = "a keyed half of the units", "the other half of the units"
    scores = choice.scores(taken.only(~half))
    found = test(scores, seed)
    shown = [[None if np.isnan(x) else x for x in row] for row in scores.tolist()]
    return _Outcome(
        found.p_value,
        found.statistic,
        found.units,
        choice,
        chosen_on,
        tested_on,
        {"chose": int(half.sum()), "decide": len(scores)},
        found.numbers() | {"scores": shown},
    )


def _evidence(name: str, looked: _Looked, outcome: _Outcome, seed: int | None) -> Evidence:
    controls = {
        kind: _control(outcome.choice, of) for kind, of in (("logged", looked.logged), ("tossed", looked.tossed))
    }
    why = withheld(outcome.units, controls, looked.diagnosis)
    departed = departure(looked.sealing.about, looked.pairs, looked.key)
    numbers: dict[str, Any] = {
        **looked.numbers,
        **outcome.numbers,
        "measures": list(outcome.choice.measures),
        "weights": outcome.choice.weights.tolist(),
        "scales": outcome.choice.scales.tolist(),
        "controls": {kind: each._asdict() | {"failed": each.failed} for kind, each in controls.items()},
        "diagnosis": looked.diagnosis.numbers(),
        "split": {"commitment": commitment(looked.key), "key": looked.key.hex()},
        "pairs_digest": digest_of(looked.pairs),
        "seal": looked.sealing.seal,
        "withheld": list(why),
        **({} if why else outcome.unless_withheld),
    }
    return Evidence(
        tier="twins",
        test=name,
        claim=CLAIM,
        null=NULL,
        randomised=RANDOMISED,
        p_value=None if why else outcome.p_value,
        statistic=None if why else outcome.statistic,
        n=outcome.units,
        unit=UNIT,
        seed=seed,
        chosen_on=outcome.chosen_on,
        tested_on=outcome.tested_on,
        numbers=numbers,
        caveats=(*why, *((departed,) if departed else ()), *without(controls, looked.diagnosis), *CAVEATS),
    )


def _control(choice: Choice, scored: Scored) -> Control:
    return control(choice.scores(scored))
