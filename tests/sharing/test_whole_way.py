"""Two providers, two logs, two scans: what one tells is found by the other, by the commands that a user calls."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from stillwatch.cli import main
from stillwatch.sharing.matching import Matching
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate

SEED = 17


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    assert ended.value.code != 2, err
    return ended.value.code, out


@pytest.mark.slow
def test_what_one_provider_tells_another_one_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = simulate(accounts=700, days=10.0, campaigns=[parse_campaign("blatant:accounts=80")], seed=SEED)
    ids = world.accounts["account_id"].to_list()
    here = dict(zip(ids, np.random.default_rng(SEED).random(len(ids)) < 0.5, strict=True))
    for number, half in enumerate(("here", "there")):
        folder = tmp_path / half
        folder.mkdir()
        chosen = pl.Series([i for i in ids if here[i] == (number == 0)])
        for name, table in (("exchanges", world.exchanges), ("accounts", world.accounts)):
            rows = table.filter(pl.col("account_id").is_in(chosen.implode()))
            rows.write_parquet(folder / f"{name}.parquet")
        called(
            capsys, "scan", str(folder / "exchanges.parquet"), "--accounts", str(folder / "accounts.parquet"),
            "--out", str(folder / "run"), "--quiet",
        )  # fmt: skip
    bulletin, feed, ledger = tmp_path / "c1.json", tmp_path / "feed", tmp_path / "peers.json"
    log = ["--log", str(tmp_path / "here" / "exchanges.parquet")]
    called(
        capsys, "share", "bulletin", "C1", "--run", str(tmp_path / "here" / "run"), "--as", "Example AI",
        "--format", "stix", "--out", str(bulletin), *log,
    )  # fmt: skip
    called(capsys, "share", "import", str(bulletin), "--feed", str(feed), "--from", "Example AI")
    code, out = called(
        capsys, "match", "--feed", str(feed), "--run", str(tmp_path / "there" / "run"), "--ledger", str(ledger),
        "--json",
    )  # fmt: skip
    found = msgspec.json.decode(out, type=Matching)
    assert code == 1
    (matched,) = [pair for pair in found.pairs if pair.matches]
    assert matched.verdict == "campaign"
    assert matched.behaves is not None
    assert matched.behaves <= found.level
