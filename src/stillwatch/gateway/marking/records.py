"""What the journal keeps of a mark, beside the exchange and without a word of it.

Prompt and answer are told by keyed hashes (HMAC-SHA-256 under the mark's own key, 16 bytes), so that whoever holds the
key and a log of his own can find the exchange in it, and nobody else learns anything.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgspec

from stillwatch.gateway.marking.answers import Made
from stillwatch.marks.base import MarkKey
from stillwatch.marks.text.base import same_prompt

__all__ = ["COLUMN", "MarkRecord", "answer_hash", "prompt_hash", "record_of"]

COLUMN: Final = "marks"
"""Where a line of the journal has it."""


class MarkRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``key`` is the id; ``could`` names the marks that had something to mark and ``did`` how many edits each made
    (neither is known of a sampling ``scheme``, whose marks the model's server makes); ``prompt`` and ``answer`` are
    hashes."""

    key: str
    scheme: str
    could: tuple[str, ...] | None = None
    did: dict[str, int] = {}
    prompt: str = ""
    answer: str = ""


def record_of(key: MarkKey, prompt: str, answer: str, made: Made | None) -> MarkRecord:
    """Of an ``answer`` as it was given; ``made`` None: the model's server marked it."""
    return MarkRecord(
        key=key.id,
        scheme=key.scheme,
        could=None if made is None else made.could,
        did={} if made is None else dict(made.did),
        prompt=prompt_hash(key, prompt) if prompt else "",
        answer=answer_hash(key, answer),
    )


def prompt_hash(key: MarkKey, prompt: str) -> str:
    """Of the prompt as the coins have it: case and white space make no difference."""
    return _digest(key, "prompt", same_prompt(prompt))


def answer_hash(key: MarkKey, answer: str) -> str:
    """Of the answer as it was given, white space left out: logs put its parts together in different ways."""
    return _digest(key, "answer", "".join(answer.split()))


def _digest(key: MarkKey, kind: str, text: str) -> str:
    said = f"stillwatch gateway {kind} 1\n{text}".encode("utf-8", "surrogatepass")
    return hmac.new(key.secret, said, hashlib.sha256).hexdigest()[:32]
