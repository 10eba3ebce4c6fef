"""What speaks for a campaign: how much oftener its accounts show a thing than everybody else does.

Weights of evidence as Fellegi and Sunter's (1969), with the campaign's own frequencies: log of P(shown | the campaign's
accounts) / P(shown | others). They are whole numbers of `UNIT`s of a nat, so that their sum is the same in any order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from stillwatch.gateway.learning.shown import ARTEFACTS, CONTENT

__all__ = ["UNIT", "Table", "Told", "Weights", "fit_weights"]

UNIT = 1024
"""Parts of a nat."""
MOST = 5.0
"""Nats that one thing may speak for or against a campaign: what is shown can be copied, and counts can mislead."""
COVER = 0.5
"""Share of a campaign account's conversations that may be anything, so that one of them speaks against it by 0.7 nats
at most."""
_DISCOUNT = 0.75  # of each count, for values that were not seen: absolute discounting (Ney, Essen & Kneser 1994)
_SHRINK = 8.0  # accounts' worth of everybody's habits in a campaign's
_SHARED, _TWICE = 3, 2  # accounts of a campaign that share a wording

Content = tuple[tuple[int, ...], ...]


class Told(NamedTuple):
    """What one account showed: its artefacts by kind, each once, and the content of its conversations."""

    artefacts: tuple[frozenset[int], ...]
    content: tuple[Content, ...]


class Table(msgspec.Struct, frozen=True):
    """Weights of the values of one kind, by hash; ``unseen`` is that of every other value."""

    weights: dict[int, int]
    unseen: int

    def best(self, values: Collection[int]) -> int:
        """The largest weight among ``values``; of none: 0, for what is not told speaks for nobody."""
        return max((self.weights.get(value, self.unseen) for value in values), default=0)


class Weights(msgspec.Struct, frozen=True):
    """One campaign's tables, in the order of `ARTEFACTS` and `CONTENT`."""

    artefacts: tuple[Table, ...]
    content: tuple[Table, ...]

    def conversation(self, content: Content) -> int:
        """What one conversation's opening is worth, bounded on both sides: half of an account's may be cover."""
        total = sum(table.best(values) for table, values in zip(self.content, content, strict=True) if values)
        ratio = math.exp(min(total / UNIT, MOST))
        return round(UNIT * math.log(1 - COVER + COVER * ratio))


def fit_weights(members: Sequence[Told], others: Sequence[Told]) -> Weights:
    """The weights of a campaign's ``members`` against ``others``; no members: nothing speaks for or against it."""
    artefacts = tuple(
        _artefacts([told.artefacts[k] for told in members], [told.artefacts[k] for told in others])
        for k in range(len(ARTEFACTS))
    )
    asking, asking_others = ([told for told in group if told.content] for group in (members, others))
    content = tuple(
        (_wordings if kind == "wording" else _habits)(
            [[set(opening[k]) for opening in told.content] for told in asking],
            [[set(opening[k]) for opening in told.content] for told in asking_others],
        )
        for k, kind in enumerate(CONTENT)
    )
    return Weights(artefacts, content)


def _artefacts(members: list[frozenset[int]], others: list[frozenset[int]]) -> Table:
    """Values that few share. What of a campaign's is private to each account says little when it is new: the share of
    values not seen before is estimated by how many were seen once."""
    held = Counter(value for values in members for value in values)
    total = sum(held.values())
    if not total:
        return Table({}, 0)
    elsewhere = Counter(value for values in others for value in values if value in held)
    told = sum(1 for values in others if values) + 1
    strangers = sum(1 for values in others if values and values.isdisjoint(held.keys()))
    weights = {
        value: _nats((count - _DISCOUNT) / total, (elsewhere[value] + 0.5) / told) for value, count in held.items()
    }
    return Table(weights, _nats(_DISCOUNT * len(held) / total, (strangers + 0.5) / told))


def _wordings(members: list[list[set[int]]], others: list[list[set[int]]]) -> Table:
    """Wordings that at least two of the campaign's accounts use oftener than others do."""
    users = Counter(value for openings in members for value in set().union(*openings))
    shared = {value for value, count in users.items() if count >= _TWICE}
    own, elsewhere = _shares(members, shared), _shares(others, shared)
    least = 0.5 / (len(others) + 1)
    many = max(len(members), 1)
    weights = {
        value: _nats(own[value] / many, elsewhere[value] / max(len(others), 1) + least) for value in sorted(shared)
    }
    weights = {value: weight for value, weight in weights.items() if weight > 0}
    # A member's own use must not count as another's: a wording of three accounts is one of two others for each.
    known = {value for value in weights if users[value] >= _SHARED}
    without = sum(_share_without(openings, known) for openings in members)
    without_elsewhere = sum(_share_without(openings, set(weights)) for openings in others)
    unseen = _nats((without + 0.5) / (len(members) + 1), (without_elsewhere + 0.5) / (len(others) + 1))
    return Table(weights, unseen if members else 0)


def _habits(members: list[list[set[int]]], others: list[list[set[int]]]) -> Table:
    """Values of which there are few: techniques, subjects."""
    everything = set().union(*(opening for openings in (*members, *others) for opening in openings))
    own, elsewhere = _shares(members, everything), _shares(others, everything)
    weights = {}
    for value in sorted(everything):
        expected = (elsewhere[value] + 0.5) / (len(others) + 1)
        weights[value] = _nats((own[value] + _SHRINK * expected) / (len(members) + _SHRINK), expected)
    return Table(weights, 0)


def _shares(accounts: list[list[set[int]]], values: set[int]) -> dict[int, float]:
    """Of each value the sum over accounts of the share of their conversations that show it."""
    found = dict.fromkeys(values, 0.0)
    for openings in accounts:
        count = Counter(value for opening in openings for value in opening if value in found)
        for value, shown in count.items():
            found[value] += shown / len(openings)
    return found


def _share_without(openings: list[set[int]], known: set[int]) -> float:
    return sum(opening.isdisjoint(known) for opening in openings) / len(openings)


def _nats(own: float, elsewhere: float) -> int:
    return round(UNIT * min(max(math.log(own / elsewhere), -MOST), MOST))
