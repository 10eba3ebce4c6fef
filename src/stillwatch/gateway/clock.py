"""Time as the gateway believes it: the machine's clock, but not its leaps.

Actions end and budgets fill by this clock. If the machine's clock leaps (a wrong NTP server, a resumed virtual machine,
a hand), hundreds of actions would end at once, or none for a year; so after a leap of more than ``jump`` seconds time
goes on by the monotonic clock until the machine's has been steady for ``settle`` seconds, and is then believed again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["Clock", "SteadyClock"]

SECOND = 1_000_000
WOBBLE = 1.0


class Clock(Protocol):
    """Where the gate takes the time from; chosen when it is opened, never by a caller."""

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        ...


class SteadyClock:
    """``leaping`` while the machine's clock is not believed; ``set_by`` is how far (microseconds) `now` moved when it
    was believed again, all times together: who keeps instants shifts them by what is new of it."""

    def __init__(
        self,
        jump: float = 300.0,
        settle: float = 60.0,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.jump, self.settle = jump, settle
        self.leaping, self.set_by = False, 0
        self._wall, self._monotonic = wall, monotonic
        self._offset = wall() - monotonic()
        self._new_offset, self._since = 0.0, 0.0

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        monotonic = self._monotonic()
        offset = self._wall() - monotonic
        if abs(offset - self._offset) <= self.jump:
            self.leaping = False
            self._offset = offset  # slewing by NTP is followed
        elif not self.leaping or abs(offset - self._new_offset) > WOBBLE:
            self.leaping, self._new_offset, self._since = True, offset, monotonic
        elif monotonic - self._since >= self.settle:
            self.set_by += round((offset - self._offset) * SECOND)
            self.leaping, self._offset = False, offset
        return round((monotonic + self._offset) * SECOND)
