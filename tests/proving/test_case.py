"""What is promised of case.toml: each mistake in a line of its own, before anything is asked or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.cli import main
from stillwatch.errors import InputError
from stillwatch.proving.case import CaseMistakes, files_of, read_case

CLAIM = '[claim]\nsuspect = "s"\nmodel = "m"\nby = "b"\n'
TWINS = '[twins]\npairs = "pairs.jsonl"\n'


def case(folder: Path, text: str) -> Path:
    for name in ("pairs.jsonl", "o.json", "m.jsonl"):
        (folder / name).write_text("{}\n")
    path = folder / "case.toml"
    path.write_text(text)
    return path


def test_a_sound_case_is_read_with_its_defaults(tmp_path: Path) -> None:
    read = read_case(case(tmp_path, CLAIM + "before = 2026-05-01T00:00:00Z\n" + TWINS))
    assert read.claim.before == "2026-05-01T00:00:00+00:00"
    assert (read.claim.level, read.asking.samples, read.marks, read.style) == (1e-3, 3, None, None)
    assert list(files_of(read)) == [("twins", "pairs", "pairs.jsonl")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["has no [claim]", "has nothing to test with"]),
        (CLAIM, ["has nothing to test with"]),
        (CLAIM + "[twin]\n", ["there is no table [twin]; known: claim, marks", "has nothing to test with"]),
        (CLAIM + '[twins]\npairs = "none.jsonl"\n', ["[twins] pairs: there is no file none.jsonl"]),
        (CLAIM + TWINS + "seed = -1\nsead = 2\n", ["[twins] has no field 'sead'", "[twins] seed: Expected `int` >= 0"]),
        (CLAIM + TWINS + 'seed = "x"\n', ["[twins] seed: Expected `int`, got `str`"]),
        (CLAIM + "[twins]\n", ["[twins] lacks pairs"]),
        (CLAIM + TWINS + "[asking]\nsamples = 0\ntemperature = 3\n", ["[asking] samples", "[asking] temperature"]),
        ('[claim]\nsuspect = ""\nmodel = 3\n' + TWINS, ["suspect", "model", "lacks by"]),
        (CLAIM + 'before = "May"\n' + TWINS, ["[claim] before: 'May' is no moment with its zone"]),
        (CLAIM + "before = 2026-05-01\n" + TWINS, ["is no moment with its zone"]),
        (CLAIM + "level = 0.5\n" + TWINS, ["[claim] level: Expected `float` <= 0.05"]),
        (CLAIM + '[marks]\nopenings = []\nmarked = "m.jsonl"\n', ["[marks] openings: Expected `array` of length >= 1"]),
        (
            CLAIM + '[marks]\nopenings = "o.json"\nmarked = "m.jsonl"\n',
            ["[marks] openings: Expected `array`, got `str`"],
        ),
        (
            CLAIM + '[marks]\nopenings = ["o.json"]\nmarked = "m.jsonl"\nstamp = "o.json"\n',
            ["give statement and authority"],
        ),
        (
            CLAIM + '[marks]\nopenings = ["o.json", "m.jsonl"]\nmarked = "m.jsonl"\ntried = 1\n',
            ["tried: 1 is below the 2"],
        ),
        ("claim = 3\n" + TWINS, ["[claim] must be a table"]),
    ],
)
def test_every_mistake_is_told_in_a_line_of_its_own(
    tmp_path: Path, text: str, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = case(tmp_path, text)
    with pytest.raises(CaseMistakes) as caught:
        read_case(path)
    assert len(caught.value.mistakes) == len(said)
    assert all(any(each in line for line in caught.value.mistakes) for each in said)
    with pytest.raises(SystemExit) as ended:
        main(["prove", "openai:m@http://127.0.0.1:9/v1", "--case", str(path), "--out", str(tmp_path / "proof")])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == len(said)
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("text", ["[claim", "\xff", "a = 1\na = 2\n"])
def test_what_is_no_toml_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "case.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="is no TOML"):
        read_case(tmp_path / "case.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_case(tmp_path / "absent.toml")


def test_hostile_names_are_no_names(tmp_path: Path) -> None:
    path = case(tmp_path, '[claim]\nsuspect = "a\\u202eb"\nmodel = "m"\nby = "b"\n' + TWINS)
    with pytest.raises(CaseMistakes, match="do not print"):
        read_case(path)
