"""From pairs to what counts once: prompts nearly the same are one unit, and what cannot be a coin is set aside."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfVectorizer

from stillwatch.proving.twins.base import Pair, Unit
from stillwatch.proving.twins.splitting import coin, in_order
from stillwatch.proving.twins.texts import words_of

__all__ = ["NEARLY", "Units", "alike_prompts", "asking_order", "units_of"]

Ints = npt.NDArray[np.int64]

NEARLY = 0.9
"""Cosine of two prompts' rarer words and runs of words from which they are nearly the same."""
_MOST_HAVING = 50
"""A run of words that more prompts have is a wording they share; it does not make two prompts one."""
_AT_ONCE = 2000
_QUOTE = 12
"""Words in a row that a prompt and an answer to another prompt share by chance next to never."""
_KINDS = ("taken", "logged", "tossed")


class Units(NamedTuple):
    """Units of the prompts that were ``taken``; of controls whose answer in the log is known (``logged``); of controls
    where a coin called one twin the taken one (``tossed``). ``set_aside`` counts pairs by the reason."""

    taken: tuple[Unit, ...]
    logged: tuple[Unit, ...]
    tossed: tuple[Unit, ...]
    set_aside: Mapping[str, int]


def units_of(pairs: Sequence[Pair], key: bytes) -> Units:
    """The units of ``pairs``, each kind in the order in which its first prompt appears; ``key`` throws the coins.

    Set aside: pairs with fewer than two candidates; prompts that quote another prompt's answer, for there the taken one
    can be told from its twins; controls that are nearly the same as a prompt that was taken.
    """
    aside: Counter[str] = Counter()
    kept = [pair for pair in pairs if len(_whole(pair)) > 1]
    aside["has fewer than two candidates"] = len(pairs) - len(kept)
    quoting = _quoting(kept)
    aside["its prompt quotes an answer to another prompt"] = int(quoting.sum())
    kept = [pair for pair, quotes in zip(kept, quoting.tolist(), strict=True) if not quotes]
    numbers = alike_prompts([pair.prompt for pair in kept])
    used = {number for number, pair in zip(numbers.tolist(), kept, strict=True) if not pair.control}
    groups: dict[tuple[str, int], list[Pair]] = {}
    for number, pair in zip(numbers.tolist(), kept, strict=True):
        if pair.control and number in used:
            aside["is a control, but nearly the same as a prompt that was taken"] += 1
            continue
        kind = "taken" if not pair.control else "logged" if pair.taken is not None else "tossed"
        groups.setdefault((kind, number), []).append(pair)
    taken, logged, tossed = (
        tuple(_unit(members, key) for (of, _), members in groups.items() if of == kind) for kind in _KINDS
    )
    return Units(taken, logged, tossed, {why: n for why, n in aside.items() if n})


def asking_order(units: Units, key: bytes) -> tuple[str, ...]:
    """The prompt ids in the order in which to ask a suspect: units of all kinds mixed, settled by the key."""
    every = (*units.taken, *units.logged, *units.tossed)
    return tuple(name for place in in_order(key, [unit.name for unit in every]) for name in every[place].prompt_ids)


def alike_prompts(prompts: Sequence[str]) -> Ints:
    """Number the groups of prompts that are the same or nearly so, (n,): equal numbers, one group.

    The same but for letter case, white space and punctuation; or alike in the words, and runs of up to three words,
    that at most 50 prompts have, at a cosine of 0.9 or more (weights: Spärck Jones 1972). What many prompts share is a
    wording and makes no two of them one. Groups are connected components, so a chain of small changes is one group.
    """
    plain = [" ".join(word for word in words_of(prompt) if word[0].isalnum()) or prompt.strip() for prompt in prompts]
    first: dict[str, int] = {}
    rows = np.array([first.setdefault(text, len(first)) for text in plain], dtype=np.int64)
    texts = list(first)
    if len(texts) < 2:
        return rows
    most = min(_MOST_HAVING, len(texts))
    weigh = TfidfVectorizer(analyzer=_runs, max_df=most if most > 1 else 1.0, dtype=np.float32)
    try:
        vectors = csr_matrix(weigh.fit_transform(texts))
    except ValueError:  # every run is shared by many
        return rows
    n, edges = len(texts), []
    for start in range(0, n, _AT_ONCE):
        near = (vectors[start : start + _AT_ONCE] @ vectors.T).tocoo()
        close = near.data >= NEARLY
        edges.append(np.stack([near.row[close] + start, near.col[close]]))
    left, right = np.concatenate(edges, axis=1)
    graph = coo_matrix((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n, n))
    components: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return components[rows]


def _runs(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[i : i + size]) for size in (1, 2, 3) for i in range(len(words) - size + 1)]


def _quoting(pairs: Sequence[Pair]) -> npt.NDArray[np.bool_]:
    """(pairs,) whether a prompt has a long run of words of an answer to another, which that one's prompt has not."""
    owners: dict[int, list[int]] = {}
    of_prompts = [_quotes(pair.prompt) for pair in pairs]
    for place, quotes in enumerate(of_prompts):
        for quote in quotes:
            owners.setdefault(quote, []).append(place)
    found = np.zeros(len(pairs), dtype=np.bool_)
    for pair, own in zip(pairs, of_prompts, strict=True):
        for text in _whole(pair):
            for quote in _quotes(text) - own:
                found[owners.get(quote, [])] = True
    return found


def _quotes(text: str) -> set[int]:
    words = words_of(text)
    return {hash(tuple(words[i : i + _QUOTE])) for i in range(len(words) - _QUOTE + 1)}


def _whole(pair: Pair) -> tuple[str, ...]:
    return pair.twins if pair.taken is None else (pair.taken, *pair.twins)


def _unit(members: Sequence[Pair], key: bytes) -> Unit:
    ids = tuple(pair.prompt_id for pair in members)
    name = hashlib.sha256(min(_encoded(pair.prompt) for pair in members)).hexdigest()[:16]
    tossed = members[0].taken is None
    slots = min(len(_whole(pair)) for pair in members)
    # One coin for the unit: whichever slot it shows comes first in every prompt of it.
    shown = coin(key, name, slots) if tossed else 0
    order = [shown, *(slot for slot in range(slots) if slot != shown)]
    finishes = (pair.finishes if len(pair.finishes) == len(_whole(pair)) else ("",) * slots for pair in members)
    return Unit(
        name,
        ids,
        _rows((_whole(pair) for pair in members), order),
        tuple(tuple(slot + tossed for slot in order) for _ in members),
        _rows(finishes, order),
    )


def _rows(rows: Iterable[tuple[str, ...]], order: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row[slot] for slot in order) for row in rows)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
