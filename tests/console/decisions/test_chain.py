"""The chain: a changed byte is named, a torn line is healed and said, and two who write at once lose nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.console.decisions import ChangedMeanwhile, Decisions, Faced, Person
from stillwatch.console.decisions.entry import Entry
from stillwatch.errors import InputError
from stillwatch.storage import chain
from tests.console.decisions.made import BO, RUN, decide, opened

NAME = "decisions.jsonl"


def three(folder: Path) -> Path:
    decisions = opened(folder)
    for kind, account in (("confirm", "a"), ("dismiss", "b"), ("hold", "c")):
        decide(decisions, kind, [account])
    return folder / NAME


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_changed_byte_is_found_and_its_line_named(
    tmp_path_factory: pytest.TempPathFactory, place: float, flip: int
) -> None:
    folder = tmp_path_factory.mktemp("d")
    path = three(folder)
    data = bytearray(path.read_bytes())
    at = int(place * len(data))
    data[at] ^= flip
    path.write_bytes(data)
    if at == len(data) - 1:  # the last line's end: it is as if a killed process had written no more
        assert len(Decisions(folder).entries) == 2
        return
    line = bytes(data[:at]).count(b"\n") + 1
    with pytest.raises(InputError, match=rf"line {line} .*begins at byte") as raised:
        Decisions(folder)
    assert NAME in str(raised.value)


@pytest.mark.parametrize("left", [[0, 2], [0, 1, 1, 2], [1, 0, 2], [1, 2]])
def test_lines_taken_out_put_in_or_exchanged_are_found(tmp_path: Path, left: list[int]) -> None:
    path = three(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[number] for number in left))
    with pytest.raises(InputError, match="line"):
        Decisions(tmp_path)


def test_a_file_that_is_cut_or_taken_away_while_it_is_open_is_told(tmp_path: Path) -> None:
    path = three(tmp_path)
    cut, gone = Decisions(tmp_path), Decisions(tmp_path)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    for _ in range(2):
        with pytest.raises(InputError, match="was cut"):
            decide(cut, "confirm", ["a"])
    path.unlink()
    with pytest.raises(InputError, match="is gone"):
        decide(gone, "confirm", ["a"])


def test_a_line_about_a_line_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = three(tmp_path)
    last = Decisions(tmp_path)
    forged = chain.link(
        Entry(at=last.now, kind="approve", by="Bo", role="approver", why="x", about=77), 4, last.last_hash
    )
    with path.open("ab") as file:
        file.write(msgspec.json.encode(forged) + b"\n")
    with pytest.raises(InputError, match="not there"):
        Decisions(tmp_path)
    for _ in range(2):
        with pytest.raises(InputError, match="not there"):
            last.refresh()


@given(share=st.floats(0, 1))
def test_a_line_that_a_killed_process_began_is_taken_away_and_that_is_said(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    folder = tmp_path_factory.mktemp("d")
    path = three(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    cut = int(share * (len(lines[2]) - 1))
    path.write_bytes(b"".join(lines[:2]) + lines[2][:cut])
    decisions = opened(folder)
    assert [entry.kind for entry in decisions.entries] == ["confirm", "dismiss"]
    decide(decisions, "hold", ["d"])
    kinds = ["confirm", "dismiss", "recovered", "hold"] if cut else ["confirm", "dismiss", "hold"]
    assert [entry.kind for entry in decisions.entries] == kinds
    if cut:
        assert f"{cut:,} bytes" in decisions.entries[2].why
    assert Decisions(folder).entries == decisions.entries


WRITER = """
import sys
from pathlib import Path
from stillwatch.console.decisions import Decisions, Faced, Person
decisions = Decisions(Path(sys.argv[1]))
person, n = Person("Ada", "analyst"), 0
wide = [Faced(f"{'x' * 200} {i}", verdict="campaign", innocent=0.5) for i in range(2000)]
while True:
    preview = decisions.preview("hold", wide, run="r")
    entry = decisions.decide(preview, person, "why", digest=preview.digest, version=preview.version)
    sys.stdout.write(f"{entry.line} {entry.hash}\\n")
    sys.stdout.flush()
"""


def test_killed_in_the_middle_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told += [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGKILL)
        told += [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        process.wait()
    decisions = Decisions(tmp_path)
    kept = {entry.line: entry.hash for entry in decisions.entries}
    for line in told:
        number, hashed = line.split()
        assert kept[int(number)] == hashed
    decide(decisions, "confirm", ["a"])
    assert Decisions(tmp_path).entries[-1].kind == "confirm"


def _decide_many(folder: Path, name: str, shared: int, results: object) -> None:
    decisions, person, refused = Decisions(folder), Person(name, "analyst"), 0
    for number in range(40):
        account = Faced(f"shared {number % shared}", verdict="campaign", innocent=0.1)
        seen = decisions.preview("confirm" if number % 2 else "dismiss", [account], run=RUN)
        try:
            decisions.decide(seen, person, f"{name} {number}", digest=seen.digest, version=seen.version)
        except ChangedMeanwhile:
            refused += 1
        decisions.note([Faced(name)], person, f"note {number}", run=RUN)
    results.put((name, refused))  # type: ignore[attr-defined]


def test_processes_that_decide_at_once_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    names = ("Ada", "Bo", "Cy")
    workers = [spawn.Process(target=_decide_many, args=(tmp_path, name, 5, results)) for name in names]
    for worker in workers:
        worker.start()
    refused = dict(results.get(timeout=120) for _ in names)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    entries = Decisions(tmp_path).entries  # the whole chain holds
    for name in names:
        notes = [entry.why for entry in entries if entry.kind == "note" and entry.by == name]
        assert notes == [f"note {number}" for number in range(40)]
        decided = sum(entry.by == name and entry.kind != "note" for entry in entries)
        assert decided == 40 - refused[name]
    last: dict[str, int] = {}
    for entry in entries:  # every decision was made on what stood when it was made
        for account in entry.accounts:
            if entry.kind != "note":
                assert entry.version == last.get(account, 0)
            last[account] = entry.line


def test_a_disk_that_is_full_leaves_the_chain_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = three(tmp_path)
    decisions, before = Decisions(tmp_path), path.read_bytes()

    def full(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(chain, "write_all", full)
        with pytest.raises(Exception, match="No space left") as raised:
            decide(decisions, "confirm", ["a"])
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == before
    decide(decisions, "confirm", ["a"], BO)
    assert [entry.by for entry in Decisions(tmp_path).entries] == ["Ada", "Ada", "Ada", "Bo"]
