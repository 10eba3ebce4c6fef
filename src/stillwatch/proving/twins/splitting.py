"""Which half of the prompts chooses and which decides: settled by a key before the suspect is asked.

The key's commitment goes into the head of the sealed answers (`about`), with a digest of the pairs. So a report can
show that neither the split nor the pairs were picked once the answers were known; the key itself is told with the
report, and everybody can split again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from stillwatch.proving.twins.base import Pair

__all__ = [
    "NOT_SEALED",
    "Sealing",
    "about",
    "chooses",
    "coin",
    "commitment",
    "departure",
    "digest_of",
    "fresh_key",
    "in_order",
]

KEY_BYTES = 32
_ABOUT = "twins"


class Sealing(NamedTuple):
    """How answers were kept: the head's ``about`` (None: not sealed by Stillwatch), and the last ``seal``."""

    about: Mapping[str, Any] | None = None
    seal: str = ""


NOT_SEALED = Sealing()


def fresh_key() -> bytes:
    """A random key, 32 bytes: kept, and not told before the suspect has answered."""
    return secrets.token_bytes(KEY_BYTES)


def commitment(key: bytes) -> str:
    """SHA-256 of the key, in hexadecimal digits: told beforehand, it binds to the key and does not give it away."""
    return hashlib.sha256(b"stillwatch twins:" + key).hexdigest()


def chooses(key: bytes, name: str) -> bool:
    """Whether a unit is of the half that measures and weights are chosen on; else it is of the half that decides."""
    return bool(_draw(key, "half", name) & 1)


def coin(key: bytes, name: str, sides: int) -> int:
    """Which of ``sides`` comes up for ``name``, 0 to ``sides - 1``."""
    return _draw(key, "coin", name) % sides


def in_order(key: bytes, names: Sequence[str]) -> list[int]:
    """Places of ``names`` in the order that the key puts them in: one to ask or to look in, settled beforehand."""
    return sorted(range(len(names)), key=lambda place: _draw(key, "order", names[place]))


def digest_of(pairs: Sequence[Pair]) -> str:
    """SHA-256 over all pairs in order, texts and all, in hexadecimal digits."""
    whole = hashlib.sha256()
    for pair in pairs:
        whole.update(msgspec.json.encode(_encodable(pair), order="deterministic") + b"\n")
    return whole.hexdigest()


def about(pairs: Sequence[Pair], key: bytes) -> dict[str, Any]:
    """What goes into the head of the suspect's sealed answers before the first question."""
    return {_ABOUT: {"pairs": digest_of(pairs), "split": commitment(key)}}


def departure(head: Mapping[str, Any] | None, pairs: Sequence[Pair], key: bytes) -> str:
    """In what a test departs from what was settled in the sealed answers' head (``Head.about``); "" where in nothing.

    ``head`` None: the answers were not sealed by Stillwatch.
    """
    settled = (head or {}).get(_ABOUT)
    if not isinstance(settled, Mapping):
        return "nothing shows that the pairs and the split were settled before the suspect answered"
    if settled.get("pairs") != digest_of(pairs):
        return "the pairs are not those that were settled before the suspect answered"
    if settled.get("split") != commitment(key):
        return "the key of the split is not the one that was settled before the suspect answered"
    return ""


def _draw(key: bytes, what: str, name: str) -> int:
    text = f"{what}:{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=key).digest(), "big")


def _encodable(pair: Pair) -> list[Any]:
    """The pair without lone surrogates, which no encoder takes: they are written out."""

    def plain(text: str) -> str:
        return text.encode("utf-8", "backslashreplace").decode()

    twins, finishes = [plain(twin) for twin in pair.twins], [plain(finish) for finish in pair.finishes]
    taken = None if pair.taken is None else plain(pair.taken)
    return [plain(pair.prompt_id), plain(pair.prompt), taken, twins, pair.control, finishes]
