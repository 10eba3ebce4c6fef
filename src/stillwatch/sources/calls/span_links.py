"""Spans of a table joined with those above them, many at once: what `span_window` does for spans one by one.

Spans come in stretches, in the order of the file. What a stretch tells of who called is kept as numbers of values, so
that to go up from all its calls takes a few steps over arrays. 50,000 spans are remembered before the oldest stretch
that is still asked about.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from stillwatch.sources.calls.model_spans import CONTEXT
from stillwatch.sources.calls.span_window import CONTEXT_CHARACTERS, DEPTH, OUTERMOST, SPANS_KNOWN, Key

__all__ = ["Coded", "Links", "Stretch"]

Places: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


class Coded(NamedTuple):
    """A column of few different values: these, and which of them each row has (-1: none)."""

    values: list[Any]
    which: Places

    def short(self) -> Places:
        """Which of the values each row has, of those that are kept for the spans below (`span_window.short`)."""
        long = np.array([len(str(value)) > CONTEXT_CHARACTERS for value in self.values] + [False], bool)
        return np.where(long[self.which], -1, self.which) if long.any() else self.which


class Stretch(NamedTuple):
    """Some spans: which they are, what each lies within, which are calls, and what each tells of who called.

    ``encloses``: those that a call lies within, as far as is known.
    """

    keys: Sequence[Key | None]
    parents: Sequence[Key | None]
    calls: Bools
    context: dict[str, Coded]
    encloses: Bools


class Links:
    """The spans that are remembered."""

    def __init__(self) -> None:
        self._at: dict[Key, int] = {}
        self._kept: deque[Stretch] = deque()
        self._first = self._asked = 0

    def add(self, stretch: Stretch) -> None:
        """The next spans of the file."""
        start = self._first + sum(len(kept.keys) for kept in self._kept)
        self._kept.append(stretch)
        told = zip(stretch.keys, range(start, start + len(stretch.keys)), strict=True)
        self._at.update((key, place) for key, place in told if key is not None)

    def next(self) -> tuple[Bools, dict[str, Coded]]:
        """Of the oldest stretch that was not asked about: which of its spans are exchanges, and what is known of who
        called in each of its calls (`span_window.inherited`).
        """
        before = sum(len(kept.keys) for kept in itertools.islice(self._kept, self._asked))
        stretch = self._kept[self._asked]
        rows = slice(before, before + len(stretch.keys))
        above, own = self._above(), self._own()
        encloses = self._enclosing(above, own)
        calls = np.flatnonzero(stretch.calls)
        passed = np.array([key is not None for key in stretch.keys], bool) & encloses[own[rows]]
        context = self._inherited(above, above[rows][calls], stretch, calls)
        self._asked += 1
        self._forget()
        return stretch.calls & ~passed, context

    def _above(self) -> Places:
        """The place of what each span lies within; -1 where that is not known."""
        at: Callable[[Any, int], int] = self._at.get
        places = [
            np.fromiter(map(at, kept.parents, itertools.repeat(-1)), np.int64, len(kept.parents)) for kept in self._kept
        ]
        found = np.concatenate(places)
        return np.where(found < 0, -1, found - self._first)

    def _own(self) -> Places:
        """The place that counts for each span: where it was told last."""
        told = sum(len(kept.keys) for kept in self._kept)
        every = np.arange(told)
        if len(self._at) == told:
            return every
        at: Callable[[Any, int], int] = self._at.get
        keys = itertools.chain.from_iterable(kept.keys for kept in self._kept)
        found = np.fromiter(map(at, keys, itertools.repeat(-1)), np.int64, told)
        return np.where(found < 0, every, found - self._first)

    def _enclosing(self, above: Places, own: Places) -> Bools:
        """Which spans a call lies within, and keeps it for when that call is forgotten."""
        known = np.concatenate([kept.encloses for kept in self._kept])
        found = np.zeros(len(known), bool)
        found[own[known]] = True
        # like a call, a span that does not say which one it is marks those above it, as in the window
        marks = [kept.calls | np.array([key is None for key in kept.keys], bool) for kept in self._kept]
        going = np.unique(above[np.concatenate(marks) | found])
        while len(going := going[going >= 0]) and len(going := going[~found[going]]):
            found[going] = True
            going = np.unique(above[going])
        start = 0
        for kept in self._kept:
            kept.encloses[:] = found[start : start + len(kept.keys)]
            start += len(kept.keys)
        return found

    def _inherited(self, above: Places, first: Places, stretch: Stretch, calls: Places) -> dict[str, Coded]:
        found: dict[str, Coded] = {}
        path = [first]
        while len(path) <= DEPTH and (path[-1] >= 0).any():
            path.append(np.where(path[-1] < 0, -1, above[path[-1]]))
        for name in CONTEXT:
            if not any(name in kept.context for kept in self._kept):
                continue
            values, which = self._told(name)
            best = np.full(len(calls), -1)
            for places in path[:DEPTH]:
                here = np.where(places < 0, -1, which[places])
                best = np.where((here >= 0) & ((best < 0) | (name in OUTERMOST)), here, best)
            if name in stretch.context:
                own = stretch.context[name]
                mine = own.which[calls]
                best = np.where(mine < 0, best, mine + len(values))
                values = [*values, *own.values]
            used, which = np.unique(best, return_inverse=True)
            kept = [values[place] for place in used.tolist() if place >= 0]
            found[name] = Coded(kept, which - (len(used) - len(kept)))
        return found

    def _told(self, name: str) -> tuple[list[Any], Places]:
        """What all spans tell under one name: the values, and which of them each has."""
        values: list[Any] = []
        which: list[Places] = []
        for kept in self._kept:
            coded = kept.context.get(name)
            if coded is None:
                which.append(np.full(len(kept.keys), -1))
            else:
                short = coded.short()
                which.append(np.where(short < 0, -1, short + len(values)))
                values += coded.values
        return values, np.concatenate(which)

    def _forget(self) -> None:
        """Keeps no more spans than may be kept."""
        known = sum(len(kept.keys) for kept in itertools.islice(self._kept, self._asked))
        while self._asked and known - len(self._kept[0].keys) >= SPANS_KNOWN:
            gone = self._kept.popleft()
            known -= len(gone.keys)
            self._first += len(gone.keys)
            self._asked -= 1
            for key in gone.keys:
                if key is not None and self._at.get(key, self._first) < self._first:
                    del self._at[key]
