"""The directions of subject that the public behaviour space knows (`stillwatch.signals.behaviour`): simulated traffic
only.

python -m bench.behaviour_space
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import stillwatch.signals
from stillwatch.exchange import accounts_of, in_order
from stillwatch.signals import behaviour
from stillwatch.signals.embedding import embed
from stillwatch.signals.new_text import new_turns
from stillwatch.simulation.world import simulate

SEED, ACCOUNTS, DIRECTIONS = 8101, 1500, 8


def main() -> None:
    """Write ``signals/behaviour.json`` anew: the mean of what simulated accounts ask about, and its main directions."""
    world = simulate(accounts=ACCOUNTS, days=14.0, campaigns=[], seed=SEED, load=1.0)
    exchanges = in_order(world.exchanges.to_arrow())
    ids, account = accounts_of(exchanges)
    turns = new_turns(exchanges.column("messages"))
    chosen = behaviour.sampled(account)
    vector = embed([turns.text[i] for i in chosen], behaviour.HEAD, behaviour.TAIL).astype(np.float64)
    means = np.zeros((len(ids), vector.shape[1]))
    np.add.at(means, account[chosen], vector)
    means /= np.bincount(account[chosen], minlength=len(ids))[:, None]
    _, _, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    axes = axes[:DIRECTIONS] * np.sign(axes[:DIRECTIONS].sum(axis=1, keepdims=True))
    held = {"mean": means.mean(axis=0).round(4).tolist(), "directions": axes.round(4).tolist()}
    place = Path(stillwatch.signals.__file__).with_name("behaviour.json")
    place.write_text(json.dumps(held, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
