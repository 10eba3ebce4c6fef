"""The ledger: what was done to whom, in a chain in which every changed byte is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import StorageError
from stillwatch.gateway import ledger
from stillwatch.gateway.decide import decide
from stillwatch.gateway.ledger import Ledger, LedgerEntry, append, decided, find, read_ledger, verify
from tests.gateway.claims import NOW, asked
from tests.gateway.test_decide import ACT, action, state


def entry(number: int, **other: str) -> LedgerEntry:
    return LedgerEntry(at=NOW + number, kind="decision", account_id=f"a{number}", **other)  # type: ignore[arg-type]


def test_what_was_told_is_written_in_order_and_holds(tmp_path: Path) -> None:
    book = Ledger(tmp_path)
    for number in range(100):
        book.note(entry(number))
    book.close()
    again = Ledger(tmp_path)
    again.note(entry(100))
    again.close()
    checked = verify(tmp_path)
    assert (checked.files, checked.lines, checked.problems) == (1, 101, ())
    assert [e.account_id for e in read_ledger(tmp_path)] == [f"a{n}" for n in range(101)]
    assert [e.account_id for e in read_ledger(tmp_path, newest_first=True)][:2] == ["a100", "a99"]
    assert checked.last == next(read_ledger(tmp_path, newest_first=True)).hash


def test_no_ledger_holds_and_has_no_lines(tmp_path: Path) -> None:
    assert verify(tmp_path / "none") == (0, 0, "0" * 64, ())
    assert list(read_ledger(tmp_path / "none")) == []


@given(st.data())
def test_every_changed_byte_is_found_and_named(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    append(folder, [entry(number) for number in range(5)])
    path = folder / "ledger-000001.jsonl"
    written = path.read_bytes()
    place = data.draw(st.integers(0, len(written) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != written[place]))
    path.write_bytes(written[:place] + bytes([byte]) + written[place + 1 :])
    line = written[:place].count(b"\n") + 1
    (problem,) = verify(folder).problems
    named = int(problem.split("line ")[1].split()[0])
    assert named in (line, line + 1)  # a line feed that went joins two lines
    assert path.name in problem


@pytest.mark.parametrize("edit", ["cut", "swap", "double", "drop the first"])
def test_lines_taken_out_put_in_or_moved_are_found(tmp_path: Path, edit: str) -> None:
    append(tmp_path, [entry(number) for number in range(4)])
    path = tmp_path / "ledger-000001.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    changed = {
        "cut": [lines[0], *lines[2:]],
        "swap": [lines[1], lines[0], *lines[2:]],
        "double": [lines[0], *lines],
        "drop the first": lines[1:],
    }[edit]
    path.write_bytes(b"".join(changed))
    assert verify(tmp_path).problems


def test_files_are_turned_and_the_chain_goes_on_through_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LARGEST", 2000)
    for number in range(40):
        append(tmp_path, [entry(number)])
    checked = verify(tmp_path)
    assert checked.files == 3
    assert checked.problems == ()
    assert [e.account_id for e in read_ledger(tmp_path) if e.kind == "decision"] == [f"a{n}" for n in range(40)]
    second = sorted(tmp_path.glob("ledger-*"))[1]
    first_of_second = second.read_bytes()
    sorted(tmp_path.glob("ledger-*"))[0].unlink()  # put away: what is left still holds by itself
    assert verify(tmp_path).problems == ()
    second.write_bytes(first_of_second.replace(b'"a1', b'"b1', 1))
    assert verify(tmp_path).problems


def test_a_file_taken_from_the_middle_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LARGEST", 1000)
    for number in range(20):
        append(tmp_path, [entry(number)])
    sorted(tmp_path.glob("ledger-*"))[1].unlink()
    (problem,) = verify(tmp_path).problems
    assert "line 1 was changed, or one before it was taken out" in problem


@pytest.mark.parametrize("left", [1, 30, 100])
def test_a_line_that_a_kill_cut_short_is_taken_away_and_that_is_said(tmp_path: Path, left: int) -> None:
    append(tmp_path, [entry(0), entry(1)])
    path = tmp_path / "ledger-000001.jsonl"
    end = path.read_bytes().splitlines(keepends=True)[1]
    os.truncate(path, path.stat().st_size - len(end) + left)
    append(tmp_path, [entry(2)])
    assert verify(tmp_path).problems == ()
    assert [e.kind for e in read_ledger(tmp_path)] == ["decision", "recovered", "decision"]
    assert f"{left} bytes" in [e.why for e in read_ledger(tmp_path)][1]


def test_killed_as_it_began_a_file_the_chain_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LARGEST", 100)
    append(tmp_path, [entry(0)])
    (tmp_path / "ledger-000002.jsonl").write_bytes(b'{"line":1,"at":17')
    append(tmp_path, [entry(1)])
    assert verify(tmp_path).problems == ()
    assert [e.kind for e in read_ledger(tmp_path)] == ["decision", "opened", "recovered", "decision"]


def test_processes_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from stillwatch.gateway.ledger import *\n"
        "for n in range(50): append(pathlib.Path(sys.argv[1]), [LedgerEntry(at=n, kind='decision')] * 2)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    checked = verify(tmp_path)
    assert (checked.lines, checked.problems) == (300, ())


def test_a_decision_is_found_by_its_reference(tmp_path: Path) -> None:
    decision = decide(asked("a"), state(action("suspend")), ACT)
    append(tmp_path, [entry(0), decided(decision), entry(1)])
    (found,) = find(tmp_path, f" {decision.reference.lower()}")
    assert (found.account_id, found.campaign_id, found.reasons, found.what) == ("a", "c", ("suspend",), "refused 403")
    assert found.actions == decision.actions
    assert find(tmp_path, "AAAAAAAAAA") == []


def test_hostile_ids_are_written_as_one_line(tmp_path: Path) -> None:
    append(tmp_path, [entry(0, why="a\nb\u2028\ud800"), entry(1, by='"}')])
    assert verify(tmp_path).lines == 2
    assert verify(tmp_path).problems == ()


def test_a_disk_that_refuses_loses_nothing_that_comes_later(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger")
    (tmp_path / "ledger").rmdir()
    (tmp_path / "ledger").write_text("in the way")
    book.note(entry(0))
    with pytest.raises((StorageError, OSError)):
        book.flush()
    (tmp_path / "ledger").unlink()
    book.note(entry(1))
    book.close()
    assert [e.account_id for e in read_ledger(tmp_path / "ledger")] == ["a0", "a1"]
