"""``stillwatch gate ledger``: the chain is checked, and a reference leads to what was done."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from stillwatch.cli import main
from stillwatch.gateway.ledger import LedgerEntry, append


@pytest.fixture
def state(tmp_path: Path) -> Path:
    entries = [
        LedgerEntry(at=1_790_000_000_000_000 + n, kind="decision", account_id=f"a{n}\x1b[31m", reference=f"REF{n}")
        for n in range(3)
    ]
    append(tmp_path / "ledger", entries)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["gate", "ledger", *arguments])
    return int(ended.value.code or 0)


def test_a_ledger_that_holds_says_so_and_its_last_hash(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--state", str(state)) == 0
    assert capsys.readouterr().out.startswith("3 lines in 1 file hold; the last hash is ")
    assert run("--state", str(state), "--json") == 0
    assert msgspec.json.decode(capsys.readouterr().out)["lines"] == 3


def test_a_changed_byte_is_told_with_file_and_line(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = state / "ledger" / "ledger-000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"a1", b"b1"))
    assert run("--state", str(state)) == 1
    assert "ledger-000001.jsonl: line 2 was changed" in capsys.readouterr().out


def test_a_reference_leads_to_what_was_done(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ref1", "--state", str(state)) == 0
    told = capsys.readouterr().out
    assert "account a1\\u{1b}[31m" in told
    assert "a2" not in told
    assert run("NOTHING", "--state", str(state)) == 1


def test_a_folder_without_a_ledger_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--state", str(tmp_path)) == 2
    assert "holds no ledger; name the gateway's --state" in capsys.readouterr().err
