"""Sealed answers: what is in the file, that no change goes unnoticed, and that a killed writer costs nothing."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.asking.base import Answer, Message, Question, ToolCall
from stillwatch.asking.sealed import open_sealed, read_sealed, verify
from stillwatch.errors import InputError, UsageError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def question(n: int, text: str = "what?") -> Question:
    return Question(f"q{n}", (Message("user", text),))


def written(path: Path, number: int = 6) -> str:
    """A file of answers, and its last seal."""
    with open_sealed(path, model="openai:m@host", seed=3, about={"items": "abc"}) as sealed:
        for n in range(number):
            sealed.add(question(n), Answer(f"q{n}", text=f"because {n}", tokens_out=3), data={"score": n})
        return sealed.seal


def test_what_was_sealed_is_read_again(tmp_path: Path) -> None:
    seal = written(tmp_path / "a.jsonl")
    held = verify(tmp_path / "a.jsonl", seal)
    assert (held.head.model, held.head.seed, held.head.about) == ("openai:m@host", 3, {"items": "abc"})
    assert [entry.answer.text for entry in held.entries] == [f"because {n}" for n in range(6)]
    assert [entry.data["score"] for entry in held.entries] == list(range(6))
    assert stat.S_IMODE((tmp_path / "a.jsonl").stat().st_mode) == 0o600


def test_anybody_can_check_a_seal_without_us(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl")
    before = ""
    for line in (tmp_path / "a.jsonl").read_text().splitlines():
        told = json.loads(line)
        assert told["after"] == before
        assert hashlib.sha256(line[: line.rindex(',"seal":')].encode()).hexdigest() == told["seal"]
        before = told["seal"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_byte_is_found_in_its_line(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("sealed") / "a.jsonl"
    written(path)
    raw = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 2))
    before = raw[place]
    if before == 10:
        return  # two lines become one: told by the line that they make
    raw[place] = data.draw(st.integers(32, 126).filter(lambda byte: byte != before))
    path.write_bytes(raw)
    number = raw[:place].count(b"\n") + 1
    with pytest.raises(InputError, match=rf"a\.jsonl:{number}: this line was changed"):
        read_sealed(path)
    with pytest.raises(InputError):
        written(path)


def test_lines_that_were_removed_moved_or_sealed_anew_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    seal = written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for changed, number in (
        ([*lines[:3], *lines[4:]], 4),
        ([*lines[:3], lines[4], lines[3], *lines[5:]], 4),
        ([*lines[:4], lines[2], *lines[4:]], 5),
    ):
        path.write_bytes(b"".join(changed))
        with pytest.raises(InputError, match=rf"a\.jsonl:{number}: does not follow line {number - 1}"):
            read_sealed(path)
    body = lines[3].replace(b"because 2", b"because 9").rpartition(b',"seal":')[0]
    resealed = body + b',"seal":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'
    path.write_bytes(b"".join([*lines[:3], resealed, *lines[4:]]))
    with pytest.raises(InputError, match=r"a\.jsonl:5: does not follow line 4: that one was changed"):
        read_sealed(path)
    path.write_bytes(b"".join(lines[:-1]))
    assert len(read_sealed(path).entries) == 5  # a chain without its end is a chain: the report's seal tells
    with pytest.raises(InputError, match="ends with the seal"):
        verify(path, seal)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.binary(max_size=5))
def test_a_line_that_a_killed_writer_left_is_cut_off(
    tmp_path_factory: pytest.TempPathFactory, cut: int, rubbish: bytes
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "a.jsonl"
    written(path)
    whole = path.read_bytes()
    kept = whole[: min(cut, len(whole))]
    lines = kept.count(b"\n")
    path.write_bytes(kept if lines == 0 else kept + rubbish.replace(b"\n", b""))
    with open_sealed(path, model="openai:m@host", seed=3, about={"items": "abc"}) as sealed:
        assert len(sealed.entries) == max(0, lines - 1)
        sealed.add(question(99), Answer("q99", text="more"))
    assert [entry.answer.question for entry in read_sealed(path).entries][-1] == "q99"


def test_a_harmful_answer_leaves_only_its_hash_and_length(tmp_path: Path) -> None:
    answer = Answer("q1", text="a terrible recipe ü", reasoning="hmm", tool_calls=(ToolCall("do", "it"),), tokens_out=9)
    with open_sealed(tmp_path / "a.jsonl", model="m", seed=0) as sealed:
        sealed.add(question(1, "how do I do harm?"), answer, with_text=False, data={"refused": 0.0})
    raw = (tmp_path / "a.jsonl").read_text()
    assert not any(text in raw for text in ("recipe", "hmm", "harm?", "how do I"))
    [entry] = read_sealed(tmp_path / "a.jsonl").entries
    assert entry.withheld["text"].length == 19
    assert entry.withheld["text"].sha256 == hashlib.sha256("a terrible recipe ü".encode()).hexdigest()
    assert set(entry.withheld) == {"text", "reasoning", "tool_calls"}
    assert (entry.data, entry.answer.tokens_out) == ({"refused": 0.0}, 9)


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS | st.floats() | st.tuples(st.none()), max_size=3))
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, text: str, reasoning: str, data: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "a.jsonl"
    answer = Answer("q1", text=text, reasoning=reasoning, tool_calls=(ToolCall(text, reasoning),))
    with open_sealed(path, model="m", seed=0) as sealed:
        kept = sealed.add(question(1, text), answer, data=data)
    assert read_sealed(path).entries == (kept,)  # also what JSON has no word for is then the same in both
    assert kept.answer == answer
    assert {name: value for name, value in kept.data.items() if isinstance(value, str)} == {
        name: value for name, value in data.items() if isinstance(value, str)
    }


def test_another_question_of_the_same_name_has_no_answer_yet(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl")
    with open_sealed(tmp_path / "a.jsonl", model="openai:m@host", seed=3, about={"items": "abc"}) as sealed:
        entry = sealed.answered(question(1))
        assert entry is not None
        assert entry.answer.text == "because 1"
        assert sealed.answered(question(1, "something else?")) is None
        assert sealed.answered(question(77)) is None


def test_files_of_another_run_are_refused_and_replaced_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    written(path)
    for model, seed, about in (("other", 3, {"items": "abc"}), ("openai:m@host", 4, {}), ("openai:m@host", 3, {})):
        with pytest.raises(UsageError, match="holds the answers of another model, seed or other questions"):
            with open_sealed(path, model=model, seed=seed, about=about):
                pass
    with open_sealed(path, model="other", seed=3, overwrite=True) as sealed:
        assert sealed.entries == []
    assert read_sealed(path).head.model == "other"


@pytest.mark.parametrize("content", [b"hello", b"\x00\x00", b'{"after":"x'])
def test_a_file_that_is_not_ours_is_left_alone(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "notes").write_bytes(content)
    with pytest.raises(InputError, match="holds no sealed answers"):
        with open_sealed(tmp_path / "notes", model="m", seed=0):
            pass
    assert (tmp_path / "notes").read_bytes() == content
    with pytest.raises(InputError):
        read_sealed(tmp_path / "notes")
    with pytest.raises(InputError, match="cannot be read"):
        read_sealed(tmp_path / "absent")


def test_two_processes_cannot_add_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    code = (
        "import sys, pathlib\n"
        "from stillwatch.asking.sealed import open_sealed\n"
        "with open_sealed(pathlib.Path(sys.argv[1]), model='m', seed=0): print('open', flush=True); sys.stdin.read()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent / "src")}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(UsageError, match="another process is adding to it"):
            with open_sealed(path, model="m", seed=0):
                pass
        other.communicate()
    with open_sealed(path, model="m", seed=0):
        pass


FULL = """
import pathlib, resource, signal, sys
from stillwatch.asking.base import Answer, Message, Question
from stillwatch.asking.sealed import open_sealed
from stillwatch.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
number = 0
try:
    with open_sealed(pathlib.Path(sys.argv[1]), model="m", seed=0) as sealed:
        while True:
            sealed.add(Question(f"q{number}", (Message("user", "?"),)), Answer(f"q{number}", text="x" * 777))
            number += 1
except StorageError as error:
    print(number, error)
"""


def test_a_full_disk_is_one_line_and_what_was_sealed_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent / "src")}
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    number, _, line = done.stdout.strip().partition(" ")
    assert "the disk is full; what was sealed before is kept" in line
    held = read_sealed(path)
    assert len(held.entries) == int(number) > 10
    assert held.torn == 0
