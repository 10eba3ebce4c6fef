"""A simulated log, scanned again with what people decided: cleared stays cleared, split stays split, merged is one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch import linkage
from stillwatch.campaigns.report import Campaign, Report
from stillwatch.cli import main
from stillwatch.console.decisions import Decisions, Person
from stillwatch.console.pages.choosing import faced_rows, run_id
from stillwatch.console.reading import Run, open_run
from stillwatch.linkage.findings import Findings
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate

pytestmark = pytest.mark.slow
ADA = Person("Ada", "analyst")
Scan = Callable[..., Report]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    campaigns = [parse_campaign(text) for text in ("blatant:accounts=40", "grader:accounts=35")]
    simulate(accounts=400, days=14.0, campaigns=campaigns, seed=1, load=0.6).write(folder)
    return folder


@pytest.fixture(scope="module")
def linked() -> Iterator[None]:
    """Linkage does its work once: the log is the same in every test, and so is what it finds."""
    found: list[Findings] = []
    real: Callable[..., Findings] = linkage.find_groups

    def once(*given: Any, **more: Any) -> Findings:
        if not found:
            found.append(real(*given, **more))
        return found[0]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(linkage, "find_groups", once)
        yield


@pytest.fixture(scope="module")
def scan(world: Path, linked: None, tmp_path_factory: pytest.TempPathFactory) -> Scan:
    folder = tmp_path_factory.mktemp("runs")

    def scanned(name: str, *more: object) -> Report:
        with pytest.raises(SystemExit) as ended:
            main(
                ["scan", str(world / "exchanges.parquet"), "--accounts", str(world / "accounts.parquet"), "--out",
                 str(folder / name), "--salt", str(folder / "salt"), "--quiet", *map(str, more)]
            )  # fmt: skip
        assert ended.value.code in (0, 1)
        return msgspec.json.decode((folder / name / "report.json").read_bytes(), type=Report)

    scanned.folder = folder  # type: ignore[attr-defined]
    return scanned


@pytest.fixture(scope="module")
def before(scan: Scan) -> Report:
    return scan("before")


@pytest.fixture
def run(scan: Scan, before: Report) -> Run:
    return open_run(scan.folder / "before")  # type: ignore[attr-defined]


def accused(report: Report) -> list[Campaign]:
    return [campaign for campaign in report.campaigns if campaign.verdict == "campaign"]


def verdicts(report: Report) -> dict[str, str]:
    return {account.account_id: account.verdict for account in report.accounts}


def decide(folder: Path, run: Run, kind: Any, *parts: list[str]) -> None:
    decisions = Decisions(folder)
    rows = [[run.accounts.row(name) for name in part] for part in parts]
    chosen = [one for number, part in enumerate(rows) for one in faced_rows(run, part, number)]
    preview = decisions.preview(kind, chosen, run=run_id(run))
    decisions.decide(preview, ADA, "looked", digest=preview.digest, version=preview.version)


def test_what_was_cleared_stays_cleared(scan: Scan, before: Report, run: Run, tmp_path: Path) -> None:
    names = list(accused(before)[0].members[:3])
    decide(tmp_path, run, "dismiss", names)
    after = scan("cleared", "--decisions", tmp_path)
    assert {verdicts(after)[name] for name in names} == {"clear"}
    others = {name: verdict for name, verdict in verdicts(before).items() if name not in names}
    assert {name: verdicts(after)[name] for name in others} == others
    assert after.judged
    assert (after.judged.cleared, after.judged.kept_out) == (3, 3)
    assert "with the hash" in after.notes[-1]


def test_what_was_split_stays_split(scan: Scan, before: Report, run: Run, tmp_path: Path) -> None:
    whole = list(accused(before)[0].members)
    off, rest = whole[:10], whole[10:]
    decide(tmp_path, run, "split", rest, off)
    after = scan("split", "--decisions", tmp_path)
    groups = [set(campaign.members) for campaign in after.campaigns]
    assert set(off) in groups
    assert set(rest) in groups
    assert len(after.campaigns) == len(before.campaigns) + 1


def test_what_was_merged_is_one_with_the_weaker_rate(scan: Scan, before: Report, run: Run, tmp_path: Path) -> None:
    one, two = accused(before)[:2]
    decide(tmp_path, run, "merge", list(one.members), list(two.members))
    after = scan("merged", "--decisions", tmp_path)
    (joined,) = [campaign for campaign in after.campaigns if set(one.members) <= set(campaign.members)]
    assert set(joined.members) == {*one.members, *two.members}
    assert joined.q_value == max(one.q_value, two.q_value)
    assert joined.p_value == max(one.p_value, two.p_value)
    assert joined.expected_innocent == pytest.approx(one.expected_innocent + two.expected_innocent)
    assert verdicts(after) == verdicts(before)


def test_without_decisions_a_scan_gives_what_it_gave(scan: Scan, before: Report, tmp_path: Path) -> None:
    scan("again")
    folder: Path = scan.folder  # type: ignore[attr-defined]
    for name in ("accounts", "campaigns", "exchanges", "profiles", "behaviour", "rejected"):
        one, two = (hashlib.sha256((folder / r / f"{name}.parquet").read_bytes()).digest() for r in ("before", "again"))
        assert one == two
    assert (folder / "before" / "report.json").read_bytes() == (folder / "again" / "report.json").read_bytes()


def test_a_folder_without_decisions_or_with_a_broken_chain_stops_the_scan_before_its_work(
    scan: Scan, before: Report, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decide(tmp_path / "d", run, "hold", list(accused(before)[0].members[:1]))
    path = tmp_path / "d" / "decisions.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"hold"', b'"dismiss"', 1))
    for folder, said in ((tmp_path / "d", "line 1 was changed"), (tmp_path / "nothing", "holds no decisions")):
        with pytest.raises(SystemExit) as ended:
            main(["scan", "log.parquet", "--out", str(tmp_path / "run"), "--decisions", str(folder)])
        assert ended.value.code == 2
        assert said in " ".join(capsys.readouterr().err.split())
