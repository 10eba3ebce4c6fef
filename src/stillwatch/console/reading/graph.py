"""The account–artefact picture of a campaign, small enough to look at whatever the campaign's size.

Artefacts that tie many accounts are drawn; accounts that used the same of them are folded into one bubble with its
number. A bubble or an artefact can be opened (`Focus`): then the same is done with its accounts alone, until they are
few enough to stand there one by one. At most `MOST` nodes are drawn at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from stillwatch.campaigns import wording
from stillwatch.console.reading.groups import Ties
from stillwatch.console.reading.layout import places

__all__ = ["MOST", "Focus", "Graph", "Node", "graph_of"]

MOST = 400
"""Nodes of one picture."""
SINGLES = 150
"""Accounts that are drawn one by one; above that they are folded."""
BUBBLES = 240
FOLDED_BY = 60
DEEPEST = 8
_STEP = re.compile(r"(?:a(\d{1,6})|b([0-9a-f]{12}))\Z")

Ints = npt.NDArray[np.int32]


class Focus(NamedTuple):
    """Which part of a campaign is looked at. ``steps`` were opened one in the other: ``aN`` is artefact N of the group,
    ``bHASH`` a bubble; ``kind`` of artefact, "" for all."""

    steps: tuple[str, ...] = ()
    kind: str = ""

    @classmethod
    def read(cls, steps: str, kind: str = "") -> Focus:
        """What an address asks for; what is no step is passed over, and steps beyond the eighth."""
        found = [step for step in steps[:400].split(".") if _STEP.match(step)]
        return cls(tuple(found[:DEEPEST]), kind[:40])

    def into(self, step: str) -> str:
        """The steps of an address that opens ``step`` too; "" where it is as deep as it goes."""
        return ".".join([*self.steps, step]) if len(self.steps) < DEEPEST else ""


class Node(msgspec.Struct, frozen=True):
    """A node of the picture: an artefact, a bubble of ``accounts`` (several), or one ``account``.

    ``count`` is how many accounts it stands for (of an artefact: that used it, among those looked at), ``outsiders``
    how many accounts outside the group used an artefact. ``x`` and ``y`` are in the unit square. ``opens`` is the focus
    (its steps) that opens it, "" where nothing does; ``place`` an account's place in the group's rows, else -1.
    """

    sort: Literal["artefact", "accounts", "account"]
    label: str
    kind: str
    count: int
    outsiders: int
    x: float
    y: float
    opens: str = ""
    place: int = -1


class Graph(msgspec.Struct, frozen=True):
    """A picture: ``nodes``, ``lines`` between them (places in ``nodes``: accounts, artefact), and what it leaves out.

    ``accounts`` are looked at, of ``all_accounts``; ``left_out`` artefacts tie two or more of them and are not drawn;
    ``unseen`` accounts are not drawn either (only where they are alike in all that is known of them).
    """

    nodes: tuple[Node, ...]
    lines: tuple[tuple[int, int], ...]
    accounts: int
    all_accounts: int
    left_out: int
    unseen: int
    kinds: tuple[str, ...]


class _Fold(NamedTuple):
    """Accounts folded by ``artefacts``: the ``members`` of each bubble, and which artefacts it used (columns)."""

    artefacts: Ints
    members: tuple[Ints, ...]
    used: npt.NDArray[np.bool_]
    candidates: int


def graph_of(ties: Ties, accounts: int, focus: Focus) -> Graph:
    """The picture of ``focus`` in a group of ``accounts``.

    A step that leads nowhere (another run's address) is passed over. No account: nothing is drawn.
    """
    chosen = np.arange(accounts, dtype=np.int32)
    for step in focus.steps:
        chosen = _opened(ties, chosen, step, focus.kind)
    fold = _fold(ties, chosen, focus.kind)
    unseen = 0
    if len(fold.members) == 1 and len(fold.members[0]) > SINGLES:  # alike in everything: some stand for all
        unseen = len(chosen) - SINGLES
        fold = _singles(ties, chosen[:SINGLES], fold.artefacts, fold.candidates)
    nodes, lines = _drawn(ties, fold, len(chosen), focus)
    kinds = tuple(dict.fromkeys(ties.kinds))
    return Graph(nodes, lines, len(chosen), accounts, fold.candidates - len(fold.artefacts), unseen, kinds)


def _opened(ties: Ties, chosen: Ints, step: str, kind: str) -> Ints:
    found = _STEP.match(step)
    if found is None:
        return chosen
    if found[1]:
        number = int(found[1])
        if number >= len(ties):
            return chosen
        inside = np.intersect1d(chosen, ties.used_by(number), assume_unique=True)
        return inside if len(inside) else chosen
    fold = _fold(ties, chosen, kind)
    for members, used in zip(fold.members, fold.used, strict=True):
        if _digest(ties, fold.artefacts[used]) == found[2]:
            return members
    return chosen


def _counted(ties: Ties, chosen: Ints) -> npt.NDArray[np.int64]:
    """How many of the accounts looked at used each artefact."""
    mask = np.zeros(int(max(chosen.max(initial=-1), ties.users.max(initial=-1))) + 1, dtype=bool)
    mask[chosen] = True
    summed = np.concatenate([[0], np.cumsum(mask[ties.users], dtype=np.int64)])
    counts: npt.NDArray[np.int64] = summed[ties.starts[1:]] - summed[ties.starts[:-1]]
    return counts


def _fold(ties: Ties, chosen: Ints, kind: str) -> _Fold:
    """Fold accounts by as many artefacts as the picture bears, those first that tie the most for the fewest
    outsiders."""
    if not len(ties) or not len(chosen):
        return _singles(ties, chosen, np.zeros(0, dtype=np.int32), 0)
    counts = _counted(ties, chosen)
    fits = counts >= min(2, len(chosen))
    if kind:
        fits &= np.array([k == kind for k in ties.kinds], dtype=bool)
    inside = np.diff(ties.starts)
    worth = counts.astype(np.float64) ** 2 / np.maximum(inside + ties.outsiders, 1)
    candidates = np.flatnonzero(fits).astype(np.int32)
    ranked = candidates[np.lexsort((candidates, -worth[candidates]))]
    if len(chosen) <= SINGLES:
        return _singles(ties, chosen, ranked[: MOST - len(chosen)], len(candidates))
    ranked = ranked[:FOLDED_BY]
    bits = np.zeros(len(chosen), dtype=np.uint64)
    for bit, artefact in enumerate(ranked.tolist()):
        hit = np.isin(chosen, ties.used_by(artefact), assume_unique=True)
        bits |= hit.astype(np.uint64) << np.uint64(bit)
    low, high = 0, len(ranked)  # the more artefacts, the more bubbles
    while low < high:
        middle = (low + high + 1) // 2
        if len(np.unique(bits & _mask(middle))) <= BUBBLES:
            low = middle
        else:
            high = middle - 1
    signatures, which = np.unique(bits & _mask(low), return_inverse=True)
    order = np.argsort(which, kind="stable")
    ends = np.cumsum(np.bincount(which, minlength=len(signatures)))
    members = tuple(np.split(chosen[order], ends[:-1]))
    used = (signatures[:, None] >> np.arange(low, dtype=np.uint64)[None, :]) & np.uint64(1)
    return _Fold(ranked[:low], members, used.astype(bool), len(candidates))


def _mask(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)


def _singles(ties: Ties, chosen: Ints, artefacts: Ints, candidates: int) -> _Fold:
    """Every account a bubble of its own."""
    used = np.zeros((len(chosen), len(artefacts)), dtype=bool)
    for column, artefact in enumerate(artefacts.tolist()):
        used[:, column] = np.isin(chosen, ties.used_by(artefact), assume_unique=True)
    return _Fold(artefacts, tuple(np.split(chosen, len(chosen))) if len(chosen) else (), used, candidates)


def _drawn(
    ties: Ties, fold: _Fold, looked_at: int, focus: Focus
) -> tuple[tuple[Node, ...], tuple[tuple[int, int], ...]]:
    bubbles = len(fold.members)
    sizes = np.array([len(members) for members in fold.members], dtype=np.float32)
    rows, columns = np.nonzero(fold.used)
    lines = np.stack([rows, columns + bubbles], axis=1).astype(np.int32)
    counts = fold.used.T.astype(np.float32) @ sizes if bubbles else np.zeros(len(fold.artefacts), dtype=np.float32)
    if sizes.sum() < looked_at:  # some stand for all, who are alike
        counts = np.full(len(fold.artefacts), looked_at, dtype=np.float32)
    room = np.concatenate([1 + np.log1p(sizes), np.full(len(fold.artefacts), 2.0, dtype=np.float32)])
    at = places(bubbles + len(fold.artefacts), lines, room.astype(np.float32)).tolist()

    def opens(step: str, count: int) -> str:
        return focus.into(step) if count < looked_at else ""  # what holds all of them opens nothing

    nodes: list[Node] = []
    for number, members in enumerate(fold.members):
        x, y = at[number]
        if len(members) == 1:
            nodes.append(Node("account", "", "", 1, 0, x, y, place=int(members[0])))
            continue
        artefacts = fold.artefacts[fold.used[number]]
        label, step = _bubble(len(members), ties, artefacts), f"b{_digest(ties, artefacts)}"
        nodes.append(Node("accounts", label, "", len(members), 0, x, y, opens(step, len(members))))
    for column, artefact in enumerate(fold.artefacts.tolist()):
        x, y = at[bubbles + column]
        kind, label = wording.visible(ties.kinds[artefact], limit=30), _artefact(ties, artefact)
        count, outsiders = int(counts[column]), int(ties.outsiders[artefact])
        nodes.append(Node("artefact", label, kind, count, outsiders, x, y, opens(f"a{artefact}", count)))
    return tuple(nodes), tuple((a, b) for a, b in lines.tolist())


def _artefact(ties: Ties, number: int) -> str:
    return f"{wording.visible(ties.kinds[number], limit=30)} {wording.visible(ties.hashes[number], limit=24)[:8]}"


def _bubble(count: int, ties: Ties, artefacts: Sequence[int] | Ints) -> str:
    """What a bubble is, for whoever does not see the picture."""
    if not len(artefacts):
        return f"{count:,} accounts that used none of the artefacts shown"
    kinds: dict[str, int] = {}
    for number in artefacts:
        kind = wording.visible(ties.kinds[int(number)], limit=30)
        kinds[kind] = kinds.get(kind, 0) + 1
    named = wording.listed([f"{kind} ({number})" if number > 1 else kind for kind, number in sorted(kinds.items())])
    return f"{count:,} accounts that used the same: {named}"


def _digest(ties: Ties, artefacts: Ints) -> str:
    names = "\n".join(sorted(f"{ties.kinds[number]} {ties.hashes[number]}" for number in artefacts.tolist()))
    return hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:12]
