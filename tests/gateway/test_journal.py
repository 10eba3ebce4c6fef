"""The journal: a log that a scan reads, whole after a kill, without text where none may be kept."""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from stillwatch.errors import StorageError
from stillwatch.exchange import EXCHANGE
from stillwatch.gateway.journal import HOUR, TEXT_COLUMNS, Journal, hours, tidy, untidy
from stillwatch.sources.log import open_log
from tests.gateway.claims import NOW, SECOND

ROW = {
    "exchange_id": "r1",
    "started_at": NOW,
    "account_id": "a1",
    "model": "m",
    "operation": "chat",
    "system_prompt": "be kind",
    "messages": [{"role": "user", "content": "Good morning"}],
    "response": "Good morning.",
    "reasoning": "They greet me.",
    "input_tokens": 2,
    "output_tokens": 3,
    "temperature": 0.5,
    "status": 200,
    "latency_ms": 12,
}


def read(folder: Path) -> list[dict]:  # type: ignore[type-arg]
    return open_log([folder]).read().to_pylist()


def test_a_scan_reads_what_passed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", keep_text=True)
    journal.write(ROW, NOW)
    journal.write({**ROW, "exchange_id": "r2", "started_at": NOW + HOUR}, NOW + HOUR)
    journal.close()
    assert len(hours(tmp_path / "journal")) == 2
    rows = read(tmp_path / "journal")
    assert [row["exchange_id"] for row in rows] == ["r1", "r2"]
    first = rows[0]
    assert first["started_at"] == dt.datetime.fromtimestamp(NOW / SECOND, dt.UTC)
    assert json.loads(first["messages"]) == ROW["messages"]
    assert {name: first[name] for name in ROW if name not in ("started_at", "messages")} == {
        name: value for name, value in ROW.items() if name not in ("started_at", "messages")
    }


def test_no_text_is_written_unless_the_policy_keeps_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", keep_text=False)
    journal.write(ROW, NOW)
    journal.close()
    data = b"".join(path.read_bytes() for _, path in hours(tmp_path / "journal"))
    assert not [word for word in (b"kind", b"morning", b"greet") if word in data]
    assert set(TEXT_COLUMNS) <= set(EXCHANGE.names)
    assert read(tmp_path / "journal")[0]["input_tokens"] == 2


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", keep_text=True)
    journal.write(ROW, NOW)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "journal", hours(tmp_path / "journal")[0][1])]
    assert modes == [0o700, 0o600]
    journal.close()


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_line_that_a_kill_cut_short_is_closed_off_and_the_next_one_is_whole(tmp_path: Path, cut: int) -> None:
    folder = tmp_path / "journal"
    journal = Journal(folder, keep_text=True)
    journal.write(ROW, NOW)
    journal.write({**ROW, "exchange_id": "cut"}, NOW)
    journal.close()
    (_, path), *_ = hours(folder)
    os.truncate(path, path.stat().st_size - cut)
    again = Journal(folder, keep_text=True)
    again.write({**ROW, "exchange_id": "r3"}, NOW)
    again.close()
    ids = [row["exchange_id"] for row in read(folder)]
    assert [name for name in ids if name != "cut"] == ["r1", "r3"]
    assert ("cut" in ids) is (cut == 1)  # a line that lacks its line feed alone is whole


def test_hostile_rows_are_written_and_read(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    journal = Journal(folder, keep_text=True)
    rows = [
        {**ROW, "exchange_id": "half", "user_agent": "\ud800", "messages": [{"role": "user", "content": "\udfff"}]},
        {**ROW, "exchange_id": "line", "user_agent": "a\nb\u2028{}"},
        {**ROW, "exchange_id": "huge", "max_tokens": 2**80, "temperature": float("nan")},
        {**ROW, "exchange_id": "last"},
    ]
    for row in rows:
        journal.write(row, NOW)
    journal.close()
    (_, path), *_ = hours(folder)
    assert path.read_bytes().count(b"\n") == len(rows)
    assert {"half", "line", "last"} <= {row["exchange_id"] for row in read(folder)}


def test_text_goes_when_its_time_is_over_and_the_numbers_stay(tmp_path: Path) -> None:
    folder, at = tmp_path / "journal", NOW // HOUR * HOUR
    journal = Journal(folder, keep_text=True)
    for number in range(4):
        journal.write({**ROW, "exchange_id": f"r{number}"}, at + number * HOUR)
    with hours(folder)[0][1].open("ab") as file:
        file.write(b'{"exchange_id": "torn", "messages": "secret\n')
    now = at + 3 * HOUR + 30 * 60 * SECOND
    assert untidy(folder, now, text_hours=2, days=30)
    assert tidy(folder, now, text_hours=2, days=30) == 2
    assert not untidy(folder, now, text_hours=2, days=30)
    assert tidy(folder, now, text_hours=2, days=30) == 0
    told = [row["messages"] is not None for row in read(folder)]
    assert told == [False, False, True, True]
    assert [row["output_tokens"] for row in read(folder)] == [3] * 4
    assert b"secret" not in hours(folder)[0][1].read_bytes()
    assert stat.S_IMODE(hours(folder)[0][1].stat().st_mode) == 0o600
    journal.close()


def test_text_of_the_running_hour_is_left_to_be_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", keep_text=True)
    journal.write(ROW, NOW)
    assert tidy(tmp_path / "journal", NOW + 30 * 60 * SECOND, text_hours=0.1, days=30) == 0
    journal.close()


def test_a_policy_that_keeps_text_no_longer_takes_away_what_was_kept(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    journal = Journal(folder, keep_text=True)
    journal.write(ROW, NOW)
    assert tidy(folder, NOW + 2 * HOUR, text_hours=0, days=30) == 1
    assert read(folder)[0]["messages"] is None
    journal.close()


def test_hours_past_their_days_are_dropped(tmp_path: Path) -> None:
    folder, at = tmp_path / "journal", NOW // HOUR * HOUR
    journal = Journal(folder, keep_text=False)
    for number in range(3):
        journal.write({**ROW, "exchange_id": f"r{number}"}, at + number * HOUR)
    tidy(folder, at + 2 * HOUR + 24 * HOUR, text_hours=0, days=1)
    assert [row["exchange_id"] for row in read(folder)] == ["r2"]
    journal.close()


def test_threads_that_write_while_hours_turn_lose_no_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", keep_text=False)

    def write(number: int) -> None:
        for n in range(300):
            journal.write({**ROW, "exchange_id": f"{number} {n}"}, NOW + n % 7 * HOUR)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert len({row["exchange_id"] for row in read(tmp_path / "journal")}) == 900


def test_files_that_are_not_the_journals_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    other = tmp_path / "journal" / "notes.txt"
    other.write_text("messages")
    journal = Journal(tmp_path / "journal", keep_text=False)
    tidy(tmp_path / "journal", NOW, text_hours=0, days=0.1)
    assert other.read_text() == "messages"
    journal.close()


def test_a_folder_that_went_away_is_one_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", keep_text=False)
    (tmp_path / "journal").rmdir()
    with pytest.raises(StorageError, match="journal cannot be written"):
        journal.write(ROW, NOW)
