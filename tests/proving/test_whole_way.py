"""A whole proof through the command line, of suspects whose answers are planted, over a real socket."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from examples.prove.make import COMMON, CONTROLS, SAMPLES, make
from examples.prove.serve import Suspects, serving
from stillwatch.asking.sealed import read_sealed
from stillwatch.cli import main
from stillwatch.proving.report import ProofReport, Tested

TAKEN = 90


class World:
    """The example's files, and its suspects at work."""

    def __init__(self, folder: Path, server: Suspects) -> None:
        self.folder, self.server = folder, server

    def case(self, name: str, **changes: str) -> Path:
        """The case against ``name``; each change puts a line into its table ``[table]``."""
        text = (self.folder / f"{name}.toml").read_text()
        for table, line in changes.items():
            field = line.partition("=")[0].strip()
            kept = [each for each in text.splitlines() if not each.startswith(f"{field} =")]
            text = "\n".join(kept).replace(f"[{table}]", f"[{table}]\n{line}")
        path = self.folder / f"changed-{name}-{len(list(self.folder.iterdir()))}.toml"
        path.write_text(text)
        return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("example") / "case"
    make(folder, taken_prompts=TAKEN)
    with serving(json.loads((folder / "suspects.json").read_text())) as server:
        yield World(folder, server)


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def prove(world: World, name: str, out: Path, *more: object, case: Path | None = None) -> int:
    return run(
        "prove",
        world.server.address(name),
        "--case",
        case or world.folder / f"{name}.toml",
        "--out",
        out,
        "--quiet",
        *more,
    )


def report(out: Path) -> ProofReport:
    return msgspec.json.decode((out / "prove.json").read_bytes(), type=ProofReport)


def one_of(out: Path, ends: str) -> Tested:
    return next(each for each in report(out).tests if each.name.endswith(ends))


@pytest.fixture(scope="module")
def copied(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("copied")
    assert prove(world, "copy", out) == 1
    return out


@pytest.fixture(scope="module")
def innocent(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("innocent")
    assert prove(world, "honest", out) == 0
    return out


def test_a_copy_is_shown_by_marks_and_by_twins_each_by_itself(copied: Path) -> None:
    found = report(copied)
    for ends in ("halves", "choices", "twins/text"):
        one = one_of(copied, ends)
        assert one.shown, ends
        assert one.adjusted is not None
        assert one.evidence.p_value is not None
        assert one.evidence.p_value <= one.adjusted <= 1e-3
        assert one.controls
        assert not any(control.failed for control in one.controls)
        assert one.evidence.null
        assert one.evidence.randomised
    assert found.headline.endswith("shown by marks and twin answers, each by itself.")
    assert found.planned == 3
    key = one_of(copied, "halves").fixed
    assert key is not None
    assert (key.said, key.before, key.problems) == ("2026-03-01T00:00:00Z", "2026-03-02T12:00:00Z", ())


def test_style_never_decides_and_says_what_it_is_worth(copied: Path, innocent: Path) -> None:
    for out in (copied, innocent):
        one = one_of(out, "style/nearest")
        assert one.evidence.p_value is None
        assert one.adjusted is None
        assert not one.shown
        assert one.evidence.error_rate == 0.2
        for page in ("prove.html", "statement.html"):
            assert "corroboration, not proof" in (out / page).read_text()


def test_an_honest_model_is_told_to_be_one_of_whom_nothing_is_shown(innocent: Path) -> None:
    found = report(innocent)
    assert found.headline == "Nothing shows that Acme honest was trained on answers of Example-1."
    assert not any(each.shown for each in found.tests)
    assert all(
        each.adjusted is not None and each.adjusted > 1e-3 for each in found.tests if each.evidence.tier != "style"
    )
    page = (innocent / "statement.html").read_text()
    assert "no acquittal" in page
    assert "Not shown by any of" in page
    assert (innocent / "prove.html").read_text().count(">not shown<") == 2 * found.planned


def test_going_on_asks_nothing_twice_and_a_folder_with_a_report_is_closed(world: World, tmp_path: Path) -> None:
    assert prove(world, "honest", tmp_path, "--max-requests", 60) == 2
    assert not (tmp_path / "prove.json").exists(), "nothing is tested before asking has ended"
    first = len(read_sealed(tmp_path / "answers" / "suspect.jsonl").entries)
    assert 0 < first <= 60
    assert prove(world, "honest", tmp_path, "--max-requests", 60, "--close") == 0
    assert report(tmp_path).answered.answered == first
    before = sum(world.server.asked.values())
    assert prove(world, "honest", tmp_path) == 0
    assert sum(world.server.asked.values()) == before
    assert report(tmp_path).answered.answered == first


def test_a_killed_run_loses_nothing_and_ends_as_one_that_was_not(world: World, tmp_path: Path) -> None:
    out, sealed = tmp_path / "proof", tmp_path / "proof" / "answers" / "suspect.jsonl"
    answers = world.server.answers
    with serving(answers, pause=0.02) as slow:
        command = [
            sys.executable, "-m", "stillwatch", "prove", slow.address("copy"),
            "--case", str(world.folder / "copy.toml"), "--out", str(out), "--quiet",
        ]  # fmt: skip
        with subprocess.Popen(command) as running:
            while running.poll() is None and (not sealed.exists() or sealed.read_bytes().count(b"\n") < 40):
                time.sleep(0.01)
            running.send_signal(signal.SIGKILL)
        kept = {(e.answer.question, e.answer.sample) for e in read_sealed(sealed).entries}
        assert len(kept) >= 39
        asked = sum(slow.asked.values())
        assert subprocess.run(command, check=False).returncode == 1
        entries = read_sealed(sealed).entries
        assert kept < {(e.answer.question, e.answer.sample) for e in entries}
        assert len({(e.answer.question, e.answer.sample) for e in entries}) == len(entries)
        assert sum(slow.asked.values()) - asked == len(entries) - len(kept)


def test_plan_says_what_it_takes_and_asks_and_writes_nothing(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sum(world.server.asked.values())
    assert run("prove", world.server.address("copy"), "--case", world.folder / "copy.toml", "--plan") == 0
    out = capsys.readouterr().out
    for said in (
        f"{TAKEN + CONTROLS + COMMON} prompts",
        "tokens to it",
        "Tier 1",
        "Tier 2",
        "Tier 3",
        "Sees, with a chance of",
        "p-values corrected",
    ):
        assert said in out
    assert sum(world.server.asked.values()) == before
    assert not (tmp_path / "proof").exists()
    assert run("prove", "--case", world.folder / "copy.toml", "--out", tmp_path / "proof") == 2, "whom to ask?"
    assert run("prove", "--case", world.folder / "copy.toml", "--plan") == 0, "a plan needs no suspect"
    capsys.readouterr()
    assert run("prove", world.server.address("copy"), "--case", world.folder / "copy.toml", "--plan", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["asking"]["requests"] == plan["questions"] == (TAKEN + CONTROLS) * SAMPLES + COMMON
    assert [each["tier"] for each in plan["tests"]] == ["marks", "marks", "twins", "style"]


def test_answers_that_were_collected_elsewhere_give_the_same_numbers_and_the_report_says_so(
    world: World, copied: Path, tmp_path: Path
) -> None:
    sealed, lines = copied / "answers" / "suspect.jsonl", tmp_path / "collected.jsonl"
    rows = [
        {"question": e.answer.question, "sample": e.answer.sample, "answer": e.answer.text}
        for e in read_sealed(sealed).entries
    ]
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"prompt": "never asked", "answer": "x"}\n')
    case = world.folder / "copy.toml"
    for name, given in (("lines", lines), ("sealed", sealed)):
        out = tmp_path / name
        assert run("prove", "--case", case, "--answers", given, "--out", out, "--quiet") == 1
        found = report(out)
        assert [t.evidence.p_value for t in found.tests] == [t.evidence.p_value for t in report(copied).tests]
        assert any("collected elsewhere" in caveat for caveat in found.caveats)
        assert run("prove", "check", out, "--quiet") == 0
        settled = [
            c for c in one_of(out, "twins/text").evidence.caveats if c.startswith("nothing shows that the pairs")
        ]
        assert bool(settled) == (name == "lines"), "a sealed file shows what was settled before"


def test_questions_can_be_written_for_somebody_else_to_ask(world: World, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    assert run("prove", "--case", world.folder / "copy.toml", "--questions", path) == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == (TAKEN + CONTROLS) * SAMPLES + COMMON
    assert {row["messages"][0]["role"] for row in rows} == {"user"}


def test_check_makes_every_number_again(copied: Path, innocent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out in (copied, innocent):
        assert run("prove", "check", out) == 0
        text = capsys.readouterr().out
        assert "bit for bit" in text
        assert "DOES NOT HOLD" not in text
    assert run("prove", "check", copied, "--json") == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []


@pytest.mark.parametrize(
    "name",
    ["answers/suspect.jsonl", "prove.json", "prove.html", "statement.html", "case/case.json",
     "case/twins-pairs-1.jsonl", "case/marks-openings-1.json", "case/style-answers-1.jsonl"],
)  # fmt: skip
def test_check_finds_a_changed_byte(copied: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "proof"
    shutil.copytree(copied, out)
    data = bytearray((out / name).read_bytes())
    place = len(data) // 2
    data[place] = ord("x") if data[place] != ord("x") else ord("y")
    (out / name).write_bytes(data)
    assert run("prove", "check", out, "--quiet") != 0


def test_check_names_a_number_that_was_changed_and_answers_that_were_made_anew(
    copied: Path, innocent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "proof"
    shutil.copytree(copied, out)
    text = (out / "prove.json").read_text()
    p = one_of(copied, "halves").evidence.statistic
    (out / "prove.json").write_text(text.replace(f'"statistic": {p}', '"statistic": 99.5'))
    assert run("prove", "check", out) == 1
    assert "statistic is 99.5, and comes out as" in capsys.readouterr().out
    shutil.rmtree(out)
    shutil.copytree(copied, out)
    shutil.copy(innocent / "answers" / "suspect.jsonl", out / "answers" / "suspect.jsonl")
    assert run("prove", "check", out) == 1
    text = capsys.readouterr().out
    assert "not with that of the report" in text
    assert "sealed for another case" in text


def test_a_folder_is_of_one_case(world: World, copied: Path, tmp_path: Path) -> None:
    out = tmp_path / "proof"
    shutil.copytree(copied, out)
    other = world.case("copy", twins="seed = 1")
    assert prove(world, "copy", out, case=other) == 2
    assert report(out) == report(copied)


def test_one_measure_that_the_case_settles_decides_on_all_prompts(
    world: World, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settled = world.case("copy", twins='measures = ["word_ngrams"]')
    sealed = copied / "answers" / "suspect.jsonl"
    assert run("prove", "--case", settled, "--answers", sealed, "--out", tmp_path, "--quiet") == 1
    one, half = one_of(tmp_path, "twins/text"), one_of(copied, "twins/text")
    assert one.evidence.numbers["measures"] == ["word_ngrams"]
    assert one.evidence.n > 1.5 * half.evidence.n
    assert run("prove", "check", tmp_path, "--quiet") == 0
    unknown = world.case("copy", twins='measures = ["nearness"]')
    assert run("prove", "--case", unknown, "--answers", sealed, "--out", tmp_path / "none", "--quiet") == 2
    assert "no 'nearness' here; known: word_ngrams" in capsys.readouterr().err
    assert not (tmp_path / "none").exists(), "told before anything is written"


def test_a_key_that_was_fixed_too_late_proves_nothing(world: World, copied: Path, tmp_path: Path) -> None:
    late = world.case("copy", claim='before = "2026-02-01T00:00:00Z"')
    sealed = copied / "answers" / "suspect.jsonl"
    assert run("prove", "--case", late, "--answers", sealed, "--out", tmp_path, "--quiet") == 1, "twins still show it"
    one = one_of(tmp_path, "halves")
    assert any("not before 2026-02-01" in why for why in one.withheld)
    assert one.evidence.p_value is None
    assert one.evidence.statistic is None
    assert not one.shown
    assert report(tmp_path).planned == 3, "what is withheld still counts"
    page = (tmp_path / "prove.html").read_text()
    assert "withheld" in page


def test_keys_that_are_not_shown_count_in_the_correction(world: World, copied: Path, tmp_path: Path) -> None:
    tried = world.case("copy", marks="tried = 51")
    sealed = copied / "answers" / "suspect.jsonl"
    assert run("prove", "--case", tried, "--answers", sealed, "--out", tmp_path, "--quiet") == 1
    found = report(tmp_path)
    assert (found.planned, found.untested) == (103, 100)
    one, before = one_of(tmp_path, "twins/text"), one_of(copied, "twins/text")
    assert one.evidence.p_value == before.evidence.p_value
    assert one.adjusted is not None
    assert before.adjusted is not None
    assert one.adjusted > before.adjusted


def test_check_of_another_versions_report_holds_its_numbers_and_not_its_words(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "proof"
    shutil.copytree(copied, out)
    text = (
        (out / "prove.json")
        .read_text()
        .replace(f'"stillwatch": "{report(copied).stillwatch}"', '"stillwatch": "0.0.1"')
    )
    (out / "prove.json").write_text(text.replace("Nothing is assumed about", "We assume nothing of"))
    assert run("prove", "check", out) == 0
    assert "made by Stillwatch 0.0.1" in capsys.readouterr().out
    (out / "prove.json").write_text(text.replace('"adjusted": ', '"adjusted": 1'))
    assert run("prove", "check", out) == 1


def test_help_says_how_to_begin_and_how_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("prove", "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(said in text for said in ("--plan", "--case", "check", "begin with --plan"))
    assert run("prove", "check", "--help") == 0
    assert "Example: stillwatch prove check proof" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["openai:m@http://127.0.0.1:9/v1", "--answers", "x.jsonl"], "give one of the two"),
        ([], "give one of the two"),
        (["answers.jsonl"], "give it with --answers"),
        (["nonsense"], "no model is known as nonsense"),
    ],
)
def test_what_cannot_be_is_one_line(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("answers.jsonl").write_text('{"question": "q", "text": "x"}\n')
    assert run("prove", *arguments, "--case", world.folder / "copy.toml", "--out", tmp_path / "proof") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert message in err
    assert run("prove", "check", tmp_path / "nowhere") == 2
