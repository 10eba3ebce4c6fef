"""Simulated worlds with campaigns drawn at random: what the models are fitted to, and what nobody looks at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

from bench.planting import plant, read_base
from stillwatch.exchange import in_order
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.world import simulate
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log

PLANTED = 1000
"""Seeds from here to 1999 are of worlds planted in a log of real texts."""
TRAINING_SEEDS = (*range(1, 17), *range(1001, 1033))
"""Worlds that the pair and membership models are fitted to."""
SHARED = Path(__file__).resolve().parents[2] / "shared" / "worlds"
HARVEST_SEEDS = (*range(201, 207), *range(1201, 1217))
"""Worlds that the harvest model is fitted to: the search has not seen them."""
CALIBRATION_SEEDS = (*range(17, 25), *range(1301, 1313))
"""Worlds that say how firmly a group must stand, and the planted ones what a membership is worth: no model saw them."""
TECHNIQUES = (
    "reasoning_elicitation", "rubric_grading", "prompt_evolution", "jailbreak", "code_tasks", "answer_rewriting",
)  # fmt: skip


@dataclass(frozen=True)
class Labelled:
    """A world read back: the log, the customers, and for each account (by number) its campaign ("" for none) and kind;
    ``harvested`` (exchanges,)."""

    exchanges: pa.Table
    customers: pa.Table
    campaign: np.ndarray
    kind: np.ndarray
    harvested: np.ndarray


def random_campaign(rng: np.random.Generator, number: int) -> Campaign:
    """A campaign with every knob drawn at random, from blatant to quiet."""
    style = str(rng.choice(["plain", "technique", "mixed", "agent"], p=[0.38, 0.2, 0.25, 0.17]))
    chosen = [str(name) for name in rng.choice(TECHNIQUES, rng.integers(1, 3), replace=False)]
    techniques = {name: float(rng.uniform(0.2, 1)) for name in chosen}
    if style == "plain":
        techniques = {"plain": 1.0}
    elif style == "agent":
        techniques = {"agent_traces": 1.0}
    elif style == "mixed":
        techniques["plain"] = float(rng.uniform(0.5, 2))
    exchanges = float(np.exp(rng.uniform(np.log(7), np.log(75))))
    accounts = min(int(np.exp(rng.uniform(np.log(20), np.log(300)))), int(6000 / exchanges))
    follow_ups = rng.uniform(2.5, 5) if style == "agent" else rng.choice([0, 0, 0.3, 0.6, 1.5])
    return Campaign(
        name=f"c{number}",
        accounts=max(15, accounts),
        exchanges=exchanges,
        spread=float(rng.choice([0.05, 0.2, 0.4, 0.6])),
        cover=float(rng.choice([0, 0.1, 0.2, 0.35, 0.5, 0.6])),
        cover_kind="developer" if style == "agent" and rng.random() < 0.7 else _pick(rng, _COVERS),
        network=_pick(rng, ("cloud", "home", "home", "rotating", "rotating", "vpn")),
        addresses=int(rng.choice([1, 1, 3, 8])),
        cards=int(rng.choice([1, 1, 1, 3, 6])),
        sign_up=_pick(rng, ("burst", "spread", "aged")),
        start=float(rng.choice([-0.3, 0, 0.1, 0.25])),
        end=float(rng.choice([0.65, 0.8, 0.95, 1.0, 1.3])),
        dispatch=_pick(rng, ("round_robin", "round_robin", "random", "random", "sticky", "topic")),
        waves=int(rng.choice([1, 1, 1, 2, 3])),
        techniques=techniques,
        wordings=int(rng.integers(1, 13)),
        best_of=float(rng.choice([0, 0, 0.05, 0.15])),
        follow_ups=round(float(follow_ups), 2),
        topics=int(rng.choice([6, 12, 20, 35, 50])),
        hours=_pick(rng, ("flat", "people", "shift")),
        clients="agents" if style == "agent" else _pick(rng, ("one", "some", "people", "people")),
        model_switch=bool(rng.random() < 0.5),
        harness=_pick(rng, ("one", "one", "own")),
    )


_COVERS = ("personal", "personal", "generalist", "mimic")


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return str(rng.choice(choices))


def planted_campaign(rng: np.random.Generator, number: int) -> Campaign:
    """A random campaign of a size that a log of some 2,000 accounts has the material for."""
    drawn = random_campaign(rng, number)
    exchanges = float(np.exp(rng.uniform(np.log(5), np.log(60))))
    most = int(2400 / exchanges)
    return msgspec.structs.replace(drawn, exchanges=exchanges, accounts=max(20, min(drawn.accounts, most)))


def planted_world(seed: int, folder: Path) -> Labelled:
    """The world of a seed planted in ``dev-clean`` (which has no campaign); every seventh is left without."""
    rng = np.random.default_rng(seed)
    campaigns = [planted_campaign(rng, i) for i in range(9)]
    if not (folder / "truth" / "accounts.parquet").exists():
        plant(read_base(SHARED / "dev-clean"), campaigns if seed % 7 else [], seed, folder)
    return read_world(folder)


def labelled_world(seed: int, folder: Path) -> Labelled:
    """The world of a seed, planted from `PLANTED` on, simulated below."""
    return planted_world(seed, folder) if PLANTED <= seed < 2 * PLANTED else random_world(seed, folder)


def random_world(seed: int, folder: Path) -> Labelled:
    """The world of a seed, written to ``folder`` and read back as a scan reads it; every seventh has no campaign."""
    rng = np.random.default_rng(seed)
    campaigns = [random_campaign(rng, i) for i in range(int(rng.integers(6, 10)))]
    honest, days, load = int(rng.integers(1300, 2000)), rng.choice([10, 14, 14, 21]), rng.choice([0.6, 0.8, 1.0])
    if not (folder / "truth").exists():
        chosen = campaigns if seed % 7 else []
        world = simulate(accounts=honest, days=float(days), campaigns=chosen, seed=seed, load=float(load))
        world.write(folder)
    return read_world(folder)


def read_world(folder: Path) -> Labelled:
    """A world's log and customers as a scan reads them, and its answers by account number."""
    exchanges = in_order(open_log([folder / "exchanges.parquet"]).read())
    accounts = pl.read_parquet(folder / "truth" / "accounts.parquet").sort("account_id")
    answers = pl.read_parquet(folder / "truth" / "exchanges.parquet")
    order = pl.DataFrame({"exchange_id": exchanges.column("exchange_id").to_pylist()})
    harvested = order.join(answers, on="exchange_id", how="left", maintain_order="left")["harvested"]
    return Labelled(
        exchanges=exchanges,
        customers=read_customers(folder / "accounts.parquet"),
        campaign=accounts["campaign"].fill_null("").to_numpy().astype(str),
        kind=accounts["kind"].to_numpy().astype(str),
        harvested=harvested.fill_null(False).to_numpy(),
    )
