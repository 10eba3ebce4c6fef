"""Lines of a data frame that are parsed at once tell what they tell decoded one by one, whatever stands among them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.fuzzing import broken
from stillwatch.sources.calls import frame_lines
from stillwatch.sources.calls.frame_lines import KnownColumns
from stillwatch.sources.formats import phoenix
from stillwatch.sources.formats.phoenix import SOURCE
from tests.sources.gateway_logs import simulated
from tests.sources.writers import phoenix as writer

VALUES = (
    *(b"NaN", b"Inf", b"-Infinity", b"1e400", b"-0", b"1.0", b"12", b"9007199254740993", b"1788010112.5", b"01"),
    *(b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"2026-09-07T00:00:00Z"', b'"12"', b"[]", b"{}", b"null", b"true"),
    *(b"[[]]", b"[null]", b'[{"message.role":"user","message.content":null}]', b"[" * 5_000 + b"]" * 5_000),
    b'[{"message.content":"x","message.role":"user"}]',
)
ENDS = (b"{}", b" ", b"\r", b"}", b'{"context.span_id":"q"}', b"\0", b"garbage")


def of_pandas(line: bytes) -> bytes:
    """The line as pandas writes it by default: times as milliseconds, counts that may be missing as fractions."""
    row = json.loads(line)
    for name, value in row.items():
        if "token_count" in name:
            row[name] = float(value)
        elif name in ("start_time", "end_time"):
            row[name] = 1_788_010_112_345 + len(line)
    return json.dumps(row).encode() + b"\n"


def _value(line: bytes, rng: random.Random) -> bytes:
    row = json.loads(line)
    name = rng.choice(list(row))
    told = json.dumps({name: row[name]})[1:-1].encode()
    return line.replace(told, json.dumps(name).encode() + b": " + rng.choice(VALUES), 1)


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _value,
    lambda line, rng: line[:-2] + b', "attributes.user.x": ' + rng.choice(VALUES) + b"}\n",
    lambda line, rng: line.rstrip(b"\n") + rng.choice(ENDS) + b"\n",
    lambda line, _: b'{"attributes.user.id": "twice", ' + line[1:],
    broken,
)


def told(path: Path) -> list[Any]:
    return [
        (read.exchanges.to_pylist(), read.rejected, read.cursor, read.lines.tolist(), read.mended)
        for read in SOURCE.read(str(path), None)
    ]


@pytest.mark.parametrize("made", [bytes, of_pandas])
def test_lines_parsed_at_once_tell_what_they_tell_one_by_one(
    made: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phoenix, "SLICE", 2)
    monkeypatch.setattr(phoenix, "SLICES", 3)
    (source,) = writer.write_lines(simulated(), tmp_path)
    lines = [made(line) for line in source.read_bytes().splitlines(keepends=True)]
    source.unlink()
    at_once: list[bool] = []

    def columns(known: KnownColumns, some: Any, parse: Any = KnownColumns.columns) -> Any:
        found = parse(known, some)
        at_once.append(found is not None)
        return found

    monkeypatch.setattr(KnownColumns, "columns", columns)
    rng, path = random.Random(7), tmp_path / "spans.jsonl"
    for number in range(60):
        start = rng.randrange(len(lines) - 24)
        some = lines[start : start + rng.randint(8, 24)]
        for _ in range(number % 3):
            place = rng.randrange(len(some))
            if some[place] in lines:
                some[place] = rng.choice(CHANGES)(some[place], rng)
        path.write_bytes(b"".join(some))
        found = told(path)
        with monkeypatch.context() as patch:
            patch.setattr(frame_lines, "_MISSES", 0)  # decoded one by one
            assert repr(told(path)) == repr(found), number
    assert at_once.count(True) > 50
    assert at_once.count(False) > 20
