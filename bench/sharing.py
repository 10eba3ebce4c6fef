"""Does a fingerprint find its campaign at another provider, how often does it find what is not there, and what does it
leak?

python -m bench sharing

Worlds are scanned once; a provider is a random half of the accounts. Of the truth only names are used: which campaign a
group that the scan accuses is, and which kind an innocent account is of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bench.detection import scan, with_customers
from bench.sharing_leak import leaks
from bench.tables import OUT, WORLDS, Table, present, publish, say
from bench.worlds import random_world
from stillwatch.calibration import clopper_pearson
from stillwatch.sharing.bulletin import Fingerprint
from stillwatch.sharing.fingerprint import BEHAVIOUR, likeness, make_fingerprint

SPLITS = 60
GROUPS = 500
"""Innocent groups of each family."""
HELD_OUT = range(9101, 9104)
ALPHAS = (0.001, 0.01, 0.05, 0.1)


@dataclass(frozen=True)
class World:
    """A scanned world: behaviour; signals and traits (n, …) of accounts; ids (n,) in its order; of each account the
    group that accuses it ("" for none), its own campaign ("" for none) and kind; and what the truth calls most of each
    group."""

    name: str
    behaviour: pa.Table
    profiles: np.ndarray
    traits: np.ndarray
    ids: np.ndarray
    group: np.ndarray
    campaign: np.ndarray
    kind: np.ndarray
    names: dict[str, str]

    def of(self, group: str, where: np.ndarray) -> list[str]:
        """Accounts of an accused group among those of a half."""
        return self.ids[(self.group == group) & where].tolist()

    @property
    def clear(self) -> np.ndarray:
        """Whether the scan accuses nobody: what a provider would take for innocent."""
        return self.group == ""


def main() -> None:
    """Print and keep the tables."""
    worlds = [scanned(path, OUT / "runs" / path.name) for path in present(WORLDS)]
    if not worlds:
        return
    rng = np.random.default_rng(1)
    campaigns = [world for world in worlds if world.names]
    title = "A campaign told by one half of a world, looked for in the other (p at most 0.001)"
    publish(Table("sharing-power", title, [row for world in campaigns for row in power(world, rng)]))
    mixed = campaigns[0]
    title = f"Fingerprints of {mixed.name} against groups of innocents: share of p-values"
    innocent = [world for world in worlds if world.name != "dev-hard"]
    publish(Table("sharing-false", title, [row for world in innocent for row in false_matches(mixed, world, rng)]))
    title = f"Power in {mixed.name} by accounts behind the fingerprint and by its noise"
    publish(Table("sharing-size", title, list(by_size(mixed, rng))))
    title = "Who was in a fingerprint? Attacks that know everything else"
    publish(Table("sharing-leak", title, list(leaks(mixed, rng))))
    publish(Table("sharing-two-scans", f"{mixed.name} in two logs, each scanned by itself", list(two_scans(mixed))))
    held = [scanned(OUT / "runs" / f"seed-{seed}-world", OUT / "runs" / f"seed-{seed}", seed) for seed in HELD_OUT]
    title = "Simulated worlds that nothing was chosen on"
    publish(Table("sharing-held-out", title, [row for world in held for row in power(world, rng)]))


def scanned(path: Path, run: Path, seed: int | None = None) -> World:
    """A world and its run, scanned (and simulated, where ``seed`` is given) unless that was done before."""
    if seed is not None and not (path / "truth").exists():
        random_world(seed, path)
    if not (run / BEHAVIOUR).exists():
        say(f"scanning {path.name}")
        scan(path, run, *with_customers(path))
    return read(path.name, run, path / "truth" / "accounts.parquet")


def read(name: str, run: Path, truth: Path) -> World:
    """A run with the truth's names."""
    behaviour = pq.read_table(run / BEHAVIOUR)
    ids = np.array(behaviour.column("account_id").to_pylist())
    order = pl.DataFrame({"account_id": ids})
    known = order.join(pl.read_parquet(truth), on="account_id", how="left", maintain_order="left")
    told = order.join(pl.read_parquet(run / "accounts.parquet"), on="account_id", how="left", maintain_order="left")
    accused = pl.when(pl.col("verdict") == "campaign").then("campaign_id").otherwise(pl.lit(""))
    group = told.select(accused.fill_null("")).to_series().to_numpy().astype(str)
    campaign = known["campaign"].fill_null("").to_numpy().astype(str)
    names = {}
    for each in sorted(set(group) - {""}):
        values, counts = np.unique(campaign[group == each], return_counts=True)
        names[each] = str(values[counts.argmax()]) or "innocents"
    profiles = order.join(pl.read_parquet(run / "profiles.parquet"), on="account_id", how="left", maintain_order="left")
    numbers = profiles.select(pl.selectors.numeric().fill_null(0)).to_numpy().astype(np.float64)
    numbers = np.sign(numbers) * np.log1p(np.abs(numbers))
    numbers = (numbers - numbers.mean(axis=0)) / np.maximum(numbers.std(axis=0), 1e-9)
    traits = np.array(behaviour.column("traits").to_pylist())
    return World(name, behaviour, numbers, traits, ids, group, campaign, known["kind"].to_numpy().astype(str), names)


def power(world: World, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """For each accused group: how often a fingerprint of its half finds its other half, and finds other campaigns."""
    found: dict[str, list[bool]] = {group: [] for group in world.names}
    others: dict[str, list[bool]] = {group: [] for group in world.names}
    for split in range(SPLITS):
        here = rng.random(len(world.ids)) < 0.5
        innocent = world.ids[world.clear & ~here].tolist()
        for group in world.names:
            fingerprint = make_fingerprint(world.behaviour, world.of(group, here), seed=split)
            if fingerprint is None:
                found[group].append(False)
                continue
            looked = [group, *(other for other in world.names if other != group and split % 12 == 0)]
            groups = [world.of(each, ~here) for each in looked]
            told = likeness(fingerprint, world.behaviour, groups, innocent=innocent, seed=split)
            found[group].append(told[0].p_value <= ALPHAS[0])
            others[group] += [each.p_value <= ALPHAS[0] for each in told[1:]]
    for group, name in world.names.items():
        _, low, high = clopper_pearson(sum(found[group]), SPLITS)
        yield {
            "world": world.name, "campaign": name, "accounts": int((world.group == group).sum()) // 2, "splits": SPLITS,
            "power": float(np.mean(found[group])), "95 %": f"{low:.2f} to {high:.2f}",
            "other campaigns": float(np.mean(others[group])) if others[group] else None,
        }  # fmt: skip


def false_matches(told: World, world: World, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Fingerprints of ``told``'s campaigns against `GROUPS` groups of innocents of ``world``, by how the groups come
    about."""
    for family in (
        "random",
        "up to half of a kind",
        "a whole kind",
        "alike in load, tokens and settings",
        "alike in behaviour",
    ):
        values = []
        while len(values) < GROUPS:
            here = rng.random(len(told.ids)) < 0.5
            group = str(rng.choice(list(told.names)))
            fingerprint = make_fingerprint(told.behaviour, told.of(group, here), seed=len(values))
            there = ~here if world is told else np.ones(len(world.ids), dtype=bool)
            innocent = np.flatnonzero((world.campaign == "") & world.clear & there)
            size = int(rng.integers(15, 60))
            groups = [_innocents(world, family, innocent, size, rng) for _ in range(1 if "kind" in family else 10)]
            if fingerprint is not None:
                found = likeness(
                    fingerprint, world.behaviour, groups, innocent=world.ids[innocent].tolist(), seed=len(values)
                )
                values += [each.p_value for each in found]
        yield {"world": world.name, "groups": family, "number": len(values)} | {
            f"p <= {alpha}": float(np.mean(np.array(values) <= alpha)) for alpha in ALPHAS
        }


def _innocents(world: World, family: str, innocent: np.ndarray, size: int, rng: np.random.Generator) -> list[str]:
    if "kind" in family:
        kinds, counts = np.unique(world.kind[innocent], return_counts=True)
        innocent = innocent[world.kind[innocent] == rng.choice(kinds[counts >= 10])]
        size = min(size, len(innocent) // 2) if "half" in family else 60
    if family.startswith("alike"):
        near = (world.profiles if "load" in family else world.traits)[innocent]
        centre = near[rng.integers(len(near))]
        innocent = innocent[np.argsort(np.square(near - centre).sum(axis=1), kind="stable")[:size]]
    chosen: list[str] = world.ids[rng.permutation(innocent)[:size]].tolist()
    return chosen


def by_size(world: World, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Power when so many accounts are behind the fingerprint, and when it has half or twice the noise."""
    for group, name in world.names.items():
        row: dict[str, Any] = {"campaign": name}
        for accounts, louder in ((20, 1.0), (25, 1.0), (30, 1.0), (45, 1.0), (45, 2.0), (45, 0.5)):
            found, tried = 0, 12
            for split in range(tried):
                mine = rng.permutation(np.flatnonzero(world.group == group))
                if len(mine) < 1.5 * accounts:
                    break
                there, here = mine[accounts:], world.ids[mine[:accounts]].tolist()
                innocent = world.ids[world.clear & (rng.random(len(world.ids)) < 0.5)].tolist()
                fingerprint = make_fingerprint(world.behaviour, here, seed=split)
                if fingerprint is None:
                    break
                told = louder_by(fingerprint, louder, world, here, rng)
                found += likeness(
                    told, world.behaviour, [world.ids[there].tolist()], innocent=innocent, seed=split
                )[0].p_value <= ALPHAS[0]  # fmt: skip
            else:
                row[f"{accounts} accounts, noise x {louder:g}"] = found / tried
        yield row


def louder_by(
    fingerprint: Fingerprint, louder: float, world: World, accounts: list[str], rng: np.random.Generator
) -> Fingerprint:
    """The same fingerprint with so many times the noise: what a weaker or a stronger bound would cost."""
    if louder == 1:
        return fingerprint
    held = pl.from_arrow(world.behaviour).filter(pl.col("account_id").is_in(accounts))
    sums = np.array(held["votes"].to_list()).sum(axis=0) / fingerprint.accounts / fingerprint.scale
    most = louder * fingerprint.noise / fingerprint.scale
    values = np.round(sums + rng.uniform(-most, most, len(sums))).astype(int)
    return Fingerprint(
        version=1, space=fingerprint.space, values=tuple(values.tolist()), scale=fingerprint.scale, noise=louder *
        fingerprint.noise, clip=1.0, accounts=fingerprint.accounts,
        advantage=fingerprint.advantage / louder,
    )  # fmt: skip


def two_scans(world: World) -> Iterator[dict[str, Any]]:
    """Two providers, each with its own log and its own scan: the whole way."""
    source = next(path for path in WORLDS if path.name == world.name)
    here = np.random.default_rng(7).random(len(world.ids)) < 0.5
    halves = []
    for number, chosen in enumerate((here, ~here)):
        folder, run = OUT / "runs" / f"half-{number}-log", OUT / "runs" / f"half-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        for table in ("exchanges", "accounts"):
            rows = pl.read_parquet(source / f"{table}.parquet")
            rows.filter(pl.col("account_id").is_in(world.ids[chosen])).write_parquet(folder / f"{table}.parquet")
        if not (run / BEHAVIOUR).exists():
            scan(folder, run, *with_customers(folder))
        halves.append(read(f"half {number}", run, source / "truth" / "accounts.parquet"))
    for told, there in (halves, halves[::-1]):
        everywhere = np.ones(len(there.ids), dtype=bool)
        groups = {name: there.of(group, everywhere) for group, name in there.names.items()}
        for group, name in told.names.items():
            mine = told.of(group, np.ones(len(told.ids), dtype=bool))
            fingerprint = make_fingerprint(told.behaviour, mine, seed=None)
            row: dict[str, Any] = {"told by": told.name, "campaign": name, "accounts": len(mine)}
            if fingerprint is not None:
                innocent = there.ids[there.clear].tolist()
                found = likeness(fingerprint, there.behaviour, list(groups.values()), innocent=innocent, seed=0)
                row |= {f"p of {other}": each.p_value for other, each in zip(groups, found, strict=True)}
            yield row
