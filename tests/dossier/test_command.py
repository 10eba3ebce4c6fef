"""``stillwatch dossier`` as people call it: codes, one line for an error, nothing that a terminal acts upon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stillwatch.cli import main
from tests.dossier.made import Scanned


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["dossier", *(str(argument) for argument in arguments)])
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


def test_make_and_check(run: Scanned, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, key = tmp_path / "dossier", tmp_path / "k"
    code, said, _ = called(capsys, "key", "--out", key)
    assert code == 0
    name = said.split()[-1]
    given = ("--log", *run.log.locations, "--accounts", run.log.accounts)
    code, said, err = called(capsys, "C1", "--run", run.run, "--out", out, "--sign", key, "--no-pdf", *given)
    assert (code, err) == (0, "")
    assert "24 accounts, 0.3 of them expected to be innocent (q-value 0.0004)" in said
    assert "People with habits of their own, lost by 55 to 1" in said
    assert f"Signed by {name}" in said
    code, said, _ = called(capsys, "verify", out, "--key", f"{key}.pub")
    assert code == 0
    assert "Everything that was checked holds." in said
    assert "not checked: since when it exists" in said
    (out / "dossier.html").write_text("all is well")
    code, said, _ = called(capsys, "verify", out, "--key", f"{key}.pub", "--json")
    assert code == 1
    assert json.loads(said)["problems"] == ["dossier.html was changed"]


def test_json_says_what_was_made(run: Scanned, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = called(capsys, "C1", "--run", run.run, "--out", tmp_path / "d\u202e", "--no-pdf", "--json")
    assert code == 0
    assert said.isascii()
    facts = json.loads(said)
    assert (facts["campaign"], facts["accounts"], facts["signed_by"]) == ("C1", 24, "")
    assert {"dossier.html", "manifest.json"} <= set(facts["files"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("C1",), "needs a campaign, --run and --out"),
        (("C1", "--run", "RUN", "--out", "OUT", "--exhibits", "whole"), "say why with --reason"),
        (("C1", "--run", "RUN", "--out", "OUT", "--seal-inputs", "inside"), "give the --log that was scanned"),
        (("C1", "--run", "RUN", "--out", "OUT", "--accounts", "x"), "--log: is missing"),
        (("C\x1b[31m", "--run", "RUN", "--out", "OUT"), "has no campaign"),
        (("C1", "--run", "nowhere", "--out", "OUT"), "is no run of Stillwatch"),
        (("C1", "--run", "RUN", "--out", "RUN"), "holds files already"),
        (("C1", "--run", "RUN", "--out", "OUT", "--sign", "nowhere"), "stillwatch dossier key"),
        (("verify", "OUT"), "is no dossier"),
        (("verify", "RUN", "--log", "x"), "give --rerun too"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_left(
    arguments: tuple[str, ...], message: str, run: Scanned, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"RUN": str(run.run), "OUT": str(tmp_path / "out")}
    code, out, err = called(capsys, *[places.get(argument, argument) for argument in arguments])
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert "\x1b" not in err
    assert list(tmp_path.iterdir()) == []
