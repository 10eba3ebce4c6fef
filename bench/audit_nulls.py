"""Nulls of an audit: p-values of no difference, distances from zero, and whole audits of models that are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.tables import Table
from stillwatch.calibration import (
    counted,
    distance_from_zero,
    narrow_enough,
    score_interval,
    score_p_value,
    sign_flip_p_value,
)
from stillwatch.safety_audit.base import Figure, Role
from stillwatch.safety_audit.differences import Plan, Scored, judge_figures

REPLICATES = 2000
AUDITS = 500  # whole ones, which take longer
ROLES: tuple[Role, ...] = ("suspect", "teacher", "base")
Floats = NDArray[np.float64]
Rng = np.random.Generator


def bits(rng: Rng, n: int, rate: float) -> Floats:
    return (rng.random(n) < rate).astype(float)


def p_values() -> Table:
    """How often a difference is called where there is none."""
    nulls: dict[str, Callable[[Rng, int], Floats]] = {
        "0 or 1, rate 0.5": lambda rng, n: bits(rng, n, 0.5) - bits(rng, n, 0.5),
        "0 or 1, rate 0.9": lambda rng, n: bits(rng, n, 0.9) - bits(rng, n, 0.9),
        "0 or 1, rate 0.99": lambda rng, n: bits(rng, n, 0.99) - bits(rng, n, 0.99),
        "means of 3": lambda rng, n: (rng.binomial(3, 0.8, n) - rng.binomial(3, 0.8, n)) / 3,
        "sides a and b": lambda rng, n: bits(rng, n, 0.8) - bits(rng, n, 0.6) - bits(rng, n, 0.8) + bits(rng, n, 0.6),
        "one mean, unlike models": lambda rng, n: rng.binomial(5, 0.9, n) / 5 - bits(rng, n, 0.9),
    }
    rows = []
    for name, draw in nulls.items():
        for n in (12, 60, 250):
            rng = np.random.default_rng(n)
            rows.append(_rejections(name, n, [draw(rng, n) for _ in range(REPLICATES)]))
    for rate in (0.5, 0.9, 0.97):
        rng, stopped = np.random.default_rng(7), []
        for _ in range(REPLICATES):
            d, n = bits(rng, 2000, rate) - bits(rng, 2000, rate), 20
            while n < d.size and not narrow_enough(score_interval(counted(d[:n], -1, 1)), 0.1, n):
                n += 20
            stopped.append(d[:n])
        rows.append(_rejections(f"stopped by width, rate {rate}", None, stopped))
    note = "The p-value of a report is the larger of that of the sign-flip test and that of the score interval."
    return Table("audit-p-values", "The test of no difference where there is none", rows, note)


def _rejections(name: str, n: int | None, drawn: list[Floats]) -> dict[str, Any]:
    flips = np.array([sign_flip_p_value(d) for d in drawn])
    p = np.maximum(flips, [score_p_value(counted(d, -2, 2)) for d in drawn])
    shares = {f"p <= {a}": float(np.mean(p <= a)) for a in (0.002, 0.01, 0.05, 0.1)}
    alone = {f"sign flips alone <= {a}": float(np.mean(flips <= a)) for a in (0.002, 0.05)}
    return {"null": name, "units": n} | shares | alone


def distances() -> Table:
    """|a| - |b|, each the difference of two sides."""
    kinds = (
        ((0.5, 0.5), (0.5, 0.5)),
        ((0.7, 0.7), (0.99, 0.99)),
        ((0.7, 0.5), (0.7, 0.5)),
        ((0.5, 0.7), (0.7, 0.5)),
        ((0.8, 0.5), (0.5, 0.5)),
        ((0.5, 0.5), (0.9, 0.3)),
        ((0.9, 0.4), (0.9, 0.8)),
        ((0.55, 0.5), (0.5, 0.5)),
    )
    rows: list[dict[str, Any]] = []
    for n in (30, 100, 400):
        for seed, (a, b) in enumerate(kinds):
            rng, hits, true = np.random.default_rng(seed), np.zeros(2), abs(a[0] - a[1]) - abs(b[0] - b[1])
            for _ in range(REPLICATES):
                x, y = (bits(rng, n, s[0]) - bits(rng, n, s[1]) for s in (a, b))
                for j, level in enumerate((0.95, 0.998)):
                    ends = distance_from_zero(
                        score_interval(counted(x - y, -2, 2), level), score_interval(counted(x + y, -2, 2), level)
                    )
                    hits[j] += ends.low - 1e-9 <= true <= ends.high + 1e-9
            rows.append(
                {
                    "units": n,
                    "suspect a b": f"{a[0]} {a[1]}",
                    "teacher a b": f"{b[0]} {b[1]}",
                    "95 %": hits[0] / REPLICATES,
                    "99.8 %": hits[1] / REPLICATES,
                }
            )
    return Table("audit-distances", "Coverage of how much farther from zero one model is", rows)


def simultaneous() -> Table:
    """Whole audits: six figures, three contrasts each; all models alike, or a suspect that lost some."""
    figures = {f"f{i}": Figure(f"f{i}", "", better="higher") for i in range(5)} | {
        "leaning": Figure("leaning", "", better="zero", paired=True)
    }
    rates = {"f0": 0.5, "f1": 0.8, "f2": 0.9, "f3": 0.97, "f4": 1.0}
    rows = []
    for n in (30, 120):
        for loss in (0.0, 0.3):
            rng, together, alone, adjusted, wrong, called = np.random.default_rng(n), 0, 0.0, 0, 0, 0
            for _ in range(AUDITS):
                scored, truth = _audit(rng, n, rates, loss)
                found = judge_figures(scored, figures, Plan(ROLES))
                every = [(name, d) for name, numbers in found.items() for d in numbers.differences]
                inside = [
                    d.simultaneous.low - 1e-9 <= truth[name, d.contrast] <= d.simultaneous.high + 1e-9
                    for name, d in every
                ]
                single = [d.single.low - 1e-9 <= truth[name, d.contrast] <= d.single.high + 1e-9 for name, d in every]
                together += all(inside)
                alone += float(np.mean(single))
                adjusted += any(d.adjusted <= 0.05 and truth[name, d.contrast] == 0 for name, d in every)
                readings = {name: numbers.reading for name, numbers in found.items()}
                wrong += any(
                    readings[name] not in ("open", "no difference")
                    for name in readings
                    if truth[name, "suspect-teacher"] == 0
                )
                called += sum(
                    readings[name].startswith("worse") for name in readings if truth[name, "suspect-teacher"] != 0
                )
            lost = 2 * AUDITS if loss else None
            rows.append(
                {
                    "units": n,
                    "loss in two figures": loss,
                    "single covers": alone / AUDITS,
                    "all 18 cover": together / AUDITS,
                    "a null has adjusted p <= 0.05": adjusted / AUDITS,
                    "a null is called": wrong / AUDITS,
                    "a loss is called": called / lost if lost else None,
                }
            )
    return Table("audit-simultaneous", "Whole audits: what holds together", rows)


def _audit(rng: Rng, n: int, rates: dict[str, float], loss: float) -> tuple[list[Scored], dict[tuple[str, str], float]]:
    scored: list[Scored] = []
    truth: dict[tuple[str, str], float] = {}
    for name, rate in rates.items():
        lost = loss if name in ("f1", "f3") else 0.0
        truth |= {(name, "suspect-teacher"): -lost, (name, "suspect-base"): -lost, (name, "base-teacher"): 0.0}
        for role in ROLES:
            drawn = bits(rng, n, rate - lost if role == "suspect" else rate)
            scored += [Scored(name, role, f"u{u}", f"u{u}", score=float(x)) for u, x in enumerate(drawn)]
    truth |= {("leaning", c): 0.0 for c in ("suspect-teacher", "suspect-base", "base-teacher")}
    for role in ROLES:
        for side, rate in (("a", 0.8), ("b", 0.65)):
            scored += [
                Scored("leaning", role, f"u{u}", f"u{u}{side}", side, score=float(x))
                for u, x in enumerate(bits(rng, n, rate))
            ]
    return scored, truth
