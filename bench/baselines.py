"""What Stillwatch is compared with: rules as people write them by hand, and an anomaly detector off the shelf.

Each takes the log and the customer table of a world (never its answers) and returns the accounts that it accuses, to be
scored like a scan.

    python bench/baselines.py ../shared/worlds/dev-clean ../shared/worlds/dev-mixed
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.ensemble import IsolationForest

# Phrases from public write-ups on the elicitation of reasoning; such lists are what a rule of this kind consists of.
REASONING_PHRASES = (
    "step by step",
    "step-by-step",
    "chain of thought",
    "chain-of-thought",
    "show your reasoning",
    "show your work",
    "explain your reasoning",
    "think out loud",
)
Rule = Callable[[pl.DataFrame, pl.DataFrame], set[str]]


def shared_cards(exchanges: pl.DataFrame, accounts: pl.DataFrame, organisations: int = 3) -> set[str]:
    """Accounts whose means of payment is used by at least so many organisations."""
    named = accounts.drop_nulls(["payment_id", "organization_id"])
    cards = named.group_by("payment_id").agg(pl.col("organization_id").n_unique().alias("n"))
    return _ids(accounts.join(cards.filter(pl.col("n") >= organisations), on="payment_id", how="semi"))


def shared_addresses(exchanges: pl.DataFrame, accounts: pl.DataFrame, sharing: int = 5) -> set[str]:
    """Accounts that ever called from an address that at least so many accounts called from."""
    uses = exchanges.drop_nulls("client_ip").select("account_id", "client_ip").unique()
    addresses = uses.group_by("client_ip").len().filter(pl.col("len") >= sharing)
    return _ids(uses.join(addresses, on="client_ip", how="semi"))


def shared_home_address(exchanges: pl.DataFrame, accounts: pl.DataFrame, sharing: int = 5) -> set[str]:
    """Accounts whose most used address is the most used one of at least so many accounts."""
    uses = exchanges.drop_nulls("client_ip").group_by("account_id", "client_ip").len()
    home = uses.sort("len", "client_ip", descending=[True, False]).unique(
        "account_id", keep="first", maintain_order=True
    )
    homes = home.group_by("client_ip").len("accounts").filter(pl.col("accounts") >= sharing)
    return _ids(home.join(homes, on="client_ip", how="semi"))


def reasoning_phrases(exchanges: pl.DataFrame, accounts: pl.DataFrame, share: float = 0.1) -> set[str]:
    """Accounts with at least two requests, and at least this share of them, that hold one of `REASONING_PHRASES`."""
    pattern = "(?i)" + "|".join(re.escape(phrase) for phrase in REASONING_PHRASES)
    asked = exchanges.select("account_id", pl.col("messages").fill_null("").str.contains(pattern).alias("hit"))
    by_account = asked.group_by("account_id").agg(pl.col("hit").sum(), pl.len())
    return _ids(by_account.filter((pl.col("hit") >= 2) & (pl.col("hit") >= share * pl.col("len"))))


def high_volume(exchanges: pl.DataFrame, accounts: pl.DataFrame, percentile: float = 0.99) -> set[str]:
    """Accounts with more exchanges than this share of all accounts."""
    volume = exchanges.group_by("account_id").len()
    return _ids(volume.filter(pl.col("len") > pl.col("len").quantile(percentile)))


RULES: Mapping[str, Rule] = {
    "shared cards": shared_cards,
    "shared home address": shared_home_address,
    "reasoning phrases": reasoning_phrases,
    "volume": high_volume,
}


def rules_by_hand(exchanges: pl.DataFrame, accounts: pl.DataFrame, needed: int = 1) -> set[str]:
    """Accounts that break at least ``needed`` of `RULES`."""
    broken = Counter(account for rule in RULES.values() for account in rule(exchanges, accounts))
    return {account for account, times in broken.items() if times >= needed}


def two_rules_by_hand(exchanges: pl.DataFrame, accounts: pl.DataFrame) -> set[str]:
    """Accounts that break at least two of `RULES`: how a careful person would use them."""
    return rules_by_hand(exchanges, accounts, needed=2)


def numeric_features(exchanges: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """One row an account, by id: the numbers that one would hand to an anomaly detector."""
    gap = pl.col("started_at").sort().diff().dt.total_seconds().cast(pl.Float64)
    per_account = exchanges.group_by("account_id").agg(
        pl.len().log1p().alias("exchanges"),
        pl.col("session_id").n_unique().log1p().alias("sessions"),
        pl.col("started_at").dt.date().n_unique().alias("days"),
        pl.col("input_tokens").mean().log1p().alias("input_tokens"),
        pl.col("output_tokens").mean().log1p().alias("output_tokens"),
        pl.col("reasoning_tokens").mean().log1p().alias("reasoning_tokens"),
        pl.col("client_ip").n_unique().log1p().alias("addresses"),
        pl.col("user_agent").n_unique().log1p().alias("clients"),
        pl.col("model").n_unique().alias("models"),
        (pl.col("status") >= 400).mean().alias("errors"),
        pl.col("temperature").mean().alias("temperature"),
        pl.col("max_tokens").is_not_null().mean().alias("limited"),
        gap.mean().log1p().alias("gap_mean"),
        gap.std().log1p().alias("gap_sd"),
        pl.col("messages").str.len_chars().mean().log1p().alias("length"),
    )
    cards = accounts.drop_nulls("payment_id").group_by("payment_id").len("on_card")
    on_card = accounts.join(cards, on="payment_id", how="left").select("account_id", pl.col("on_card").log1p())
    return per_account.join(on_card, on="account_id", how="left").sort("account_id")


def isolation_forest(
    exchanges: pl.DataFrame, accounts: pl.DataFrame, contamination: float = 0.1, seed: int = 0
) -> set[str]:
    """Accounts among the ``contamination`` share that scikit-learn's isolation forest finds the most unusual."""
    table = numeric_features(exchanges, accounts)
    numbers = table.drop("account_id").cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy()
    if len(numbers) < 2:
        return set()
    model = IsolationForest(n_estimators=200, contamination=contamination, random_state=seed, n_jobs=1)
    return _ids(table.filter(pl.Series(model.fit_predict(numbers) == -1)))


BASELINES: Mapping[str, Rule] = {
    "any rule by hand": rules_by_hand,
    "two rules by hand": two_rules_by_hand,
    "isolation forest": isolation_forest,
}


def load(world: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The log and the customer table of a world; its answers are not touched."""
    return pl.read_parquet(world / "exchanges.parquet"), pl.read_parquet(world / "accounts.parquet")


def write_results(accused: set[str], accounts: pl.DataFrame, to: Path) -> None:
    """Write ``accounts.parquet`` as a scan would, with all accused accounts in one campaign."""
    guilty = pl.col("account_id").is_in(sorted(accused))
    to.mkdir(parents=True, exist_ok=True)
    accounts.select(
        "account_id",
        pl.when(guilty).then(pl.lit("all")).otherwise(None).alias("campaign_id"),
        pl.when(guilty).then(pl.lit("campaign")).otherwise(pl.lit("clear")).alias("verdict"),
    ).write_parquet(to / "accounts.parquet")


def figures(accused: set[str], truth: pl.DataFrame) -> dict[str, float]:
    """Accused, innocents among them, precision (NaN if nobody is accused) and the recall of each campaign."""
    said = truth.with_columns(pl.col("account_id").is_in(sorted(accused)).alias("accused"))
    hit = said.filter("accused")
    wrong = hit["campaign"].null_count()
    out = {"accused": hit.height, "innocent": wrong, "precision": 1 - wrong / hit.height if hit.height else np.nan}
    guilty = said.drop_nulls("campaign").group_by("campaign").agg(pl.col("accused").mean()).sort("campaign")
    return out | dict(guilty.iter_rows())


def _ids(table: pl.DataFrame) -> set[str]:
    return set(table["account_id"].to_list())


def main(worlds: list[str]) -> None:
    for world in map(Path, worlds):
        exchanges, accounts = load(world)
        truth = pl.read_parquet(world / "truth" / "accounts.parquet")
        for name, rule in {**BASELINES, **RULES, "any shared address": shared_addresses}.items():
            row = figures(rule(exchanges, accounts), truth)
            print(f"{world.name:12} {name:20} " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()))


if __name__ == "__main__":
    main(sys.argv[1:])
