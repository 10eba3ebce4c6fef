"""Tier 1 for one case: each key that was laid open, by the marks in text that it makes or by the tokens that it chose.

Beside each test stands the same test under keys that were never used (the first of the key's decoys, which its
commitment fixed), and where prompts are given that nobody took, the test on those. Where the suspect itself was read
(`readings`), two more tests are made of that; beside them, where a reference was read too, stands that one in the
suspect's place. What the key would have chosen is looked for in the suspect's probabilities along unmarked answers, and
in its own answers; both take the marking model beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import msgspec

from stillwatch.errors import InputError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import decoys
from stillwatch.marks.text import SCHEME
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.material import Exchange, Material, Opened
from stillwatch.proving.passages import marked_passages, passages_of
from stillwatch.proving.radioactivity.answers import answer_tokens
from stillwatch.proving.radioactivity.base import Tokens
from stillwatch.proving.radioactivity.choices import OTHERS, Leans, leans_to_key, standing
from stillwatch.proving.radioactivity.counts import answer_counts
from stillwatch.proving.radioactivity.reading import scores_of_predicted, scores_of_weighed
from stillwatch.proving.radioactivity.text_marks import Reply, Sightings, choices_test, halves_test, sightings
from stillwatch.proving.readings.base import KeyRead, Readings
from stillwatch.proving.readings.planning import context_of
from stillwatch.proving.report import Control, Fixed
from stillwatch.proving.said import Said
from stillwatch.proving.tiers.base import CONTROL_LEVEL, Outcome, Planned, carried_out

__all__ = ["by_key", "each_key", "is_text", "outcomes", "planned"]

_NEVER_USED = 20
_MOST_DECOYS = 1_000
_MOST_SCORES = 1_000_000_000
"""Scores of decoys in one test of weighed tokens, of which there are dozens a window: some minutes of one core."""
_UNIT = "keys that were never used"
_NEVER_TAKEN = "prompts that were never taken"


def is_text(opened: Opened) -> bool:
    """Whether the key is one for marks in text; else it is for the choice of tokens."""
    return opened.key.scheme == SCHEME


def planned(material: Material) -> tuple[Planned, ...]:
    """The tests of all keys that are opened."""
    return tuple(each for opened in material.opened for each in by_key(material, opened))


def each_key(material: Material) -> int:
    """How many tests a key gets at most: what a key that was committed to and is not shown counts as."""
    return max((len(by_key(material, opened)) for opened in material.opened), default=2)


def by_key(material: Material, opened: Opened) -> tuple[Planned, ...]:
    """The tests of one key: two of the suspect's answers, and a third where our own model is read along them; two more
    where the suspect itself is read, and one more where it is read along unmarked answers too."""
    name = f"marks/{opened.key.id}"
    if is_text(opened):
        return (
            Planned(f"{name}/halves", "marks", "marks in text: halves"),
            Planned(f"{name}/choices", "marks", "marks in text: choices"),
        )
    told = [
        Planned(f"{name}/answers", "marks", "marks in tokens: answers"),
        Planned(f"{name}/counts", "marks", "marks in tokens: counts"),
    ]
    if material.beside is not None and opened.key.id in material.beside.keys:
        told.append(Planned(f"{name}/said", "marks", "marks in tokens: what the key would choose, in answers"))
    if material.reading is None or opened.key.id not in material.reading.planned:
        return tuple(told)
    return (
        *told,
        Planned(f"{name}/predicted", "marks", "marks in tokens: the suspect's predicted tokens"),
        Planned(f"{name}/expected", "marks", "marks in tokens: the suspect's probabilities"),
        *(
            [Planned(f"{name}/chosen", "marks", "marks in tokens: what the key would choose in unmarked answers")]
            if opened.key.id in material.reading.choices
            else []
        ),
    )


def outcomes(
    material: Material, said: Said, readings: Readings | None = None, leans: Mapping[int, Leans] | None = None
) -> Iterator[Outcome]:
    """Make the tests, key by key; ``leans`` is what our own model gives along the suspect's answers."""
    for opened in material.opened:
        make: dict[str, Callable[[Planned], Outcome]] = {
            "halves": partial(_halves, material, said, opened),
            "choices": partial(_choices, material, said, opened),
            "answers": partial(_tokens, material, said, answer_tokens, opened),
            "counts": partial(_tokens, material, said, answer_counts, opened),
            "said": partial(_chosen, leans, opened),
            "predicted": partial(_predicted, material, readings, opened),
            "expected": partial(_expected, material, readings, opened),
            "chosen": partial(_chosen, None if readings is None else readings.leans, opened),
        }
        for each in by_key(material, opened):
            yield carried_out(each, partial(make[each.kind], each))


def _halves(material: Material, said: Said, opened: Opened, planned: Planned) -> Outcome:
    seen = sightings(_replies(material.marked, said, opened.key.id))
    evidence = halves_test(seen, opened.key, n_decoys=_decoys(material, opened), committed=_since(opened.fixed))
    controls = [_never_used(opened.key, lambda key: halves_test(seen, key))]
    if material.mark_controls:
        plain = sightings(Reply(prompt=each.text, answers=said.of(each.text)) for each in material.mark_controls)
        controls.append(_never_taken(halves_test(plain, opened.key, on=_NEVER_TAKEN)))
    return _outcome(planned, evidence, controls, opened.fixed)


def _choices(material: Material, said: Said, opened: Opened, planned: Planned) -> Outcome:
    seen = sightings(Reply(prompt=prompt, answers=texts) for prompt, texts in said.texts.items())
    usual: Sightings | None = None
    if material.usual:
        usual = sightings(Reply(prompt=prompt, answers=(answer,)) for prompt, answer in material.usual)
    evidence = choices_test(
        seen,
        opened.key,
        reference=usual,
        n_decoys=_decoys(material, opened),
        committed=_since(opened.fixed),
    )
    controls = [_never_used(opened.key, lambda key: choices_test(seen, key, reference=usual))]
    return _outcome(planned, evidence, controls, opened.fixed)


def _tokens(material: Material, said: Said, test: Callable[..., Evidence], opened: Opened, planned: Planned) -> Outcome:
    """A test of tokens in the marking model's tokenizer; only windows of marked text are looked at."""
    if material.tokenizer is None:
        raise InputError(
            f"the key {opened.key.id} marks tokens ({opened.key.scheme})", "[marks]", "give tokenizer, a tokenizer.json"
        )
    answers = passages_of(material, ((prompt, text) for prompt, texts in said.texts.items() for text in texts))
    learnt = marked_passages(material, opened.key.id)
    evidence = test(answers, opened.key, learnt=learnt, decoys=_secrets(material, opened))
    controls = [_never_used(opened.key, lambda key: test(answers, key, learnt=learnt))]
    return _outcome(planned, _committed(evidence, opened), controls, opened.fixed)


def _predicted(material: Material, readings: Readings | None, opened: Opened, planned: Planned) -> Outcome:
    """The tokens that the suspect would have said along marked texts, as many windows as were planned."""
    read, number = _of_key(readings, opened), _windows(material, opened)

    def test(key: MarkKey, tokens: Tokens, secrets: Sequence[bytes] = ()) -> Evidence:
        return scores_of_predicted(tokens, read.rows, read.passages, key, planned=number, decoys=secrets)

    evidence = test(opened.key, read.best, _secrets(material, opened))
    controls = [_never_used(opened.key, lambda key: test(key, read.best))]
    if read.reference_best is not None:
        controls.append(_never_marked(test(opened.key, read.reference_best)))
    return _outcome(planned, _committed(evidence, opened), controls, opened.fixed)


def _expected(material: Material, readings: Readings | None, opened: Opened, planned: Planned) -> Outcome:
    """The suspect's probabilities along marked texts, less those of the reference where there is one."""
    read = _of_key(readings, opened)

    def test(key: MarkKey, secrets: Sequence[bytes] = ()) -> Evidence:
        beside = read.reference_best is not None
        return scores_of_weighed(read.weighed, read.rows, read.passages, key, against_reference=beside, decoys=secrets)

    each = max(_MOST_SCORES // max(read.weighed.tokens.size, 1), _NEVER_USED)
    evidence = test(opened.key, _secrets(material, opened)[:each])
    return _outcome(planned, _committed(evidence, opened), [_never_used(opened.key, test)], opened.fixed)


def _chosen(read: Mapping[int, Leans] | None, opened: Opened, planned: Planned) -> Outcome:
    """What the key would have chosen, against what keys would that were never used. The control is the one, of other
    such keys, to which the suspect leans most: its p-value counts for all of them."""
    context = context_of(opened)
    if read is None or context not in read:
        raise _not_read()
    leans = read[context]
    secrets = [each.secret for each in decoys(opened.key, _NEVER_USED + OTHERS)][_NEVER_USED:]
    evidence = leans_to_key(leans, opened.key, decoys=secrets)
    most = max(decoys(opened.key, _NEVER_USED), key=lambda each: standing(leans, each, secrets))
    control = _least_of_never_used(_p(leans_to_key(leans, most, decoys=secrets)))
    return _outcome(planned, _committed(evidence, opened), [control], opened.fixed)


def _not_read() -> InputError:
    return InputError("was not read", "the suspect", "call `stillwatch prove` with the folder in which it lies")


def _of_key(readings: Readings | None, opened: Opened) -> KeyRead:
    if readings is None or opened.key.id not in readings.keys:
        raise _not_read()
    return readings.keys[opened.key.id]


def _windows(material: Material, opened: Opened) -> int:
    return material.reading.planned[opened.key.id] if material.reading is not None else 1


def _secrets(material: Material, opened: Opened) -> list[bytes]:
    return [key.secret for key in decoys(opened.key, _decoys(material, opened))]


def _committed(evidence: Evidence, opened: Opened) -> Evidence:
    told = f"{evidence.randomised} Committed {_since(opened.fixed)}."
    return msgspec.structs.replace(evidence, randomised=told)


def _outcome(planned: Planned, evidence: Evidence, controls: Sequence[Control], fixed: Fixed) -> Outcome:
    """The outcome; a key that was not shown to be fixed in time proves nothing, whatever its p-value."""
    withheld = tuple(f"The key's commitment does not hold: {problem}." for problem in fixed.problems)
    caveats = evidence.caveats
    if not (fixed.said or fixed.stamped):
        caveats = ("Nothing but our own word says since when the key is fixed: no statement was given.", *caveats)
    elif not fixed.before:
        caveats = ("The case does not say when the first answer that bears the mark was given.", *caveats)
    return Outcome(planned, msgspec.structs.replace(evidence, caveats=caveats), tuple(controls), fixed, withheld)


def _never_used(key: MarkKey, test: Callable[[MarkKey], Evidence]) -> Control:
    """The same test under keys that were never used; the least p-value of them, for their number."""
    return _least_of_never_used(min(_p(test(each)) for each in decoys(key, _NEVER_USED)))


def _least_of_never_used(p_value: float) -> Control:
    least = min(1.0, _NEVER_USED * p_value)
    what = f"the same test under {_NEVER_USED} keys that were never used"
    return Control(what=what, n=_NEVER_USED, unit=_UNIT, p_value=least, failed=least <= CONTROL_LEVEL)


def _never_taken(evidence: Evidence) -> Control:
    told = evidence.p_value if evidence.n else None
    failed = told is not None and told <= CONTROL_LEVEL
    return Control(
        what=f"the same test on {_NEVER_TAKEN}", n=evidence.n, unit=evidence.unit, p_value=told, failed=failed
    )


def _never_marked(evidence: Evidence) -> Control:
    """A model that the key had no part in must show nothing of it."""
    p_value = _p(evidence)
    return Control(
        what="the same test of the reference model, in the suspect's place",
        n=evidence.n,
        unit=evidence.unit,
        p_value=p_value,
        failed=p_value <= CONTROL_LEVEL,
    )


def _p(evidence: Evidence) -> float:
    return 1.0 if evidence.p_value is None else evidence.p_value


def _replies(marked: Sequence[Exchange], said: Said, key: str) -> Iterator[Reply]:
    """Of each prompt that the key was used on, what the suspect says and what could be marked in our answers to it."""
    could: dict[str, set[str] | None] = {}
    for each in marked:
        if each.key == key:
            known = could.get(each.prompt, set())
            could[each.prompt] = None if known is None or each.could is None else known | set(each.could)
    for prompt, names in could.items():
        if said.of(prompt):
            yield Reply(prompt=prompt, answers=said.of(prompt), could=None if names is None else tuple(sorted(names)))


def _decoys(material: Material, opened: Opened) -> int:
    """How many keys the rank is among: as many as were committed to, if no fewer are wanted."""
    marks = material.case.marks
    wanted = marks.decoys if marks is not None and marks.decoys is not None else _MOST_DECOYS
    return min(wanted, opened.entry.decoys)


def _since(fixed: Fixed) -> str:
    """Since when a key is fixed, in words."""
    if fixed.stamped:
        return f"{fixed.stamped} at the latest, by a timestamping authority's word"
    return f"{fixed.said}, by its maker's word" if fixed.said else "at a time that nothing shows"
