"""Reasoning out of answers, requests made smaller, refusals in the caller's own dialect: all without input or output.

`body` and `stream` work on bytes as they travel, and give back the very same bytes wherever nothing was to be changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

__all__ = ["StreamShield", "Summarise"]


class Summarise(NamedTuple):
    """Reasoning that is to be summarised: ask the user's model, hand the words to `StreamShield.summarised`."""

    text: str


class StreamShield(Protocol):
    """One answer's stream of server-sent events on its way through."""

    def feed(self, chunk: bytes) -> Iterator[bytes | Summarise]:
        """Bytes to pass on for these that came, however they were cut. After a `Summarise` call `summarised` first."""
        ...

    def summarised(self, text: str | None) -> Iterator[bytes]:
        """The summary that was asked for; None: there is none, and the reasoning is left out."""
        ...

    def end(self) -> Iterator[bytes | Summarise]:
        """The stream came to its end, or broke off: what was held back, as far as it may leave."""
        ...
