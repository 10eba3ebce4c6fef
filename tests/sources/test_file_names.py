"""A log's file may have any name that a disk takes, bytes that are no UTF-8 included."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stillwatch.pipeline import scan
from stillwatch.progress import Silent
from stillwatch.settings import Settings
from stillwatch.sources.log import open_log
from stillwatch.storage.manifest import read_manifest
from stillwatch.storage.run import new_run

LINE = {
    "exchange_id": "r1",
    "started_at": "2026-09-07T00:03:08Z",
    "account_id": "a1",
    "messages": [{"role": "user", "content": "Good morning"}],
}


def test_a_name_that_is_no_utf_8_is_scanned_and_spelt_out(tmp_path: Path) -> None:
    log = Path(os.fsdecode(os.fsencode(tmp_path / "caf") + b"\xe9.jsonl"))
    try:
        log.write_text(json.dumps(LINE) + "\nno JSON\n")
    except OSError:
        pytest.skip("this disk takes no such name")
    with new_run(tmp_path / "run") as run:
        settings = Settings(salt=tmp_path / "salt")
        scan(log=open_log([log]), customers=None, out=run, settings=settings, progress=Silent())
    assert "caf\\udce9.jsonl:2" in (tmp_path / "run" / "report.json").read_bytes().decode("utf-8").replace("\\\\", "\\")
    assert read_manifest(tmp_path / "run").inputs[0].name.endswith("caf\\udce9.jsonl")
