"""A case with suspects in folders that truly learnt, and what reading two of them gave."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.ngram_folders import World, case
from stillwatch.progress import Silent
from stillwatch.proving.running import run
from tests.proving.read_suspects import wanted


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return case(tmp_path_factory.mktemp("world") / "case")


@pytest.fixture(scope="session")
def copied(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("copied")
    run(wanted(world, "copy"), out, Silent())
    return out


@pytest.fixture(scope="session")
def innocent(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("innocent")
    run(wanted(world, "honest"), out, Silent())
    return out
