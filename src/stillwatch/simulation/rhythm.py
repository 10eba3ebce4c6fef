"""When accounts are active: rhythms of people, offices, schools and machines over the days of a log."""

from __future__ import annotations

import dataclasses
import math
from itertools import accumulate
from random import Random

DAY = 86_400.0
HOUR = 3_600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Rhythm:
    """Weights of the 24 hours (UTC, cumulative) and of the 7 weekdays; ``minute`` pins jobs to one minute of the
    hour."""

    hours: tuple[float, ...]
    weekdays: tuple[float, ...]
    minute: float | None = None

    def moments(self, r: Random, count: int, start: float, end: float) -> list[float]:
        """``count`` start times in seconds since the log's start, sorted, within ``start`` and ``end``
        (clipped to it)."""
        first, last = int(start // DAY), max(int(start // DAY), math.ceil(end / DAY) - 1)
        days = range(first, last + 1)
        weights = [self.weekdays[day % 7] + 1e-6 for day in days]
        # Gamma weights make a person's days uneven: busy ones and empty ones.
        uneven = list(accumulate(weight * r.gammavariate(1.2, 1.0) for weight in weights))
        found = []
        for day in r.choices(days, cum_weights=uneven, k=count):
            hour = r.choices(range(24), cum_weights=self.hours)[0]
            within = HOUR * r.random() if self.minute is None else self.minute + 25 * r.random()
            moment = day * DAY + hour * HOUR + within
            found.append(moment if start <= moment <= end else r.uniform(start, end))
        return sorted(found)


def _bumps(*bumps: tuple[float, float, float], floor: float = 0.01) -> tuple[float, ...]:
    """Cumulative hour weights from (centre, width, height) bumps on a 24-hour ring."""
    weights = []
    for hour in range(24):
        value = floor
        for centre, width, height in bumps:
            distance = min(abs(hour - centre), 24 - abs(hour - centre))
            value += height * math.exp(-0.5 * (distance / width) ** 2)
        weights.append(value)
    return tuple(accumulate(weights))


def person(r: Random, *, night: bool = False) -> Rhythm:
    """A person somewhere on earth: two bumps of a day at a random longitude; ``night`` for shift workers (their
    own 23 to 5)."""
    noon = r.uniform(0, 24)
    first = (noon + (13 if night else -2) + r.gauss(0, 1.2)) % 24
    second = (noon + (10 if night else 7) + r.gauss(0, 1.5)) % 24
    weekend = r.choice((0.2, 0.6, 1.0, 1.6))
    week = tuple(r.uniform(0.5, 1.5) * (weekend if day >= 5 else 1.0) for day in range(7))
    return Rhythm(_bumps((first, r.uniform(0.8, 2.5), 1.0), (second, r.uniform(0.8, 2.0), r.uniform(0.2, 1.5))), week)


def office(r: Random, noon: float) -> Rhythm:
    """Weekdays round ``noon`` (UTC), shared by colleagues."""
    week = (1.0, 1.1, 1.0, 1.0, 0.7, 0.03, 0.02)
    return Rhythm(
        _bumps(
            ((noon - 2 + r.gauss(0, 0.5)) % 24, 1.4, 1.0), ((noon + 3 + r.gauss(0, 0.5)) % 24, 1.3, 0.8), floor=0.002
        ),
        week,
    )


def school(r: Random, evening: float) -> Rhythm:
    """Evenings before a due day (the ring's day 3 and 6), with some lunch breaks."""
    week = (0.4, 0.7, 1.6, 2.4, 0.4, 0.6, 1.4)
    return Rhythm(_bumps((evening, 1.8, 1.0), ((evening - 7) % 24, 0.8, r.uniform(0, 0.5))), week)


def machine(r: Random, *, nightly: bool = False) -> Rhythm:
    """A program: round the clock with a load that follows its users, or one burst at a fixed time each day."""
    if nightly:
        return Rhythm(_bumps((r.uniform(0, 24), 0.35, 1.0), floor=0.0005), (1.0,) * 7, r.uniform(0, 3000))
    return Rhythm(
        _bumps((r.uniform(0, 24), r.uniform(3, 6), 1.0), floor=r.uniform(0.1, 0.6)),
        tuple(r.uniform(0.7, 1.3) for _ in range(7)),
    )


def shift(r: Random, centre: float, width: float) -> Rhythm:
    """Workers who work round one hour (``width`` hours wide), a little different each."""
    return Rhythm(
        _bumps(((centre + r.gauss(0, 0.7)) % 24, width, 1.0), floor=0.004), (1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.7)
    )


def flat() -> Rhythm:
    """No hour preferred: a queue that never sleeps."""
    return Rhythm(_bumps(floor=1.0), (1.0,) * 7)
