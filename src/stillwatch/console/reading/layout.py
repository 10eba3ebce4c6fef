"""Where the nodes of a picture stand: the same for the same picture, found on the server within a tenth of a second.

Springs along lines and repulsion between nodes (Fruchterman and Reingold 1991), from a spiral, without chance. The
picture is bounded (`stillwatch.console.reading.graph.MOST`), so every pair is looked at.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["places"]

Floats = npt.NDArray[np.float32]
ROUNDS = 60
_GOLDEN = np.pi * (3.0 - np.sqrt(5.0))


def places(nodes: int, lines: npt.NDArray[np.int32], weight: Floats) -> Floats:
    """Places of ``nodes`` in the unit square, (nodes, 2); ``lines`` (m, 2) join them, ``weight`` (nodes,) is how much
    room each takes (at least 1). No node: an empty array; one stands in the middle."""
    if nodes < 2:
        return np.full((nodes, 2), 0.5, dtype=np.float32)
    turn = np.arange(nodes, dtype=np.float64)
    radius = np.sqrt((turn + 0.5) / nodes)
    at = np.stack([radius * np.cos(turn * _GOLDEN), radius * np.sin(turn * _GOLDEN)], axis=1).astype(np.float32)
    apart = np.float32(1.4 / np.sqrt(nodes))
    room = np.sqrt(weight).astype(np.float32)
    push = apart * apart * room[:, None] * room[None, :]
    for step in range(ROUNDS):
        force = _pushed(at, push)
        _pull(force, at, lines, apart)
        force -= 0.35 * apart * at  # what hangs on nothing does not drift away
        length = np.sqrt((force * force).sum(axis=1, keepdims=True)) + 1e-9
        heat = np.float32(0.12 * (1 - step / ROUNDS) + 0.004)
        at += force / length * np.minimum(length, heat)
    low, high = at.min(axis=0), at.max(axis=0)
    span = max(float((high - low).max()), 1e-6)
    placed: Floats = ((at - (low + high) / 2) / span + 0.5).astype(np.float32)
    return placed


def _pushed(at: Floats, push: Floats) -> Floats:
    """The force on each node from all others: away, weaker with the distance."""
    x = at[:, 0][:, None] - at[:, 0][None, :]
    y = at[:, 1][:, None] - at[:, 1][None, :]
    strength = push / (x * x + y * y + 1e-4)
    return np.stack([(x * strength).sum(axis=1), (y * strength).sum(axis=1)], axis=1)


def _pull(force: Floats, at: Floats, lines: npt.NDArray[np.int32], apart: np.float32) -> None:
    """Adds the force of lines, which grows with their length."""
    if not len(lines):
        return
    a, b = lines[:, 0], lines[:, 1]
    way = at[a] - at[b]
    pull = way * (np.sqrt((way * way).sum(axis=1, keepdims=True)) / apart) * np.float32(0.35)
    np.add.at(force, a, -pull)
    np.add.at(force, b, pull)
