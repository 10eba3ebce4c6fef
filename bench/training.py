"""Fit the models of linkage to labelled worlds, from nothing: ``python -m bench.training --out FOLDER``.

Three models, in order: pairs of accounts; accounts against a group (on pair scores of a model that did not see the
world); what was taken (on worlds that none of the others has seen). The worlds are simulated, or planted in
`dev-clean`, which must lie in ``../shared``. Takes about an hour on two cores; a killed run goes on where it was.
"""

from __future__ import annotations

import argparse
import gzip
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from bench.worlds import HARVEST_SEEDS, TRAINING_SEEDS, labelled_world
from stillwatch.linkage.activity import CONTENT, CUSTOMERS, NETWORK, Activity
from stillwatch.linkage.growth import grow, likely, step
from stillwatch.linkage.harvest import FEATURES as HARVEST
from stillwatch.linkage.harvest import describe_sessions
from stillwatch.linkage.membership import NAMES, Evidence
from stillwatch.linkage.reading import read_activity
from stillwatch.linkage.scoring import FITS, SHIFT, Comparisons, Model, pair_features, pair_scores, unseen_pair_features
from stillwatch.progress import Silent

EVERYTHING = frozenset({CONTENT, CUSTOMERS, NETWORK})
HIDDEN = (frozenset[str](), frozenset({CUSTOMERS}), frozenset({NETWORK}), frozenset({CONTENT}))
"""What logs lack: nothing, the table of accounts, addresses and clients, the requests."""
_COMMON: dict[str, Any] = {
    "objective": "binary", "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1,
    "deterministic": True, "force_row_wise": True, "seed": 1, "num_threads": 2, "verbose": -1,
}  # fmt: skip
PAIR = {**_COMMON, "learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": 200, "lambda_l2": 5}
MEMBER = {**_COMMON, "learning_rate": 0.08, "num_leaves": 15, "min_data_in_leaf": 200, "lambda_l2": 10}
TAKEN = {**_COMMON, "learning_rate": 0.06, "num_leaves": 12, "min_data_in_leaf": 200, "lambda_l2": 10}
_MEMBER_WEIGHT = 2.5
"""A missed member weighs as much as so many strangers let in: whole groups are judged again afterwards."""
SCHOOLS = ("nearest", "mutual")
"""Two ways to teach memberships: strangers' groups from those nearest to anybody; and as the search starts today, from
those nearest to each other, with leniency and from every kind of look-alike. The models are averaged."""
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Features, labels, weights."""


class World:
    """A labelled world as numbers, kept in a file so that a killed run goes on."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        kept = folder / f"activity-{seed}.pickle"
        if not kept.exists():
            labelled = labelled_world(seed, folder / f"world-{seed}")
            reading = read_activity(labelled.exchanges, labelled.customers, progress=Silent())
            harvested = labelled.harvested[reading.opening]
            part = kept.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(pickle.dumps((reading.activity, labelled.campaign, labelled.kind, harvested)))
            part.replace(kept)
        self.activity, self.campaign, self.kind, self.harvested = pickle.loads(kept.read_bytes())
        self.honest = self.campaign == ""

    def hiding(self, what: frozenset[str]) -> Activity:
        """The world as a log that lacks ``what``."""
        return replace(self.activity, sees=EVERYTHING - what)

    def campaigns(self) -> list[str]:
        """Names of its campaigns, in order."""
        return sorted(set(self.campaign) - {""})


def fit(settings: dict[str, Any], parts: Iterable[Rows], names: Iterable[str], rounds: int, name: str) -> Model:
    """Fit one model to rows; weights are scaled to mean 1."""
    features, labels, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    data = lightgbm.Dataset(features, labels, weight=weights / weights.mean(), feature_name=list(names))
    return Model(name, lightgbm.train(settings, data, rounds).model_to_string())


def pair_rows(world: World, rng: np.random.Generator) -> Rows:
    """Pairs of one campaign (1) and of different or honest hands (0), look-alikes among the latter on purpose."""
    evidence = Evidence(world.activity)
    comparisons = Comparisons(world.activity, evidence.accounts)
    enough, n = evidence.enough, world.activity.accounts
    hidden = [unseen_pair_features(EVERYTHING - lacks) for lacks in HIDDEN]
    parts: list[Rows] = []

    def add(block: np.ndarray, mask: np.ndarray, most: int, total: float, label: int) -> None:
        places = np.argwhere(mask)
        if not len(places):
            return
        places = places[rng.choice(len(places), min(most, len(places)), replace=False)]
        features = block[:, places[:, 0], places[:, 1]].T.copy()
        lacks = rng.choice(len(HIDDEN), len(places), p=[0.6, 0.15, 0.15, 0.1])
        for number, columns in enumerate(hidden):
            features[np.ix_(np.flatnonzero(lacks == number), columns)] = np.nan
        parts.append((features, np.full(len(places), label), np.full(len(places), total / len(places))))

    def rows_of(chosen: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = rng.choice(chosen, min(most, len(chosen)), replace=False)
        others = enough[None, :] & (np.arange(n)[None, :] != rows[:, None])
        return rows, comparisons.block(rows), others

    for name in world.campaigns():
        members = np.flatnonzero((world.campaign == name) & enough)
        if len(members) >= 5:
            _, block, others = rows_of(members, 14)
            same = (world.campaign == name)[None, :]
            add(block, same & others, 500, 1.0, 1)
            add(block, ~same & others, 1200, 15.0, 0)
    _, block, others = rows_of(np.flatnonzero(world.honest & enough), 120)
    add(block, others, 18_000, 150.0, 0)
    for kind in sorted(set(world.kind[world.honest])):
        alike = world.honest & (world.kind == kind) & enough
        if alike.sum() >= 8:
            _, block, others = rows_of(np.flatnonzero(alike), 20)
            add(block, alike[None, :] & others, 1000, 40.0 if kind == "person" else 12.0, 0)
    features, labels, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return features.astype(np.float32), labels, weights


class MemberRows:
    """Accounts against groups on their way: true ones thinned and soiled, neighbourhoods, look-alikes."""

    def __init__(
        self, world: World, evidence: Evidence, school: str, model: Model | None, rng: np.random.Generator
    ) -> None:
        self._world, self._evidence, self._school = world, evidence, school
        self._model, self._rng = model, rng
        self._parts: list[Rows] = []

    def add(self, member: np.ndarray, campaign: str | None) -> None:
        """Grow a group a few rounds where there is a model, and keep the accounts near it."""
        world, evidence, rng = self._world, self._evidence, self._rng
        if self._model is not None:
            leniency = float(rng.choice([0, 0, 1, 2])) if self._school == "mutual" else 0.0
            for _ in range(int(rng.integers(1, 5))):
                member = step(evidence, self._model, member, leniency)[0]
                if member.sum() < 2:
                    return
        campaign = self._held(member) if campaign is None else campaign
        features, rows = evidence.features(member)
        labels = (world.campaign[rows] == campaign) if campaign is not None else np.zeros(len(rows), dtype=bool)
        near = np.argsort(-features[:, NAMES.index("SG")], kind="stable")[:220]
        some = rng.choice(len(rows), min(60, len(rows)), replace=False)
        chosen = np.unique(np.concatenate([np.flatnonzero(labels), np.flatnonzero(member[rows] > 0.2), near, some]))
        if len(chosen) > 420:
            chosen = rng.choice(chosen, 420, replace=False)
        weights = np.where(labels[chosen], _MEMBER_WEIGHT, 1.0) * 250 / len(chosen)
        self._parts.append((features[chosen], labels[chosen], weights))

    def _held(self, member: np.ndarray) -> str | None:
        """The campaign that holds two fifths of a group, if any."""
        held = {name: member[self._world.campaign == name].sum() for name in self._world.campaigns()}
        best = max(held, key=lambda name: held[name], default=None)
        return best if best is not None and held[best] > 0.4 * member.sum() else None

    def rows(self, starts: int) -> Rows:
        """Groups from each campaign, from ``starts`` honest accounts, and from each kind of look-alike."""
        world, evidence, rng = self._world, self._evidence, self._rng
        for name in world.campaigns():
            members = np.flatnonzero((world.campaign == name) & evidence.enough)
            for _ in range(7 if len(members) >= 6 else 0):
                if rng.random() < 0.35:
                    self.add(_soiled(evidence, members, rng), name)
                else:
                    self._start(int(rng.choice(members)))
        honest = np.flatnonzero(world.honest & evidence.enough)
        near = evidence.mutual if self._school == "mutual" else evidence.closest
        dense = honest[np.argsort(-near[honest], kind="stable")[:150]]
        for _ in range(starts):
            self._start(int(rng.choice(dense) if rng.random() < 0.6 else rng.choice(honest)))
        for kind in sorted(set(world.kind[world.honest])):
            alike = np.flatnonzero(world.honest & (world.kind == kind) & evidence.enough)
            for _ in range(2 if len(alike) >= 8 else 0):
                member = np.zeros(len(world.kind))
                member[rng.choice(alike, min(len(alike), int(rng.integers(6, 60))), replace=False)] = 0.8
                self.add(member, None)
                if self._school == "mutual":
                    self._start(int(rng.choice(alike)))
        if not self._parts:  # every start died: there is nothing to tell apart
            return np.zeros((0, len(NAMES)), dtype=np.float32), np.zeros(0, dtype=bool), np.zeros(0)
        features, labels, weights = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return features, labels, weights

    def _start(self, account: int) -> None:
        self.add(self._evidence.neighbours(account, int(self._rng.choice([8, 16, 16, 24, 40]))), None)


def _soiled(evidence: Evidence, members: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of a true group, with accounts that look like it mixed in."""
    member = np.zeros(len(evidence.enough))
    part = rng.choice(members, max(5, int(len(members) * rng.uniform(0.25, 1))), replace=False)
    member[part] = rng.uniform(0.5, 1)
    strangers = int(len(part) * rng.choice([0, 0.2, 0.5, 1]))
    if strangers:
        likeness = evidence.scores[:, part].mean(axis=1) + rng.normal(0, 1.5, len(member))
        likeness[members] = -np.inf
        likeness[~evidence.enough] = -np.inf
        member[np.argsort(-likeness, kind="stable")[:strangers]] = rng.uniform(0.3, 0.9)
    return member


def taken_rows(world: World, pair: Model, member: Model) -> Rows | None:
    """Sessions of groups grown from a part of each campaign: was it harvested?"""
    evidence = Evidence(world.activity)
    evidence.compare(pair)
    rng = np.random.default_rng([world.seed, 5])
    parts: list[Rows] = []
    for name in world.campaigns():
        start = np.where((world.campaign == name) & (rng.random(len(world.campaign)) < 0.7), 0.8, 0.0)
        group = grow(evidence, member, np.where(evidence.enough, start, 0.0))
        if group is not None and likely(group).any() and (~world.honest)[likely(group)].mean() > 0.9:
            features, sessions = describe_sessions(evidence, group)
            parts.append((features, world.harvested[sessions], np.full(len(sessions), 1 / np.sqrt(len(sessions)))))
    if not parts:
        return None
    features, labels, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return features, labels, weights


class Kept:
    """Steps of a training run, each kept in a file; a step that is there is not done again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started = time.monotonic()

    def __call__(self, name: str, make: Callable[[], Any]) -> Any:
        path = self.folder / f"{name}.pickle"
        if not path.exists():
            value = make()
            part = path.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(pickle.dumps(value))
            part.replace(path)
            print(f"{time.monotonic() - self._started:5.0f} s  {name}", flush=True)
        return pickle.loads(path.read_bytes())


def in_parallel(module: str, command: list[str], seeds: tuple[int, ...], out: Path) -> None:
    """Run one command of a module for all seeds, in two processes: trees and forks do not go together."""
    start = [sys.executable, "-m", module, "--out", str(out), *command]
    workers = [subprocess.Popen([*start, *map(str, half)]) for half in (seeds[::2], seeds[1::2])]
    if any(code != 0 for code in [worker.wait() for worker in workers]):
        raise SystemExit(f"a part of {module} {' '.join(command)} failed")


def _texts(kept: Kept, *names: str) -> Iterator[Model]:
    for name in names:
        yield Model(name, pickle.loads((kept.folder / f"{name}.pickle").read_bytes()))


def _work(command: str, seeds: list[int], kept: Kept) -> None:
    for seed in seeds:
        world = World(seed, kept.folder)
        fold = TRAINING_SEEDS.index(seed) % 2 if seed in TRAINING_SEEDS else 0
        if command == "pairs":
            kept(f"pairs-{seed}", lambda: pair_rows(world, np.random.default_rng(seed)))  # noqa: B023
        elif command.startswith("members"):
            _, school, number = command.split("-")
            (cross,) = _texts(kept, f"pair-{1 - fold}")
            model = next(_texts(kept, f"first-{school}")) if int(number) else None
            kept(f"{command}-{seed}", lambda: _members(world, cross, school, model, kept))  # noqa: B023
        elif command == "taken":
            (pair,) = _texts(kept, "pair")
            texts = [model.texts[0] for model in _texts(kept, *FITS["member"])]
            member = Model("member", *texts, shift=SHIFT["member"])
            kept(f"taken-{seed}", lambda: taken_rows(world, pair, member))  # noqa: B023


def _lacking(world: World) -> list[frozenset[str]]:
    """What a world is trained on: all of it, and for most worlds also what one kind of log lacks."""
    other = HIDDEN[(0, 1, 0, 2, 0, 3)[world.seed % 6]]
    return [HIDDEN[0], other] if other else [HIDDEN[0]]


def _kept_scores(evidence: Evidence, pair: Model, path: Path) -> np.ndarray:
    if not path.exists():
        comparisons = Comparisons(evidence.activity, evidence.accounts)
        np.save(path, pair_scores(comparisons, evidence.enough, pair))
    scores: np.ndarray = np.load(path)
    return scores


def _members(world: World, pair: Model, school: str, model: Model | None, kept: Kept) -> list[Rows]:
    rows = []
    for lacks in _lacking(world):
        evidence = Evidence(world.hiding(lacks))
        evidence.use_scores(_kept_scores(evidence, pair, kept.folder / f"scores-{world.seed}-{len(lacks)}.npy"))
        rng = np.random.default_rng([world.seed, int(model is not None), len(lacks)])
        rows.append(MemberRows(world, evidence, school, model, rng).rows(30))
    return rows


def train(out: Path) -> None:
    """All steps in order; the models end up in ``out/models``."""
    kept = Kept(out)

    def load(name: str, seeds: tuple[int, ...]) -> list[Any]:
        return [pickle.loads((out / f"{name}-{seed}.pickle").read_bytes()) for seed in seeds]

    in_parallel("bench.training", ["pairs"], TRAINING_SEEDS, out)
    names = pair_features()
    rows = load("pairs", TRAINING_SEEDS)
    for fold in (0, 1):
        kept(f"pair-{fold}", lambda: fit(PAIR, rows[fold::2], names, 140, "pair").texts[0])  # noqa: B023
    kept("pair", lambda: fit(PAIR, rows, names, 140, "pair").texts[0])
    for school in SCHOOLS:
        for number, name in enumerate((f"first-{school}", f"member-{school}")):
            in_parallel("bench.training", [f"members-{school}-{number}"], TRAINING_SEEDS, out)
            parts = [part for world in load(f"members-{school}-{number}", TRAINING_SEEDS) for part in world]
            kept(name, lambda: fit(MEMBER, parts, NAMES, 260, "member").texts[0])  # noqa: B023
    in_parallel("bench.training", ["taken"], HARVEST_SEEDS, out)
    sessions = [part for part in load("taken", HARVEST_SEEDS) if part is not None]
    kept("taken", lambda: fit(TAKEN, sessions, HARVEST, 150, "taken").texts[0])
    (out / "models").mkdir(exist_ok=True)
    for name in (name for fits in FITS.values() for name in fits):
        text = pickle.loads((out / f"{name}.pickle").read_bytes())
        (out / "models" / f"{name}.txt.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"models: {out / 'models'}; copy them to src/stillwatch/linkage/models")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("bench/out/training"))
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("seeds", nargs="*", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.command:
        _work(given.command, given.seeds, Kept(given.out))
    else:
        train(given.out)


if __name__ == "__main__":
    main()
