"""Tier 2 for one case: what was taken against what might as well have been given, with the controls that it brings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.errors import InputError
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.material import Material
from stillwatch.proving.readings.base import Readings
from stillwatch.proving.report import Control, Example
from stillwatch.proving.said import PREPARED, Said
from stillwatch.proving.tiers.base import Outcome, Planned, carried_out
from stillwatch.proving.twins.running import prove, prove_open
from stillwatch.proving.twins.splitting import NOT_SEALED, Sealing, about, in_order

__all__ = ["examples", "head", "measures", "outcomes", "planned", "split_key"]

_BY_TEXT = Planned("twins/text", "twins", "twin answers, by text")
_BY_PROBABILITY = Planned("twins/probability", "twins", "twin answers, by probability")
_KINDS = {
    "logged": "prompts never taken: the answer in the log against one drawn afresh",
    "tossed": "prompts never taken: two answers drawn afresh, of which a coin calls one the taken one",
}
_EXAMPLES = 6


def split_key(seed: int) -> bytes:
    """The key that splits units into halves: made of the seed in the case, which is fixed before the first question."""
    return hashlib.sha256(f"stillwatch prove twins {seed}".encode()).digest()


def head(material: Material) -> dict[str, Any]:
    """What goes into the head of the suspect's answers: the pairs and the split (`twins.splitting.about`)."""
    return about(material.pairs, _key(material)) if material.pairs else {}


def planned(material: Material) -> tuple[Planned, ...]:
    """The tests that the case allows."""
    if not material.pairs:
        return ()
    read = material.reading is not None and material.reading.candidates > 0
    return (_BY_TEXT, _BY_PROBABILITY) if read or material.probabilities is not None else (_BY_TEXT,)


def outcomes(material: Material, said: Said, readings: Readings | None = None) -> Iterator[Outcome]:
    """Make the tests; probabilities are those of a file of the case, else those that were read of the suspect."""
    if not material.pairs:
        return
    answers = {pair.prompt_id: said.of(pair.prompt) for pair in material.pairs if said.of(pair.prompt)}
    key, seed = _key(material), _seed(material)
    yield carried_out(
        _BY_TEXT,
        lambda: _outcome(
            _BY_TEXT,
            prove(material.pairs, answers, key, measures=measures(material), seed=seed, sealing=_sealing(said)),
        ),
    )
    if _BY_PROBABILITY in planned(material):
        yield carried_out(
            _BY_PROBABILITY,
            lambda: _outcome(_BY_PROBABILITY, _by_probability(material, readings)),
        )


def measures(material: Material) -> tuple[str, ...]:
    """Those that the case names; () for all."""
    return material.case.twins.measures if material.case.twins is not None else ()


def examples(material: Material, said: Said) -> tuple[Example, ...]:
    """A few taken prompts in the order of the key, which knows no answer: nobody picked them."""
    taken = [pair for pair in material.pairs if not pair.control and pair.taken is not None and said.of(pair.prompt)]
    order = in_order(_key(material), [pair.prompt_id for pair in taken])
    return tuple(
        Example(
            prompt=taken[place].prompt,
            taken=taken[place].taken or "",
            twin=taken[place].twins[0],
            said=said.of(taken[place].prompt)[0],
        )
        for place in order[:_EXAMPLES]
    )


def _by_probability(material: Material, readings: Readings | None) -> Evidence:
    key, seed = _key(material), _seed(material)
    if material.probabilities is not None:
        return prove_open(material.pairs, material.probabilities, key, seed=seed, sealing=NOT_SEALED)
    if readings is None:
        raise InputError("was not read", "the suspect", "call `stillwatch prove` with the folder in which it lies")
    sealing = Sealing(readings.about, readings.facts.seal)
    return prove_open(material.pairs, readings.candidates, key, seed=seed, sealing=sealing)


def _outcome(planned: Planned, evidence: Evidence) -> Outcome:
    controls = [
        Control(what=_KINDS[kind], n=each["units"], unit="prompt", p_value=each["p_value"], failed=bool(each["failed"]))
        for kind, each in evidence.numbers["controls"].items()
        if each["units"]
    ]
    diagnosis = evidence.numbers["diagnosis"]
    controls.append(
        Control(
            what="taken answers told from their twins without the suspect",
            n=diagnosis["units"],
            unit="prompt",
            p_value=diagnosis["p_value"],
            failed=bool(diagnosis["failed"]),
        )
    )
    withheld = tuple(str(why).removeprefix("Withheld: ") for why in evidence.numbers["withheld"])
    return Outcome(planned, evidence, tuple(controls), None, withheld)


def _sealing(said: Said) -> Sealing:
    """What was settled before the suspect answered: in the head of its answers, or of the one sealed file of which
    they were taken."""
    prepared = said.about.get(PREPARED)
    if not isinstance(prepared, list):
        return Sealing(said.about, said.facts.seal)
    if len(prepared) == 1 and isinstance(prepared[0], Mapping) and isinstance(prepared[0].get("about"), Mapping):
        return Sealing(prepared[0]["about"], str(prepared[0].get("seal", "")))
    return NOT_SEALED


def _seed(material: Material) -> int:
    return material.case.twins.seed if material.case.twins is not None else 0


def _key(material: Material) -> bytes:
    return split_key(_seed(material))
