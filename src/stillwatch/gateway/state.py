"""What the gateway knows while it runs: claims about accounts, the actions that stand, budgets, what it touched.

In memory, bounded: under 1 KB an account. Nothing here reads a clock, a file or a socket; `gateway.gate` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stillwatch.gateway.decision import Observed
from stillwatch.responses.base import Action, Subject

__all__ = ["State"]


class State:
    """Implements `responses.base.Gate` (but for `send`, which queues) and `responses.base.Budget`."""

    def subject(self, account_id: str) -> Subject | None:
        """The strongest claim that stands about an account; None: none."""
        raise NotImplementedError

    def claim(self, subject: Subject) -> None:
        """Take a claim; a stronger or newer one replaces an older."""
        raise NotImplementedError

    def clear(self, account_id: str, why: str, at: int) -> None:
        """Drop the claim about an account and remember that it was cleared: no claim of a machine holds until a person
        says so."""
        raise NotImplementedError

    def actions(self, account_id: str) -> tuple[Action, ...]:
        """The actions that stand against an account, the strongest response last."""
        raise NotImplementedError

    def observe(self, observed: Observed) -> None:
        """Count an exchange that ended, in its account's and its campaign's profile."""
        raise NotImplementedError

    def subjects(self) -> Iterable[Subject]:
        """All claims that stand."""
        raise NotImplementedError

    def figures(self) -> Mapping[str, float]:
        """Counts for metrics and for the bounds of the policy."""
        raise NotImplementedError
