"""The drill's page shows what ``drill.json`` says, whatever a drill came to, and a broken one is one line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from stillwatch.console.reading.drilled import drill_of
from stillwatch.drill import words
from stillwatch.drill.report import DrillReport
from stillwatch.errors import InputError
from tests.drill import made_reports


def kept(report: DrillReport, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "drill.json").write_bytes(msgspec.json.encode(report))
    return folder


@pytest.mark.parametrize("kind", ["full", "hardly_any", "none_found", "empty"])
def test_any_drill_is_shown_in_its_own_words(tmp_path: Path, kind: str) -> None:
    report = getattr(made_reports, kind)()
    drilled = drill_of(kept(report, tmp_path))
    assert drilled.headline == words.headline(report)
    assert [curves.name for curves in drilled.power] == [a.name for a in words.adversaries(report)]
    for curves in (*drilled.power, *drilled.soon):
        assert "<title>" in curves.drawing
    assert sum(len(curves.rows) for curves in drilled.power) == sum(
        cell.adversary in {a.name for a in words.adversaries(report)} for cell in report.cells
    )


def test_a_drill_that_goes_on_is_read_again(tmp_path: Path) -> None:
    before = drill_of(kept(made_reports.empty(), tmp_path)).headline
    assert drill_of(kept(made_reports.full(), tmp_path)).headline != before


def test_no_drill_and_a_broken_one_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no drill\.json"):
        drill_of(tmp_path)
    for broken in (b'{"version":', b"", b"[]", b"\xff\xfe"):
        (tmp_path / "drill.json").write_bytes(broken)
        with pytest.raises(InputError, match="cannot be read by this version"):
            drill_of(tmp_path)
    (tmp_path / "drill.json").write_bytes(b'{"version": "1" ')
    with pytest.raises(InputError, match="cannot be read by this version") as error:
        drill_of(tmp_path)
    assert "\n" not in str(error.value)
