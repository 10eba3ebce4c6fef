"""How fast one endpoint is asked, and when it is given up.

Additive increase, multiplicative decrease, as TCP does (Chiu and Jain 1989): an endpoint that says it is busy is left
alone for as long as it asks, then asked half as many questions at a time, and one more for each round that goes well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from stillwatch.errors import AskingError

__all__ = ["Breaker", "Limits", "Pace", "Price"]

_LONGEST_BACKOFF = 60.0
_QUESTIONS, _QUESTIONS_AT_FIRST = 25, 8
_AWAY, _HOPELESS = 8, 3


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an endpoint may be asked for: docs/asking.md. ``timeout`` is seconds for one try, answer and all.

    ``tries`` is for one question, not counting those that a busy endpoint turned away; ``longest_wait`` the seconds
    that it may ask to be left alone before it is left for good.
    """

    requests_per_minute: float | None = None
    concurrency: int = 8
    timeout: float = 120.0
    tries: int = 5
    longest_wait: float = 300.0

    def __post_init__(self) -> None:
        if self.requests_per_minute is not None and not 0 < self.requests_per_minute <= 1e6:
            raise ValueError("requests_per_minute is a number above 0")
        if not 1 <= self.concurrency <= 256:
            raise ValueError("concurrency is 1 to 256")
        if not 0 < self.timeout <= 3600:
            raise ValueError("timeout is seconds, up to 3600")
        if not 1 <= self.tries <= 100:
            raise ValueError("tries is 1 to 100")
        if not 0 <= self.longest_wait <= 86400:
            raise ValueError("longest_wait is seconds, up to 86400")


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Price per million tokens, in whatever currency all prices of a run are in."""

    input: float
    output: float

    def __post_init__(self) -> None:
        if not (0 <= self.input < 1e9 and 0 <= self.output < 1e9):
            raise ValueError("a price is 0 or more")

    def of(self, tokens_in: float, tokens_out: float) -> float:
        """What these tokens cost."""
        return (tokens_in * self.input + tokens_out * self.output) / 1e6


class Pace:
    """When the next request to one endpoint may go out."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._interval = 60.0 / limits.requests_per_minute if limits.requests_per_minute else 0.0
        self._allowed = float(limits.concurrency)
        self._in_flight, self._strikes = 0, 0
        self._next = self._not_before = self._cut_at = float("-inf")
        self._freed = asyncio.Event()

    async def enter(self, stopped: Callable[[], bool]) -> float | None:
        """Wait for this request's turn. Returns when it was sent, for `slow_down`; None once ``stopped()``."""
        while not stopped():
            now = self._clock()
            wait = max(self._next, self._not_before) - now
            if self._in_flight >= max(1, int(self._allowed)):
                self._freed.clear()
                await self._freed.wait()
            elif wait > 0:
                await asyncio.sleep(min(wait, 1.0))
            else:
                self._in_flight += 1
                self._next = max(now, self._next) + self._interval
                return now
        return None

    def leave(self) -> None:
        """The request is over."""
        self._in_flight -= 1
        self._freed.set()

    def went_well(self) -> None:
        """It was answered: one more at a time after each round."""
        self._allowed = min(float(self._limits.concurrency), self._allowed + 1 / self._allowed)
        self._strikes = max(0, self._strikes - 1)

    def slow_down(self, after: float | None, sent_at: float) -> float:
        """It was turned away. Returns the seconds for which nothing is sent.

        Of requests that were under way together only the first cuts: they tell of one and the same load.
        """
        now = self._clock()
        if sent_at > self._cut_at:
            self._allowed = max(1.0, self._allowed / 2)
            self._strikes += 1
            self._cut_at = now
        wait = min(_LONGEST_BACKOFF, 2.0 ** min(self._strikes - 1, 10)) if after is None else after
        self._not_before = max(self._not_before, now + wait)
        return wait


class Breaker:
    """When an endpoint that fails everything is asked no more. ``why`` is the line that says so, once it is.

    One that never answered is left soon. One that did is waited for: it may only be starting again.
    """

    def __init__(
        self, limits: Limits, *, answered_before: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits, self._clock = limits, clock
        self._questions_most = _QUESTIONS if answered_before else _QUESTIONS_AT_FIRST
        self._ever = False
        self._tries = self._questions = self._hopeless = 0
        self._busy_since: float | None = None
        self.why: AskingError | None = None

    def went_well(self) -> None:
        """It answered."""
        self._ever, self._questions_most = True, _QUESTIONS
        self._tries = self._questions = self._hopeless = 0
        self._busy_since = None

    def seems_away(self, error: AskingError) -> bool:
        """Whether an endpoint that answered before is not there for the time being, whoever asks."""
        return error.away and self._ever and self._tries >= max(_AWAY, self._limits.concurrency)

    def try_failed(self, error: AskingError, wait: float | None) -> None:
        """A try failed; ``wait`` is for how long a busy endpoint is left alone, None where it is not busy."""
        if wait is not None:
            now = self._clock()
            self._busy_since = now if self._busy_since is None else self._busy_since
            if wait > self._limits.longest_wait:
                self._trip(error, f"asks to be left alone for {wait:.0f} s; call again then, what it answered is kept")
            elif now - self._busy_since > 2 * self._limits.longest_wait:
                self._trip(error, f"has answered nothing for {now - self._busy_since:.0f} s")
            return
        self._tries += 1
        if error.hopeless:
            self._hopeless += 1
            if not self._ever or self._hopeless >= _HOPELESS:
                self._trip(error, "")
        elif error.away and not self._ever and self._tries >= 2 * max(_AWAY, self._limits.concurrency):
            self._trip(error, f"failed {self._tries} times in a row")

    def question_failed(self, error: AskingError) -> None:
        """A question was given up."""
        self._questions += 1
        if self._questions >= self._questions_most:
            self._trip(error, f"failed on {self._questions} questions in a row")

    def _trip(self, error: AskingError, what: str) -> None:
        if self.why is None:
            said = f"{what} (last: {error.what})" if what else error.what
            self.why = AskingError(said, error.where, again=False, hopeless=True, quoted=error.quoted)
