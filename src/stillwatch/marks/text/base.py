"""What a mark in text is: edits of one answer, and what of it can be seen in an answer, whoever wrote that.

Two coins of the key are used, and a test rests on each (`proving.radioactivity.text_marks`):

- **halves**: for each mark and prompt, whether the answer is marked at all. Half of the answers stay as they were.
- **choices**: for each pair of variants, which one marked answers have.

Both are HMAC-SHA-256 under the key, so that they can be computed again, and no coin tells of another.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal, NamedTuple, Protocol

import msgspec

from stillwatch.marks.base import MarkKey
from stillwatch.registry import Info

__all__ = ["Coin", "Coins", "Edit", "MarkInfo", "Sighting", "TextMark", "Variant", "apply", "preferred", "same_prompt"]

Variant = Literal["a", "b"]


class MarkInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a mark says of itself. ``cost`` is what it costs whoever reads a marked answer, in plain words; ``default``
    says whether it is used unless somebody chooses."""

    info: Info
    cost: str
    default: bool


class Edit(msgspec.Struct, frozen=True, order=True):
    """Characters ``start`` to ``end`` (the last not included) become ``new``; ``unit`` names the choice behind it."""

    start: int
    end: int
    new: str
    unit: str


class Sighting(NamedTuple):
    """A place in an answer where a key could have chosen. ``unit`` names the choice, ``variant`` what stands there ("":
    neither, where a mark would have added one); ``items`` are those of a list, in their order."""

    unit: str
    variant: Variant | Literal[""] = ""
    items: tuple[str, ...] = ()


class Coins:
    """The coins of one key. Nothing is drawn: each is computed from the key, and remembered."""

    def __init__(self, key: MarkKey) -> None:
        self._secret = key.secret
        self._preferred: dict[str, Variant] = {}
        self._ranks: dict[str, bytes] = {}

    def prefers(self, unit: str) -> Variant:
        """Which variant of ``unit`` marked answers have; the same for every prompt."""
        if unit not in self._preferred:
            self._preferred[unit] = "a" if self._digest("choice", unit)[0] & 1 else "b"
        return self._preferred[unit]

    def rank(self, item: str) -> bytes:
        """Where ``item`` stands among others in the key's order."""
        if item not in self._ranks:
            self._ranks[item] = self._digest("order", item)
        return self._ranks[item]

    def treats(self, mark: str, prompt: str) -> bool:
        """Whether the answer to ``prompt`` (as `same_prompt` has it) is in the half that ``mark`` marks."""
        return bool(self._digest(f"half {mark}", prompt)[0] & 1)

    def agrees(self, seen: Sighting) -> float:
        """How far what was seen is as this key has it, 0 to 1; of a list the share of its pairs that are in the key's
        order."""
        if not seen.items:
            return float(bool(seen.variant) and seen.variant == self.prefers(seen.unit))
        ranks = [self.rank(item) for item in seen.items]
        pairs = [a < b for i, a in enumerate(ranks) for b in ranks[i + 1 :]]
        return sum(pairs) / len(pairs)

    def for_prompt(self, prompt: str) -> Coin:
        """The coins of one prompt."""
        return Coin(self, same_prompt(prompt))

    def _digest(self, kind: str, what: str) -> bytes:
        said = f"stillwatch text mark 1 {kind}\n{what}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, said, hashlib.sha256).digest()


class Coin(NamedTuple):
    """A key's coins for one prompt."""

    key: Coins
    prompt: str

    def treated(self, mark: str) -> bool:
        """Whether ``mark`` marks the answer to this prompt."""
        return self.key.treats(mark, self.prompt)

    def pick(self, mark: str, number: int) -> int:
        """One of ``number`` places for ``mark``, by the prompt."""
        return int.from_bytes(self.key.rank(f"{mark}\n{self.prompt}")[:8], "big") % number


class TextMark(Protocol):
    """One kind of mark: a file in ``marks/text/`` and a line in its registry."""

    info: ClassVar[MarkInfo]

    def plan(self, answer: str, coin: Coin) -> tuple[Edit, ...]:
        """The edits that mark ``answer``, in order, none overlapping another; () where there is nothing to mark or it
        is marked already. Does not ask whether the answer is in the marked half: `marking.mark_answer` does."""
        ...

    def seen(self, answer: str) -> tuple[Sighting, ...]:
        """Where in ``answer`` a key could have chosen, and what stands there. Knows no key."""
        ...


def apply(answer: str, edits: Iterable[Edit]) -> str:
    """``answer`` with ``edits`` made. Raises ValueError where two overlap or one lies outside."""
    parts: list[str] = []
    at = 0
    for edit in sorted(edits):
        if not at <= edit.start <= edit.end <= len(answer):
            raise ValueError(f"an edit at {edit.start} to {edit.end} overlaps another or lies outside the answer")
        parts += [answer[at : edit.start], edit.new]
        at = edit.end
    return "".join([*parts, answer[at:]])


def same_prompt(prompt: str) -> str:
    """A prompt as the unit of a coin: case, white space and compatible characters (Unicode NFKC) make no difference."""
    return " ".join(unicodedata.normalize("NFKC", prompt).casefold().split())


def preferred(coin: Coin, unit: str, variants: Sequence[str]) -> str:
    """The text of the variant that the key prefers, of ``variants`` (a, b)."""
    return variants[0] if coin.key.prefers(unit) == "a" else variants[1]
