"""``python -m bench.audit_intervals [TABLE ...]``: whether the intervals and p-values of an audit keep their rates.

2,000 replicates a setting (500 whole audits): a coverage of 0.95 has a standard error of 0.005, one of 0.998 of 0.001.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from bench.audit_nulls import distances, p_values, simultaneous
from bench.tables import Table, publish
from stillwatch.calibration import (
    Interval,
    corrected_difference,
    corrected_mean,
    counted,
    half_width,
    judge_rates,
    narrow_enough,
    prediction_powered,
    score_interval,
    wilson,
)

REPLICATES = 2000
cached_wilson = lru_cache(maxsize=None)(wilson)
HIGH = 0.998  # one of 25 simultaneous intervals
Floats = NDArray[np.float64]
Row = dict[str, Any]


def pairs(rng: np.random.Generator, n: int, one: float, other: float, shared: float) -> tuple[Floats, Floats]:
    """Two models' answers to n units; in a share of units the same luck decides for both."""
    luck, own = rng.random(n), rng.random(n)
    same = rng.random(n) < shared
    return (luck < one).astype(float), (np.where(same, luck, own) < other).astype(float)


def several(rng: np.random.Generator, n: int, mean: float, answers: int, alike: float) -> Floats:
    """Unit scores that are means of several answers, whose rates differ from unit to unit (beta)."""
    rates = rng.beta(mean / alike, (1 - mean) / alike, n)
    return rng.binomial(answers, rates) / answers


@cache
def quantile(level: float, n: int | None = None) -> float:
    """Two-sided, of the normal or of Student's distribution for n values."""
    return float(stats.norm.ppf((1 + level) / 2) if n is None else stats.t.ppf((1 + level) / 2, n - 1))


def student(values: Floats, level: float, low: float, high: float) -> Interval:
    mean, n = float(values.mean()), values.size
    half = quantile(level, n) * float(values.std(ddof=1)) / np.sqrt(n)
    return Interval(mean, max(low, mean - half), min(high, mean + half))


@cache
def adjusted_wald(b: int, c: int, n: int, level: float) -> Interval:
    """Agresti & Min 2005: half a unit more in each cell."""
    z, d = quantile(level), (b - c) / (n + 2)
    half = z * float(np.sqrt(b + c + 1 - (b - c) ** 2 / (n + 2))) / (n + 2)
    return Interval(d, max(-1.0, d - half), min(1.0, d + half))


@cache
def square_and_add(both: int, b: int, c: int, n: int, level: float) -> Interval:
    """Newcombe 1998, method 10."""
    one, other = cached_wilson(both + b, n, level), cached_wilson(both + c, n, level)
    neither = n - both - b - c
    product = float((both + b) * (both + c) * (neither + b) * (neither + c))
    phi = (both * neither - b * c) / np.sqrt(product) if product else 0.0
    d, (u1, l1) = one.value - other.value, (one.high - one.value, one.value - one.low)
    u2, l2 = other.high - other.value, other.value - other.low
    below, above = (np.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y)) for x, y in ((l1, u2), (u1, l2)))
    return Interval(d, d - float(below), d + float(above))


@cache
def tango(b: int, c: int, n: int, level: float) -> Interval:
    """Tango 1998: the score interval, its variance at the constrained maximum of likelihood."""
    z, d = quantile(level), (b - c) / n

    def excess(delta: float) -> float:
        k = -b - c + (2 * n - b + c) * delta
        q = (np.sqrt(k * k + 8 * n * c * delta * (1 - delta)) - k) / (4 * n)
        spread = n * (2 * q + delta * (1 - delta))
        return float((b - c - n * delta) / np.sqrt(spread)) if spread > 1e-12 else float(np.sign(d - delta) * 99)

    low = -1.0 if d == -1 or excess(-1 + 1e-9) < z else optimize.brentq(lambda x: excess(x) - z, -1 + 1e-9, d - 1e-12)
    high = 1.0 if d == 1 or excess(1 - 1e-9) > -z else optimize.brentq(lambda x: excess(x) + z, d + 1e-12, 1 - 1e-9)
    return Interval(d, float(low), float(high))


def covers(ends: Interval, true: float) -> bool:
    return ends.low - 1e-9 <= true <= ends.high + 1e-9


def single() -> Table:
    """One model's figure."""
    rows = []
    settings: list[tuple[str, int, float, Callable[[np.random.Generator], Floats]]] = [
        (f"0 or 1, {n} units", n, p, lambda rng, n=n, p=p: (rng.random(n) < p).astype(float))  # type: ignore[misc]
        for n in (10, 50, 200)
        for p in (0.01, 0.1, 0.5, 0.9, 0.98)
    ]
    settings += [
        (f"means of 3, {n} units", n, p, lambda rng, n=n, p=p: several(rng, n, p, 3, 0.5))  # type: ignore[misc]
        for n in (10, 50, 200)
        for p in (0.05, 0.8)
    ]
    for seed, (name, _, p, draw) in enumerate(settings):
        rng, hits = np.random.default_rng(seed), np.zeros(4)
        for _ in range(REPLICATES):
            x = draw(rng)
            scores = counted(x, 0, 1)
            hits += (
                covers(score_interval(scores), p),
                covers(score_interval(scores, HIGH), p),
                covers(student(x, 0.95, 0, 1), p),
                covers(cached_wilson(round(x.sum()), x.size, HIGH), p),
            )
        ours, high, t, w = hits / REPLICATES
        plain = name.startswith("0")
        rows.append(
            {
                "scores": name,
                "mean": p,
                "95 %": ours,
                "99.8 %": high,
                "Student 95 %": t,
                "Wilson 99.8 %": w if plain else None,
            }
        )
    return Table("audit-single", "Coverage of one model's figure", rows)


def paired() -> Table:
    """A difference of two models on the same units."""
    rows = []
    kinds = [
        (n, a, b, s)
        for n in (12, 50, 200)
        for a, b, s in (
            (0.9, 0.9, 0.5),
            (0.99, 0.95, 0.5),
            (1.0, 0.97, 0.0),
            (0.6, 0.9, 0.5),
            (0.5, 0.5, 0.0),
            (0.97, 0.97, 0.9),
        )
    ]
    for seed, (n, a, b, shared) in enumerate(kinds):
        rng, hits = np.random.default_rng(seed), np.zeros((5, 2))
        for _ in range(REPLICATES):
            x, y = pairs(rng, n, a, b, shared)
            d = x - y
            more, less, both = int((d > 0).sum()), int((d < 0).sum()), int((x * y).sum())
            for j, level in enumerate((0.95, HIGH)):
                found = (
                    score_interval(counted(d, -1, 1), level),
                    student(d, level, -1, 1),
                    adjusted_wald(more, less, n, level),
                    square_and_add(both, more, less, n, level),
                    tango(more, less, n, level),
                )
                hits[:, j] += [covers(ends, a - b) for ends in found]
        share = hits / REPLICATES
        names = ("ours", "Student", "adjusted Wald", "square-and-add", "Tango")
        rows.append(
            {"units": n, "rates": f"{a} {b}", "same luck": shared}
            | {f"{name} 95": share[i, 0] for i, name in enumerate(names)}
            | {f"{name} 99.8": share[i, 1] for i, name in enumerate(names)}
        )
    return Table("audit-paired", "Coverage of a paired difference, scores 0 or 1", rows)


def paired_means() -> Table:
    """The same where unit scores are means of several answers, or units have unlike weights."""
    rows = []
    kinds = [
        (n, a, b, k, w)
        for n in (10, 40, 150)
        for a, b in ((0.9, 0.7), (0.97, 0.97))
        for k, w in ((2, False), (5, False), (5, True))
    ]
    for seed, (n, a, b, k, weighted) in enumerate(kinds):
        rng, hits = np.random.default_rng(100 + seed), np.zeros(3)
        for _ in range(REPLICATES):
            d = several(rng, n, a, k, 0.4) - several(rng, n, b, k, 0.8)
            weights = rng.uniform(0.5, 2, n) if weighted else None
            scores = counted(d, -1, 1, weights)
            hits += (
                covers(score_interval(scores), a - b),
                covers(score_interval(scores, HIGH), a - b),
                covers(student(d, 0.95, -1, 1), a - b),
            )
        ours, high, t = hits / REPLICATES
        rows.append(
            {
                "units": n,
                "rates": f"{a} {b}",
                "answers a unit": k,
                "unlike weights": str(weighted),
                "95 %": ours,
                "99.8 %": high,
                "Student 95 %": None if weighted else t,
            }
        )
    return Table("audit-means", "Coverage of a paired difference, scores between 0 and 1", rows)


def says(rng: np.random.Generator, truth: Floats, se: float, sp: float) -> Floats:
    return np.where(truth == 1, rng.random(truth.shape) < se, rng.random(truth.shape) >= sp).astype(float)


def rates_known() -> Table:
    """A judge whose rates were measured on other answers."""
    rows = []
    judges = ((0.95, 0.65, 60), (0.65, 0.95, 60), (0.8, 0.8, 200), (0.97, 0.9, 30))
    kinds = [
        (n, a, b, *j)
        for n, a, b in ((100, 0.9, 0.9), (300, 0.6, 0.95), (300, 0.99, 0.97), (1000, 0.1, 0.3))
        for j in judges
    ]
    for seed, (n, a, b, se, sp, labels) in enumerate(kinds):
        rng, hits, values = np.random.default_rng(200 + seed), np.zeros(4), []
        truth = np.repeat([1.0, 0.0], labels)
        for _ in range(REPLICATES):
            x, y = (says(rng, g, se, sp) for g in pairs(rng, n, a, b, 0.5))
            said = says(rng, truth, se, sp)
            one, d = score_interval(counted(x, 0, 1)), score_interval(counted(x - y, -1, 1))
            known = judge_rates(truth, said)
            apart = corrected_difference(d, known)
            high = corrected_difference(score_interval(counted(x - y, -1, 1), HIGH), judge_rates(truth, said, HIGH))
            hits += (covers(corrected_mean(one, known), a), covers(apart, a - b), covers(high, a - b), covers(d, a - b))
            values.append((one.value - a, apart.value - (a - b), d.value - (a - b)))
        share, bias = hits / REPLICATES, np.nanmean(values, axis=0)
        rows.append(
            {
                "units": n,
                "rates": f"{a} {b}",
                "se sp": f"{se} {sp}",
                "labels each": labels,
                "figure 95": share[0],
                "difference 95": share[1],
                "difference 99.8": share[2],
                "as judged 95": share[3],
                "bias": float(bias[1]),
                "bias as judged": float(bias[2]),
                "bias of figure as judged": float(bias[0]),
            }
        )
    return Table("audit-rates", "A judge's error taken out by its rates on other answers", rows)


def own_labels() -> Table:
    """A judge that favours a model, and labels of some of its answers."""
    rows = []
    alike, favour = ((0.8, 0.8), (0.8, 0.8)), ((0.95, 0.7), (0.65, 0.95))
    kinds = [
        (n, m, a, b, j, t)
        for n, m, a, b in ((100, 30, 0.85, 0.85), (300, 60, 0.85, 0.85), (300, 60, 0.97, 0.7))
        for j in (alike, favour)
        for t in (True, False)
    ]
    for seed, (n, labels, a, b, judge, together) in enumerate(kinds):
        rng, hits, values = np.random.default_rng(300 + seed), np.zeros(4), []
        for _ in range(REPLICATES):
            truth = np.column_stack(pairs(rng, n, a, b, 0.5))
            said = np.column_stack([says(rng, truth[:, k], *judge[k]) for k in (0, 1)])
            gold = np.full(truth.shape, np.nan)
            for columns in [[0, 1]] if together else [[0], [1]]:
                drawn = np.ix_(rng.choice(n, labels, replace=False), columns)
                gold[drawn] = truth[drawn]
            found = prediction_powered(said, gold, [1, -1]).interval
            high = prediction_powered(said, gold, [1, -1], HIGH).interval
            plain = score_interval(counted(said[:, 0] - said[:, 1], -1, 1))
            hits += (covers(found, a - b), covers(high, a - b), covers(plain, a - b), half_width(found))
            values.append((found.value - (a - b), plain.value - (a - b)))
        share, bias = hits / REPLICATES, np.mean(values, axis=0)
        rows.append(
            {
                "units": n,
                "labelled": labels,
                "rates": f"{a} {b}",
                "judge": "alike" if judge == alike else "favours",
                "labels of": "both" if together else "either",
                "95 %": share[0],
                "99.8 %": share[1],
                "half-width": share[3],
                "as judged 95": share[2],
                "bias": float(bias[0]),
                "bias as judged": float(bias[1]),
            }
        )
    return Table("audit-own-labels", "A judge's error taken out by labels of the answers themselves", rows)


def sequential() -> Table:
    """Asked in rounds until narrow enough."""
    rows = []
    kinds = [
        (a, b, s, w, r, level)
        for level, w, r in ((0.95, 0.05, 25), (0.95, 0.1, 25), (0.95, 0.1, 5), (HIGH, 0.1, 25))
        for a, b, s in ((0.9, 0.9, 0.5), (0.99, 0.99, 0.0), (0.99, 0.95, 0.5), (0.6, 0.9, 0.5), (0.5, 0.5, 0.0))
    ]
    for seed, (a, b, shared, width, round_, level) in enumerate(kinds):
        rng, hit, used, values = np.random.default_rng(400 + seed), 0, 0, 0.0
        for _ in range(REPLICATES):
            x, y = pairs(rng, 3000, a, b, shared)
            n, d = round_, x - y
            ends = score_interval(counted(d[:n], -1, 1), level)
            while not narrow_enough(ends, width, n) and n < d.size:
                n += round_
                ends = score_interval(counted(d[:n], -1, 1), level)
            hit, used, values = hit + covers(ends, a - b), used + n, values + ends.value - (a - b)
        rows.append(
            {
                "rates": f"{a} {b}",
                "same luck": shared,
                "level": level,
                "half-width": width,
                "units a round": round_,
                "units used": used / REPLICATES,
                "covered": hit / REPLICATES,
                "bias": values / REPLICATES,
            }
        )
    return Table("audit-sequential", "Coverage where the width decides when to stop", rows)


TABLES: dict[str, Callable[[], Table]] = {
    "single": single,
    "paired": paired,
    "means": paired_means,
    "rates": rates_known,
    "own-labels": own_labels,
    "sequential": sequential,
    "p-values": p_values,
    "distances": distances,
    "simultaneous": simultaneous,
}


def main(names: list[str] | None = None) -> None:
    """Print and keep the tables named, or all."""
    for name in names or TABLES:
        publish(TABLES[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
