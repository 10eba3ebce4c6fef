"""``stillwatch marks``: from a master to a key that is laid open in court, and answers that are marked."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from pathlib import Path

import pytest

from bench.made_answers import prompts, somebody
from stillwatch.cli import main
from stillwatch.cli.marks import SUBCOMMANDS
from stillwatch.marks.keyring import Keyring
from stillwatch.marks.text import SCHEME
from stillwatch.marks.text.marking import mark_answer


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["marks", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, captured.out, captured.err


@pytest.fixture
def keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "keys"
    assert run(capsys, "init", "--keys", folder)[0] == 0
    return folder


def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.jsonl"
    lines = [{"prompt": p, "answer": somebody(i).answer(p), "n": i} for i, p in enumerate(prompts(30))]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_help_names_every_command_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(f" {name} " in out for name in SUBCOMMANDS)
    for name, command in SUBCOMMANDS.items():
        code, out, _ = run(capsys, name, "--help")
        assert code == 0
        assert f"Example: {command.example}" in " ".join(out.split())


def test_master_is_never_printed(keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    master = (keys / "master.key").read_text().strip()
    assert stat.S_IMODE((keys / "master.key").stat().st_mode) == 0o600
    said = []
    for arguments in (
        ["key", "--keys", keys, "--campaign", "C1"],
        ["list", "--keys", keys],
        ["list", "--keys", keys, "--json"],
        ["rotate", "--keys", keys, "--campaign", "C1", "--json"],
        ["commitment", "--keys", keys, "--by", "Example AI", "--out", tmp_path / "s.json"],
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, err) == (0, "")
        said.append(out)
    assert len(re.findall("[0-9a-f]{64}", "".join(said))) > 4
    assert master not in "".join(said)
    assert run(capsys, "init", "--keys", keys)[0] == 2


def test_from_a_key_to_a_court(keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a judge's expert does with three files and no secret but the one that was shown."""
    made = json.loads(run(capsys, "key", "--keys", keys, "--campaign", "C1", "--decoys", "2000", "--json")[1])
    statement, opening = tmp_path / "statement.json", tmp_path / "opening.json"
    code, out, _ = run(capsys, "commitment", "--keys", keys, "--by", "Example AI", "--out", statement)
    assert code == 0
    assert hashlib.sha256(statement.read_bytes()).hexdigest() in out
    assert statement.with_suffix(".txt").read_text() in out
    code, _, err = run(capsys, "open", made["key"], "--keys", keys, "--out", opening)
    assert code == 2
    assert "rotate it first" in err
    run(capsys, "rotate", "--keys", keys, "--campaign", "C1", "--why", "trial")
    assert run(capsys, "open", made["key"], "--keys", keys, "--out", opening)[0] == 0
    assert stat.S_IMODE(opening.stat().st_mode) == 0o600

    arguments = ("verify", opening, "--statement", statement, "--register", keys / "register.jsonl")
    code, out, _ = run(capsys, *arguments, "--before", "2999-01-01")
    assert code == 0
    assert out.count("holds:") == 3
    assert "Fixed since 2" in out
    code, out, _ = run(capsys, *arguments, "--before", "2001-01-01")
    assert code == 1
    assert "DOES NOT HOLD" in out

    forged = opening.read_text().replace(json.loads(opening.read_text())["secret"], "ab" * 32)
    opening.write_text(forged)
    code, out, _ = run(capsys, "verify", opening, "--statement", statement)
    assert code == 1
    assert "the secret is not the one that was committed to" in out


def test_list_shows_days_and_survives_hostile_names(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "key", "--keys", keys, "--campaign", "C1")
    run(capsys, "rotate", "--keys", keys, "--campaign", "C1")
    _, out, _ = run(capsys, "list", "--keys", keys)
    first, second = out.splitlines()
    day = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(rf"[0-9a-f]{{16}}  {day}  {day}  epoch 0  text for campaign C1", first)
    assert re.fullmatch(rf"[0-9a-f]{{16}}  {day}  in use {{10}}  epoch 1  text for campaign C1", second)
    code, _, err = run(capsys, "key", "--keys", keys, "--campaign", "C\x1b[2J")
    assert code == 2
    assert "\x1b" not in err
    with (keys / "register.jsonl").open("r+b") as file:
        file.seek(30)
        file.write(b"9")
    assert run(capsys, "list", "--keys", keys)[0] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["key", "--keys", "KEYS"], "give one of --campaign, --tier and --all"),
        (["key", "--keys", "KEYS", "--all", "--tier", "x"], "give one of --campaign, --tier and --all"),
        (["key", "--keys", "KEYS", "--all", "--decoys", "10"], "1,000 to 1,000,000"),
        (["key", "--keys", "nowhere", "--all"], "holds no master of marks; make one"),
        (["commitment", "--keys", "KEYS", "--by", "x", "--out", "s.json"], "holds no commitment"),
        (["commitment", "--keys", "KEYS", "--by", "x", "--out", "s.txt"], "is no .json file"),
        (["commitment", "--keys", "KEYS", "--by", "x\ny", "--out", "s.json"], "--by: is no name"),
        (["open", "0123", "--keys", "KEYS", "--out", "o"], "is no key of this register"),
        (["verify", "nowhere"], "nowhere: cannot be read"),
        (["verify", "o", "--stamp", "s.tsr"], "give --statement and --authority"),
        (["apply", "nowhere", "--out", "o"], "nowhere: cannot be read"),
        (["apply", "ANSWERS", "--out", "o", "--keys", "KEYS", "--all"], "no committed key"),
        (["apply", "ANSWERS", "--out", "o", "--all"], "give --keys"),
        (["apply", "ANSWERS", "--out", "o", "--mark", "rainbow"], "known: phrases"),
        (["apply", "ANSWERS", "--out", "o", "--answer-field", "x"], "ANSWERS:1: has no text in 'prompt' and 'x'"),
        (["apply", "BROKEN", "--out", "o"], "BROKEN:2: is no JSON"),
    ],
)
def test_what_cannot_run_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"prompt": "a", "answer": "b"}\n{"prompt\n')
    places = {"KEYS": str(keys), "ANSWERS": str(answers(tmp_path)), "BROKEN": str(broken)}
    code, out, err = run(capsys, *[places.get(argument, argument) for argument in arguments])
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    for name, place in places.items():
        err = err.replace(place, name)
    assert message in err
    assert not (tmp_path / "o").exists()


def test_answers_are_marked_by_the_committed_key_alone(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "key", "--keys", keys, "--tier", "suspected")
    out = tmp_path / "marked.jsonl"
    code, said, _ = run(capsys, "apply", answers(tmp_path), "--keys", keys, "--tier", "suspected", "--out", out)
    assert code == 0
    assert "answers touched" in said
    key = Keyring(keys).use(SCHEME, "tier", "suspected")
    before = [json.loads(line) for line in answers(tmp_path).read_text().splitlines()]
    after = [json.loads(line) for line in out.read_text().splitlines()]
    for was, now in zip(before, after, strict=True):
        assert now["answer"] == mark_answer(was["prompt"], was["answer"], key).text
        assert now["n"] == was["n"]
        assert now["marks"]["key"] == key.id
    assert any(now["marks"]["did"] for now in after)
    assert run(capsys, "apply", out, "--keys", keys, "--tier", "suspected", "--out", tmp_path / "again.jsonl")[0] == 0
    again = [json.loads(line)["answer"] for line in (tmp_path / "again.jsonl").read_text().splitlines()]
    assert again == [now["answer"] for now in after]


def test_marks_can_be_tried_without_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(
        capsys, "apply", answers(tmp_path), "--out", tmp_path / "o.jsonl", "--mark", "phrases", "--json"
    )
    assert code == 0
    cost = json.loads(said)
    assert cost["answers"] == 30
    assert list(cost["by_mark"]) == ["phrases"]
    assert 0 < cost["by_mark"]["phrases"]["touched"] <= cost["by_mark"]["phrases"]["could"] <= 30
    (tmp_path / "empty").write_text("\n")
    assert "holds no answers" in run(capsys, "apply", tmp_path / "empty", "--out", tmp_path / "o.jsonl")[1]
