"""What asking may cost and what it has cost, with all that is under way reckoned at its most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from stillwatch.errors import AskingError, UsageError

__all__ = ["Budget", "BudgetSpent", "Reserved", "Spending"]


class Budget(NamedTuple):
    """The most that may be spent on all models together, None for no limit."""

    requests: int | None = None
    tokens: int | None = None
    cost: float | None = None
    minutes: float | None = None

    def check(self) -> None:
        """Raise `UsageError` for a limit that is none."""
        for name, value in self._asdict().items():
            if value is not None and not value > 0:
                raise UsageError(f"{value} is no budget", f"--max-{name}", "give a number above 0")


class BudgetSpent(AskingError):
    """The budget does not reach for another question."""

    def __init__(self, what: str) -> None:
        super().__init__(what, again=False)


class Reserved(NamedTuple):
    """What one request may cost at most."""

    tokens: int
    cost: float


class Spending:
    """The spending of one run. `reserve` before each request, `settle` after it."""

    def __init__(self, budget: Budget | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget or Budget()
        self.budget.check()
        self._clock, self._began = clock, clock()
        self.requests, self.tokens, self.cost = 0, 0, 0.0
        self._pending: dict[int, Reserved] = {}
        self._number = 0
        self._settled = asyncio.Event()

    def recall(self, requests: int, tokens: int, cost: float) -> None:
        """Count what an earlier call of the same run has spent."""
        self.requests += requests
        self.tokens += tokens
        self.cost += cost

    def out_of_time(self) -> bool:
        """Whether the minutes are over."""
        return self.budget.minutes is not None and self._clock() - self._began >= 60 * self.budget.minutes

    async def reserve(self, wanted: Reserved) -> int:
        """Set ``wanted`` aside and return its number. Raises `BudgetSpent` where it can no longer fit.

        While others are under way, which mostly cost less than they might, it waits for them.
        """
        while True:
            if self.out_of_time():
                raise BudgetSpent(f"the {self.budget.minutes:g} minutes of --max-minutes are over")
            short = self._short(wanted)
            if short is None:
                self._number += 1
                self._pending[self._number] = wanted
                return self._number
            if not self._pending:
                raise BudgetSpent(short)
            self._settled.clear()
            await self._settled.wait()

    def settle(self, number: int, tokens: int, cost: float) -> None:
        """The request is over and cost this."""
        del self._pending[number]
        self.requests += 1
        self.tokens += tokens
        self.cost += cost
        self._settled.set()

    def release(self, number: int) -> None:
        """The request was never sent; nothing where it was settled."""
        self._pending.pop(number, None)
        self._settled.set()

    def _short(self, wanted: Reserved) -> str | None:
        """Which limit ``wanted`` would break, in words."""
        budget, pending = self.budget, self._pending.values()
        if budget.requests is not None and self.requests + len(pending) + 1 > budget.requests:
            return f"the {budget.requests} requests of --max-requests are spent"
        if budget.tokens is not None:
            tokens = self.tokens + sum(each.tokens for each in pending)
            if tokens + wanted.tokens > budget.tokens:
                return f"{tokens} of the {budget.tokens} tokens of --max-tokens are spent, and the next needs more"
        if budget.cost is not None:
            cost = self.cost + sum(each.cost for each in pending)
            if cost + wanted.cost > budget.cost:
                return f"{cost:.2f} of the {budget.cost:g} of --max-cost are spent, and the next question needs more"
        return None
