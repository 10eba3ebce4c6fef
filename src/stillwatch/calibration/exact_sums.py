"""Exact tails of sums of independent scores: exponential ones, coins, coins of different weight.

Probabilities far below what a floating-point number holds come as logarithms: thousands of tokens reach 1e-1000.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

DEEP = 1e-290
"""Below it, scipy's tails lose digits before they are zero."""
SMALLEST = 5e-324
LN10 = math.log(10.0)
WINDOW_SDS, WINDOW_STEPS = 20.0, 64.0
"""How far a window of the Fourier sum reaches to each side: what is left outside is below 1e-60."""


class Tail(NamedTuple):
    """P(sum ≥ what was observed) under the null: ``p_value`` in (0, 1], the smallest float where it is smaller still,
    and ``log10_p``, which goes on."""

    p_value: float
    log10_p: float


def exponential_sum(total: float, n: int) -> Tail:
    """The chance that ``n`` independent exponential variables of mean 1 sum to ``total`` or more (a gamma tail).

    Raises:
        ValueError: ``n`` or ``total`` is negative or not a number.
    """
    _check(total, n)
    if n == 0 or total == 0:
        return Tail(1.0, 0.0)
    p = float(special.gammaincc(n, total))
    if p > DEEP:
        return Tail(p, math.log10(p))
    # Legendre's continued fraction, from its far end; it converges fast where total is well above n, as it is here.
    fraction = 0.0
    for k in range(400, 0, -1):
        fraction = k * (n - k) / (total + 2 * k + 1 - n + fraction)
    log_p = n * math.log(total) - total - math.lgamma(n) - math.log(total + 1 - n + fraction)
    return _from_log(log_p)


def coin_sum(successes: int, n: int, rate: float) -> Tail:
    """The chance of ``successes`` or more among ``n`` independent coins that show 1 at ``rate`` (a binomial tail).

    Raises:
        ValueError: ``n`` is negative, ``successes`` above it, or ``rate`` outside (0, 1).
    """
    _check(successes, n)
    if successes > n or not 0 < rate < 1:
        raise ValueError(f"{successes} successes of {n} at a rate of {rate} cannot be")
    if n == 0 or successes == 0:
        return Tail(1.0, 0.0)
    p = float(stats.binom.sf(successes - 1, n, rate))
    if p > DEEP:
        return Tail(p, math.log10(p))
    later = np.arange(successes, min(n, successes + 100_000))
    ratios = (n - later) / (later + 1) * (rate / (1 - rate))
    log_p = float(stats.binom.logpmf(successes, n, rate)) + math.log1p(float(np.sum(np.cumprod(ratios))))
    return _from_log(log_p)


def weighted_coin_sum(total: int, weights: Sequence[int], n: int) -> Tail:
    """The chance that ``n`` times over all ``weights``, each counted when its own fair coin shows 1, sum to ``total``
    or more.

    The distribution is tilted exponentially until its mean is ``total`` (Esscher 1932), computed there as a Fourier
    sum of its closed characteristic function, and tilted back: exact but for rounding (a relative 1e-9), however deep.

    Args:
        total: a whole number from 0 to n · Σ weights.
        weights: whole numbers of 1 or more.
        n: how many draws of each weight's coin.

    Raises:
        ValueError: a weight is not such a number, or ``total`` cannot be reached.
    """
    _check(total, n)
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 1 or w.size == 0 or bool(np.any((w < 1) | (w != np.floor(w)))):
        raise ValueError("weights must be whole numbers of 1 or more")
    top = n * int(w.sum())
    if total > top or total != int(total):
        raise ValueError(f"a sum of {total} cannot be: it is a whole number of at most {top}")
    if total == 0:
        return Tail(1.0, 0.0)
    if total == top:
        return _from_log(-n * w.size * math.log(2.0))
    tilt = 0.0 if total <= top / 2 else _tilt(total, w, n)
    rates = special.expit(tilt * w)
    centre = float(n * np.sum(w * rates))
    reach = WINDOW_SDS * math.sqrt(n * float(np.sum(w**2 * rates * (1 - rates)))) + WINDOW_STEPS * float(w.max())
    size = 1 << math.ceil(math.log2(min(top + 1, 2 * reach)))
    start = 0 if size > top else int(centre) - size // 2
    sums = np.arange(start, start + size)
    wanted = sums >= total
    mass = _mass(w, rates, n, size)[sums[wanted] % size]
    back = float(np.sum(mass * np.exp(-tilt * (sums[wanted] - total))))
    log_p = n * float(np.sum(np.logaddexp(0.0, tilt * w) - math.log(2.0))) - tilt * total + math.log(back)
    return _from_log(log_p)


def _tilt(total: float, w: NDArray[np.float64], n: int) -> float:
    """The exponential tilt under which the mean of the sum is ``total``."""

    def gap(tilt: float) -> float:
        return float(n * np.sum(w * special.expit(tilt * w))) - total

    high = 1.0
    while gap(high) < 0 and high < 64:
        high *= 2
    return float(optimize.brentq(gap, 0.0, high)) if gap(high) > 0 else high


def _mass(w: NDArray[np.float64], rates: NDArray[np.float64], n: int, size: int) -> NDArray[np.float64]:
    """(size,) probabilities of the sum, modulo ``size``, where each weight's coin shows 1 at its rate."""
    turn = 2 * np.pi * np.arange(size // 2 + 1) / size
    log_size, phase = np.zeros(turn.size), np.zeros(turn.size)
    for weight, number in zip(*np.unique(w, return_counts=True), strict=True):
        rate = float(rates[np.argmax(w == weight)])
        factor = (1 - rate) + rate * np.exp(1j * weight * turn)
        with np.errstate(divide="ignore"):  # a fair coin's factor is 0 half a turn away: the sum then has no such wave
            log_size += number * n * np.log(np.abs(factor))
        phase += number * n * np.angle(factor)
    waves = np.exp(log_size) * np.exp(-1j * np.remainder(phase, 2 * np.pi))
    return np.maximum(np.fft.irfft(waves, size), 0.0)


def _check(total: float, n: int) -> None:
    if not (n >= 0 and 0 <= total < math.inf):
        raise ValueError(f"need a sum of 0 or more of 0 or more scores, not {total} of {n}")


def _from_log(log_p: float) -> Tail:
    log_p = min(log_p, 0.0)
    return Tail(max(math.exp(log_p), SMALLEST), log_p / LN10)
