"""What people decided is told as they decided it, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.dossier.making import make
from stillwatch.errors import InputError
from stillwatch.storage.chain import ZEROS, link
from tests.dossier.made import CAMPAIGN, Scanned, choices


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line as the console writes it."""

    line: int = 0
    at: int
    kind: str
    by: str = ""
    why: str = ""
    campaign: str = ""
    faced: tuple[tuple[Any, ...], ...] = ()
    about: int = 0
    hash: str = ""


def write(folder: Path, *lines: Line) -> Path:
    folder.mkdir()
    before, data = ZEROS, b""
    for number, line in enumerate(lines, 1):
        linked = link(line, number, before)
        before = linked.hash
        data += msgspec.json.encode(linked) + b"\n"
    (folder / "decisions.jsonl").write_bytes(data)
    return folder


@pytest.fixture
def folder(run: Scanned, tmp_path: Path) -> Path:
    mine, other = "account-00003-quux", "account-00080-quux"
    return write(
        tmp_path / "decisions",
        Line(at=1_790_000_000_000_000, kind="confirm", by="Ada", why="looked at both", campaign="C1",
             faced=((mine, "C1", "campaign", 0.0004, 0.01), ("account-00004-quux", "C1"))),
        Line(at=1_790_000_100_000_000, kind="dismiss", by="Ben", why="a customer of ours", faced=((other, ""),)),
        Line(at=1_790_000_200_000_000, kind="hold", by="Cy", why="see the appeal", faced=((mine, "C1"),)),
        Line(at=1_790_000_300_000_000, kind="told", about=3),
        Line(at=1_790_000_400_000_000, kind="undo", by="Ada", why="settled", about=3),
    )  # fmt: skip


def test_decisions_about_the_campaign_are_told_with_who_and_why(folder: Path, run: Scanned, tmp_path: Path) -> None:
    made = make(run.run, CAMPAIGN, tmp_path / "d", choices(decisions=folder))
    told = [(each.by, each.what, each.about, each.why) for each in made.dossier.decided]
    assert told == [
        ("Ada", "confirmed as part of the campaign", "2 accounts of C1", "looked at both"),
        ("Cy", "to be left alone while somebody looks", "account-00003-quux", "see the appeal"),
        ("Ada", "an earlier decision undone", "account-00003-quux", "settled"),
    ]
    page = (made.folder / "dossier.html").read_text("utf-8")
    assert "a customer of ours" not in page, "other customers are nobody's business here"
    assert "Not given" not in page
    assert any(each.role == "decisions" for each in made.dossier.inputs)


def test_a_changed_decision_stops_the_dossier(folder: Path, run: Scanned, tmp_path: Path) -> None:
    path = folder / "decisions.jsonl"
    path.write_bytes(path.read_bytes().replace(b"looked at both", b"looked at none"))
    with pytest.raises(InputError, match=r"decisions\.jsonl:1: was changed"):
        make(run.run, CAMPAIGN, tmp_path / "d", choices(decisions=folder))
    assert not (tmp_path / "d").exists()
