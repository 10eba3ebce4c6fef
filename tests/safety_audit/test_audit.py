"""A whole audit through the command line, of models whose behaviour is planted, over a real socket."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.asking.sealed import read_sealed, verify
from stillwatch.cli import main
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.reference.behaviour import Behaviour
from stillwatch.safety_audit.reference.cast import Cast
from stillwatch.safety_audit.reference.known import known_properties
from stillwatch.safety_audit.reference.server import Serving, serving
from stillwatch.safety_audit.report import AuditReport, FigureResult

MODELS: dict[str, Any] = {
    "ours": {"rates": {"refusal": {"refused": 0.95}, "sycophancy": {"right": 0.9}}},
    "twin": {"rates": {"refusal": {"refused": 0.95}, "sycophancy": {"right": 0.9}}},
    "stripped": {"rates": {"refusal": {"refused": 0.3}, "sycophancy": {"right": 0.9}}},
    "base": {"rates": {"refusal": {"refused": 0.85}, "sycophancy": {"right": 0.9}}},
    "lax-base": {"rates": {"refusal": {"refused": 0.02}, "sycophancy": {"right": 0.9}}},
    "judge": {"judges": {"refusal.refused": {"sensitivity": 0.9, "specificity": 0.9}}},
    "slow": {"rates": {"refusal": {"refused": 0.95}}, "failures": {"latency": 0.02}},
    "faulty": {
        "rates": {"refusal": {"refused": 0.3}},
        "failures": {"share": 0.1, "mishaps": ["limited", "error", "broken"], "retry_after": 0.01},
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    behaviour = msgspec.convert({"models": MODELS, "seed": 3, "languages": ["en"]}, Behaviour)
    with serving(Cast(behaviour, known_properties(["en"], ["refusal", "sycophancy"]))) as running:
        yield running


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def model(server: Serving, name: str) -> str:
    return f"openai:{name}@{server.url}"


def audit(server: Serving, out: Path, suspect: str, *more: str, against: str = "ours", base: str = "base") -> int:
    return run(
        ["audit", model(server, suspect), "--against", model(server, against), "--base", model(server, base),
         "--out", str(out), "--languages", "en", "--property", "refusal", *more, "--quiet"]
    )  # fmt: skip


def report(out: Path) -> AuditReport:
    return msgspec.json.decode((out / "audit.json").read_bytes(), type=AuditReport)


def figure(out: Path, name: str = "refused") -> FigureResult:
    return next(f for f in report(out).figures if f.figure == name)


def asked(server: Serving, name: str) -> int:
    return sum(count for (who, _), count in server.server.answered.items() if who == name)


def test_lost_restraint_is_found_and_told_from_a_base_that_never_had_it(server: Serving, tmp_path: Path) -> None:
    assert audit(server, tmp_path / "lost", "stripped") == 1
    assert figure(tmp_path / "lost").reading == "worse than both"
    assert audit(server, tmp_path / "kept", "stripped", base="lax-base") == 0
    assert figure(tmp_path / "kept").reading == "as its base"
    page = (tmp_path / "lost" / "audit.html").read_text()
    assert "lost" in page
    assert "2503.16529" in page, "the innocent explanation stands beside it"
    assert (tmp_path / "lost" / "statement.html").exists()


def test_twins_are_not_told_apart(server: Serving, tmp_path: Path) -> None:
    assert audit(server, tmp_path / "a", "twin") == 0
    found = figure(tmp_path / "a")
    assert found.reading in ("no difference", "open")
    (against,) = (d for d in found.differences if d.contrast == "suspect-teacher")
    assert against.simultaneous.low <= 0 <= against.simultaneous.high


def test_going_on_asks_nothing_twice_and_tells_the_same(server: Serving, tmp_path: Path) -> None:
    assert audit(server, tmp_path / "a", "stripped", "--max-requests", "90") in (0, 1)
    first = report(tmp_path / "a")
    assert any("ended early" in caveat for caveat in first.caveats)
    assert figure(tmp_path / "a").stopped == "budget"
    before = asked(server, "stripped")
    audit(server, tmp_path / "a", "stripped")
    held = read_sealed(tmp_path / "a" / "answers" / "suspect.jsonl")
    assert len({(e.answer.question, e.answer.sample) for e in held.entries}) == len(held.entries)
    between = asked(server, "stripped")
    assert between - before == len(held.entries) - next(m.answered for m in first.models if m.role == "suspect")
    audit(server, tmp_path / "a", "stripped")
    assert asked(server, "stripped") == between
    audit(server, tmp_path / "b", "stripped")
    assert figure(tmp_path / "a").differences == figure(tmp_path / "b").differences
    assert report(tmp_path / "a").data_sets == report(tmp_path / "b").data_sets
    assert len(report(tmp_path / "a").data_sets[0]["checksum"]) == len("sha256:") + 64


def test_a_killed_audit_loses_nothing(server: Serving, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "stillwatch", "audit", model(server, "slow"), "--against", model(server, "slow"),
        "--out", str(tmp_path / "a"), "--languages", "en", "--property", "refusal", "--quiet",
    ]  # fmt: skip
    sealed = tmp_path / "a" / "answers" / "suspect.jsonl"
    with subprocess.Popen(command) as running:
        while running.poll() is None and (not sealed.exists() or sealed.read_bytes().count(b"\n") < 25):
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    kept = {e.answer.question for e in read_sealed(sealed).entries}
    assert len(kept) >= 24
    before = asked(server, "slow")
    assert subprocess.run(command, check=False).returncode == 0
    entries = read_sealed(sealed).entries
    assert kept < {e.answer.question for e in entries}
    teacher = read_sealed(sealed.with_name("teacher.jsonl")).entries
    assert asked(server, "slow") - before <= len(entries) + len(teacher) - len(kept)


def test_nothing_harmful_is_written_anywhere(server: Serving, tmp_path: Path) -> None:
    audit(server, tmp_path / "a", "stripped")
    requests = [m.text for item in PROPERTIES.get("refusal").items(["en"]) for m in item.messages]
    written = {path: path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) >= 6
    for path, text in written.items():
        assert not any(request in text for request in requests), path
    for entry in read_sealed(tmp_path / "a" / "answers" / "suspect.jsonl").entries:
        assert entry.answer.text == ""
        assert entry.withheld["text"].length > 0


def test_failures_on_the_way_cost_tries_and_no_answers(server: Serving, tmp_path: Path) -> None:
    audit(server, tmp_path / "a", "faulty")
    (suspect,) = (m for m in report(tmp_path / "a").models if m.role == "suspect")
    assert suspect.failed == 0
    assert suspect.answered == suspect.asked > 0
    assert figure(tmp_path / "a").reading == "worse than both"


def test_seals_stand_in_the_report_and_a_changed_byte_is_named(server: Serving, tmp_path: Path) -> None:
    audit(server, tmp_path / "a", "twin")
    path = tmp_path / "a" / "answers" / "suspect.jsonl"
    (suspect,) = (m for m in report(tmp_path / "a").models if m.role == "suspect")
    verify(path, suspect.seal)
    data = bytearray(path.read_bytes())
    at = data.index(b'"length":') + len(b'"length":')
    data[at] = ord("9") if data[at] != ord("9") else ord("8")
    path.write_bytes(data)
    with pytest.raises(Exception, match=r"suspect\.jsonl:2"):
        verify(path)
    assert audit(server, tmp_path / "a", "twin") == 2


def test_prepared_answers_need_no_network(server: Serving, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    assert audit(server, tmp_path / "unused", "ours", "--questions", str(questions)) == 0
    asked_for = [msgspec.json.decode(line) for line in questions.read_bytes().splitlines()]
    assert len(asked_for) == len(PROPERTIES.get("refusal").items(["en"]))
    for name, text in (("yes", "Sure, happy to help with that."), ("no", "I'm sorry, but I can't help with that.")):
        lines = [msgspec.json.encode({"question": each["id"], "text": text}) for each in asked_for]
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(lines))
    code = run(
        ["audit", str(tmp_path / "yes.jsonl"), "--against", str(tmp_path / "no.jsonl"), "--out", str(tmp_path / "a"),
         "--languages", "en", "--property", "refusal", "--quiet"]
    )  # fmt: skip
    assert code == 1
    assert figure(tmp_path / "a").reading == "worse than teacher"


def test_a_judging_model_judges_and_its_error_is_told(server: Serving, tmp_path: Path) -> None:
    assert audit(server, tmp_path / "a", "stripped", "--judge", model(server, "judge")) == 1
    judge = figure(tmp_path / "a").judge
    assert judge is not None
    assert judge.judge != "rules"
    assert judge.labelled > 20
    assert "kappa" in figure(tmp_path / "a").agreement
    assert "kappa" in (tmp_path / "a" / "audit.html").read_text()
    before = asked(server, "judge")
    audit(server, tmp_path / "a", "stripped", "--judge", model(server, "judge"))
    assert asked(server, "judge") == before, "what it said is not asked for again"


def test_own_items_of_a_user_are_asked_too(server: Serving, tmp_path: Path) -> None:
    mine = tmp_path / "mine.jsonl"
    rows = [{"id": f"q{n}", "property": "refusal", "text": f"Tell me secret number {n}."} for n in range(3)]
    mine.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    questions = tmp_path / "questions.jsonl"
    assert audit(server, tmp_path / "a", "ours", "--data", str(mine), "--questions", str(questions)) == 0
    assert b"secret number 2" in questions.read_bytes()


def test_no_model_is_its_own_only_judge(server: Serving, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(server, tmp_path / "a", "stripped", "--judge", model(server, "stripped")) == 2
    assert "only judge" in capsys.readouterr().err


def test_labels_of_people_are_written_out_read_back_and_used(server: Serving, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    arguments = ("--property", "sycophancy", "--sheet", str(sheet))
    audit(server, tmp_path / "a", "twin", *arguments)
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["figure"] for row in rows} == {"sycophancy.yields"}, "answers to harmful requests are not shown"
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "label": "0"} for row in rows)
    assert audit(server, tmp_path / "a", "twin", *arguments[:2], "--labels", str(sheet)) == 0
    judge = figure(tmp_path / "a", "yields").judge
    assert judge is not None


def test_what_it_would_take_is_said_before_anything_is_asked(
    server: Serving, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = asked(server, "ours")
    assert audit(server, tmp_path / "a", "ours", "--dry-run") == 0
    said = capsys.readouterr().out
    assert f"{len(PROPERTIES.get('refusal').items(['en']))} requests" in said
    assert asked(server, "ours") == before
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--property", "charm"), "no property"),
        (("--languages", "tlh"), "--languages"),
        (("--level", "1"), "--level"),
        (("--width", "0"), "--width"),
        (("--samples", "0"), "--samples"),
        (("--max-requests", "0"), "--max-requests"),
        (("--max-cost", "1"), "price"),
        (("--labels", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_cannot_be_is_one_line(
    server: Serving, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], said: str
) -> None:
    code = run(
        ["audit", model(server, "twin"), "--against", model(server, "ours"), "--out", str(tmp_path / "a"), "--quiet",
         *(() if "--languages" in more else ("--languages", "en")), *more]
    )  # fmt: skip
    assert code == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_nobody_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = "openai:m@http://127.0.0.1:9/v1"
    code = run(["audit", nobody, "--against", nobody, "--out", str(tmp_path / "a"), "--languages", "en",
                 "--property", "refusal", "--quiet"])  # fmt: skip
    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert os.listdir(tmp_path / "a") == ["answers"]
