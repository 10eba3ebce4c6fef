"""Broken and hostile files of every format, a few hundred of each: ``make bench`` breaks more."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.fuzzing import cases, survives
from stillwatch.sources import SOURCES
from stillwatch.sources.base import Source


@pytest.mark.parametrize("source", [source for _, source in SOURCES.all()], ids=lambda source: source.info.name)
def test_a_broken_file_ends_in_rows_rejects_or_one_clear_error(source: Source, tmp_path: Path) -> None:
    for number, data in enumerate(cases(source, 250, seed=7)):
        _, _, wrong = survives(source, data, tmp_path / "log")
        assert not wrong, (number, wrong)
