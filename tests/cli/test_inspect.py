"""What a log holds and lacks, and the log as a table, before anything is scanned."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stillwatch.cli import main
from stillwatch.cli.inspect import masked
from stillwatch.exchange import EXCHANGE
from stillwatch.sources import SOURCES
from stillwatch.sources.log import open_log

SECRET = "my secret plan 42"


def log_of(tmp_path: Path, **more: Any) -> Path:
    rows = [
        {
            "exchange_id": f"r{i}",
            "started_at": "2026-09-07T00:03:08Z",
            "account_id": f"a{i % 3}",
            "model": "m",
            "messages": [{"role": "user", "content": SECRET}],
            **more,
        }
        for i in range(10)
    ]
    path = tmp_path / "my log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n" + '{"exchange_id": "r99"}\n')
    return path


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


def test_inspect_says_what_is_there_what_is_not_and_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = log_of(tmp_path)
    assert run("inspect", str(path)) == 0
    out = capsys.readouterr().out
    assert "Looked at 10 exchanges of 3 accounts." in out
    assert "Client addresses were not logged" in out
    assert f"first at {path}:11" in out
    assert SECRET not in out
    assert masked(SECRET) in out
    command = next(line for line in out.splitlines() if line.strip().startswith("stillwatch scan"))
    assert shlex.split(command) == ["stillwatch", "scan", str(path), "--accounts", "ACCOUNTS", "--out", "run"]


def test_inspect_says_whom_it_believes_and_what_else_it_looks_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "output.jsonl").write_bytes(SOURCES.get("batch").info.example)
    assert run("inspect", str(tmp_path / "output.jsonl")) == 0
    out = capsys.readouterr().out
    assert "Whose call it is in batch" in out
    assert "Can the caller choose it? only where both are missing" in out
    assert "Read besides: All files in the folder of the answers" in out


def test_inspect_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", str(log_of(tmp_path, client_ip="8.8.8.8, 10.0.0.1")), "--json") == 0
    seen = json.loads(capsys.readouterr().out)
    assert seen["formats"] == {"jsonl": 1}
    assert seen["filled"]["messages"] == 1.0
    assert seen["filled"]["ja4"] == 0.0
    assert seen["could"]["ja4"] == ["jsonl"]
    assert seen["samples"][0]["client_ip"] == "8.8.8.8"


def test_inspect_with_a_second_log_says_how_much_it_knew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    access = tmp_path / "access.jsonl"
    access.write_text('{"id": "r1", "remote_addr": "8.8.8.8"}\n')
    assert run("inspect", str(log_of(tmp_path)), "--join", str(access), "--on", "id") == 0
    out = capsys.readouterr().out
    assert "(access.jsonl, on id) knew 1 of 10 exchanges (10.0%)" in out
    assert f"--join {access} --on id" in out


def test_convert_writes_what_the_scan_would_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = log_of(tmp_path), tmp_path / "exchanges.parquet"
    assert run("convert", str(path), "--out", str(out)) == 0
    assert "Wrote 10 exchanges (jsonl)" in capsys.readouterr().out
    assert pq.read_table(out).equals(open_log([path]).read())
    assert pq.read_schema(out).equals(EXCHANGE)
    assert out.stat().st_mode & 0o077 == 0
    assert run("convert", str(path), "--out", str(out)) == 2
    assert "exists already" in capsys.readouterr().err
    assert run("convert", str(path), "--out", str(out), "--overwrite") == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["exchanges.parquet", "my log.jsonl"]


@pytest.mark.parametrize("out", ["exchanges.csv", "none/exchanges.parquet"])
def test_convert_that_cannot_write_leaves_nothing(out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("convert", str(log_of(tmp_path)), "--out", str(tmp_path / out)) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["my log.jsonl"]


def test_hostile_text_reaches_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log_of(tmp_path, model="\x1b[2Jm", user_agent="\u202eevil")
    assert run("inspect", str(path)) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_inspect_says_from_what_kinds_of_networks_exchanges_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = log_of(tmp_path, client_ip="1.1.1.7")
    numbers, classes = tmp_path / "numbers.csv", tmp_path / "classes.txt"
    numbers.write_text("network,asn,country\n1.1.1.0/24,AS13335,Ruritania\n")
    classes.write_text("13335|CAIDA_class|Content\n")
    assert run("inspect", str(path), "--networks", str(numbers), "--networks", str(classes)) == 0
    out = capsys.readouterr().out
    assert "Kinds of networks, as a share of the 10 exchanges with a known one (for no verdict)" in out
    assert "  hosting           100.0%" in out
    assert "Ruritania" not in out
    command = next(line for line in out.splitlines() if line.strip().startswith("stillwatch scan"))
    given = shlex.split(command)
    assert given[3:7] == ["--networks", str(numbers), "--networks", str(classes)]
    assert run("inspect", str(path), "--networks", str(numbers), "--json") == 0
    assert "networks" not in json.loads(capsys.readouterr().out)
    assert run("inspect", str(path), "--networks", str(tmp_path / "none.mmdb")) != 0
    assert capsys.readouterr().err.count("\n") == 1
