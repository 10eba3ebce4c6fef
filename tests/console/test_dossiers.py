"""Dossiers made from the console: one at a time, beside it; what was cut off or failed says so; the newest are kept."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import msgspec
import pytest

from stillwatch.console.dossiers import Dossiers, Order, Told
from stillwatch.console.places import MOST_DOSSIERS
from stillwatch.errors import UsageError
from tests.dossier.made import Scanned, scanned


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    return scanned(tmp_path_factory.mktemp("scanned"))


def order(run: Scanned, campaign: str = "C1", **more: object) -> Order:
    said = {
        "run": str(run.run),
        "campaign": campaign,
        "by": "bo",
        "at": time.time(),
        "exhibits": "none",
        "paper": False,
    }
    return msgspec.convert(said | more, Order)


def ended(dossiers: Dossiers, name: str) -> Told:
    until = time.monotonic() + 300
    while (told := dossiers.told(name)).state == "begun":
        assert time.monotonic() < until
        time.sleep(0.1)
    return told


def test_one_is_made_beside_and_taken_as_a_zip_and_no_other_is_begun_meanwhile(run: Scanned, tmp_path: Path) -> None:
    dossiers = Dossiers(tmp_path / "dossiers")
    name = dossiers.begin(order(run))
    with pytest.raises(UsageError, match="being made just now"):
        dossiers.begin(order(run))
    assert dossiers.packed(name) is None
    told = ended(dossiers, name)
    assert (told.state, told.said) == ("made", "")
    assert len(told.digest) == 64
    assert "packing" in told.steps
    data = dossiers.packed(name)
    assert data is not None
    assert len(data) == told.bytes
    (tmp_path / "taken.zip").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "taken.zip") as packed:
        assert {f"dossier-{name}/manifest.json", f"dossier-{name}/accounts.csv"} <= set(packed.namelist())
    assert Dossiers(tmp_path / "dossiers").told(name) == told  # a console that is started again
    assert not (tmp_path / "dossiers" / name / "dossier").exists()


def test_what_cannot_be_made_says_why(run: Scanned, tmp_path: Path) -> None:
    dossiers = Dossiers(tmp_path)
    told = ended(dossiers, dossiers.begin(order(run, "C9")))
    assert told.state == "failed"
    assert "C9" in told.said
    assert "\n" not in told.said
    assert ended(dossiers, dossiers.begin(order(run))).state == "made"  # and the next one is made
    with pytest.raises(UsageError, match="say why"):
        dossiers.begin(order(run, exhibits="whole"))


def test_one_whose_console_was_stopped_is_told_as_cut_off(run: Scanned, tmp_path: Path) -> None:
    place = tmp_path / ("0" * 16)
    place.mkdir()
    (place / "order.json").write_bytes(msgspec.json.encode(order(run)))
    (place / "told.json").write_bytes(msgspec.json.encode(Told("begun", ("reading the run",))))
    told = Dossiers(tmp_path).told(place.name)
    assert told.state == "failed"
    assert "the console was stopped" in told.said
    assert told.steps == ("reading the run",)


def test_the_oldest_go(run: Scanned, tmp_path: Path) -> None:
    dossiers = Dossiers(tmp_path)
    for number in range(MOST_DOSSIERS + 3):
        place = tmp_path / f"{number:016x}"
        place.mkdir()
        (place / "order.json").write_bytes(msgspec.json.encode(order(run, at=float(number))))
    name = dossiers.begin(order(run))
    assert [one for one, _, _ in dossiers.all()][:2] == [name, f"{MOST_DOSSIERS + 2:016x}"]
    assert len(dossiers.all()) == MOST_DOSSIERS
    ended(dossiers, name)


@pytest.mark.parametrize("name", ["", "..", "../../etc", "0" * 15, "0" * 17, "G" * 16, "0" * 15 + "/"])
def test_no_name_leads_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "order.json").write_bytes(b"{}")
    dossiers = Dossiers(tmp_path / "dossiers")
    assert dossiers.order(name) is None
    assert dossiers.packed(name) is None
