"""Logs that lie elsewhere, by their address: here in fsspec's own memory."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from stillwatch.cli import main
from stillwatch.errors import InputError, StillwatchError
from stillwatch.sources.containers.object_storage import is_url
from stillwatch.sources.enrichment.joining import Join
from stillwatch.sources.log import open_log


def line(number: int) -> bytes:
    row = {"exchange_id": f"r{number}", "started_at": "2026-09-07T00:03:08Z", "account_id": f"a{number}"}
    return json.dumps(row).encode() + b"\n"


@pytest.fixture
def bucket() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.pipe("/logs/day=1/a.jsonl", line(1) + b"{broken\n")
    system.pipe("/logs/day=2/b.jsonl.gz", gzip.compress(line(2)))
    system.pipe("/logs/day=2/.hidden.jsonl", line(7))
    system.pipe("/logs/day=2/empty.jsonl", b"")
    yield system
    system.rm("/logs", recursive=True)


def ids(*locations: str) -> list[str]:
    return sorted(open_log(list(locations)).read().column("exchange_id").to_pylist())


def test_a_folder_a_pattern_and_one_object_are_read_as_files_are(bucket: Any) -> None:
    assert ids("memory://logs") == ["r1", "r2"]
    assert ids("memory://logs/day=*/*.gz") == ["r2"]
    assert ids("memory://logs/day=1/a.jsonl", "memory://logs/day=1/a.jsonl") == ["r1"]
    log = open_log(["memory://logs/day=1"])
    log.read()
    assert [reject.where for reject in log.set_aside] == ["memory:///logs/day=1/a.jsonl:2"]


def test_parquet_and_files_of_this_machine_beside_it(bucket: Any, tmp_path: Path) -> None:
    here = tmp_path / "here.jsonl"
    here.write_bytes(line(3))
    sink = io.BytesIO()
    pq.write_table(open_log([here]).read(), sink)
    bucket.pipe("/logs/day=3/c.parquet", sink.getvalue())
    here.write_bytes(line(4))
    assert ids("memory://logs", str(here)) == ["r1", "r2", "r3", "r4"]


def test_a_second_log_may_lie_there_too(bucket: Any) -> None:
    bucket.pipe("/logs-edge/access.jsonl", b'{"request_id": "r1", "remote_addr": "8.8.8.8"}\n')
    log = open_log(["memory://logs/day=1"])
    with Join("memory://logs-edge/access.jsonl", "request_id") as join:
        log.join = join
        assert log.read().column("client_ip").to_pylist() == ["8.8.8.8"]


def test_what_cannot_be_read_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="memory://nowhere: no such file, folder or pattern"):
        open_log(["memory://nowhere"])
    for url in ("s3://bucket/logs", "nosuch://bucket/logs"):
        with pytest.raises(StillwatchError) as error:
            open_log([url])
        assert "\n" not in str(error.value)
        assert url in str(error.value)
    with pytest.raises(InputError) as error:
        open_log(["https://me:hunter2@example.org/log.jsonl"])
    assert "hunter2" not in str(error.value)


def test_inspect_and_scan_take_addresses(bucket: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["inspect", "memory://logs"])
    assert ended.value.code == 0
    assert "stillwatch scan memory://logs " in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["scan", "memory://logs", "--out", str(tmp_path / "run"), "--quiet"])
    assert ended.value.code == 0


@pytest.mark.parametrize(
    ("location", "elsewhere"),
    [
        ("s3://b/k", True),
        ("abfs+x://b", True),
        ("C:\\logs", False),
        ("logs/a:b", False),
        ("/tmp/x", False),
        ("", False),
    ],
)
def test_which_locations_are_addresses(location: str, elsewhere: bool) -> None:
    assert is_url(location) is elsewhere


GOLDEN = Path(__file__).parents[1] / "golden" / "logs"
TRACE = {"id": "t1", "timestamp": "2026-09-07 00:00:00", "user_id": "u7", "session_id": None, "bookmarked": False}


def put(folder: Path, prefix: str) -> None:
    system = fsspec.filesystem("memory")
    for path in folder.iterdir():
        system.pipe(f"{prefix}/{path.name}", path.read_bytes())


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("folder", "named"), [("azure_apim", "requests.jsonl"), ("azure_apim", ""), ("batch/openai", "output.jsonl")]
)
def test_what_belongs_to_a_log_is_found_beside_it_as_on_a_disk(folder: str, named: str) -> None:
    put(GOLDEN / folder, "/logs/there")
    there = open_log([f"memory://logs/there/{named}"]).read()
    assert there.equals(open_log([GOLDEN / folder / named]).read())
    assert there.column("messages").null_count < there.num_rows


@pytest.mark.usefixtures("bucket")
def test_traces_are_found_in_the_folder_beside_that_of_the_observations() -> None:
    row = json.loads((GOLDEN / "langfuse" / "ordinary.jsonl").read_text().splitlines()[0])
    system = fsspec.filesystem("memory")
    system.pipe("/logs/there/observations/1.jsonl", json.dumps(row | {"trace_id": "t1", "user_id": None}).encode())
    system.pipe("/logs/there/traces/1.jsonl", json.dumps(TRACE).encode())
    system.pipe("/logs/there/traces/below/1.jsonl", json.dumps(TRACE | {"user_id": "another"}).encode())
    (found,) = open_log(["memory://logs/there/observations/"]).read().to_pylist()
    assert found["account_id"] == "u7"
