"""Which actions have come to their end, without looking at those that have not."""

from __future__ import annotations

import heapq

__all__ = ["Expiry"]


class Expiry:
    """Ids by the time at which they end. An id that was ended otherwise stays until its time and is then ignored."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, until: int, key: str) -> None:
        """``key`` ends at ``until`` (microseconds)."""
        heapq.heappush(self._heap, (until, key))

    def due(self, at: int, most: int = 1000) -> list[str]:
        """Up to ``most`` ids that have ended by ``at``, each handed out once."""
        ended: list[str] = []
        while self._heap and self._heap[0][0] <= at and len(ended) < most:
            ended.append(heapq.heappop(self._heap)[1])
        return ended
