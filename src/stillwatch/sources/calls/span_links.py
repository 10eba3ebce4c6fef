"""Spans of a table joined with those above them, many at once: what `span_window` does for spans one by one.

Spans come in stretches, in the order of the file. What a stretch tells of who called is kept as numbers of values, so
that to go up from all its calls takes a few steps over arrays. 50,000 spans are remembered before the oldest stretch
that is still asked about.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from stillwatch.sources.calls.model_spans import CONTEXT
from stillwatch.sources.calls.span_window import CONTEXT_CHARACTERS, DEPTH, OUTERMOST, SPANS_KNOWN, Key

__all__ = ["Coded", "Links", "Stretch"]

Places: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

_UNTOLD, _ROOT = -1, -2


class Coded(NamedTuple):
    """A column of few different values: these, and which of them each row has (-1: none)."""

    values: list[Any]
    which: Places

    def short(self) -> Coded:
        """Without the values that are too long to be kept for the spans below (`span_window.short`)."""
        lengths = [len(value) if type(value) is str else len(str(value)) for value in self.values]
        if max(lengths, default=0) <= CONTEXT_CHARACTERS:
            return self
        long = np.array([*(length > CONTEXT_CHARACTERS for length in lengths), False])
        return self._replace(which=np.where(long[self.which], -1, self.which))


class Stretch:
    """Some spans: which they are, what each lies within, which are calls, and what each tells of who called."""

    def __init__(
        self, keys: Sequence[Key | None], parents: Sequence[Key | None], calls: Bools, context: dict[str, Coded]
    ) -> None:
        self.keys, self.parents, self.calls, self.context = keys, parents, calls, context
        self.below = {name: coded.short() for name, coded in context.items()}
        self.known = np.array([key is not None for key in keys], bool)
        # where in the file what each lies within was told: not yet, or never
        self.above = np.array([_ROOT if parent is None else _UNTOLD for parent in parents], np.int64)
        self.encloses = np.zeros(len(keys), bool)

    def __len__(self) -> int:
        return len(self.keys)


class Links:
    """The spans that are remembered."""

    def __init__(self) -> None:
        self._at: dict[Key | None, int] = {}
        self._kept: deque[Stretch] = deque()
        self._first = self._asked = self._last = 0
        self._joined: tuple[Places, Places, Bools] | None = None  # until spans are added
        self._values: dict[str, tuple[list[Any], Places]] = {}

    def add(self, stretch: Stretch) -> None:
        """The next spans of the file; the oldest are forgotten."""
        self._forget()
        self._joined, self._values = None, {}
        told = zip(stretch.keys, range(self._last, self._last + len(stretch)), strict=True)
        self._at.update(told if stretch.known.all() else ((key, place) for key, place in told if key is not None))
        self._kept.append(stretch)
        self._last += len(stretch)

    def next(self) -> tuple[Bools, dict[str, Coded]]:
        """Of the oldest stretch that was not asked about: which of its spans are exchanges, and what is known of who
        called in each of its calls (`span_window.inherited`).
        """
        before = sum(map(len, itertools.islice(self._kept, self._asked)))
        stretch = self._kept[self._asked]
        rows = slice(before, before + len(stretch))
        if self._joined is None:
            own = self._own()
            above = self._above(own)
            self._joined = own, above, self._enclosing(above, own)
        own, above, encloses = self._joined
        calls = np.flatnonzero(stretch.calls)
        context = self._inherited(above, above[rows][calls], stretch, calls)
        self._asked += 1
        return stretch.calls & ~(stretch.known & encloses[own[rows]]), context

    def _own(self) -> Places:
        """The place that counts for each span: where it was told last."""
        every = np.arange(self._last - self._first)
        if len(self._at) == len(every):
            return every
        keys = itertools.chain.from_iterable(kept.keys for kept in self._kept)
        found = np.fromiter((self._at.get(key, -1) if key is not None else -1 for key in keys), np.int64, len(every))
        return np.where(found < 0, every, found - self._first)

    def _above(self, own: Places) -> Places:
        """The place of what each span lies within; -1 where that is not known."""
        for kept in self._kept:
            kept.above[(kept.above >= 0) & (kept.above < self._first)] = _UNTOLD
            for place in np.flatnonzero(kept.above == _UNTOLD).tolist():
                kept.above[place] = self._at.get(kept.parents[place], _UNTOLD)
        found = np.concatenate([kept.above for kept in self._kept])
        return np.where(found < 0, -1, own[np.maximum(found - self._first, 0)])

    def _enclosing(self, above: Places, own: Places) -> Bools:
        """Which spans a call lies within; kept for when that call is forgotten."""
        found = np.zeros(len(above), bool)
        found[own[np.concatenate([kept.encloses for kept in self._kept])]] = True
        # like a call, a span that does not say which one it is marks those above it, as in the window
        marks = np.concatenate([kept.calls | ~kept.known for kept in self._kept])
        going = np.unique(above[marks | found])
        while len(going := going[going >= 0]) and len(going := going[~found[going]]):
            found[going] = True
            going = np.unique(above[going])
        start = 0
        for kept in self._kept:
            kept.encloses = found[start : start + len(kept)]
            start += len(kept)
        return found

    def _inherited(self, above: Places, first: Places, stretch: Stretch, calls: Places) -> dict[str, Coded]:
        found: dict[str, Coded] = {}
        path = [first]
        while len(path) <= DEPTH and (path[-1] >= 0).any():
            path.append(np.where(path[-1] < 0, -1, above[path[-1]]))
        for name in CONTEXT:
            if not any(name in kept.context for kept in self._kept):
                continue
            if name not in self._values:
                self._values[name] = self._told(name)
            values, which = self._values[name]
            best = np.full(len(calls), -1)
            for places in path[:DEPTH]:
                here = np.where(places < 0, -1, which[places])
                best = np.where((here >= 0) & ((best < 0) | (name in OUTERMOST)), here, best)
            if name in stretch.context:
                own = stretch.context[name]
                mine = own.which[calls]
                best = np.where(mine < 0, best, mine + len(values))
                more = own.values
            else:
                more = []
            used, which = np.unique(best, return_inverse=True)
            all_of = len(values)
            kept = [values[p] if p < all_of else more[p - all_of] for p in used.tolist() if p >= 0]
            found[name] = Coded(kept, which - (len(used) - len(kept)))
        return found

    def _told(self, name: str) -> tuple[list[Any], Places]:
        """What all spans tell under one name: the values, and which of them each has."""
        values: list[Any] = []
        which: list[Places] = []
        for kept in self._kept:
            coded = kept.below.get(name)
            if coded is None:
                which.append(np.full(len(kept), -1))
            else:
                which.append(np.where(coded.which < 0, -1, coded.which + len(values)))
                values += coded.values
        return values, np.concatenate(which)

    def _forget(self) -> None:
        """Keeps no more spans than may be kept."""
        known = sum(map(len, itertools.islice(self._kept, self._asked)))
        while self._asked and known - len(self._kept[0]) >= SPANS_KNOWN:
            gone = self._kept.popleft()
            known -= len(gone)
            self._first += len(gone)
            self._asked -= 1
            for key in gone.keys:
                if key is not None and self._at.get(key, self._first) < self._first:
                    del self._at[key]
