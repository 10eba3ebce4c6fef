"""When the gateway stands down by itself: a sliding window over what it touches. Without input or output.

A wrong policy, a wrong scan, or somebody who frames others shows first as a gateway that touches far more people than
any campaign could be. Then it is better to do nothing until a person has looked.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Literal

import msgspec

from stillwatch.gateway.policy import Bounds

__all__ = ["LEAST_ACCOUNTS", "Breach", "Watchman"]

SLOTS = 60
MICROSECOND = 1_000_000
FORGOTTEN_AT_ONCE = 256
LEAST_ACCOUNTS = 20
"""Fewer accounts than this in the window say nothing of a share of accounts."""


class Breach(msgspec.Struct, frozen=True):
    """A bound that was left: ``share`` of ``of`` requests or accounts were touched within the window, where ``most``
    is allowed; ``at`` in microseconds."""

    what: Literal["requests", "accounts"]
    share: float
    most: float
    of: int
    at: int


class Watchman:
    """Counts requests and accounts that pass, and those touched, over the last `Bounds.window` seconds.

    The window moves in sixtieths, so it spans between 59 and 60 of them. Memory is one number for each account seen
    within the window, and one more for each touched; a request costs the same however many there are. Time that runs
    backwards is taken for standing still.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.restart()

    def note(self, account_id: str, touched: bool, at: int) -> Breach | None:
        """Count one request; the bound that it brought the window out of, None where it is within all.

        A breach is told for every request while it lasts; whoever stands down does not ask again.
        """
        self._move(at)
        number = hash(account_id)
        current = self._requests[-1]
        current[1] += 1
        self._total[0] += 1
        self._seen.add(number, self._slot)
        if not touched:
            return None
        current[2] += 1
        self._total[1] += 1
        self._touched.add(number, self._slot)
        return self._breach(at)

    def shares(self) -> tuple[float, float]:
        """The shares of requests and of accounts touched within the window; 0 where nothing passed."""
        requests, touched = self._total
        return touched / max(requests, 1), len(self._touched) / max(len(self._seen), 1)

    def restart(self) -> None:
        """Forget what passed: a person has looked, and the gateway acts again."""
        self._slot = 0
        self._requests: deque[list[int]] = deque()
        self._total = [0, 0]
        self._left = False
        self._seen, self._touched = _Distinct(), _Distinct()

    def _breach(self, at: int) -> Breach | None:
        requests, bounds = self._total[0], self.bounds
        if requests < bounds.least:
            return None
        of_requests, of_accounts = self.shares()
        if of_requests > bounds.requests_touched:
            return Breach("requests", of_requests, bounds.requests_touched, requests, at)
        accounts = len(self._seen)
        if accounts >= LEAST_ACCOUNTS and of_accounts > bounds.accounts_touched:
            return Breach("accounts", of_accounts, bounds.accounts_touched, accounts, at)
        return None

    def _move(self, at: int) -> None:
        slot = max(int(at / (self.bounds.window * MICROSECOND / SLOTS)), self._slot)
        if slot != self._slot or not self._requests:
            self._slot = slot
            self._requests.append([slot, 0, 0])
            while self._requests[0][0] <= slot - SLOTS:
                _, requests, touched = self._requests.popleft()
                self._total[0] -= requests
                self._total[1] -= touched
            self._left = True
        if self._left:
            self._left = not (self._seen.forget(slot - SLOTS) & self._touched.forget(slot - SLOTS))


class _Distinct:
    """How many different numbers were added in slots that are not forgotten yet."""

    def __init__(self) -> None:
        self._last: OrderedDict[int, int] = OrderedDict()  # the slot that each was last added in, in the order of slots

    def __len__(self) -> int:
        return len(self._last)

    def add(self, number: int, slot: int) -> None:
        if self._last.get(number) != slot:
            self._last[number] = slot
            self._last.move_to_end(number)

    def forget(self, slot: int) -> bool:
        """Drop what was last added in ``slot`` or before, a few at a time: no request pays for a quiet night. Returns
        whether all of it is gone."""
        for _ in range(FORGOTTEN_AT_ONCE):
            number = next(iter(self._last), None)
            if number is None or self._last[number] > slot:
                return True
            del self._last[number]
        return False
