"""``stillwatch share psi`` by files: who learns what, where artefacts come from, and how it fails."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from stillwatch.campaigns.report import Campaign, ErrorRate, Input, Report
from stillwatch.cli import main
from stillwatch.cli.share.psi import SUBCOMMANDS
from stillwatch.exchange import CUSTOMER, EXCHANGE
from stillwatch.sharing.private import curve
from stillwatch.sharing.private.transcript import read_entries

Run = Callable[..., tuple[int, str, str]]
RATE = ErrorRate("false discovery rate", 0.01, "sessions dealt at random", 200)
NOON = dt.datetime(2026, 9, 7, 12, tzinfo=dt.UTC)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``stillwatch share psi ...`` in a folder of its own: exit code, what it says, what it complains of."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["share", "psi", *map(str, arguments)])
        captured = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, captured.out, captured.err

    return command


def offered(run: Run, *more: object, kind: str = "payment") -> None:
    """Both sides as far as the request."""
    assert run("offer", "--kind", kind, "--from", "ours.txt", "--peer", "B", "--out", "setup", *more)[0] == 0
    assert run("ask", "setup", "--kind", kind, "--from", "theirs.txt", "--peer", "A", "--out", "request", *more)[0] == 0


@pytest.fixture
def sets(tmp_path: Path) -> None:
    (tmp_path / "ours.txt").write_text("\n".join(f"card-{n}" for n in range(50)))
    (tmp_path / "theirs.txt").write_text("\r\n".join(f"card-{n}" for n in range(30, 90)) + "\n\n")


@pytest.mark.usefixtures("sets")
def test_three_files_and_only_who_asks_learns_what_is_common(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("offer", "--kind", "payment", "--from", "ours.txt", "--peer", "B", "--out", "setup")
    assert (code, out) == (
        0,
        "Pass setup on, and keep setup.keep to yourself. They will learn which of theirs you have, and that you have"
        " 50; you will learn how many they ask with.\n",
    )
    code, out, _ = run("ask", "setup", "--kind", "payment", "--from", "theirs.txt", "--peer", "A", "--out", "request")
    assert "They offer 50." in out
    assert "They will learn that you ask with 60, and nothing else." in out
    code, answered, _ = run("answer", "request", "--keep", "setup.keep", "--out", "response")
    assert (code, answered) == (0, "Pass response on.\n")
    code, out, _ = run("finish", "response", "--keep", "request.keep", "--out", "common.txt")
    assert (code, out) == (1, "20 of your 60 are among their 50; they are in common.txt.\n")
    common = (tmp_path / "common.txt").read_text().splitlines()
    assert common == sorted(f"card-{n}" for n in range(30, 50))
    assert not (tmp_path / "request.keep").exists()
    private = ("setup.keep", "common.txt", "psi-transcript.jsonl")
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in private} == {0o600}
    assert all(b"card-" not in (tmp_path / name).read_bytes() for name in ("setup", "request", "response"))
    assert len(read_entries(tmp_path / "psi-transcript.jsonl").entries) == 7


@pytest.mark.usefixtures("sets")
def test_a_number_alone(run: Run, tmp_path: Path) -> None:
    offered(run, "--count-only")
    assert run("answer", "request", "--keep", "setup.keep", "--out", "response")[0] == 0
    code, _, err = run("finish", "response", "--keep", "request.keep", "--out", "common.txt")
    assert (code, err) == (
        2,
        "stillwatch: request.keep: is of a session that counts only; leave --out out\n",
    )
    code, out, _ = run("finish", "response", "--keep", "request.keep", "--json")
    assert (code, msgspec.json.decode(out)) == (1, {"common": 20, "ours": 60, "theirs": 50})
    assert not (tmp_path / "common.txt").exists()


@pytest.mark.usefixtures("sets")
def test_an_offer_is_answered_once_whatever_is_asked(run: Run) -> None:
    offered(run)
    (Path("other.txt")).write_text("card-1")
    run("ask", "setup", "--kind", "payment", "--from", "other.txt", "--peer", "A", "--out", "second")
    assert run("answer", "request", "--keep", "setup.keep", "--out", "response")[0] == 0
    for request in ("second", "request"):
        code, _, err = run("answer", request, "--keep", "setup.keep", "--out", "again")
        assert (code, err) == (2, f"stillwatch: {request}: comes after this offer was answered; make a new offer\n")
    assert not Path("again").exists()


@pytest.mark.usefixtures("sets")
def test_a_session_without_an_outcome_can_be_finished_again(run: Run) -> None:
    offered(run)
    run("answer", "request", "--keep", "setup.keep", "--out", "response")
    code, _, err = run("finish", "response", "--keep", "request.keep", "--out", "nowhere/common.txt")
    assert (code, "nowhere/common.txt: cannot be written" in err) == (2, True)
    assert run("finish", "response", "--keep", "request.keep", "--out", "common.txt")[0] == 1


@pytest.mark.usefixtures("sets")
def test_an_offer_that_cannot_be_written_leaves_no_key(run: Run, tmp_path: Path) -> None:
    arguments = ("offer", "--kind", "payment", "--from", "ours.txt", "--peer", "B", "--out", "nowhere/setup")
    code, _, err = run(*arguments, "--keep", "kept")
    assert (code, "nowhere/setup: cannot be written" in err) == (2, True)
    assert not (tmp_path / "kept").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.usefixtures("sets")
def test_nothing_in_common_ends_with_0_and_an_empty_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text("another")
    offered(run)
    run("answer", "request", "--keep", "setup.keep", "--out", "response")
    assert run("finish", "response", "--keep", "request.keep", "--out", "common.txt")[0] == 0
    assert (tmp_path / "common.txt").read_bytes() == b""


@pytest.mark.usefixtures("sets")
def test_who_offers_is_told_of_a_peer_that_asks_with_far_more(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ours.txt").write_text("192.0.2.1\n::ffff:192.0.2.2\nnot an address\n")
    (tmp_path / "theirs.txt").write_text("\n".join(f"192.0.{a}.{b}" for a in range(2, 9) for b in range(256)))
    code, _, err = run("offer", "--kind", "address", "--from", "ours.txt", "--peer", "B", "--out", "setup")
    assert (code, err) == (0, "1 values were set aside, the first because it is no Internet address.\n")
    run("ask", "setup", "--kind", "address", "--from", "theirs.txt", "--peer", "A", "--out", "request")
    code, _, err = run("answer", "request", "--keep", "setup.keep", "--out", "response", "--most", "1000")
    assert code == 2
    assert "agree on smaller sets" in err
    code, _, err = run("answer", "request", "--keep", "setup.keep", "--out", "response")
    assert (code, "the other side asks with 1,792 artefacts, 10 times what is offered (2)" in err) == (0, True)
    run("finish", "response", "--keep", "request.keep", "--out", "common.txt")
    assert (tmp_path / "common.txt").read_text() == "192.0.2.1\n192.0.2.2\n"


def test_artefacts_from_columns_logs_accounts_and_runs(run: Run, tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "card": ["a", "b", "a"]})
    csv.write_csv(table, tmp_path / "cards.csv")
    parquet.write_table(table, tmp_path / "cards.parquet")
    accounts = pa.Table.from_pylist(
        [{"account_id": f"acct{n}", "payment_id": f"pay{n // 2}", "organization_id": None} for n in range(6)], CUSTOMER
    )
    parquet.write_table(accounts, tmp_path / "accounts.parquet")
    rows = [
        {"exchange_id": f"e{n}", "started_at": NOON, "account_id": f"acct{n}", "client_ip": f"192.0.2.{n}"}
        for n in range(6)
    ]
    parquet.write_table(pa.Table.from_pylist(rows, EXCHANGE), tmp_path / "log.parquet")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.json").write_bytes(msgspec.json.encode(report("acct0", "acct5")))
    for number, (expected, options) in enumerate(
        [
            (2, ("--kind", "payment", "--from", "cards.csv", "--column", "card")),
            (2, ("--kind", "payment", "--from", "cards.parquet", "--column", "card")),
            (3, ("--kind", "payment", "--accounts", "accounts.parquet")),
            (2, ("--kind", "payment", "--accounts", "accounts.parquet", "--run", "run")),
            (0, ("--kind", "organization", "--accounts", "accounts.parquet")),
            (6, ("--kind", "address", "--log", "log.parquet")),
            (2, ("--kind", "address", "--log", "log.parquet", "--run", "run", "--campaign", "C1")),
        ]
    ):
        code, out, err = run("offer", *options, "--peer", "B", "--out", f"setup{number}")
        assert (code, err, f"that you have {expected};" in out) == (0, "", True), options


def report(*members: str) -> Report:
    campaign = Campaign(
        campaign_id="C1", verdict="campaign", accounts=2, exchanges=2, taken=2.0, taken_low=1.0, taken_high=2.0,
        expected_innocent=0.0, input_tokens=0.0, output_tokens=0.0, reasoning_tokens=0.0, value=0.0, currency="USD",
        p_value=0.001, e_value=100.0, q_value=0.01, error_rate=RATE, techniques={}, aims=(), story=(), evidence=(),
        rivals=(), timeline=(), artefacts=(), members=members,
    )  # fmt: skip
    log = Input(1, "parquet", 6, 6, 6, NOON, NOON, (), ())
    return Report(
        version=1, stillwatch="0", seed=0, settings={}, input=log, campaigns=(campaign,), accounts=(), look_alikes=(),
        error_rate=RATE, candidates=1, notes=(),
    )  # fmt: skip


@pytest.mark.usefixtures("sets")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["offer", "--peer", "B", "--out", "x"], "--kind: '' cannot be matched; known: payment"),
        (["offer", "--kind", "mail", "--peer", "B", "--out", "x"], "--kind: 'mail' cannot be matched"),
        (["offer", "--kind", "ja4", "--peer", "B", "--out", "x"], "give one of --from, --log and --accounts"),
        (["offer", "--kind", "payment", "--log", "x", "--peer", "B", "--out", "x"], "a log holds no payment"),
        (["offer", "--kind", "ja4", "--accounts", "ours.txt", "--peer", "B", "--out", "x"], "ours.txt"),
        (["offer", "--kind", "ja4", "--from", "none", "--peer", "B", "--out", "x"], "none: cannot be opened"),
        (["offer", "--kind", "ja4", "--from", "bytes", "--peer", "B", "--out", "x"], "bytes:1: not UTF-8"),
        (["offer", "--kind", "payment", "--from", "ours.txt", "--column", "c", "--peer", "B", "--out", "x"], "not one"),
        (["offer", "--kind", "payment", "--from", "ours.txt", "--run", "r", "--peer", "B", "--out", "x"], "--run"),
        (["offer", "--kind", "payment", "--from", "ours.txt", "--campaign", "C", "--peer", "B", "--out", "x"], "--run"),
        (["offer", "--kind", "payment", "--from", "ours.txt", "--peer", "B", "--out", "ours.txt"], "is there already"),
        (["ask", "none", "--kind", "payment", "--from", "ours.txt", "--peer", "A", "--out", "x"], "none: cannot be"),
        (["ask", "ours.txt", "--kind", "payment", "--from", "ours.txt", "--peer", "A", "--out", "x"], "is no message"),
        (["answer", "ours.txt", "--keep", "none", "--out", "x"], "none: cannot be read"),
        (["answer", "ours.txt", "--keep", "theirs.txt", "--out", "x"], "is no kept side of a session"),
        (["answer", "ours.txt", "--keep", "theirs.txt", "--out", "x", "--most", "-1"], "--most: -1 is too small"),
        (["finish", "ours.txt", "--keep", "theirs.txt"], "is no kept side of a session"),
        (["verify", "none"], "none: cannot be read"),
        (["connect", "https://x.example", "--kind", "payment", "--from", "ours.txt"], "give --out or --count-only"),
        (["connect", "https://x.example", "--kind", "payment", "--out", "x"], "the environment has no STILLWATCH_PSI"),
        (["serve", "--kind", "payment", "--peer", "B", "--key", "k"], "--certificate and --key: belong together"),
        (["serve", "--kind", "payment", "--peer", "B", "--sessions", "0"], "--sessions: 0 is too small"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(
    run: Run, arguments: list[str], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STILLWATCH_PSI_TOKEN", raising=False)
    Path("bytes").write_bytes(b"\xff\xfe")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
    assert not Path("x").exists()


@pytest.mark.usefixtures("sets")
def test_a_token_that_can_be_guessed_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLWATCH_PSI_TOKEN", "short")
    code, _, err = run("serve", "--kind", "payment", "--from", "ours.txt", "--peer", "B")
    assert (code, "shorter than 16 characters" in err, "short;" in err) == (2, True, False)


@pytest.mark.usefixtures("sets")
def test_a_changed_transcript_ends_with_1_and_names_the_line(run: Run) -> None:
    offered(run)
    book = Path("psi-transcript.jsonl")
    assert run("verify", book)[0] == 0
    book.write_bytes(book.read_bytes().replace(b'"peer":"A"', b'"peer":"C"', 1))
    code, out, _ = run("verify", book)
    assert code == 1
    assert out.startswith(f"{book}: line 2 was changed")
    code, out, _ = run("verify", book, "--json")
    assert (code, msgspec.json.decode(out)["holds"]) == (1, False)


def test_without_the_library_one_line_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ours.txt").write_text("a")
    monkeypatch.setattr(curve, "_MODULE", "private_set_intersection_that_is_not_here")
    code, _, err = run("offer", "--kind", "payment", "--from", "ours.txt", "--peer", "B", "--out", "x")
    assert (code, err) == (
        2,
        "stillwatch: private matching needs the library openmined-psi; pip install 'stillwatch[psi]'\n",
    )


def test_the_help_says_who_learns_what_and_every_command_has_an_example(run: Run) -> None:
    code, out, _ = run("--help")
    words = " ".join(out.split())
    assert code == 0
    assert "The side that offers learns how many artefacts were asked with, and nothing else." in words
    assert "any hash of them can be undone" in words
    for name, command in SUBCOMMANDS.items():
        assert f" {name} " in out
        _, out_of_one, _ = run(name, "--help")
        assert "Example: stillwatch share psi" in " ".join(out_of_one.split())
        assert command.example.startswith(f"stillwatch share psi {name}")
