"""The whole way, with a stand-in for linkage: what a run holds, what it must not hold, and that it repeats itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import linkage
from stillwatch.campaigns.report import Report
from stillwatch.cli import main
from stillwatch.exchange import CUSTOMER, accounts_of, in_order
from stillwatch.linkage.findings import Findings
from tests.campaigns import made_cases
from tests.campaigns.made_cases import group

FILES = {
    "accounts.parquet", "exchanges.parquet", "campaigns.parquet", "profiles.parquet", "rejected.parquet",
    "behaviour.parquet",    "report.html", "report.json", "manifest.json",
}  # fmt: skip


@pytest.fixture
def linked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A linkage that accuses the four that share a card, and shows two others; returns what it was called with."""
    calls: list[dict[str, Any]] = []

    def find_groups(exchanges: pa.Table, customers: pa.Table | None, **given: Any) -> Findings:
        calls.append({"exchanges": exchanges, "customers": customers} | given)
        kinds = {"vpn_exit": np.arange(3)}
        return made_cases.findings(exchanges, (group([0, 1, 2, 3]), group([6, 7], "review")), kinds=kinds)

    monkeypatch.setattr(linkage, "find_groups", find_groups, raising=False)
    return calls


def scan(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(["scan", *map(str, arguments)])
    captured = capsys.readouterr()
    assert isinstance(end.value.code, int), captured.err
    return end.value.code, captured.out + captured.err


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Writes a log (and its customers) into a folder; both are returned."""

    def write(table: pa.Table, name: str = "log", parts: int = 1) -> tuple[Path, Path]:
        folder = tmp_path / name
        folder.mkdir()
        for part, rows in enumerate(np.array_split(np.arange(table.num_rows), parts)):
            pq.write_table(table.take(pa.array(rows)), folder / f"{part}.parquet")
        pq.write_table(made_cases.customers(), tmp_path / f"{name}-customers.parquet")
        return folder, tmp_path / f"{name}-customers.parquet"

    return write


def test_a_run_holds_what_the_design_says(
    linked: list[dict[str, Any]], files: Callable[..., tuple[Path, Path]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    log, customers = files(made_cases.log())
    code, said = scan(capsys, log, "--accounts", customers, "--out", tmp_path / "run", "--seed", 7)
    assert code == 1
    assert "1 campaign, 4 accounts accused" in said
    run = tmp_path / "run"
    assert {path.name for path in run.iterdir()} == FILES
    accounts = pq.read_table(run / "accounts.parquet").to_pylist()
    assert [row["account_id"] for row in accounts] == made_cases.ACCOUNTS
    assert [row["campaign_id"] for row in accounts[:8]] == ["C1"] * 4 + [None, None, "C2", "C2"]
    campaigns = pq.read_table(run / "campaigns.parquet").to_pylist()
    assert [(row["campaign_id"], row["accounts"], row["taken"]) for row in campaigns] == [("C1", 4, 12.0), ("C2", 2, 6)]
    exchanges = pq.read_table(run / "exchanges.parquet")
    assert exchanges.column("exchange_id").to_pylist() == [f"x{n:03d}" for n in range(72)]
    profiles = pq.read_table(run / "profiles.parquet").to_pylist()
    assert [row["account_id"] for row in profiles] == made_cases.ACCOUNTS
    assert {row["exchanges"] for row in profiles} == {6}
    manifest = json.loads((run / "manifest.json").read_text())
    assert {output["name"] for output in manifest["outputs"]} == FILES - {"manifest.json"}
    assert set(manifest["seconds"]) == {"read", "measure", "link", "judge", "write"}
    (call,) = linked
    assert call["seed"] == 7
    assert call["customers"].schema.names == CUSTOMER.names
    assert call["exchanges"].equals(in_order(call["exchanges"]))
    assert accounts_of(call["exchanges"])[0].to_pylist() == made_cases.ACCOUNTS


def test_explain_reads_the_run(
    linked: list[dict[str, Any]], files: Callable[..., tuple[Path, Path]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    log, customers = files(made_cases.log())
    scan(capsys, log, "--accounts", customers, "--out", tmp_path / "run")
    for subject, expected, words in (("C1", 1, "4 accounts"), ("a06", 0, "under review"), ("a11", 0, "is clear")):
        with pytest.raises(SystemExit) as end:
            main(["explain", subject, "--run", str(tmp_path / "run")])
        assert end.value.code == expected
        assert words in " ".join(capsys.readouterr().out.split())


def everything(run: Path) -> str:
    """All that can be read out of a run: its files, and the cells of its tables."""
    found = []
    for path in run.iterdir():
        found.append(path.read_bytes().decode("utf-8", "replace"))
        if path.suffix == ".parquet":
            found.append(json.dumps(pq.read_table(path).to_pylist(), default=str))
    return "\n".join(found)


@pytest.mark.parametrize("with_text", [False, True])
def test_no_text_and_no_identifier_leaves_the_log(
    with_text: bool, linked: list[dict[str, Any]], files: Callable[..., tuple[Path, Path]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    log, customers = files(made_cases.log(system_prompt="You are Zanzibar's cook", api_key_id="key-one"))
    good = '{"exchange_id": "y1", "started_at": "2026-09-08", "account_id": "a11"}'
    (log / "broken.jsonl").write_text(f'{good}\n{{"exchange_id": "y2", "messages": "{made_cases.SECRET}\n')
    more = ["--with-text"] if with_text else []
    scan(capsys, log, "--accounts", customers, "--out", tmp_path / "run", *more)
    held = everything(tmp_path / "run")
    assert "broken.jsonl:2" in held
    assert (made_cases.SECRET in held) is with_text
    for raw in (made_cases.ADDRESS, "198.51.100", "card-1", "orga00", "t13d_a", "key-one", "Zanzibar's", "s0-0"):
        assert raw not in held, raw
    salt = (tmp_path / "run.salt").read_text().strip()
    assert salt not in held


def test_order_and_split_of_the_rows_change_nothing(
    linked: list[dict[str, Any]], files: Callable[..., tuple[Path, Path]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    table = made_cases.log()
    shuffled = table.take(pa.array(np.random.default_rng(3).permutation(table.num_rows)))
    one, customers = files(table)
    many, _ = files(shuffled, "shuffled", parts=5)
    scan(capsys, one, "--accounts", customers, "--out", tmp_path / "first", "--salt", tmp_path / "salt")
    scan(capsys, many, "--accounts", customers, "--out", tmp_path / "second", "--salt", tmp_path / "salt")
    scan(capsys, one, "--accounts", customers, "--out", tmp_path / "third")
    for name in sorted(FILES):
        if name.endswith(".parquet"):
            first = (tmp_path / "first" / name).read_bytes()
            assert first == (tmp_path / "second" / name).read_bytes(), name
            assert first == (tmp_path / "third" / name).read_bytes(), f"{name} with another salt"
    reports = [
        msgspec.json.decode((tmp_path / run / "report.json").read_bytes(), type=Report) for run in ("first", "second")
    ]
    assert reports[0].campaigns == reports[1].campaigns
    assert reports[0].accounts == reports[1].accounts


def test_metadata_alone_without_customers(
    linked: list[dict[str, Any]], files: Callable[..., tuple[Path, Path]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    log, _ = files(made_cases.metadata_only().select(["exchange_id", "started_at", "account_id"]))
    code, said = scan(capsys, log, "--out", tmp_path / "run")
    assert code == 1
    assert "No prompt was logged" in said
    assert linked[0]["customers"] is None


def test_nothing_found(
    monkeypatch: pytest.MonkeyPatch, files: Callable[..., tuple[Path, Path]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(linkage, "find_groups", lambda x, c, **_: made_cases.findings(x, ()), raising=False)
    log, _ = files(made_cases.log())
    code, said = scan(capsys, log, "--out", tmp_path / "run")
    assert code == 0
    assert "No campaign found" in said
    assert pq.read_table(tmp_path / "run" / "campaigns.parquet").num_rows == 0
    assert set(pq.read_table(tmp_path / "run" / "accounts.parquet").column("verdict").to_pylist()) == {"clear"}


def test_a_wrong_price_table_is_told_before_the_work(
    linked: list[dict[str, Any]], files: Callable[..., tuple[Path, Path]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    log, _ = files(made_cases.log())
    (tmp_path / "prices.toml").write_text("nothing = 1")
    code, said = scan(capsys, log, "--out", tmp_path / "run", "--price-table", tmp_path / "prices.toml")
    assert code == 2
    assert "is no table of prices" in said
    assert linked == []
    assert not (tmp_path / "run").exists()


def test_whom_a_person_cleared_no_scan_accuses_and_the_record_is_shown(
    linked: list[dict[str, Any]], files: Callable[..., tuple[Path, Path]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    log, _ = files(made_cases.log())
    judgements, name = tmp_path / "judgements.jsonl", made_cases.ACCOUNTS[1]
    judgements.write_text(
        json.dumps({"account_id": name, "verdict": "cleared", "at": "2026-11-20T12:00:00Z", "by": "Ada",
                    "why": "<b>a sewing class</b>", "innocent": 0.04}) + "\n"
    )  # fmt: skip
    code, said = scan(capsys, log, "--out", tmp_path / "run", "--judgements", judgements)
    assert code == 0  # four of whom one was cleared are three: nobody is accused
    assert "People judged 1 account and cleared 1 of them" in said
    report = msgspec.json.decode((tmp_path / "run" / "report.json").read_bytes(), type=Report)
    (own,) = [account for account in report.accounts if account.account_id == name]
    assert (own.verdict, own.campaign_id, str(own.cleared)) == ("clear", None, "2026-11-20")
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "What people found who looked" in page
    assert "sewing" not in page  # a person's words about a person stay with the judgements
    with pytest.raises(SystemExit):
        main(["explain", name, "--run", str(tmp_path / "run")])
    assert "A person cleared it on 20 November 2026" in " ".join(capsys.readouterr().out.split())
