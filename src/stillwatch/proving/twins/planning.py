"""How many prompts a test needs, and what they cost to ask: before anybody is asked."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from stillwatch.calibration import Interval
from stillwatch.proving.twins.base import Floats

__all__ = ["Pilot", "Plan", "pilot", "plan"]


class Plan(NamedTuple):
    """What to ask: ``prompts`` that were taken, and ``controls``, for ``power`` at ``level``.

    ``effect`` is the one assumed, after samples and twins; ``questions`` are those to the suspect, with their tokens in
    and out, and ``twin_questions`` those to one's own model.
    """

    prompts: int
    controls: int
    effect: float
    level: float
    power: float
    questions: int
    tokens_in: int
    tokens_out: int
    twin_questions: int
    twin_tokens_in: int
    twin_tokens_out: int


class Pilot(NamedTuple):
    """What a few units show: the ``effect`` (with one sample and one twin) with its interval, the share of its variance
    ``from_sampling`` that more samples would average out, and the share of units that tell nothing (``alike``)."""

    effect: Interval
    from_sampling: float
    alike: float


def plan(
    effect: float,
    *,
    level: float = 1e-3,
    power: float = 0.9,
    samples: int = 3,
    twins: int = 1,
    from_sampling: float = 0.5,
    alike: float = 0.0,
    deciding: float = 0.5,
    controls: float = 0.1,
    tokens: tuple[int, int] = (200, 400),
) -> Plan:
    """The units needed, by the normal approximation to the power of a sign-flip test.

    ``n`` with ``sqrt(n) effect >= z(level) sqrt(1 + effect²) + z(power)``, where the first root is there because flips
    keep the mean in their variance. The approximation plans and decides nothing; the test itself is exact.

    Args:
        effect: mean over standard deviation, over units that tell, of the taken slot's score less its twin's: with one
            sample and one twin.
        level: of the test, one-sided.
        power: chance of reaching it.
        samples: answers of the suspect to each prompt.
        twins: of each taken answer; k of them lower the variance to (1 + 1/k) / 2 of that with one.
        from_sampling: share of the variance that comes from the suspect's own sampling, which ``samples`` divide.
        alike: share of units whose slots do not differ.
        deciding: share of units that decide: 0.5, or 1 where the measure is settled (by probability).
        controls: share of further prompts that were never taken.
        tokens: of a prompt, and of an answer.

    Raises:
        ValueError: an argument outside its range.
    """
    shares = (level, power, deciding)
    if effect <= 0 or not all(0 < share <= 1 for share in shares) or level >= 1 or power >= 1:
        raise ValueError("effect must be above 0, and level, power and the deciding share between 0 and 1")
    if samples < 1 or twins < 1 or not (0 <= from_sampling <= 1 and 0 <= alike < 1 and controls >= 0):
        raise ValueError("samples and twins must be at least 1, and shares between 0 and 1")
    left = (1 - from_sampling + from_sampling / samples) * (1 + 1 / twins) / 2
    sharper = effect / math.sqrt(left)
    need = float(stats.norm.isf(level)) * math.sqrt(1 + sharper**2) + float(stats.norm.ppf(power))
    telling = max((need / sharper) ** 2, -math.log(level) / math.log(1 + twins))
    prompts = math.ceil(telling / ((1 - alike) * deciding))
    more = math.ceil(prompts * controls)
    asked, made = (prompts + more) * samples, (prompts + more) * twins
    return Plan(
        prompts,
        more,
        sharper,
        level,
        power,
        asked,
        asked * tokens[0],
        asked * tokens[1],
        made,
        made * tokens[0],
        made * tokens[1],
    )


def pilot(differences: Floats, level: float = 0.9) -> Pilot:
    """What planning needs, from scores of a pilot; plan by the lower end, for a pilot's effect is uncertain.

    Args:
        differences: (units, samples) of the taken slot's score less the first twin's, by each sample alone; the measure
            was not chosen by these units.
        level: of the interval, by the normal approximation.

    Returns:
        See `Pilot`; for fewer than two units that tell the effect is NaN between minus and plus infinity, and for one
        sample ``from_sampling`` is 0.5, which is a guess.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or not bool(np.isfinite(d).all()) or not d.shape[1]:
        raise ValueError("differences must be finite, (units, samples)")
    tells = d[np.any(d != 0, axis=1)]
    alike = 1 - len(tells) / len(d) if len(d) else 0.0
    n, samples = tells.shape
    if n < 2:
        return Pilot(Interval(float("nan"), -math.inf, math.inf), 0.5, alike)
    within = float(tells.var(axis=1, ddof=1).mean()) if samples > 1 else float("nan")
    between = float(tells.mean(axis=1).var(ddof=1))
    whole = between + within * (1 - 1 / samples) if samples > 1 else between
    if whole <= 0:
        return Pilot(Interval(float("nan"), -math.inf, math.inf), 0.5, alike)
    effect = float(tells.mean()) / math.sqrt(whole)
    averaged = whole if samples == 1 else between
    spread = math.sqrt(averaged / whole / n + effect**2 / (2 * n)) * float(stats.norm.ppf((1 + level) / 2))
    share = min(max(within / whole, 0.0), 1.0) if samples > 1 else 0.5
    return Pilot(Interval(effect, effect - spread, effect + spread), share, alike)
