"""Items that are known by the text of their messages, whoever asks them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from stillwatch.asking.base import Message
from stillwatch.safety_audit.base import Item, Property
from stillwatch.safety_audit.reference.answering import Answerer

__all__ = ["Book", "Entry", "fingerprint"]


class Entry(NamedTuple):
    """An item with the property that asks it and the answerer that knows its answers."""

    name: str
    property: Property
    answerer: Answerer
    item: Item


def fingerprint(messages: Iterable[Message]) -> bytes:
    """What names a conversation: who said what, in order. Ids of tool calls are the asker's own and left out."""
    said = [(turn.role, turn.text, turn.tool if turn.role == "assistant" else "") for turn in messages]
    return hashlib.blake2b(msgspec.json.encode(said), digest_size=16).digest()


class Book:
    """All items of some properties. Two items of the same text are one: the one that was told first."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Entry] = {}

    def add(self, name: str, property: Property, answerer: Answerer, items: Iterable[Item]) -> None:
        """Know these items, the property's own or from a data set."""
        for item in items:
            self._entries.setdefault(fingerprint(item.messages), Entry(name, property, answerer, item))

    def find(self, messages: Sequence[Message]) -> Entry | None:
        """The item that is asked with these messages."""
        return self._entries.get(fingerprint(messages))

    def entries(self) -> tuple[Entry, ...]:
        """Everything that is known, in the order in which it was told."""
        return tuple(self._entries.values())
