"""Was a model trained on answers that bear a key's marks in text? From its own answers alone, by two coins of the key.

- **Halves.** For each mark, the prompts whose answers it marked were chosen by a coin. If the suspect never learnt from
  those answers, its own answers to these prompts have the key's variants no more often than its answers to the others:
  each prompt's coin could as well have fallen the other way. Power needs a student that remembers single answers. On
  prompts that were never taken the same test must show nothing, and it is run there as a control.
- **Choices.** For each pair of phrasings and each habit, which variant marked answers have was chosen by a coin. If the
  suspect never learnt from them, its liking for one variant of a pair has nothing to do with the coin. Power needs no
  memory, only that habits rub off; the units are the pairs, not the answers.

Both p-values count all ways in which the coins could have fallen (Fisher 1935, `calibration.sign_flip_upper_p_value`),
so they hold whatever other models write and however answers hang together. Marks are pooled by a plain sum, fixed here:
no mark is chosen, weighted or left out after the data were seen.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from stillwatch.calibration import permutation_p_value, sign_flip_upper_p_value
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import decoys
from stillwatch.marks.text import TEXT_MARKS
from stillwatch.marks.text.base import Coins, Sighting, same_prompt
from stillwatch.marks.text.marking import check_key, chosen
from stillwatch.proving.evidence import Evidence

__all__ = ["Reply", "Sightings", "choices_test", "halves_test", "sightings"]

_GRID = 20
"""Rates are rounded to twentieths before signs are flipped: any function of the answers alone will do."""
_SPREAD = 0.25
"""How far models' likings for one phrasing of a pair lie apart (standard deviation of a share), as the weights of pairs
assume; a wrong value costs power and nothing else."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a suspect answered to one prompt, once or several times. ``could`` names the marks that had something to
    mark in the answer *we* gave to it (`marks.text.marking.Marked.could`), None where that is not known."""

    prompt: str
    answers: tuple[str, ...]
    could: tuple[str, ...] | None = None


class _Design(NamedTuple):
    """What was seen of one mark, as numbers that wait for a key: a prompt's rate is the weight of what is as the key
    has it. ``a`` and ``b`` (prompts, units) weigh the variants seen, ``lists`` are (row, weight, list)."""

    prompts: tuple[str, ...]
    units: tuple[str, ...]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    lists: tuple[tuple[int, float, Sighting], ...]

    def rates(self, coins: Coins) -> NDArray[np.float64]:
        """The share of the suspect's choices that are the key's, for each prompt (n,), rounded to the grid."""
        likes_a = np.array([coins.prefers(unit) == "a" for unit in self.units], dtype=np.float64)
        rates = self.a @ likes_a + self.b @ (1 - likes_a)
        for row, weight, one in self.lists:
            rates[row] += weight * coins.agrees(one)
        return np.asarray(np.rint(rates * _GRID) / _GRID)


class Sightings(NamedTuple):
    """All that a test needs of a suspect's answers, whichever key it asks about: for each mark what was seen at each
    prompt; and how often each variant of each pair stands in all answers."""

    marks: tuple[str, ...]
    designs: dict[str, _Design]
    counts: dict[str, Counter[str]]
    answers: int


class _Half(NamedTuple):
    """Of one mark: prompts' rates of the key's variant (n,), and whether each prompt is in the marked half (n,)."""

    rates: NDArray[np.float64]
    treated: NDArray[np.bool_]

    @property
    def signed(self) -> NDArray[np.float64]:
        """Each prompt's rate against the mean of both halves, its sign as the coin fell."""
        if not self.rates.size:
            return self.rates
        middle = round(float(self.rates.mean()) * _GRID) / _GRID
        return np.where(self.treated, 1.0, -1.0) * (self.rates - middle)


def sightings(replies: Iterable[Reply], marks: Sequence[str] = ()) -> Sightings:
    """Look once at a suspect's answers.

    Prompts that differ in case or white space only are one unit, and so are all answers to it. Raises `PluginError` for
    an unknown mark.
    """
    names = chosen(marks)
    by_prompt: dict[str, dict[str, list[tuple[Sighting, ...]]]] = {name: defaultdict(list) for name in names}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    answers = 0
    for reply in replies:
        unit = same_prompt(reply.prompt)
        answers += len(reply.answers)
        for name in names:
            for answer in reply.answers:
                seen = TEXT_MARKS.get(name).seen(answer)
                for one in seen:
                    if one.variant:
                        counts[one.unit][one.variant] += 1
                if seen and (reply.could is None or name in reply.could):
                    by_prompt[name][unit].append(seen)
    return Sightings(names, {name: _design(by_prompt[name]) for name in names}, counts, answers)


def halves_test(
    seen: Sightings, key: MarkKey, *, on: str = "prompts that were taken", n_decoys: int = 0, committed: str = ""
) -> Evidence:
    """Are the key's variants more frequent where our answer was marked?

    Unit: a prompt under one mark; its rate is the share of the suspect's choices there that are the key's, averaged
    over its answers. Statistic: the sum over marks and prompts of rate minus the mark's mean rate, plus where the coin
    marked the prompt, minus where not.

    Args:
        seen: of the suspect's answers to those prompts.
        key: opened or our own.
        on: which prompts these are, for the report.
        n_decoys: how many of the key's decoys to compare with as well.
        committed: since when the key is fixed, for the report.

    Returns:
        Evidence with an exact p-value; 1 where nothing could be seen. ``numbers`` has the rates in both halves for each
        mark, and the key's place among its decoys.

    Raises:
        UsageError: the key is not one for marks in text.
    """
    check_key(key)
    halves = _halves(seen, Coins(key))
    signed = _pooled(halves)
    numbers = _facts(seen, key) | {"marks": {name: _rates(half) for name, half in halves.items()}}
    if n_decoys:
        own = [_standard(_pooled(_halves(seen, Coins(one)))) for one in decoys(key, n_decoys)]
        numbers["decoys"] = _among(_standard(signed), own)
    return Evidence(
        tier="marks",
        test="marks in text: halves",
        claim="The suspect was trained on answers that bear the marks of this key.",
        null=f"The suspect's answers to {on} do not depend on the coin that said which of our answers were marked.",
        randomised=_coin(key, "each mark's half of the prompts", committed),
        p_value=sign_flip_upper_p_value(signed),
        statistic=float(signed.sum()),
        n=int(signed.size),
        unit="prompt under one mark",
        chosen_on="nothing was chosen",
        tested_on=f"the suspect's answers to {on}",
        numbers=numbers,
        caveats=(_ELSEWHERE,),
    )


def choices_test(
    seen: Sightings, key: MarkKey, *, reference: Sightings | None = None, n_decoys: int = 0, committed: str = ""
) -> Evidence:
    """Does the suspect like, of each pair, the variant that the key prefers?

    Unit: a pair (of phrasings, of habits). Statistic: the sum over pairs of the share of variant a, less what is usual,
    plus where the key prefers a, minus where b; pairs seen often weigh more, up to a limit.

    Args:
        seen: of the suspect's answers, to any prompts.
        key: opened or our own.
        reference: of answers without marks, for what is usual (our own model's, or other models'); fixed beforehand.
            Default: one half.
        n_decoys, committed: as in `halves_test`.

    Returns:
        Evidence with an exact p-value; 1 where no pair was seen.

    Raises:
        UsageError: the key is not one for marks in text.
    """
    check_key(key)
    leanings = _leanings(seen, reference)
    signed = _turned(leanings, Coins(key))
    numbers = _facts(seen, key)
    numbers["leanings"] = {unit: round(value, 4) for unit, value in leanings.items()}
    if n_decoys:
        own = [_standard(_turned(leanings, Coins(one))) for one in decoys(key, n_decoys)]
        numbers["decoys"] = _among(_standard(signed), own)
    return Evidence(
        tier="marks",
        test="marks in text: choices",
        claim="The suspect was trained on answers that bear the marks of this key, or on a model that was.",
        null="Which variant of a pair the suspect likes does not depend on the coin that said which one we mark with.",
        randomised=_coin(key, "the variant of each pair", committed),
        p_value=sign_flip_upper_p_value(signed),
        statistic=float(signed.sum()),
        n=int(signed.size),
        unit="pair of variants",
        chosen_on="nothing was chosen" if reference is None else "what is usual: answers without marks",
        tested_on="the suspect's answers",
        numbers=numbers,
        caveats=(_ELSEWHERE,),
    )


_ELSEWHERE = (
    "A model that was trained on marked answers from elsewhere (published by a customer, or copied by somebody else) "
    "shows the mark too: it says whose answers, not by whose hand."
)


def _design(prompts: dict[str, list[tuple[Sighting, ...]]]) -> _Design:
    """Answers to a prompt weigh alike, and so do the sightings of an answer."""
    units = sorted({one.unit for answers in prompts.values() for seen in answers for one in seen if one.variant})
    column = {unit: i for i, unit in enumerate(units)}
    weights = {"a": np.zeros((len(prompts), len(units))), "b": np.zeros((len(prompts), len(units)))}
    lists = []
    for row, answers in enumerate(prompts.values()):
        for seen in answers:
            for one in seen:
                weight = 1 / (len(answers) * len(seen))
                if one.items:
                    lists.append((row, weight, one))
                elif one.variant:
                    weights[one.variant][row, column[one.unit]] += weight
    return _Design(tuple(prompts), tuple(units), weights["a"], weights["b"], tuple(lists))


def _halves(seen: Sightings, coins: Coins) -> dict[str, _Half]:
    return {
        name: _Half(design.rates(coins), np.array([coins.treats(name, p) for p in design.prompts], dtype=np.bool_))
        for name, design in seen.designs.items()
    }


def _pooled(halves: dict[str, _Half]) -> NDArray[np.float64]:
    return np.concatenate([half.signed for half in halves.values()]) if halves else np.zeros(0)


def _rates(half: _Half) -> dict[str, Any]:
    """What a person wants to see of one mark; its own p-value is no part of the verdict."""
    inside, outside = half.rates[half.treated], half.rates[~half.treated]
    return {
        "prompts marked": int(inside.size),
        "prompts not marked": int(outside.size),
        "rate marked": round(float(inside.mean()), 4) if inside.size else None,
        "rate not marked": round(float(outside.mean()), 4) if outside.size else None,
        "p_value": sign_flip_upper_p_value(half.signed),
    }


def _leanings(seen: Sightings, reference: Sightings | None) -> dict[str, float]:
    """For each pair how much more the suspect likes variant a than is usual, weighed; knows no key."""
    leanings = {}
    for unit in sorted(seen.counts):
        counts = seen.counts[unit]
        n = counts["a"] + counts["b"]
        usual = 0.5
        if reference is not None:
            known = reference.counts.get(unit, Counter())
            usual = (known["a"] + 1) / (known["a"] + known["b"] + 2)
        leanings[unit] = (counts["a"] / n - usual) / (_SPREAD**2 + 1 / n)
    return leanings


def _turned(leanings: dict[str, float], coins: Coins) -> NDArray[np.float64]:
    return np.array([value if coins.prefers(unit) == "a" else -value for unit, value in leanings.items()])


def _standard(signed: NDArray[np.float64]) -> float:
    """A statistic over its standard deviation under the coins: comparable among keys."""
    size = math.sqrt(float((signed**2).sum()))
    return float(signed.sum()) / size if size else 0.0


def _among(own: float, others: Sequence[float]) -> dict[str, Any]:
    """Where the key stands among the keys that were never used."""
    return {
        "number": len(others),
        "standardised": round(own, 4),
        "greatest of the others": round(max(others), 4),
        "others as great or greater": sum(other >= own for other in others),
        "p_value": permutation_p_value(own, others),
    }


def _facts(seen: Sightings, key: MarkKey) -> dict[str, Any]:
    facts: dict[str, Any] = {"key": key.id, "scheme": key.scheme, "scope": key.scope, "epoch": key.epoch}
    return facts | {"answers": seen.answers, "marks used": list(seen.marks), "grid": _GRID, "spread": _SPREAD}


def _coin(key: MarkKey, what: str, committed: str) -> str:
    since = f", committed {committed}" if committed else ""
    return f"We: {what}, by HMAC-SHA-256 under the key {key.id}{since}."
