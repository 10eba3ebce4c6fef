"""What a dossier is: its files, the same bytes for the same inputs, nothing of this machine, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.dossier.checking import check
from stillwatch.dossier.making import Made, make
from stillwatch.dossier.record import Dossier
from stillwatch.errors import InputError, StillwatchError, UsageError
from tests.dossier.made import CAMPAIGN, Scanned, choices
from tests.drill import made_reports as drills

ROOT = Path(__file__).parents[2]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_inputs_give_the_same_bytes(run: Scanned, key: Path, tmp_path: Path) -> None:
    wanted = choices(run.log, sign=key, seal="inside")
    made = [make(run.run, CAMPAIGN, tmp_path / name, wanted) for name in ("one", "two")]
    assert files(made[0].folder) == files(made[1].folder)
    assert made[0].digest == made[1].digest


def test_what_lies_in_the_folder(signed: Made) -> None:
    assert set(signed.files) == {
        "SHA256SUMS", "accounts.csv", "dossier.html", "dossier.json", "inputs/accounts-0001.parquet",
        "inputs/log-0001.parquet", "manifest.dsse.json", "manifest.json", "public-key.pem",
    }  # fmt: skip


def test_copies_of_the_log_are_for_their_owner_only(signed: Made) -> None:
    assert all(path.stat().st_mode & 0o077 == 0 for path in (signed.folder / "inputs").iterdir())


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_checksums_are_those_that_sha256sum_checks(signed: Made) -> None:
    subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=signed.folder, check=True, capture_output=True)


def test_manifest_names_every_input_with_its_hash(signed: Made) -> None:
    manifest = json.loads((signed.folder / "manifest.json").read_bytes())
    assert manifest["_type"] == "https://in-toto.io/Statement/v1"
    inputs = manifest["predicate"]["inputs"]
    assert {each["role"] for each in inputs} == {"log", "accounts", "run"}
    assert all(re.fullmatch("[0-9a-f]{64}", each["sha256"]) for each in inputs)
    assert {each["name"] for each in inputs if each["role"] == "run"} >= {"report.json", "manifest.json"}
    software = manifest["predicate"]["software"]
    assert {"python", "stillwatch", "numpy", "pyarrow", "lightgbm"} <= software.keys()
    assert manifest["predicate"]["seeds"] == {"scan": 0}


def test_nothing_in_it_says_where_it_was_made(signed: Made, run: Scanned) -> None:
    for name, data in files(signed.folder).items():
        if name.startswith("inputs/"):
            continue
        for place in (str(run.run.parent), str(signed.folder.parent), "/tmp/", str(Path.home()) + "/"):
            assert place.encode() not in data, (name, place)


def test_names_no_account_of_another_group(signed: Made, run: Scanned) -> None:
    report = json.loads((run.run / "report.json").read_bytes())
    own = {each["account_id"] for each in report["accounts"] if each["campaign_id"] == CAMPAIGN}
    others = {each["account_id"] for each in report["accounts"]} - own
    assert others
    for name in ("dossier.html", "dossier.json", "accounts.csv", "manifest.json"):
        text = (signed.folder / name).read_text("utf-8")
        assert not [other for other in others if other in text], name
        if name != "manifest.json":
            assert all(account in text for account in own), name


@pytest.mark.parametrize("kept", ["a file", "an old dossier"])
def test_a_folder_that_holds_anything_is_never_written_into(
    kept: str, signed: Made, run: Scanned, tmp_path: Path
) -> None:
    out = tmp_path / "dossier"
    if kept == "a file":
        out.mkdir()
        (out / "notes.txt").write_text("mine")
    else:
        shutil.copytree(signed.folder, out)
    before = files(out)
    with pytest.raises(UsageError, match="holds files already"):
        make(run.run, CAMPAIGN, out, choices())
    assert files(out) == before


def test_an_empty_folder_is_filled(run: Scanned, tmp_path: Path) -> None:
    (tmp_path / "dossier").mkdir()
    assert make(run.run, CAMPAIGN, tmp_path / "dossier", choices()).files


@pytest.mark.parametrize(
    ("campaign", "said"), [("C9", "has no campaign 'C9'; its campaigns: C1, C2"), ("C3", "under review")]
)
def test_only_an_accusation_gets_a_dossier(campaign: str, said: str, run: Scanned, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        make(run.run, campaign, tmp_path / "dossier", choices())
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_changed_is_refused(run: Scanned, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run.run, copy)
    (copy / "report.json").write_bytes((copy / "report.json").read_bytes().replace(b"0.3", b"0.2", 1))
    with pytest.raises(InputError, match=r"report\.json: was changed since the scan wrote it"):
        make(copy, CAMPAIGN, tmp_path / "dossier", choices())


def test_another_log_than_the_one_scanned_is_refused(run: Scanned, tmp_path: Path) -> None:
    from tests.dossier.made import scanned  # noqa: PLC0415

    other = scanned(
        tmp_path / "other", lambda kind, number: f"{kind}-{number:05d}-other" if kind != "prompt" else f"p {number}"
    )
    with pytest.raises(InputError, match="is no file of the log that was scanned"):
        make(run.run, CAMPAIGN, tmp_path / "dossier", choices(other.log))
    assert not (tmp_path / "dossier").exists()


@pytest.mark.parametrize(
    "broken",
    [{"drill": Path("nowhere")}, {"proof": Path("nowhere")}, {"decisions": Path("nowhere")}, {"sign": Path("no.key")}],
)
def test_what_cannot_be_read_ends_in_one_line_and_nothing(broken: dict[str, Any], run: Scanned, tmp_path: Path) -> None:
    with pytest.raises(StillwatchError) as told:
        make(run.run, CAMPAIGN, tmp_path / "dossier", choices(**broken))
    assert len(str(told.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_inputs_beside_are_an_archive_that_the_manifest_names(run: Scanned, tmp_path: Path) -> None:
    made = [make(run.run, CAMPAIGN, tmp_path / name / "dossier", choices(run.log, seal="beside")) for name in "ab"]
    assert made[0].archive == tmp_path / "a" / "dossier.inputs.tar"
    assert not [name for name in made[0].files if name.startswith("inputs/")]
    assert all(each.archive is not None and each.archive.stat().st_mode & 0o077 == 0 for each in made)
    archives = [each.archive.read_bytes() for each in made if each.archive is not None]
    assert archives[0] == archives[1]
    sealed = json.loads((made[0].folder / "manifest.json").read_bytes())["predicate"]["sealed"]
    assert (sealed["where"], sealed["name"]) == ("beside", "dossier.inputs.tar")
    archive = made[0].archive
    assert archive is not None
    assert any("dossier.inputs.tar beside it is as it was made" in line for line in check(made[0].folder)[0].holds)
    archive.write_bytes(archives[0][:-1] + b"x")
    assert check(made[0].folder)[0].problems == ("dossier.inputs.tar beside it was changed",)
    archive.unlink()
    assert any("dossier.inputs.tar is not beside" in line for line in check(made[0].folder)[0].unchecked)


def text_of(made: Made) -> str:
    return (made.folder / "dossier.html").read_text("utf-8")


def test_performance_is_the_drills_where_one_is_given(run: Scanned, tmp_path: Path) -> None:
    drill = tmp_path / "drill"
    drill.mkdir()
    (drill / "drill.json").write_bytes(msgspec.json.encode(drills.full()))
    made = make(run.run, CAMPAIGN, tmp_path / "with", choices(drill=drill))
    assert made.dossier.performance.source == "drill"
    assert "measured by a drill" in text_of(made)
    assert "another log than the one scanned" in text_of(made)
    assert any(each.role == "drill" and each.sha256 for each in made.dossier.inputs)


def test_without_a_drill_it_says_that_nothing_was_measured_here(run: Scanned, tmp_path: Path) -> None:
    made = make(run.run, CAMPAIGN, tmp_path / "without", choices())
    assert made.dossier.performance.source == "published"
    assert "not measured in this traffic; as published" in text_of(made)
    assert "was not measured in this provider&#39;s traffic" in text_of(made)


def test_published_figures_are_those_of_the_readme() -> None:
    from stillwatch.dossier.published import PUBLISHED  # noqa: PLC0415

    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    figures = [each.figure for each in PUBLISHED.figures]
    for told in re.findall(r"(\d[\d,]* of \d[\d,]*) accused", " ".join(f"{each} " for each in figures)):
        assert told in readme or told.replace(" of ", " of ") in readme, told
    for number in ("0.975", "0.840", "4,074", "2,394", "2,555"):
        assert number in readme, number


def test_says_terms_of_law_soberly_and_names_nobody(signed: Made) -> None:
    text = text_of(signed)
    for term in ("model extraction attack", "fraudulent account network provider", "not legal advice", "AML.T0024.002"):
        assert term in text, term
    assert not re.search(r"\bguilty\b|\bcriminal|\bthief\b", text, re.IGNORECASE)
    assert not re.search(r"\b(China|Chinese|DeepSeek|Moonshot|MiniMax|Alibaba|Qwen|Anthropic|OpenAI|Google)\b", text)


def test_record_is_read_again_as_it_was(signed: Made) -> None:
    data = (signed.folder / "dossier.json").read_bytes()
    assert data.isascii()
    assert msgspec.json.decode(data, type=Dossier) == signed.dossier
