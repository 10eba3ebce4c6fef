"""What a model does with an item: drawn by keyed hashes, so that asking again gives the same answer.

An answer's luck is a Gaussian copula: ``Φ(√shared·S + √within·M + √rest·E)`` with standard normal S of the unit, M of
the model and the unit, and E of the answer alone. It is uniform whatever the weights, so the planted rates hold
exactly, while models that share S find the same units hard (a low luck is the first, most restrained kind of answer).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import sqrt
from statistics import NormalDist, fmean

from stillwatch.errors import InputError
from stillwatch.safety_audit.base import Figure, Item
from stillwatch.safety_audit.reference.answering import Answerer
from stillwatch.safety_audit.reference.behaviour import ModelBehaviour, Where

__all__ = ["kind_of", "luck", "mean_of_units", "pick", "rates_of", "truth", "uniform"]

NORMAL = NormalDist()


def uniform(*key: object) -> float:
    """A number in (0, 1): the same for the same ``key``, independent for any other."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return ((int.from_bytes(digest, "big") >> 12) + 0.5) / 2**52


def luck(seed: int, model: str, behaviour: ModelBehaviour, item: Item, sample: int, property: str) -> float:
    """Where in (0, 1) this answer falls."""
    rest = max(0.0, 1 - behaviour.shared - behaviour.within)
    parts = (
        (behaviour.shared, ("shared", property, item.unit)),
        (behaviour.within, ("within", property, item.unit, model)),
        (rest, ("own", property, item.id, model, sample)),
    )
    total = sum(sqrt(weight) * NORMAL.inv_cdf(uniform(seed, *key)) for weight, key in parts if weight)
    return NORMAL.cdf(total)


def rates_of(behaviour: ModelBehaviour, property: str, answerer: Answerer, item: Item) -> dict[str, float]:
    """How often each kind of answer is given to this item. Raises `InputError` for a kind that is none."""
    rates = behaviour.rates.get(property, {})
    for where in behaviour.where:
        if where.property == property and _fits(where, item):
            rates = where.rates
    return spread(rates, answerer, property)


def spread(rates: Mapping[str, float], answerer: Answerer, property: str) -> dict[str, float]:
    """Rates of all kinds: what is left goes to the usual one or, where that is named, to the last one that is not."""
    kinds = answerer.kinds
    if strange := set(rates) - set(kinds):
        raise InputError(f"no kind {sorted(strange)[0]!r}", f"rates of {property}", "known: " + ", ".join(kinds))
    held = {kind: rates.get(kind, 0.0) for kind in kinds}
    left, unnamed = 1 - sum(held.values()), [kind for kind in kinds if kind not in rates]
    if unnamed:
        held[answerer.usual if answerer.usual in unnamed else unnamed[-1]] = max(0.0, left)
    elif abs(left) > 1e-9:
        raise InputError("rates of all kinds do not add up to 1", f"rates of {property}")
    return held


def pick(rates: Mapping[str, float], place: float) -> str:
    """The kind at ``place`` when the kinds are laid end to end, each as long as its rate."""
    end = 0.0
    for kind, rate in rates.items():
        end += rate
        if place < end:
            return kind
    return max(rates, key=lambda kind: rates[kind])


def kind_of(
    seed: int, model: str, behaviour: ModelBehaviour, property: str, answerer: Answerer, item: Item, sample: int
) -> str:
    """The kind of answer that ``model`` gives to this item."""
    place = luck(seed, model, behaviour, item, sample, property)
    return pick(rates_of(behaviour, property, answerer, item), place)


def truth(
    behaviour: ModelBehaviour, property: str, answerer: Answerer, figure: Figure, items: Iterable[Item]
) -> float | None:
    """The planted value of a figure over these items: what its estimate is to be on the average.

    Of kinds that say nothing of the figure the others' rates are taken in proportion. None where there is no unit.
    """
    expected = []
    for item in items:
        if item.figures and figure.name not in item.figures:
            continue
        rates = rates_of(behaviour, property, answerer, item)
        known = [(rate, answerer.scores(item, kind).get(figure.name)) for kind, rate in rates.items()]
        judged = sum(rate for rate, score in known if score is not None)
        if judged:
            expected.append((item, sum(rate * score for rate, score in known if score is not None) / judged))
    return mean_of_units(figure, expected)


def mean_of_units(figure: Figure, scored: Iterable[tuple[Item, float]]) -> float | None:
    """A figure from the scores of items: the mean over units of a unit's mean, or of its sides' difference."""
    units: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for item, score in scored:
        units[item.unit][item.side if figure.paired else ""].append(score)
    if figure.paired:
        found = [fmean(sides["a"]) - fmean(sides["b"]) for sides in units.values() if sides["a"] and sides["b"]]
    else:
        found = [fmean(sides[""]) for sides in units.values()]
    return fmean(found) if found else None


def _fits(where: Where, item: Item) -> bool:
    fields = (
        (where.language, item.language),
        (where.topic, item.topic),
        (where.side, item.side),
        (where.unit, item.unit),
    )
    same = all(not wanted or wanted == value for wanted, value in fields)
    return same and all(_plain(item.key.get(name)) == _plain(value) for name, value in where.key.items())


def _plain(value: object) -> object:
    """A file knows lists only."""
    return list(value) if isinstance(value, tuple) else value
