"""What one account has shown so far, weighed for every campaign: a sum that any split and order gives alike.

Artefacts are maxima (a kind counts once, by what speaks loudest), conversations a sum in which each counts once, by the
exchange that opened it. So two gateways, or a replay of the journal, come to the same number.
"""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.gateway.learning.shown import Exchange
from stillwatch.gateway.learning.weights import UNIT, Weights

__all__ = ["KEPT", "Evidence"]

KEPT = 64
"""Conversations of an account that count: those of the smallest hashes, a random sample that no order changes."""
AS_MANY_AS = 8
"""Conversations that any number of an account's are worth at most: whoever asks in one way does so again and again, and
a thousand of his conversations tell little more than some."""


class Evidence:
    """An account under the weights of campaigns, ``models`` at every call: one list for all of them, as long.

    Takes about 3 KB for an account of 20 conversations and eight models.
    """

    __slots__ = ("_artefacts", "_conversations", "_last", "_sums")

    def __init__(self, models: int) -> None:
        self._artefacts: dict[int, tuple[int, ...]] = {}
        self._conversations: dict[int, tuple[int, int, tuple[int, ...]]] = {}
        self._sums = [0] * models
        self._last = -1  # the largest hash among KEPT conversations

    def add(self, exchange: Exchange, models: Sequence[Weights]) -> None:
        """Take an exchange; one that was taken before changes nothing."""
        self.add_artefacts(exchange.artefacts, models)
        session = exchange.session
        if session is None or not any(exchange.content):
            return
        known = self._conversations.get(session)
        if known is None and len(self._conversations) >= KEPT and session > self._last:
            return
        if known is None or (exchange.at, exchange.order) < known[:2]:
            worth = tuple(model.conversation(exchange.content) for model in models)
            self._keep(session, (exchange.at, exchange.order, worth))

    def add_artefacts(self, artefacts: tuple[tuple[int, ...], ...], models: Sequence[Weights]) -> None:
        """Take what an account has; also what the table of customers tells."""
        for kind, values in enumerate(artefacts):
            if values:
                worth = tuple(model.artefacts[kind].best(values) for model in models)
                known = self._artefacts.get(kind, worth)
                self._artefacts[kind] = tuple(map(max, known, worth))

    def merge(self, other: Evidence) -> None:
        """Take what another gateway saw of the same account."""
        for kind, worth in other._artefacts.items():
            self._artefacts[kind] = tuple(map(max, self._artefacts.get(kind, worth), worth))
        for session, entry in other._conversations.items():
            known = self._conversations.get(session)
            if known is None or entry[:2] < known[:2]:
                self._keep(session, entry)

    def nats(self) -> list[float]:
        """The evidence for each model; an account that showed nothing: 0.

        Artefacts in full; conversations as their sum up to `AS_MANY_AS`, beyond that as so many times their mean.
        """
        count = len(self._conversations)
        part = min(1.0, AS_MANY_AS / count) if count else 0.0
        artefacts = [sum(worth) for worth in zip(*self._artefacts.values(), strict=True)] or [0] * len(self._sums)
        return [(have + asked * part) / UNIT for have, asked in zip(artefacts, self._sums, strict=True)]

    @property
    def conversations(self) -> int:
        """How many count."""
        return len(self._conversations)

    def _keep(self, session: int, entry: tuple[int, int, tuple[int, ...]]) -> None:
        self._drop(session)
        self._conversations[session] = entry
        for i, worth in enumerate(entry[2]):
            self._sums[i] += worth
        if len(self._conversations) > KEPT:
            self._drop(max(self._conversations))
        if len(self._conversations) >= KEPT:
            self._last = max(self._conversations)

    def _drop(self, session: int) -> None:
        entry = self._conversations.pop(session, None)
        for i, worth in enumerate(entry[2] if entry else ()):
            self._sums[i] -= worth
