"""``stillwatch share``: a bulletin is shown before it leaves, written whole, replaced and taken back."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import msgspec
import pytest

from stillwatch.cli import COMMANDS, main
from stillwatch.cli.share import SUBCOMMANDS
from stillwatch.cli.share.bulletin import read_bulletin
from stillwatch.sharing.bulletin import Bulletin, KeyedArtefact
from tests.sharing import made_runs
from tests.sharing.made_runs import Made

AS = ("--as", "Example AI")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run of the last fortnight: the command looks at the clock, and tells nothing that is stale."""
    start = (dt.datetime.now(dt.UTC) - dt.timedelta(days=14)).replace(hour=9, minute=0, second=0, microsecond=0)
    return made_runs.write(tmp_path_factory.mktemp("made"), start=start)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["share", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, captured.out, captured.err


def test_a_family_stands_in_the_list_with_its_sentence_and_in_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    families = [name for name, command in COMMANDS.items() if command.family]
    assert families
    for name in families:
        assert f" {name} " in out
        assert " ".join(COMMANDS[name].summary.split()[:4]) in out
    at = [out.index(f"│ {name} ") for name in COMMANDS]
    assert at == sorted(at), "commands stand in the order of the table"


def test_help_names_every_command_of_the_family(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(f" {name} " in out for name in SUBCOMMANDS)
    for name, command in SUBCOMMANDS.items():
        code, out, _ = run(capsys, name, "--help")
        assert code == 0
        assert command.family or f"Example: {command.example}" in " ".join(out.split())
    code, _, err = run(capsys, "dance")
    assert code == 2
    assert err.count("\n") == 1
    assert "bulletin" in err


def test_the_preview_shows_and_writes_nothing(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(tmp_path.iterdir())
    code, out, err = run(capsys, "bulletin", "C1", "--run", made.run, *AS, "--preview", "--log", made.log_file)
    assert (code, err) == (0, "")
    assert out.startswith("What leaves, all of it:\n")
    for line in ("TLP:AMBER", "Accounts: 20 to 49.", "the network AS24940", "What stays here:", "Innocent explanation"):
        assert line in out
    assert sorted(tmp_path.iterdir()) == before


def test_a_bulletin_is_written_replaced_and_taken_back(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, first, back = tmp_path / "peers.key", tmp_path / "c1.json", tmp_path / "back.json"
    assert run(capsys, "key", "--out", key)[0] == 0
    told = ("bulletin", "C1", "--run", made.run, *AS, "--k", 12, "--tlp", "green", "--key", key)
    log = ("--log", made.log_file, "--accounts", made.customers_file, "--response", "hold=worked-in-part:16")
    code, out, _ = run(capsys, *told, *log, "--out", first)
    assert code == 0
    bulletin = read_bulletin(first)
    assert bulletin.id in out
    assert (bulletin.tlp, bulletin.k, bulletin.revoked) == ("green", 12, False)
    assert (bulletin.responses[0].outcome, bulletin.responses[0].returned_after) == ("worked in part", 10)
    assert [i.key_id for i in bulletin.indicators if isinstance(i, KeyedArtefact)] == [
        json.loads(run(capsys, "key", "--of", key, "--json")[1])["key_id"]
    ] * 2
    code, _, err = run(capsys, *told, "--out", first)
    assert code == 2
    assert "--overwrite" in err
    assert read_bulletin(first) == bulletin
    day_before = bulletin.created - dt.timedelta(days=1)
    earlier = msgspec.structs.replace(bulletin, created=day_before, modified=day_before)
    first.write_bytes(b'{"stillwatch_bulletins":1,"bulletins":[' + msgspec.json.encode(earlier) + b"]}")
    code, _, _ = run(capsys, "bulletin", "--revoke", first, "--out", back)
    assert code == 0
    assert (read_bulletin(back).id, read_bulletin(back).revoked) == (bulletin.id, True)
    code, _, _ = run(capsys, *told, "--replaces", first, "--out", first, "--overwrite")
    assert code == 0
    assert read_bulletin(first).id == bulletin.id


@pytest.mark.parametrize("name", ["bulletin", "stix", "misp"])
def test_a_bulletin_in_any_whole_format_can_be_taken_back(
    name: str, made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name != "bulletin":
        pytest.importorskip({"stix": "stix2", "misp": "pymisp"}[name])
    told, back = tmp_path / "told", tmp_path / "back"
    terms = ("--run", made.run, *AS, "--format", name, "--response", "hold=worked")
    assert run(capsys, "bulletin", "C1", *terms, "--out", told)[0] == 0
    before = read_bulletin(told)
    assert before.responses
    while dt.datetime.now(dt.UTC).replace(microsecond=0) <= before.modified:  # a later second is a later version
        time.sleep(0.05)
    assert run(capsys, "bulletin", "--revoke", told, "--format", name, "--out", back)[0] == 0
    after = read_bulletin(back)
    assert (after.id, after.revoked, after.indicators, after.responses) == (before.id, True, (), ())


def test_what_is_not_told_whole_says_so(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "bulletin", "C1", "--run", made.run, *AS, "--preview", "--format", "csv")
    assert out.splitlines()[1].startswith("  (As csv not all of it: ")


def test_json_is_the_bulletin_and_what_was_left_out(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "bulletin", "C1", "--run", made.run, *AS, "--preview", "--json")
    assert code == 0
    said = json.loads(out)
    assert msgspec.convert(said["bulletin"], Bulletin).producer.name == "Example AI"
    assert {"what", "number", "why"} == set(said["left_out"][0])
    assert said["preview"][0] == "What leaves, all of it:"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["C1", "--run", "RUN", *AS], "give --out FILE, --preview, or both"),
        (["C1", "--run", "RUN", "--preview"], "--as: is missing"),
        (["--run", "RUN", *AS, "--preview"], "CAMPAIGN: is missing"),
        (["C1", *AS, "--preview"], "--run: is missing"),
        (["C2", "--run", "RUN", *AS, "--preview"], "fewer than 10 accounts"),
        (["C3", "--run", "RUN", *AS, "--preview"], "under review"),
        (["C7", "--run", "RUN", *AS, "--preview"], "its campaigns: C1, C2"),
        (["C1", "--run", "nowhere", *AS, "--preview"], "nowhere/report.json: cannot be read"),
        (["C1", "--run", "RUN", "--as", "a\x1bb", "--preview"], "--as"),
        (["C1", "--run", "RUN", *AS, "--preview", "--identity", "x"], "give a UUID"),
        (["C1", "--run", "RUN", *AS, "--preview", "--k", "1"], "give 2 to 1000"),
        (["C1", "--run", "RUN", *AS, "--preview", "--tlp", "mauve"], "mauve"),
        (["C1", "--run", "RUN", *AS, "--preview", "--format", "fax"], "known: bulletin"),
        (["C1", "--run", "RUN", *AS, "--preview", "--response", "shout=worked"], "is no response"),
        (["C1", "--run", "RUN", *AS, "--preview", "--response", "hold=worked:soon"], "is no response"),
        (["C1", "--run", "RUN", *AS, "--preview", "--lasts", "network=never"], "is no time"),
        (["C1", "--run", "RUN", *AS, "--preview", "--lasts", "network=0"], "give 1 to 3650 days"),
        (["C1", "--run", "RUN", *AS, "--preview", "--key", "nowhere"], "nowhere: cannot be read"),
        (["C1", "--run", "RUN", *AS, "--preview", "--salt", "nowhere"], "nowhere: no such file"),
        (["C1", "--run", "RUN", *AS, "--preview", "--replaces", "LOG"], "is of no sharing format"),
        (["--revoke", "nowhere", "--preview"], "nowhere: cannot be read"),
    ],
)
def test_what_cannot_be_told_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"RUN": str(made.run), "LOG": str(made.log_file)}
    code, out, err = run(capsys, "bulletin", *[places.get(argument, argument) for argument in arguments])
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert "\x1b" not in err


def test_a_key_needs_a_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ((), ("--out", tmp_path / "a", "--of", tmp_path / "b")):
        code, _, err = run(capsys, "key", *arguments)
        assert code == 2
        assert "give one of them" in err
    assert list(tmp_path.iterdir()) == []
