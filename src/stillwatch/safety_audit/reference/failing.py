"""What goes wrong between a model and its caller, planted at known rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from stillwatch.safety_audit.reference.behaviour import Failures, Mishap
from stillwatch.safety_audit.reference.draws import uniform

__all__ = ["Fault", "Faults"]


class Fault(NamedTuple):
    """What becomes of one try: a mishap, and how long to wait before the next where the server says so."""

    mishap: Mishap
    after: float = 0.0


class Faults:
    """The failures of one model.

    A try's fault is drawn from the request and from how often it was asked before, so that a run can be repeated and a
    second try may succeed. The rate limit is a bucket of ``burst`` tries that fills at ``per_second`` by the clock.
    """

    def __init__(self, planted: Failures, seed: int, model: str, clock: Callable[[], float]) -> None:
        self.planted, self.seed, self.model, self.clock = planted, seed, model, clock
        self.tries: Counter[str] = Counter()
        self._left, self._seen = float(planted.burst), clock()

    def next(self, request: str) -> Fault | None:
        """What becomes of the next try of this request, or None where it is answered."""
        rate = self.planted.per_second
        if rate is not None:
            now = self.clock()
            self._left = min(float(self.planted.burst), self._left + (now - self._seen) * rate)
            self._seen = now
            if self._left < 1:
                return Fault("limited", max(self.planted.retry_after, (1 - self._left) / rate))
            self._left -= 1
        self.tries[request] += 1
        key = (self.seed, "fault", self.model, request, self.tries[request])
        if uniform(*key) >= self.planted.share:
            return None
        mishaps = self.planted.mishaps
        return Fault(mishaps[int(uniform(*key, "which") * len(mishaps))], self.planted.retry_after)

    def filtered(self, request: str) -> bool:
        """Whether the provider's filter takes this question, now and always."""
        return uniform(self.seed, "filter", self.model, request) < self.planted.filtered
