"""What tests of suspects in folders ask for, and where they find it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.ngram_folders import FolderModel, World
from stillwatch.cli import main
from stillwatch.proving.report import ProofReport, Tested
from stillwatch.proving.running import Wanted

READINGS = "readings/suspect.jsonl"
BESIDE = "readings/beside.jsonl"


def wanted(world: World, name: str, toml: Path | None = None, suspect: Path | None = None) -> Wanted:
    folder = world.folder
    return Wanted(
        toml or folder / f"{name}.toml",
        f"transformers:{suspect or folder / name}",
        (folder / f"{name}.jsonl",),
        opener=FolderModel,
    )


def changed(world: World, name: str, *changes: tuple[str, str]) -> Path:
    text = (world.folder / f"{name}.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = world.folder / f"changed-{len(list(world.folder.iterdir()))}.toml"
    path.write_text(text)
    return path


def cli(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def one_of(report: ProofReport, ends: str) -> Tested:
    return next(each for each in report.tests if each.name.endswith(ends))


def report_in(out: Path) -> ProofReport:
    return msgspec.json.decode((out / "prove.json").read_bytes(), type=ProofReport)
