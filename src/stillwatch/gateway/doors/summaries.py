"""Summaries of reasoning by the user's own model: bounded in time, size and number, and never the reasoning itself.

Whatever goes wrong (no answer in time, an error, a quotation) ends in no summary, and then the reasoning is left out.
How the model is asked is `gateway.doors.summary_model`, or a function of the user's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal, NamedTuple, get_args

from stillwatch.errors import StillwatchError, one_line
from stillwatch.gateway.shielding.quoting import cut_short, quotes, shortened

__all__ = ["BOUNDS", "MOST_GIVEN", "Bounds", "Outcome", "Summaries", "Summariser"]

Summariser = Callable[[str], Awaitable[str | None]]
"""Asks the user's own model for a summary; None where there is none."""
Outcome = Literal["given", "empty", "quoting", "late", "failed", "busy", "resting"]
"""What became of a summary that was wanted. All but ``given`` leave the reasoning out: the model said nothing, repeated
the reasoning, took too long, failed; too many were asked for already; it is left alone after failures in a row."""
MOST_GIVEN: Final = 16_000
"""Characters of reasoning that a model is given; a longer one loses its middle."""
MOST_SAID: Final = 65_536
FAILURES: Final = 5
REST_SECONDS: Final = 30.0
"""A model that failed `FAILURES` times in a row is left alone for so long, or each answer would wait for it in vain."""
_log = logging.getLogger(__name__)


class Bounds(NamedTuple):
    """``seconds`` that one answer waits for its summaries, all together; ``characters`` of one summary; how many are
    ``at_once`` asked for (as many more wait)."""

    seconds: float = 10.0
    characters: int = 600
    at_once: int = 8


BOUNDS: Final = Bounds()


class Summaries:
    """What doors ask for summaries; ``ask`` is given reasoning. Belongs to one event loop once it was asked.

    ``counts`` holds how often each `Outcome` came, for metrics.
    """

    def __init__(
        self, ask: Summariser, bounds: Bounds = BOUNDS, close: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self.counts = dict.fromkeys(get_args(Outcome), 0)
        self._ask, self._bounds, self._close = ask, bounds, close
        self._slots = asyncio.Semaphore(bounds.at_once)
        self._wanted = self._failures = 0
        self._rests_until = 0.0

    def of_answer(self) -> Summariser:
        """A way to ask for the summaries of one answer, whose parts share its time."""
        left = self._bounds.seconds

        async def ask(reasoning: str) -> str | None:
            nonlocal left
            begun = time.monotonic()
            try:
                return await self._summary(reasoning, left)
            finally:
                left -= time.monotonic() - begun

        return ask

    async def close(self) -> None:
        """Close the connections to the model."""
        if self._close is not None:
            await self._close()

    async def _summary(self, reasoning: str, seconds: float) -> str | None:
        given = shortened(reasoning, MOST_GIVEN)
        outcome, summary = await self._asked(given, seconds)
        if outcome == "given":
            summary = cut_short(summary, self._bounds.characters)
            outcome = "quoting" if quotes(summary, given) else "given"
        self.counts[outcome] += 1
        return summary if outcome == "given" else None

    async def _asked(self, given: str, seconds: float) -> tuple[Outcome, str]:
        if seconds <= 0:
            return "late", ""
        if time.monotonic() < self._rests_until:
            return "resting", ""
        if self._wanted >= 2 * self._bounds.at_once:
            return "busy", ""
        self._wanted += 1
        try:
            async with asyncio.timeout(seconds), self._slots:
                said = _text(await self._ask(given))
        except TimeoutError:
            if seconds == self._bounds.seconds:  # with less than all of it, being late is no failure of the model's
                self._failed(f"no summary within {seconds:g} s")
            return "late", ""
        except Exception as error:
            # What a server says may quote what it was asked, and so may an error of the user's own function.
            told = error.what if isinstance(error, StillwatchError) else type(error).__name__
            self._failed(one_line(told))
            return "failed", ""
        finally:
            self._wanted -= 1
        self._failures = 0
        return ("given" if said else "empty"), said

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._failures, self._rests_until = 0, time.monotonic() + REST_SECONDS
            _log.warning("summaries fail (%s): reasoning is left out for %g s", why, REST_SECONDS)


def _text(said: object) -> str:
    """What a model said, as text that can be written as JSON."""
    if said is None:
        return ""
    if not isinstance(said, str):
        raise TypeError("a summary is a text")
    return "".join(one if one.isprintable() or one == "\n" else " " for one in said[:MOST_SAID]).strip()
