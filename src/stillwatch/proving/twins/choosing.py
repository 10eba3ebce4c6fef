"""Which measures count, and how much: chosen on one half of the prompts, for the other half to decide by."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from scipy import optimize

from stillwatch.proving.twins.base import Floats, Scored

__all__ = ["Choice", "How", "choose", "fit_weights"]

How = Literal["weighted", "best"]
"""A weighted sum of all measures, or the one measure that tells most."""

_PENALTY = 1.0


class Choice(NamedTuple):
    """What was chosen: the score of a slot is the sum of its ``measures``, each divided by its ``scales`` and times its
    ``weights``, (measures,) each."""

    measures: tuple[str, ...]
    weights: Floats
    scales: Floats

    def scores(self, scored: Scored) -> Floats:
        """(units, slots), NaN where a unit lacks a slot."""
        if scored.measures != self.measures:
            raise ValueError(f"chosen among {self.measures}, not among {scored.measures}")
        scores: Floats = scored.values @ (self.weights / self.scales)
        return scores


def choose(scored: Scored, how: How = "weighted") -> Choice:
    """Choose by units that will not decide.

    ``weighted``: a conditional logit (McFadden 1974; for two slots, logistic regression on signed differences) with
    weights of 0 or more and a ridge penalty. Nearness to what was taken may speak for a copy and never against: were
    negative weights let in, a model trained on the twins would be taken for one trained on the taken answers. Where no
    weight is above 0, and where there are no units, all measures count alike. ``best``: the measure whose sum of chosen
    values stands out most.
    """
    centred = _centred(scored.values)
    n = max(len(scored.values), 1)
    scales = np.sqrt(np.nansum(centred**2, axis=(0, 1)) / n)
    telling = scales > 1e-12 * max(float(np.abs(np.nan_to_num(scored.values)).max(initial=0.0)), 1e-12)
    scales = np.where(telling, scales, 1.0)
    if how == "best":
        stands_out = np.where(telling, np.sum(centred[:, 0] / scales, axis=0), -np.inf)
        weights = np.zeros(len(scales))
        weights[int(np.argmax(stands_out))] = 1.0
    else:
        weights = np.where(telling, fit_weights(centred / scales), 0.0)
        if not bool(np.any(weights > 0)):
            weights = telling.astype(np.float64)
    return Choice(scored.measures, weights, scales)


def fit_weights(values: Floats, *, penalty: float = _PENALTY, signed: bool = False) -> Floats:
    """Weights by which the chosen slot (the first) is told from the others best, (measures,): a conditional logit.

    Args:
        values: (units, slots, measures), NaN where a unit lacks a slot, scaled to be about 1.
        penalty: half of it times the squared length of the weights is added to the loss in nats.
        signed: whether weights below 0 are let in.
    """
    present = ~np.isnan(values[:, :, 0]) if values.size else np.zeros(values.shape[:2], dtype=np.bool_)
    x = np.nan_to_num(values)

    def loss(w: Floats) -> tuple[float, Floats]:
        scores = np.where(present, x @ w, -np.inf)
        most = scores.max(axis=1, keepdims=True)
        chances = np.exp(scores - most)
        sums = chances.sum(axis=1, keepdims=True)
        chances /= sums
        whole = (most + np.log(sums))[:, 0]
        slope = np.einsum("us,usm->m", chances, x) - x[:, 0].sum(axis=0) + penalty * w
        return float((whole - scores[:, 0]).sum() + penalty * (w @ w) / 2), slope

    start = np.zeros(values.shape[2])
    if not len(values):
        return start
    bounds = None if signed else [(0.0, None)] * start.size
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    weights: Floats = np.asarray(found.x, dtype=np.float64)
    return weights


def _centred(values: Floats) -> Floats:
    """Values less their unit's mean: what is the same for all slots of a unit tells nothing."""
    if not values.size:
        return values
    centred: Floats = values - np.nanmean(values, axis=1, keepdims=True)
    return centred
