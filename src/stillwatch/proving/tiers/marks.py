"""Tier 1 for one case: each key that was laid open, by the marks in text that it makes or by the tokens that it chose.

Beside each test stands the same test under keys that were never used (the first of the key's decoys, which its
commitment fixed), and where prompts are given that nobody took, the test on those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import msgspec
import numpy as np

from stillwatch.errors import InputError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import decoys
from stillwatch.marks.text import SCHEME
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.material import Exchange, Material, Opened
from stillwatch.proving.radioactivity.answers import answer_tokens
from stillwatch.proving.radioactivity.base import Passage
from stillwatch.proving.radioactivity.counts import answer_counts
from stillwatch.proving.radioactivity.text_marks import Reply, Sightings, choices_test, halves_test, sightings
from stillwatch.proving.report import Control, Fixed
from stillwatch.proving.said import Said
from stillwatch.proving.tiers.base import CONTROL_LEVEL, Outcome, Planned, carried_out

__all__ = ["EACH", "is_text", "outcomes", "planned"]

EACH = 2
"""Tests of each key."""
_NEVER_USED = 20
_MOST_DECOYS = 1_000
_UNIT = "keys that were never used"
_NEVER_TAKEN = "prompts that were never taken"


def is_text(opened: Opened) -> bool:
    """Whether the key is one for marks in text; else it is for the choice of tokens."""
    return opened.key.scheme == SCHEME


def planned(material: Material) -> tuple[Planned, ...]:
    """The tests of all keys that are opened."""
    return tuple(each for opened in material.opened for each in _planned(opened))


def _planned(opened: Opened) -> tuple[Planned, Planned]:
    name = f"marks/{opened.key.id}"
    if is_text(opened):
        return Planned(f"{name}/halves", "marks", "marks in text: halves"), Planned(
            f"{name}/choices", "marks", "marks in text: choices"
        )
    return Planned(f"{name}/answers", "marks", "marks in tokens: answers"), Planned(
        f"{name}/counts", "marks", "marks in tokens: counts"
    )


def outcomes(material: Material, said: Said) -> Iterator[Outcome]:
    """Make the tests, key by key."""
    for opened in material.opened:
        first, second = _planned(opened)
        if is_text(opened):
            yield carried_out(first, partial(_halves, material, said, opened, first))
            yield carried_out(second, partial(_choices, material, said, opened, second))
        else:
            yield carried_out(first, partial(_tokens, material, said, opened, first, answer_tokens))
            yield carried_out(second, partial(_tokens, material, said, opened, second, answer_counts))


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


def _tokens(material: Material, said: Said, opened: Opened, planned: Planned, test: Callable[..., Evidence]) -> Outcome:
    """A test of tokens in the marking model's tokenizer; only windows of marked text are looked at."""
    if material.tokenizer is None:
        raise InputError(
            f"the key {opened.key.id} marks tokens ({opened.key.scheme})", "[marks]", "give tokenizer, a tokenizer.json"
        )
    answers = _passages(material, ((prompt, text) for prompt, texts in said.texts.items() for text in texts))
    learnt = _passages(material, ((e.prompt, e.answer) for e in material.marked if e.key == opened.key.id))
    secrets = [key.secret for key in decoys(opened.key, _decoys(material, opened))]
    evidence = test(answers, opened.key, learnt=learnt, decoys=secrets)
    evidence = msgspec.structs.replace(evidence, randomised=f"{evidence.randomised} Committed {_since(opened.fixed)}.")
    controls = [_never_used(opened.key, lambda key: test(answers, key, learnt=learnt))]
    return _outcome(planned, evidence, controls, opened.fixed)


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
    p_values = [_p(test(each)) for each in decoys(key, _NEVER_USED)]
    least = min(1.0, _NEVER_USED * min(p_values))
    what = f"the same test under {_NEVER_USED} keys that were never used"
    return Control(what=what, n=_NEVER_USED, unit=_UNIT, p_value=least, failed=least <= CONTROL_LEVEL)


def _never_taken(evidence: Evidence) -> Control:
    told = evidence.p_value if evidence.n else None
    failed = told is not None and told <= CONTROL_LEVEL
    return Control(
        what=f"the same test on {_NEVER_TAKEN}", n=evidence.n, unit=evidence.unit, p_value=told, failed=failed
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


def _passages(material: Material, texts: Iterable[tuple[str, str]]) -> list[Passage]:
    """Prompts with answers, in tokens of the marking model: the prompt is given, the answer counts."""
    known: dict[str, list[int]] = {}
    found = []
    for prompt, answer in texts:
        if prompt not in known:
            known[prompt] = _ids(material, prompt)
        ids = [*known[prompt], *_ids(material, answer)]
        found.append(Passage(np.asarray(ids, dtype=np.int64), len(known[prompt])))
    return found


def _ids(material: Material, text: str) -> list[int]:
    plain = text.encode("utf-8", "replace").decode()
    ids: list[int] = material.tokenizer.encode(plain, add_special_tokens=False).ids
    return ids


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
