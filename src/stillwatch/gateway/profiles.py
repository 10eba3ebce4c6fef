"""What passed of each account: sums, minima and maxima, in a few hundred bytes, for as many accounts as we remember.

Most accounts of a provider are only counted. Their ids are not kept: an account is a keyed 64-bit hash (two of a
million collide with probability 3·10⁻⁸, and then share a count that no decision rests on), its numbers lie in arrays.
"""

from __future__ import annotations

import hashlib
import random
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["MOST_ACCOUNTS", "Profile", "Profiles"]

MOST_ACCOUNTS = 2_000_000
LOOKED_AT = 16
_REMEMBERED, _LONGEST_REMEMBERED = 10_000, 200
"""Hashes of accounts that pass now are not computed again for every exchange; bounded, some 2 MB."""


class Profile(NamedTuple):
    """Exchanges, tokens (sent and answered) and reasoning tokens are sums, as is ``touched`` (exchanges that were
    treated other than everybody's); first and last seen in microseconds."""

    exchanges: int
    tokens: int
    reasoning_tokens: int
    touched: int
    first_seen: int
    last_seen: int


class Profiles:
    """Profiles by keyed hash. Beyond ``most`` accounts the longest unseen of a few drawn at random is forgotten (the
    approximation of LRU that Redis uses)."""

    def __init__(self, key: bytes, most: int = MOST_ACCOUNTS) -> None:
        self._key, self._most = key, most
        self._place: dict[int, int] = {}
        self._hash = array("q")
        self._columns = tuple(array("q") for _ in Profile._fields)
        self._dirty: set[int] = set()
        self._draw = random.Random(0)
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._hash)

    def number(self, account_id: str) -> int:
        """The keyed hash that stands for an account, as a signed 64-bit number."""
        number = self._numbers.get(account_id)
        if number is None:
            digest = hashlib.blake2b(account_id.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
            number = int.from_bytes(digest, "big", signed=True)
            if len(account_id) <= _LONGEST_REMEMBERED:
                if len(self._numbers) >= _REMEMBERED:
                    self._numbers.clear()
                self._numbers[account_id] = number
        return number

    def get(self, account_id: str) -> Profile | None:
        """An account's profile; None: never seen, or forgotten."""
        place = self._place.get(self.number(account_id))
        return None if place is None else Profile(*(column[place] for column in self._columns))

    def add(self, account_id: str, tokens: int, reasoning_tokens: int, touched: bool, at: int) -> bool:
        """Count one exchange. Returns whether the account is new here."""
        number = self.number(account_id)
        place = self._place.get(number)
        new = place is None
        if place is None:
            place = self._make_place(number, at)
        exchanges, all_tokens, reasoning, touches, first, last = self._columns
        exchanges[place] += 1
        all_tokens[place] += tokens
        reasoning[place] += reasoning_tokens
        touches[place] += touched
        if at < first[place]:
            first[place] = at
        if at > last[place]:
            last[place] = at
        self._dirty.add(place)
        return new

    def changed(self, most: int = 2000) -> list[tuple[int, Profile]]:
        """Up to ``most`` profiles that changed since they were handed out, by hash."""
        taken: list[tuple[int, Profile]] = []
        while self._dirty and len(taken) < most:
            place = self._dirty.pop()
            taken.append((self._hash[place], Profile(*(column[place] for column in self._columns))))
        return taken

    def not_kept(self, profiles: Iterable[tuple[int, Profile]]) -> None:
        """Profiles that `changed` handed out could not be kept: hand them out again."""
        self._dirty.update(place for number, _ in profiles if (place := self._place.get(number)) is not None)

    def keep_all(self) -> None:
        """Hand out every profile once more."""
        self._dirty.update(range(len(self._hash)))

    def restore(self, kept: Iterable[tuple[int, Profile]]) -> None:
        """Take up profiles that were kept, each once; what passed here meanwhile is added."""
        for number, profile in kept:
            place = self._place.get(number)
            if place is not None:
                for column, value in zip(self._columns[:4], profile, strict=False):
                    column[place] += value
                first, last = self._columns[4:]
                first[place] = min(first[place], profile.first_seen)
                last[place] = max(last[place], profile.last_seen)
            elif len(self._hash) < self._most:
                self._place[number] = len(self._hash)
                self._hash.append(number)
                for column, value in zip(self._columns, profile, strict=True):
                    column.append(value)

    def __iter__(self) -> Iterator[tuple[int, Profile]]:
        for place, number in enumerate(self._hash):
            yield number, Profile(*(column[place] for column in self._columns))

    def _make_place(self, number: int, at: int) -> int:
        if len(self._hash) < self._most:
            place = len(self._hash)
            self._hash.append(number)
            for column in self._columns:
                column.append(0)
        else:
            last = self._columns[-1]
            place = min((self._draw.randrange(self._most) for _ in range(LOOKED_AT)), key=last.__getitem__)
            del self._place[self._hash[place]]
            self._hash[place] = number
            for column in self._columns:
                column[place] = 0
        self._place[number] = place
        self._columns[4][place] = self._columns[5][place] = at
        return place
