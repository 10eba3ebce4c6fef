"""The baselines accuse whom their rules say, on a log small enough to check by eye."""

from __future__ import annotations

import datetime as dt
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

ROOT = Path(__file__).parents[2]
WORLDS = ROOT.parent / "shared" / "worlds"


@pytest.fixture(scope="module")
def baselines() -> ModuleType:
    spec = spec_from_file_location("baselines", ROOT / "bench" / "baselines.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def log(rows: list[tuple[str, str | None, str | None]]) -> pl.DataFrame:
    """Exchanges of (account, address, text), a minute apart."""
    start = dt.datetime(2026, 9, 7, tzinfo=dt.UTC)
    constant = {"user_agent": "c", "model": "m", "status": 200, "temperature": 1.0, "max_tokens": None}
    tokens = {"input_tokens": 10, "output_tokens": 20, "reasoning_tokens": 0}
    return pl.DataFrame(
        [
            {"account_id": a, "client_ip": ip, "messages": text, "session_id": f"{a}{i}", **constant, **tokens}
            | {"started_at": start + dt.timedelta(minutes=i)}
            for i, (a, ip, text) in enumerate(rows)
        ],
        schema_overrides={"client_ip": pl.String, "messages": pl.String, "max_tokens": pl.Int64},
    )


def customers(rows: list[tuple[str, str | None, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, ["account_id", "organization_id", "payment_id"], orient="row")


def test_cards_across_organisations(baselines: ModuleType) -> None:
    accounts = customers(
        [("a", "1", "x"), ("b", "2", "x"), ("c", "3", "x"), ("d", "4", "y"), ("e", "4", "y"), ("f", "4", "y")]
    )
    nameless = customers([(name, str(i), None) for i, name in enumerate("ghi")])
    assert baselines.shared_cards(log([]), pl.concat([accounts, nameless])) == {"a", "b", "c"}


def test_addresses(baselines: ModuleType) -> None:
    home = [(name, "1.1.1.1", "") for name in "abcde" for _ in range(2)]
    visit = [("f", "1.1.1.1", ""), ("f", "2.2.2.2", ""), ("f", "2.2.2.2", ""), *((name, None, "") for name in "ghijk")]
    exchanges = log(home + visit)
    assert baselines.shared_addresses(exchanges, customers([])) == set("abcdef")
    assert baselines.shared_home_address(exchanges, customers([])) == set("abcde")


def test_phrases_count_whatever_their_case_and_only_when_repeated(baselines: ModuleType) -> None:
    rows = [("a", None, "Think STEP by step."), ("a", None, "chain of thought, please"), ("b", None, "step by step")]
    assert baselines.reasoning_phrases(log([*rows, ("c", None, None)]), customers([])) == {"a"}


def test_volume_and_the_number_of_rules(baselines: ModuleType) -> None:
    busy = [("busy", None, "step by step")] * 30
    exchanges = log(busy + [(f"p{i}", None, "") for i in range(200)])
    accounts = customers([("busy", "1", "x"), ("p1", "2", "x"), ("p2", "3", "x")])
    assert baselines.high_volume(exchanges, accounts) == {"busy"}
    assert baselines.rules_by_hand(exchanges, accounts) == {"busy", "p1", "p2"}
    assert baselines.two_rules_by_hand(exchanges, accounts) == {"busy"}


def test_forest_accuses_its_share_whatever_the_order(baselines: ModuleType) -> None:
    exchanges = log(
        [(f"p{i % 50:02}", None, "x" * (i % 7)) for i in range(300)] + [("odd", "9.9.9.9", "y" * 9000)] * 40
    )
    accounts = customers([(f"p{i:02}", "1", None) for i in range(50)] + [("odd", "2", "x")])
    accused = baselines.isolation_forest(exchanges, accounts)
    assert "odd" in accused
    assert len(accused) <= 6
    assert accused == baselines.isolation_forest(exchanges.sample(fraction=1, shuffle=True, seed=3), accounts.reverse())
    assert baselines.isolation_forest(exchanges.head(0), accounts) == set()


@pytest.mark.skipif(not (WORLDS / "dev-clean").exists(), reason="the labelled worlds are not here")
def test_on_a_world_without_a_campaign_everyone_accused_is_innocent(baselines: ModuleType) -> None:
    exchanges, accounts = baselines.load(WORLDS / "dev-clean")
    truth = pl.read_parquet(WORLDS / "dev-clean" / "truth" / "accounts.parquet")
    for baseline in baselines.BASELINES.values():
        found = baselines.figures(baseline(exchanges, accounts), truth)
        assert found["innocent"] == found["accused"] > 100
        assert found["precision"] == 0
