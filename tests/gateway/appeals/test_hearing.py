"""An appeal that a person upheld: nothing stands any more, here and at every later scan, and it is counted."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from stillwatch.campaigns.judgements import read_judgements
from stillwatch.cli import main
from stillwatch.errors import UsageError
from stillwatch.gateway.appeals.hearing import Desk
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.ledger import LedgerEntry, append, read_ledger, verify
from stillwatch.gateway.stores.base import change
from tests.responses.standing import request, subject

POLICY = """
version = 1
name = "test"
mode = "act"
[[measures]]
response = "reduce_detail"
levels = ["suspected", "review", "campaign", "confirmed"]
[[measures]]
response = "hold_for_review"
levels = ["campaign", "confirmed"]
[[measures]]
response = "step_up"
parameters = { url = "https://verify.example/hook" }
"""
NOW = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gateway that holds one account for review."""
    (tmp_path / "policy.toml").write_text(POLICY)
    opened = open_gate(tmp_path / "state", tmp_path / "policy.toml")
    now = opened.now()
    opened.put([change(subject("a1", innocent=0.004, since=now))])
    for _ in range(2):  # planned in the first round, kept in the second: a second each
        opened.refresh()
    yield opened
    opened.close()


@pytest.fixture
def desk(gate: Gate) -> Iterator[Desk]:
    opened = Desk(gate.folder)
    yield opened
    opened.close()


def heard(gate: Gate, desk: Desk) -> str:
    """Touched, and appealed: the reference."""
    decision = gate.decide(request("a1", at=gate.now()))
    assert decision.refuse is not None
    whose = desk.touched(decision.reference)
    assert whose is not None
    assert (whose.account_id, whose.campaign_id) == ("a1", "C1")
    assert whose.innocent == pytest.approx(0.004)
    desk.appeals.open(decision.reference, *whose[:2], "We are a class.", innocent=whose.innocent, now=NOW)
    return decision.reference


def test_an_upheld_appeal_undoes_everything_and_no_machine_accuses_again(gate: Gate, desk: Desk) -> None:
    reference = heard(gate, desk)
    appeal = desk.uphold(reference, by="Ada", why="a class", answer="Sorry.", now=NOW)
    assert appeal.status == "upheld"
    gate.refresh()
    assert gate.state.actions("a1") == ()
    assert not gate.decide(request("a1", at=gate.now())).touches
    assert gate.state.undone  # every action, one by one: no later plan brings it back
    later = gate.now() + 1
    gate.put([change(subject("a1", campaign="C9", level="campaign", since=later))])
    gate.refresh()
    assert not gate.decide(request("a1", at=gate.now())).touches
    kinds = [entry.kind for entry in read_ledger(gate.folder / "ledger")]
    assert kinds.count("undone") == 3
    assert "cleared" in kinds
    gate.ledger.flush()
    assert not verify(gate.folder / "ledger").problems


def test_it_is_counted_against_what_was_stated_and_heeded_by_scans(gate: Gate, desk: Desk) -> None:
    reference = heard(gate, desk)
    desk.uphold(reference, by="Ada", why="a class", answer="", now=NOW)
    (judgement,) = read_judgements(gate.folder / "judgements.jsonl")
    assert (judgement.account_id, judgement.verdict, judgement.by) == ("a1", "cleared", "Ada")
    assert judgement.innocent == pytest.approx(0.004)
    assert judgement.reference == reference


def test_a_rejected_appeal_changes_nothing_and_confirms_nothing(gate: Gate, desk: Desk) -> None:
    reference = heard(gate, desk)
    with pytest.raises(UsageError, match="plain words"):
        desk.reject(reference, by="Ada", why="same card", answer=" ", now=NOW)
    desk.reject(reference, by="Ada", why="same card", answer="We checked with care.", now=NOW)
    gate.refresh()
    assert gate.decide(request("a1", at=gate.now())).refuse is not None
    (judgement,) = read_judgements(gate.folder / "judgements.jsonl")
    assert judgement.verdict == "confirmed"
    with pytest.raises(UsageError, match="no appeal is open"):
        desk.uphold(reference, by="Bo", why="x", answer="", now=NOW)


def test_who_confirmed_the_claim_does_not_hear_the_appeal(gate: Gate, desk: Desk) -> None:
    reference = heard(gate, desk)
    append(gate.folder / "ledger", [LedgerEntry(at=1, kind="confirmed", account_id="a1", by="Ada", why="x")])
    for decide in (desk.uphold, desk.reject):
        with pytest.raises(UsageError, match="somebody else"):
            decide(reference, by="Ada", why="mine", answer="no", now=NOW)
    desk.uphold(reference, by="Bo", why="a class", answer="", now=NOW)


@pytest.mark.parametrize(("by", "why"), [("", "x"), ("Ada", " ")])
def test_a_decision_has_a_name_and_a_reason(gate: Gate, desk: Desk, by: str, why: str) -> None:
    with pytest.raises(UsageError, match="name and a reason"):
        desk.uphold(heard(gate, desk), by=by, why=why, answer="", now=NOW)


def test_a_reference_is_known_after_its_action_has_ended(gate: Gate, desk: Desk) -> None:
    decision = gate.decide(request("a1", at=gate.now()))
    gate.ledger.flush()
    gate.state.withdraw("a1")
    desk.state._references.clear()
    found = desk.touched(decision.reference)
    assert found is not None
    assert found.account_id == "a1"
    assert desk.touched("AAAAAAAAAA") is None


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(["gate", "appeals", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out + captured.err


@pytest.fixture
def page(gate: Gate) -> Iterator[str]:
    """``stillwatch gate appeals serve`` as a process; its address."""
    command = [
        sys.executable,
        "-m",
        "stillwatch",
        "gate",
        "appeals",
        "serve",
        "--state",
        str(gate.folder),
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        line = served.stdout.readline()
        found = re.fullmatch(r"serving (http://127\.0\.0\.1:\d+/)\n", line)
        assert found, line
        yield found[1]
        served.terminate()
        assert served.wait(20) == 0


def test_from_the_refusal_to_the_persons_answer(
    gate: Gate, page: str, capsys: pytest.CaptureFixture[str], request_words: Callable[[], str]
) -> None:
    reference = gate.decide(request("a1", at=gate.now())).reference
    taken = httpx.post(page, data={"reference": reference, "statement": request_words(), "contact": ""})
    assert taken.status_code == 200
    ticket = re.findall(r'class="code">([\w-]+)<', taken.text)[1]
    code, said = run(capsys, "list", "--state", gate.folder)
    assert code == 1
    assert "1 waiting" in said
    code, said = run(capsys, "show", reference.lower(), "--state", gate.folder)
    assert "\x1b" not in said
    assert "stated probability of innocence: 0.004" in said
    code, said = run(capsys, "show", reference, "--state", gate.folder, "--json")
    assert "ticket" not in json.loads(said)
    code, said = run(capsys, "uphold", reference, "--state", gate.folder, "--by", "Ada", "--why", "a class")
    assert code == 0, said
    followed = httpx.post(page + "status", data={"reference": reference, "ticket": ticket})
    assert "you were right" in followed.text
    assert run(capsys, "list", "--state", gate.folder)[0] == 0
    code, said = run(capsys, "uphold", reference, "--state", gate.folder, "--by", "Ada", "--why", "again")
    assert code == 2
    assert said.count("\n") == 1


@pytest.fixture
def request_words() -> Callable[[], str]:
    return lambda: "We are a class.\x1b[2J <script>"


def test_a_person_confirms_and_another_hears_the_appeal(gate: Gate, desk: Desk) -> None:
    with pytest.raises(UsageError, match="no claim stands"):
        desk.confirm("C2", by="Ada", why="x", now=NOW)
    now = dt.datetime.now(dt.UTC)
    assert desk.confirm("a1", by="Ada", why="looked", now=now) == ("a1",)
    gate.refresh()
    claim = gate.state.subject("a1")
    assert claim is not None
    assert claim.level == "confirmed"
    with pytest.raises(UsageError, match="somebody else"):
        desk.uphold(heard(gate, desk), by="Ada", why="mine", answer="", now=NOW)


def test_a_person_clears_without_an_appeal(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["gate", "clear", "a1", "--state", str(gate.folder), "--by", "Ada", "--why", "a class"])
    assert end.value.code == 0
    assert "--judgements" in capsys.readouterr().out
    gate.refresh()
    assert not gate.decide(request("a1", at=gate.now())).touches
    (judgement,) = read_judgements(gate.folder / "judgements.jsonl")
    assert judgement.innocent == pytest.approx(0.004)


WHO = ("--by", "Ada", "--why", "looked")


@pytest.mark.parametrize(
    "command",
    [
        ("confirm", "C1", *WHO),
        ("clear", "a1", *WHO),
        ("appeals", "list"),
        ("appeals", "show", "ABCDEFG234"),
        ("appeals", "uphold", "ABCDEFG234", *WHO),
        ("appeals", "reject", "ABCDEFG234", *WHO, "--answer", "We checked."),
        ("appeals", "serve", "--port", "0"),
    ],
)
def test_a_folder_misspelt_is_told_of_and_never_made(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "gateway"
    with pytest.raises(SystemExit) as end:
        main(["gate", *command, "--state", str(nowhere)])
    said = capsys.readouterr().err
    assert (end.value.code, said.count("\n")) == (2, 1)
    assert "is no gateway's folder; name the folder of watch --state" in said
    assert not nowhere.exists()
