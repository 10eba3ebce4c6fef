"""A whole log: found, recognised, broken lines set aside, doubles left out in any order of rows and files."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError, PluginError, UnknownFormatError
from stillwatch.exchange import EXCHANGE
from stillwatch.sources import SOURCES, log
from stillwatch.sources.log import open_log

START = dt.datetime(2026, 9, 7, tzinfo=dt.UTC)


def row(i: int, **changes: Any) -> dict[str, Any]:
    return {
        "exchange_id": f"r{i}",
        "started_at": (START + dt.timedelta(seconds=i)).isoformat(),
        "account_id": f"a{i % 7}",
        "messages": [{"role": "user", "content": f"question {i}"}],
        "response": f"answer {i}",
        "input_tokens": i,
        "temperature": 0.5,
    } | changes


def line(i: int, **changes: Any) -> bytes:
    return json.dumps(row(i, **changes)).encode() + b"\n"


def ids(table: pa.Table) -> list[str]:
    return table.column("exchange_id").to_pylist()


BROKEN: dict[str, list[bytes]] = {
    "cut line": [line(1)[:40] + b"\n"],
    "NUL byte": [b"\0\0\0\n", line(2).replace(b"answer", b"ans\0wer")],
    "line over 8 MiB": [b"x" * (10 * 2**20) + b"\n", b'{"response":"' + b"y" * (9 * 2**20) + b'"}\n'],
    "not UTF-8": [b"\xff" + line(3)],
    "not JSON": [b"hello\n", b"{'exchange_id': 1}\n"],
    "not an object": [b"[1, 2]\n", b"7\n"],
    "nested too deeply": [b'{"response":' + b"[" * 100_000 + b"\n"],
    "number out of range: input_tokens": [
        line(4, input_tokens=2**64),
        line(4, input_tokens=77777).replace(b"77777", b"9" * 6000),
        line(4, input_tokens=77777).replace(b"77777", b"1e400"),
    ],
    "negative: input_tokens": [line(5, input_tokens=-1)],
    "wrong type: input_tokens": [line(6, input_tokens="many"), line(6, input_tokens=True), line(6, input_tokens=1.5)],
    "wrong type: response": [
        line(7, response={"a": 1}),
        line(7, response="deep").replace(b'"deep"', b"[" * 100_000 + b"]" * 100_000),
    ],
    "wrong type: account_id": [line(8, account_id=["a"])],
    "text that UTF-8 cannot hold: account_id": [line(8, account_id="\ud800")],
    "wrong type: started_at": [line(9, started_at="yesterday")],
    "impossible time: started_at": [line(10, started_at="0001-01-01T00:00:00"), line(10, started_at=-5)],
    "missing account_id": [line(11, account_id=None), line(11, account_id="")],
    "missing started_at": [line(12, started_at=None)],
}


def test_one_per_cent_of_broken_lines_of_every_kind(tmp_path: Path) -> None:
    broken = [(reason, data) for reason, lines in BROKEN.items() for data in lines]
    good = 100 * len(broken)
    lines: list[tuple[str | None, bytes]] = [(None, line(i)) for i in range(1000, 1000 + good)]
    randomness = random.Random(4)
    for entry in broken:
        lines.insert(randomness.randrange(len(lines)), entry)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(data for _, data in lines))
    log = open_log([path])
    table = log.read()
    assert sorted(ids(table)) == sorted(f"r{i}" for i in range(1000, 1000 + good))
    expected = {f"{path}:{n}": reason for n, (reason, _) in enumerate(lines, 1) if reason}
    assert {reject.where: reject.reason for reject in log.set_aside} == expected
    assert {r.reason: r.records for r in log.rejects} == {reason: len(lines) for reason, lines in BROKEN.items()}


@pytest.mark.parametrize("compressed", ["plain", "gzip", "gzip in two members", "zstd"])
def test_compressed_files_are_read_as_they_are(compressed: str, tmp_path: Path) -> None:
    data = b"".join(line(i) for i in range(50))
    if compressed == "gzip":
        data = gzip.compress(data)
    elif compressed == "gzip in two members":
        data = gzip.compress(data[:3000]) + gzip.compress(data[3000:])
    elif compressed == "zstd":
        data = pa.compress(data, "zstd", asbytes=True)
    path = tmp_path / "log"
    path.write_bytes(data)
    assert len(ids(open_log([path]).read())) == 50


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_compressed_file_that_breaks_off_keeps_what_came_before(codec: str, tmp_path: Path) -> None:
    noise = random.Random(1)
    data = b"".join(line(i, response=str(noise.random())) for i in range(20_000))
    packed = gzip.compress(data) if codec == "gzip" else pa.compress(data, "zstd", asbytes=True)
    path = tmp_path / "log"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    log = open_log([path])
    assert 0 < len(ids(log.read())) < 20_000
    assert len(log.rejects) == 1


def test_folder_pattern_and_repeated_names_give_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "day" / "deep").mkdir(parents=True)
    (tmp_path / "day" / "a.jsonl").write_bytes(line(1))
    (tmp_path / "day" / "deep" / "b.jsonl").write_bytes(line(2))
    (tmp_path / "day" / ".hidden").write_bytes(b"no log")
    (tmp_path / "day" / "empty.jsonl").write_bytes(b"")
    log = open_log([tmp_path / "day", tmp_path / "day" / "*.jsonl", str(tmp_path / "**" / "b.jsonl")])
    assert [file.name for file in log.files] == ["a.jsonl", "b.jsonl"]
    assert ids(log.read()) == ["r1", "r2"]


def test_formats_may_be_mixed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(line(1) + line(2))
    pq.write_table(open_log([tmp_path / "a.jsonl"]).read(), tmp_path / "b.parquet")
    (tmp_path / "c.csv").write_bytes(b"exchange_id,started_at,account_id\nr3,2026-09-07,a\n")
    log = open_log([tmp_path])
    assert log.format == "csv, jsonl, parquet"
    assert sorted(ids(log.read())) == ["r1", "r2", "r3"]
    assert [(r.reason, r.records) for r in log.rejects] == [("duplicate id", 2)]


def test_the_same_rows_stay_in_any_order_of_rows_and_files(tmp_path: Path) -> None:
    rows = [
        line(1),
        line(1),
        line(1, response="other"),
        line(1, started_at="2026-09-06"),
        line(2),
        line(2, status=500),
        line(3),
    ]
    seen = set()
    for number, order in enumerate(itertools.islice(itertools.permutations(rows), 0, None, 97)):
        for cut in (0, 3):
            folder = tmp_path / f"{number}-{cut}"
            folder.mkdir()
            (folder / "a.jsonl").write_bytes(b"".join(order[:cut]))
            (folder / "b.jsonl").write_bytes(b"".join(order[cut:]))
            log = open_log([folder])
            kept = sorted(log.read().to_pylist(), key=lambda r: r["exchange_id"])
            seen.add(repr(kept))
            assert [r["exchange_id"] for r in kept] == ["r1", "r1~2", "r2", "r3"]
            assert kept[0]["started_at"] == dt.datetime(2026, 9, 6, tzinfo=dt.UTC)
            assert sum(r.records for r in log.rejects) == 3
            assert {r.reason for r in log.rejects} <= {"duplicate id", "duplicate id, other content"}
    assert len(seen) == 1


def test_a_caller_that_chooses_its_ids_hides_nothing_and_nobody(tmp_path: Path) -> None:
    hours = [line(1, account_id="attacker", started_at=f"2026-09-07T{hour:02}:00:00Z") for hour in range(9)]
    victim = line(1, account_id="victim", started_at="2026-09-07T04:00:00Z")
    (tmp_path / "a.jsonl").write_bytes(b"".join([*hours[::-1], victim, victim]))
    log = open_log([tmp_path])
    kept = log.read().to_pylist()
    assert sorted(row["account_id"] for row in kept) == ["attacker"] * 9 + ["victim"]
    assert sorted(row["exchange_id"] for row in kept) == sorted(["r1", *(f"r1~{n}" for n in range(2, 11))])
    assert next(row["started_at"].hour for row in kept if row["exchange_id"] == "r1") == 0
    assert [(r.reason, r.records) for r in log.rejects] == [("duplicate id", 1)]
    assert log.notes[0].startswith("9 exchanges bore the id of another account's or another time's")


def test_identical_doubles_are_told_from_others(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(line(1) + line(1) + line(2) + line(1))
    log = open_log([path])
    assert ids(log.read()) == ["r1", "r2"]
    assert [(r.reason, r.records, r.first) for r in log.rejects] == [("duplicate id", 2, f"{path}:2")]


def test_a_broken_line_does_not_displace_the_good_one_with_its_id(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(line(1, input_tokens=-1) + line(1))
    log = open_log([path])
    assert ids(log.read()) == ["r1"]
    assert [r.reason for r in log.rejects] == ["negative: input_tokens"]


def test_a_log_whose_first_line_is_endless_is_still_recognised(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"z" * (9 * 2**20) + b"\n" + line(1))
    log = open_log([path])
    assert ids(log.read()) == ["r1"]
    assert [(r.reason, r.first) for r in log.rejects] == [("line over 8 MiB", f"{path}:1")]


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_empty_log_is_one_clear_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is empty"):
        open_log([path])


def test_log_of_nothing_but_broken_lines_says_why(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(line(i, account_id=None) for i in range(5)))
    with pytest.raises(
        InputError, match=r"holds no exchange that can be read \(5 set aside, most for: missing account_id\)"
    ):
        open_log([path]).read()


def test_table_of_no_rows_is_one_clear_line(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([], EXCHANGE), tmp_path / "log.parquet")
    with pytest.raises(InputError, match="holds no exchange"):
        open_log([tmp_path]).read()


def test_unknown_format_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary,\n")
    known = ", ".join(SOURCES.names())
    assert known.startswith("parquet, jsonl, csv, litellm")
    with pytest.raises(UnknownFormatError, match=rf"\({known}\)"):
        open_log([tmp_path])
    with pytest.raises(PluginError, match=f"known: {known}"):
        open_log([tmp_path], format="xml")
    with pytest.raises(InputError, match="no such file"):
        open_log([tmp_path / "absent"])


def test_a_folder_may_hold_other_files_too_but_a_file_that_was_named_may_not(tmp_path: Path) -> None:
    (tmp_path / "NOTICE.txt").write_text("Dear diary,\n")
    (tmp_path / "log.jsonl").write_bytes(line(1))
    log = open_log([tmp_path])
    assert ids(log.read()) == ["r1"]
    assert [(r.reason, r.where) for r in log.set_aside] == [
        ("file in no format that is known here", f"{tmp_path / 'NOTICE.txt'}:1")
    ]
    assert log.rejects[0].records == 1
    with pytest.raises(UnknownFormatError):
        open_log([tmp_path, tmp_path / "NOTICE.txt"])


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b"".join(line(i % 40) for i in range(60)))
    log = open_log([tmp_path])
    first = log.read()
    assert first.equals(log.read())
    assert log.exchanges == 40


@pytest.mark.parametrize("room", [0, 60_000, 150_000])
def test_a_log_too_large_to_keep_is_read_like_any_other(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(4):
        lines = [line(i) for i in range(place * 90, place * 90 + 100)]  # ten are in the next file too
        (tmp_path / f"{place}.jsonl").write_bytes(b"".join(lines) + BROKEN["cut line"][0] + line(500 + place % 2))
    small = open_log([tmp_path])
    table = small.read()
    monkeypatch.setattr(log, "KEPT_BYTES", room)
    large = open_log([tmp_path])
    assert large.read().equals(table)
    assert len(set(ids(table))) == len(ids(table)) == 372
    assert (large.rejects, large.set_aside, large.exchanges) == (small.rejects, small.set_aside, small.exchanges)
