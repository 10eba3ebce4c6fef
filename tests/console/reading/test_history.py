"""What the gateway did to an account is found in its ledger, also what was added since somebody asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.console.reading import history
from stillwatch.console.reading.history import MOST_TOLD, History
from stillwatch.gateway.ledger import LedgerEntry, append


def note(folder: Path, *accounts: str, start: int = 0) -> None:
    append(folder, [LedgerEntry(at=start + n, kind="decision", account_id=a) for n, a in enumerate(accounts)])


def test_lines_about_an_account_are_found_newest_first_and_new_ones_too(tmp_path: Path) -> None:
    held = History(tmp_path / "ledger")
    assert held.of("a") == ()
    note(tmp_path / "ledger", "a", "b", "a")
    assert [entry.at for entry in held.of("a")] == [2, 0]
    note(tmp_path / "ledger", "a", start=10)
    assert [entry.at for entry in held.of("a")] == [10, 2, 0]
    assert held.of("c") == ()


def test_the_newest_fifty_are_told(tmp_path: Path) -> None:
    note(tmp_path, *["a"] * 300)
    assert [entry.at for entry in History(tmp_path).of("a")] == list(range(299, 299 - MOST_TOLD, -1))


def test_a_line_that_is_being_written_is_read_once_it_is_whole(tmp_path: Path) -> None:
    note(tmp_path, "a")
    path = tmp_path / "ledger-000001.jsonl"
    whole = path.read_bytes()
    held = History(tmp_path)
    path.write_bytes(whole + whole[:20])
    assert len(held.of("a")) == 1
    path.write_bytes(whole + whole)
    assert len(held.of("a")) == 2


def test_broken_lines_are_passed_over(tmp_path: Path) -> None:
    note(tmp_path, "a", "a")
    with (tmp_path / "ledger-000001.jsonl").open("ab") as file:
        file.write(b'{"account_id": 7}\n\xff\xfe\n' + b"[" * 5_000 + b"\n")
    assert len(History(tmp_path).of("a")) == 2


def test_of_a_long_ledger_the_end_is_looked_through_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(tmp_path, *["old"] * 20, *["new"] * 20)
    monkeypatch.setattr(history, "MOST_READ", (tmp_path / "ledger-000001.jsonl").stat().st_size // 3)
    held = History(tmp_path)
    assert 0 < len(held.of("new")) < 20
    assert held.of("old") == ()
    assert not held.complete
