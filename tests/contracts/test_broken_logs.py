"""Broken and hostile files of every format, a few hundred of each: ``make bench`` breaks more."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.fuzzing import bombs, cases, peak, survives
from stillwatch.sources import SOURCES
from stillwatch.sources.base import Source

every_source = pytest.mark.parametrize(
    "source", [source for _, source in SOURCES.all()], ids=lambda source: source.info.name
)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return bombs(tmp_path_factory.mktemp("bombs"), 300 * 2**20)


@every_source
def test_memory_does_not_grow_with_what_a_small_file_unpacks_to(source: Source, heavy: list[Path]) -> None:
    assert peak(source, heavy) < 200


@every_source
def test_a_broken_file_ends_in_rows_rejects_or_one_clear_error(source: Source, tmp_path: Path) -> None:
    for number, data in enumerate(cases(source, 250, seed=7)):
        _, _, wrong = survives(source, data, tmp_path / "log")
        assert not wrong, (number, wrong)
