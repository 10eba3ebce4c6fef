"""Everything that a log shows of its accounts, gathered for fitting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from stillwatch.gateway.learning.evidence import KEPT, Evidence
from stillwatch.gateway.learning.shown import ARTEFACTS, HEAD, TAIL, Exchange, Subjects, of_customer, show
from stillwatch.gateway.learning.weights import Content, Told, Weights
from stillwatch.signals.embedding import embed
from stillwatch.signals.new_text import new_turns
from stillwatch.signals.topics import learn_codebook

__all__ = ["Gathered", "customers_artefacts", "gather", "learn_subjects"]

SUBJECTS = 60
_FITTED = 12_000
_BATCH = 4096
_MOST_VALUES = 32  # of one kind of artefact of one account


class Gathered:
    """One account: its artefacts, its first conversations by hash (`KEPT`), how many it had in all (up to as many), and
    when it was ``first`` and ``last`` there (microseconds)."""

    __slots__ = ("artefacts", "conversations", "first", "last", "seen")

    def __init__(self) -> None:
        self.first, self.last = 2**63 - 1, -(2**63)
        self.artefacts: list[set[int]] = [set() for _ in ARTEFACTS]
        self.conversations: dict[int, Exchange] = {}
        self.seen: set[int] = set()

    def add(self, exchange: Exchange) -> None:
        """Take an exchange."""
        self.first, self.last = min(self.first, exchange.at), max(self.last, exchange.at)
        for known, values in zip(self.artefacts, exchange.artefacts, strict=True):
            if len(known) < _MOST_VALUES:
                known.update(values)
        session = exchange.session
        if session is None:
            return
        if len(self.seen) < KEPT:
            self.seen.add(session)
        if not any(exchange.content):
            return
        known_opening = self.conversations.get(session)
        if known_opening is None or (exchange.at, exchange.order) < (known_opening.at, known_opening.order):
            self.conversations[session] = exchange
            if len(self.conversations) > KEPT:
                del self.conversations[max(self.conversations)]

    @property
    def told(self) -> Told:
        """What weights are fitted to."""
        content: tuple[Content, ...] = tuple(self.conversations[session].content for session in self.conversations)
        return Told(tuple(frozenset(values) for values in self.artefacts), content)

    def evidence(self, models: list[Weights]) -> Evidence:
        """The account under ``models``."""
        evidence = Evidence(len(models))
        evidence.add_artefacts(tuple(tuple(values) for values in self.artefacts), models)
        for exchange in self.conversations.values():
            evidence.add(exchange, models)
        return evidence

    def highest(self, models: list[Weights]) -> list[float]:
        """The most that each model's evidence came to at any time, artefacts known from the start."""
        evidence = Evidence(len(models))
        evidence.add_artefacts(tuple(tuple(values) for values in self.artefacts), models)
        most = evidence.nats()
        for exchange in sorted(self.conversations.values(), key=lambda opening: (opening.at, opening.order)):
            evidence.add(exchange, models)
            most = list(map(max, most, evidence.nats()))
        return most


def gather(
    batches: Iterable[pa.RecordBatch], key: bytes, subjects: Subjects, customers: pa.Table | None
) -> dict[str, Gathered]:
    """What each account of a log shows. An empty log: nobody."""
    accounts: dict[str, Gathered] = {}
    for batch in batches:
        for start in range(0, batch.num_rows, _BATCH):
            for exchange in show(batch.slice(start, _BATCH), key, subjects):
                accounts.setdefault(exchange.account, Gathered()).add(exchange)
    for account, artefacts in customers_artefacts(customers, key).items():
        if account in accounts:
            for known, values in zip(accounts[account].artefacts, artefacts, strict=True):
                known.update(values)
    return accounts


def customers_artefacts(customers: pa.Table | None, key: bytes) -> Mapping[str, tuple[tuple[int, ...], ...]]:
    """What the provider's table tells of each account; no table: nothing."""
    if customers is None:
        return {}
    columns = (customers.column(name).to_pylist() for name in ("account_id", "payment_id", "organization_id"))
    return {
        account: of_customer(payment or "", organization or "", key)
        for account, payment, organization in zip(*columns, strict=True)
    }


def learn_subjects(exchanges: pa.Table, seed: int = 0) -> Subjects:
    """What a log (schema `EXCHANGE`) is about, learnt from at most 12,000 of its requests; none with text: nothing."""
    rows = np.random.default_rng(seed).permutation(exchanges.num_rows)[:_FITTED]
    texts = [text for text in new_turns(exchanges.column("messages").take(np.sort(rows))).text if text.strip()]
    if not texts:
        return Subjects(np.zeros((0, 0), dtype=np.float32))
    codebook = learn_codebook(embed(texts, HEAD, TAIL), np.arange(len(texts)), SUBJECTS, seed=seed)
    centres = codebook.model.cluster_centers_ if codebook.model is not None else np.zeros((0, 0))
    return Subjects(np.ascontiguousarray(centres, dtype=np.float32))
