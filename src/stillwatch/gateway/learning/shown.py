"""What exchanges show of who sends them, as keyed hashes: the last place of the learner that sees text.

The same signals as in bulk (`stillwatch.signals`), so that a gateway and a scan mean the same. Never read: language,
country, nationality, time zone, name, e-mail, hours of the day.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.signals.embedding import embed
from stillwatch.signals.new_text import new_turns
from stillwatch.signals.techniques.examples import TECHNIQUES
from stillwatch.signals.techniques.signal import technique_probabilities
from stillwatch.signals.wording.templates import candidates, masked

__all__ = ["ARTEFACTS", "CONTENT", "Exchange", "Subjects", "show"]

ARTEFACTS = ("payment", "organization", "address", "network", "client", "setup")
"""What an account has: each kind counts once, however often it shows."""
CONTENT = ("wording", "technique", "subject")
"""What a conversation's opening asks: each conversation counts once."""
SURE = 0.5
"""Probability from which a request is said to use a technique."""
HEAD, TAIL = 1000, 500
_BITS = 63


class Exchange(NamedTuple):
    """What one exchange shows. ``session`` is the conversation it opens or may open (None: it goes on one without an
    id, and shows nothing new of content). ``artefacts`` and ``content`` hold the hashes by kind, those of several
    candidates for a wording together; nothing where the log does not tell."""

    account: str
    session: int | None
    at: int
    order: int
    artefacts: tuple[tuple[int, ...], ...]
    content: tuple[tuple[int, ...], ...]


class Subjects(NamedTuple):
    """Centres (k, 256) of what a log is about; an opening's subject is the nearest. k = 0: none is told."""

    centres: npt.NDArray[np.float32]

    def of(self, texts: list[str]) -> npt.NDArray[np.int64]:
        """The nearest centre of each text, (n,)."""
        if not len(self.centres) or not texts:
            return np.zeros(len(texts), dtype=np.int64)
        vectors = embed(texts, HEAD, TAIL)
        distance = (self.centres**2).sum(axis=1)[None, :] - 2.0 * (vectors @ self.centres.T)
        nearest: npt.NDArray[np.int64] = distance.argmin(axis=1)
        return nearest


def show(batch: pa.RecordBatch, key: bytes, subjects: Subjects) -> list[Exchange]:
    """What each exchange of ``batch`` (schema `EXCHANGE`; absent columns read as null) shows, in its order.

    ``key`` (1 to 64 bytes) is that of the hashes. One row alone gives what it gives among many; 0 rows: nothing.
    """
    column = _Columns(batch)
    turns = new_turns(column.array("messages"))
    asked = [i for i, text in enumerate(turns.text) if text.strip()]
    technique = technique_probabilities(batch) if asked else np.zeros((batch.num_rows, len(TECHNIQUES)))
    subject = dict(zip(asked, subjects.of([turns.text[i] for i in asked]).tolist(), strict=True))
    accounts, ids, sessions = column.texts("account_id"), column.texts("exchange_id"), column.texts("session_id")
    started = column.array("started_at").cast(pa.int64()).to_pylist()
    asking = zip(*(column.texts(name) for name in ("client_ip", "client_asn", "user_agent", "ja4")), strict=True)
    settings = zip(*(column.texts(name) for name in ("temperature", "max_tokens", "tool_count")), strict=True)
    result = []
    for i, ((address, network, agent, ja4), setting) in enumerate(zip(asking, settings, strict=True)):
        client = f"{agent}\n{ja4}" if agent or ja4 else ""
        values = (address, network, client, "\n".join((client, *setting)) if client else "")
        artefacts = tuple(
            (_hash(kind, value, key),) if value else () for kind, value in zip(ARTEFACTS[2:], values, strict=True)
        )
        name = sessions[i] or ("" if turns.history_length[i] else ids[i])
        content = _content(turns.text[i], technique[i], subject.get(i), key) if i in subject else ((), (), ())
        session = _hash("session", f"{accounts[i]}\n{name}", key) if name else None
        order = _hash("order", ids[i], key)
        result.append(Exchange(accounts[i], session, started[i] or 0, order, ((), (), *artefacts), content))
    return result


def of_customer(payment: str, organization: str, key: bytes) -> tuple[tuple[int, ...], ...]:
    """The artefacts that the provider's table of accounts tells, in the order of `ARTEFACTS`."""
    told = zip(ARTEFACTS[:2], (payment, organization), strict=True)
    return (*((_hash(kind, value, key),) if value else () for kind, value in told), (), (), (), ())


def _content(
    text: str, technique: npt.NDArray[np.float64], subject: int | None, key: bytes
) -> tuple[tuple[int, ...], ...]:
    worded = tuple(_hash("wording", f"{end}\n{masked(words)}", key) for end, words, _ in candidates(text))
    best = int(technique.argmax())
    used = TECHNIQUES[best] if technique[best] >= SURE else "none"
    return (worded, (_hash("technique", used, key),), (_hash("subject", str(subject), key),))


def _hash(kind: str, value: str, key: bytes) -> int:
    told = f"{kind}\n{value}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(told, digest_size=8, key=key).digest(), "big") & ((1 << _BITS) - 1)


class _Columns:
    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def array(self, name: str) -> pa.Array:
        at = self._batch.schema.get_field_index(name)
        return self._batch.column(at) if at >= 0 else pa.nulls(self._batch.num_rows)

    def texts(self, name: str) -> list[str]:
        return ["" if value is None else str(value) for value in self.array(name).to_pylist()]
