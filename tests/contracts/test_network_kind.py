"""The kind of a network is shown to people and weighs nothing: no signal, comparison, model or verdict reads it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.exchange import EXCHANGE, NETWORK_KINDS, accounts_of, in_order
from stillwatch.linkage.comparisons import COMPARISONS
from stillwatch.linkage.reading import read_activity
from stillwatch.progress import Silent
from stillwatch.signals import SIGNALS
from stillwatch.signals.features import exchange_features
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate
from stillwatch.sources.log import open_log

ROOT = Path(__file__).parents[2]
BLIND = ("src/stillwatch/signals", "src/stillwatch/engines", "src/stillwatch/calibration", "src/stillwatch/linkage")
FILES = sorted(
    path for folder in BLIND for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".txt", ".toml", ".gz")
)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, pa.Table]:
    """A small world's log without kinds of networks, and with the most telling ones: the campaign's are its own."""
    folder = tmp_path_factory.mktemp("kinds")
    world = simulate(accounts=60, days=3.0, campaigns=[parse_campaign("blatant:accounts=12")], seed=5)
    world.write(folder)
    log = in_order(open_log([folder / "exchanges.parquet"]).read())
    guilty = set(world.account_truth.drop_nulls("campaign")["account_id"])
    kinds = ["tor" if account in guilty else "residential" for account in log.column("account_id").to_pylist()]
    place = EXCHANGE.get_field_index("client_network")
    field = EXCHANGE.field(place)
    return (
        log.set_column(place, field, pa.nulls(len(log), field.type)),
        log.set_column(place, field, pa.array(kinds, field.type)),
    )


def test_no_signal_and_no_comparison_names_it() -> None:
    for registry in (SIGNALS, COMPARISONS):
        for _, part in registry.all():
            assert "client_network" not in part.info.reads


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_that_weighs_evidence_names_it(path: Path) -> None:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert b"client_network" not in content
    assert path.suffix != ".gz" or b"feature_names" in content  # a model that shows what it reads


def test_exchanges_are_the_same_numbers_with_and_without_it(logs: tuple[pa.Table, pa.Table]) -> None:
    without, told = (exchange_features(log, accounts_of(log)[1], b"key") for log in logs)
    assert told.equals(without)


def test_sessions_are_the_same_numbers_with_and_without_it(logs: tuple[pa.Table, pa.Table]) -> None:
    without, told = (read_activity(log, None, progress=Silent()) for log in logs)
    for name in without.activity.__dataclass_fields__:
        np.testing.assert_equal(getattr(told.activity, name), getattr(without.activity, name))
    for name in without._fields:
        if name not in ("activity", "codebooks"):
            np.testing.assert_equal(getattr(told, name), getattr(without, name))
    for one, other in zip(told.codebooks, without.codebooks, strict=True):
        assert one.model is not None
        assert other.model is not None
        np.testing.assert_equal(one.model.cluster_centers_, other.model.cluster_centers_)


def test_its_vocabulary_says_no_country() -> None:
    assert all(kind.isalpha() and len(kind) >= 3 for kind in NETWORK_KINDS)  # two letters are a country's code
