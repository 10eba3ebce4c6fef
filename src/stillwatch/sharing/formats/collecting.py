"""What a reader finds in a stranger's document, kept within bounds whatever the stranger wrote."""

from __future__ import annotations

import re
from collections import Counter

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_OBJECTS, Decoded, ForeignIndicator, Reject
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.formats.bounds import shown

__all__ = ["Found"]

MOST_NAMES = 200
"""Types that are counted by a stranger's name for them."""
MOST_SHOWN = 1000
"""Parts that were set aside and are named; how many more there were is said."""
NAME = re.compile(r"[A-Za-z0-9|/ _-]{1,40}")


class Found:
    """What of a document was read so far."""

    def __init__(self) -> None:
        self.bulletins: list[Bulletin] = []
        self.foreign: list[ForeignIndicator] = []
        self.rejected: list[Reject] = []
        self.more_rejected = 0
        self.seen: Counter[str] = Counter()
        self.objects = 0

    def count(self, kind: str, name: str) -> None:
        """One more of ``kind`` called ``name``, a stranger's word."""
        key = f"{kind} {name}"
        known = key in self.seen or (len(self.seen) < MOST_NAMES and NAME.fullmatch(name) is not None)
        self.seen[key if known else f"{kind}, other"] += 1

    def room(self, objects: int) -> None:
        """Raises `InputError` where ``objects`` more are too many."""
        self.objects += objects
        if self.objects > MOST_OBJECTS:
            raise InputError(f"holds more than {MOST_OBJECTS} objects")

    def reject(self, reason: object, where: object) -> None:
        """Something is set aside."""
        if len(self.rejected) < MOST_SHOWN:
            self.rejected.append(Reject(shown(reason, 200), shown(where)))
        else:
            self.more_rejected += 1

    def decoded(self) -> Decoded:
        """All of it."""
        if self.more_rejected:
            self.rejected.append(Reject(f"{self.more_rejected} more were set aside", "the document"))
        return Decoded(tuple(self.bulletins), tuple(self.foreign), dict(self.seen), tuple(self.rejected))
