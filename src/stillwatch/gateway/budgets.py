"""Token buckets by name: a budget that all accounts of a campaign share, and all gateways of a provider.

Each gateway fills its own copy of a bucket at the full rate and takes from it what itself and all others used. Between
two exchanges of totals (`gateway.stores`, about once a second) gateways do not know of each other, so together they may
overshoot by what passes in that time; the debt is paid back afterwards. Method: token bucket (RFC 2697 in spirit,
without its colours); totals of usage grow only (a G-counter), so that telling them twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

__all__ = ["MOST_BUCKETS", "Bucket", "Budgets"]

SECOND = 1_000_000
MOST_BUCKETS = 100_000


class Bucket(msgspec.Struct):
    """``level`` units are left (negative: a debt), as of ``at`` (microseconds); ``used`` is all that was ever taken
    here, ``elsewhere`` all that other gateways told of."""

    level: float
    at: int
    burst: float
    used: float = 0.0
    elsewhere: float = 0.0


class Budgets:
    """Implements `responses.base.Budget`."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._changed: set[str] = set()
        self._elsewhere: Mapping[str, Sequence[Bucket]] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, name: str, units: float, per_second: float, burst: float, at: int, patience: float = 0.0) -> float:
        """See `responses.base.Budget.take`. A new bucket is full.

        More units than ``burst`` are given once the bucket is full, and leave a debt: a large batch is late, not
        impossible. Time that runs backwards fills nothing. Raises ValueError for a rate or burst that is not positive.
        """
        if not (per_second > 0 and burst > 0 and units >= 0):
            raise ValueError("a budget needs a positive rate and burst")
        bucket = self._buckets.get(name)
        if bucket is None:
            if len(self._buckets) >= MOST_BUCKETS:
                self._forget_oldest()
            bucket = self._buckets[name] = self._new(name, per_second, burst, at)
        elif at > bucket.at or bucket.burst != burst:
            bucket.level = min(burst, bucket.level + max(0, at - bucket.at) / SECOND * per_second)
            bucket.at, bucket.burst = max(at, bucket.at), burst
        wanted = min(units, burst)
        seconds = max(0.0, (wanted - bucket.level - 1e-9) / per_second)
        if seconds <= patience:
            bucket.level -= units
            bucket.used += units
            self._changed.add(name)
        return seconds

    def left(self, name: str) -> float | None:
        """Units left as of the last time that somebody asked; None: nobody ever did."""
        bucket = self._buckets.get(name)
        return None if bucket is None else bucket.level

    def shift(self, by: int) -> None:
        """The clock was set: what happened at ``t`` is from now on said to have happened at ``t + by``."""
        for bucket in self._buckets.values():
            bucket.at += by

    def changed(self) -> dict[str, bytes]:
        """Buckets taken from since the last call, as the stores keep them."""
        names, self._changed = self._changed, set()
        return {name: msgspec.json.encode(self._buckets[name]) for name in names if name in self._buckets}

    def not_kept(self, names: Iterable[str]) -> None:
        """Buckets that `changed` handed out could not be kept: hand them out again."""
        self._changed.update(names)

    def keep_all(self) -> None:
        """Hand out every bucket once more."""
        self._changed.update(self._buckets)

    def restore(self, kept: Iterable[tuple[str, bytes]]) -> None:
        """Take up what this gateway kept of its buckets before it ended; a broken entry is left out. What was used here
        meanwhile is added."""
        for name, body in kept:
            try:
                bucket = msgspec.json.decode(body, type=Bucket)
            except (ValueError, RecursionError):
                continue
            meanwhile = self._buckets.get(name)
            if meanwhile is not None:
                bucket.used += meanwhile.used
                bucket.level, bucket.at = min(bucket.level, meanwhile.level), max(bucket.at, meanwhile.at)
            self._buckets[name] = bucket

    def told(self, elsewhere: Mapping[str, Sequence[Bucket]]) -> None:
        """The buckets of all other gateways: what is new of what they used is taken here too."""
        self._elsewhere = elsewhere
        for name, others in elsewhere.items():
            bucket = self._buckets.get(name)
            if bucket is None:
                continue
            total = sum(other.used for other in others)
            new = total - bucket.elsewhere
            if new > 0:
                bucket.level = max(bucket.level - new, -10 * bucket.burst)
                bucket.elsewhere = total
                self._changed.add(name)

    def _new(self, name: str, per_second: float, burst: float, at: int) -> Bucket:
        """Full, or as empty as the emptiest that another gateway told of."""
        others = self._elsewhere.get(name, ())
        levels = [other.level + max(0, at - other.at) / SECOND * per_second for other in others]
        return Bucket(min([burst, *levels]), at, burst, elsewhere=sum(other.used for other in others))

    def _forget_oldest(self) -> None:
        """A tenth of the buckets, those that nobody asked for longest: they would be full again anyway."""
        oldest = sorted(self._buckets, key=lambda name: self._buckets[name].at)[: MOST_BUCKETS // 10]
        for name in oldest:
            del self._buckets[name]
