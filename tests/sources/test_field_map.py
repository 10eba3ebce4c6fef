"""Any table through a map, and maps that cannot work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.sources.formats.field_map import follow, read_field_map
from stillwatch.sources.log import open_log

MAP = """
[fields]
exchange_id = "request.id"
started_at = { path = "at", unit = "ms" }
account_id = ["consumer.id", "consumer.name"]
messages = "payload.messages"
input_tokens = "gen_ai.usage.input_tokens"
latency_ms = { path = "took", unit = "s" }
"""
ROWS: list[dict[str, Any]] = [
    {
        "request": {"id": "r1"},
        "at": 1788739388250,
        "consumer": {"id": "", "name": "a1"},
        "payload": json.dumps({"messages": [{"role": "user", "content": "Why?"}]}),
        "gen_ai.usage.input_tokens": 12,
        "took": 0.25,
    },
    {
        "request": {"id": "r2"},
        "at": 1788739389250,
        "consumer": {"id": "a2", "name": None},
        "payload": json.dumps({"messages": []}),
        "gen_ai.usage.input_tokens": 0,
        "took": 1.5,
    },
]


def write(kind: str, path: Path) -> None:
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif kind == "json array":
        path.write_text(json.dumps(ROWS, indent=2))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        quoted = [[json.dumps(v) if isinstance(v, dict) else v for v in row.values()] for row in ROWS]
        cells = [['"' + str(v).replace('"', '""') + '"' for v in row] for row in quoted]
        path.write_text("\n".join(",".join(row) for row in [list(ROWS[0]), *cells]) + "\n")


@pytest.mark.parametrize("kind", ["jsonl", "json array", "parquet", "csv"])
def test_any_container_gives_the_same(kind: str, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    write(kind, tmp_path / "log")
    log = open_log([tmp_path / "log"], field_map=tmp_path / "map.toml")
    rows = log.read().select(
        ["exchange_id", "started_at", "account_id", "messages", "input_tokens", "latency_ms", "response"]
    )
    assert log.rejects == ()
    first, second = (tuple(row.values()) for row in rows.to_pylist())
    assert first[0] == "r1"
    assert first[1].isoformat() == "2026-09-07T00:03:08.250000+00:00"
    assert json.loads(first[3]) == [{"role": "user", "content": "Why?"}]
    assert (first[2], *first[4:]) == ("a1", 12, 250, None)
    assert (second[0], *second[2:]) == ("r2", "a2", None, 0, 1500, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"has no \[fields\]"),
        ("[fields", "is no TOML"),
        ('format = "xml"\n[fields]', "known: jsonl, csv, parquet"),
        ('[fields]\nexchange_id = "a"\nstarted_at = "b"', "leaves out account_id"),
        (MAP + 'colour = "x"', "names no column of ours: colour"),
        (MAP + "model = 7", "model is neither a path"),
        (MAP + "model = []", "model is neither a path"),
        (MAP + 'model = { path = "m", unit = "s" }', "model cannot have the unit 's'; known: none"),
        (MAP.replace('"ms"', '"weeks"'), "known: iso, s, ms, us, ns"),
    ],
)
def test_map_that_cannot_work_says_what_to_write(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_field_map(path)
    assert str(path) in str(caught.value)


def test_paths_into_json() -> None:
    value = {"a": [{"b.c": {"d": 1}}, 2], "e": '{"f": [3]}', "g": {"h": None}, "g.h": 4}
    assert follow(value, "a.0.b.c.d") == 1
    assert follow(value, "a.1") == 2
    assert follow(value, "e.f.0") == 3
    assert follow(value, "g.h") == 4
    for nowhere in ("a.2", "a.x", "e.f.1", "e.x.y", "z", "a.1.q", "a." + "9" * 5000, "", "."):
        assert follow(value, nowhere) is None


def test_bad_times_are_set_aside_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    rows = [ROWS[0], ROWS[1] | {"at": "soon"}, ROWS[1] | {"took": -1}]
    (tmp_path / "log").write_text("".join(json.dumps(row) + "\n" for row in rows))
    log = open_log([tmp_path / "log"], field_map=tmp_path / "map.toml")
    assert log.read().num_rows == 1
    assert [(r.reason, r.where[-2:]) for r in log.set_aside] == [
        ("wrong type: started_at", ":2"),
        ("negative: latency_ms", ":3"),
    ]
