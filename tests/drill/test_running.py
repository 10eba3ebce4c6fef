"""A drill from a log to its report: the log is only read, a killed drill goes on, and nothing of a customer is kept."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate

ASKED = ("--adversary", "blatant", "--sizes", "15", "--covers", "0.3", "--no-evasions", "--workers", "1",
         "--budget", "30")  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(accounts=350, days=8.0, seed=6, load=0.5).write(folder)
    return folder


def command(world: Path, out: Path, *options: str) -> list[str]:
    log, accounts = str(world / "exchanges.parquet"), str(world / "accounts.parquet")
    return [sys.executable, "-m", "stillwatch", "drill", log, "--accounts", accounts, "--out", str(out), *options]


def drill(world: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(world, out, *options), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def trials(out: Path) -> list[dict[str, object]]:
    return [json.loads(line)["trial"] for line in (out / "trials.jsonl").read_bytes().splitlines()[1:]]


@pytest.fixture(scope="module")
def drilled(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drill") / "out"
    drill(world, out, *ASKED, "--plantings", "4", "--recommend", "100")
    return out


def digests(world: Path) -> dict[str, str]:
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(world.rglob("*")) if f.is_file()}


def test_it_leaves_its_report_and_its_record_and_nothing_else(world: Path, drilled: Path) -> None:
    assert sorted(file.name for file in drilled.iterdir()) == ["drill.html", "drill.json", "trials.jsonl"]
    report = json.loads((drilled / "drill.json").read_bytes())
    assert report["plantings"] == len(trials(drilled)) > 0
    cell = next(c for c in report["cells"] if c["accounts"] == 15 and c["exchanges"] == 16)
    assert cell["trials"] > 0
    assert 0 <= cell["found"]["low"] <= cell["found"]["value"] <= cell["found"]["high"] <= 1
    assert report["recommendation"]["allowed"] == 100
    assert "<html" in (drilled / "drill.html").read_text()


def test_the_log_is_only_read_and_no_customer_is_kept(world: Path, tmp_path: Path) -> None:
    before = digests(world)
    drill(world, tmp_path / "out", *ASKED, "--plantings", "1")
    assert digests(world) == before
    kept = b"".join(file.read_bytes() for file in (tmp_path / "out").iterdir())
    log = pl.read_parquet(world / "exchanges.parquet")
    for column in ("account_id", "exchange_id", "client_ip", "session_id"):
        assert not any(value.encode() in kept for value in log[column].drop_nulls().unique()[:200])
    texts = [t for t in log["response"].drop_nulls().unique()[:300] if len(t) > 40]
    assert not any(text[:40].encode() in kept for text in texts)


def test_it_goes_on_where_it_was(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    drill(world, out, *ASKED, "--plantings", "2")
    first = trials(out)
    drill(world, out, *ASKED, "--plantings", "4")
    assert trials(out)[: len(first)] == first
    assert len(trials(out)) > len(first)


def test_the_same_seed_plants_the_same(world: Path, drilled: Path, tmp_path: Path) -> None:
    drill(world, tmp_path / "out", *ASKED, "--plantings", "3")
    again = trials(tmp_path / "out")
    assert again == trials(drilled)[: len(again)]


def test_killed_it_leaves_a_record_that_goes_on(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(command(world, out, *ASKED, "--quiet"), start_new_session=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (out / "trials.jsonl").exists():
        time.sleep(0.1)
    time.sleep(4)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert [file.name for file in out.iterdir()] == ["trials.jsonl"]
    drill(world, out, *ASKED, "--plantings", "3")
    assert sorted(file.name for file in out.iterdir()) == ["drill.html", "drill.json", "trials.jsonl"]
    numbers = [trial["number"] for trial in trials(out)]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--budget", "0"), "--budget"),
        (("--plantings", "0"), "--plantings"),
        (("--covers", "1.0"), "--covers"),
        (("--sizes", "3"), "--sizes"),
        (("--adversary", "nobody"), "unknown adversary"),
        (("--recommend", "-1"), "--recommend"),
        (("--adversary", "ghost", "--adversary", "ghost"), "two adversaries"),
    ],
)
def test_wrong_options_get_one_line(world: Path, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    done = subprocess.run(command(world, tmp_path / "out", *options), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_log_that_holds_too_little_is_refused(tmp_path: Path) -> None:
    simulate(accounts=20, days=2.0, seed=1, load=0.3).write(tmp_path / "small")
    done = subprocess.run(
        command(tmp_path / "small", tmp_path / "out", *ASKED), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "too few accounts" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_campaign_that_is_in_the_log_already_is_no_innocent(tmp_path: Path) -> None:
    campaign = parse_campaign("blatant:accounts=40")
    simulate(accounts=350, days=8.0, seed=7, load=0.5, campaigns=[campaign]).write(tmp_path / "world")
    drill(tmp_path / "world", tmp_path / "out", *ASKED, "--plantings", "3")
    report = json.loads((tmp_path / "out" / "drill.json").read_bytes())
    assert report["traffic"]["suspected"] >= 35
    assert any("scan of the log itself" in note for note in report["notes"])
    everybody = next(row for row in report["innocents"] if row["kind"] == "all")
    assert everybody["accounts"] <= 350 + 40 - report["traffic"]["suspected"] + 40
    assert everybody["ever"] < 10


def test_stopped_by_hand_it_reports_what_it_has(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(command(world, out, *ASKED), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline, record = time.monotonic() + 120, out / "trials.jsonl"
    while time.monotonic() < deadline and (not record.exists() or record.read_bytes().count(b"\n") < 3):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Report:" in said
    assert sorted(file.name for file in out.iterdir()) == ["drill.html", "drill.json", "trials.jsonl"]
