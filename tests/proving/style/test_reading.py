"""Answers and reference sets are read with distrust: what is broken is counted or refused, with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.proving.style import Reference, ReferenceModel, read_answers, read_reference
from stillwatch.proving.style.reference import first_word


def line(**fields: object) -> str:
    return json.dumps({"prompt_id": "p1", "model": "m", "answer": "secret words", "other": 1} | fields)


def test_bad_lines_are_counted_and_their_text_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    lines = [
        line(),
        line(prompt_id=2),
        line(answer=""),
        line(answer=None),
        line(prompt_id=True),
        line(model=""),
        line(model="m" * 201),
        "{secret words",
        "[" * 2000,
        "",
        line(model="n"),
    ]
    path.write_bytes(
        "\n".join(lines).encode() + b"\n\xff\xfe\n" + b'"' + b"x" * (5 * 2**20) + b"\n" + line(model="o").encode()
    )
    answers = read_answers(path)
    assert answers.texts == {
        "m": {"p1": "secret words", "2": "secret words"},
        "n": {"p1": "secret words"},
        "o": {"p1": "secret words"},
    }
    assert answers.doubles == 1
    assert answers.bad == 8
    assert answers.examples[0] == "answers.jsonl:4: no answer"
    assert "secret" not in " ".join(answers.examples)
    assert answers.common(["m", "n"]) == ("p1",)


def test_parquet_gives_the_same_as_lines(tmp_path: Path) -> None:
    rows = {"prompt_id": ["a", "b", "a", None], "model": ["m", "m", "n", "n"], "answer": ["x", None, "y", "z"]}
    pq.write_table(pa.table(rows), tmp_path / "answers.parquet")
    answers = read_answers(tmp_path / "answers.parquet")
    assert answers.texts == {"m": {"a": "x"}, "n": {"a": "y"}}
    assert answers.bad == 2
    assert answers.examples[0] == "answers.parquet, row 2: no answer"


def test_a_suspects_own_file_may_leave_out_its_name(tmp_path: Path) -> None:
    path = tmp_path / "suspect.jsonl"
    path.write_text('{"prompt_id": "a", "answer": "x"}\n')
    table = tmp_path / "suspect.parquet"
    pq.write_table(pa.table({"prompt_id": ["a"], "answer": ["x"]}), table)
    assert read_answers(path, "s").texts == read_answers(table, "s").texts == {"s": {"a": "x"}}
    together = read_answers(path, "s").and_(read_answers(table, "t"))
    assert together.texts == {"s": {"a": "x"}, "t": {"a": "x"}}


def test_files_that_hold_no_answers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="holds no answer"):
        read_answers(tmp_path / "empty.jsonl")
    with pytest.raises(InputError, match="cannot be read"):
        read_answers(tmp_path / "missing.jsonl")
    (tmp_path / "no.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_answers(tmp_path / "no.parquet")
    pq.write_table(pa.table({"model": ["m"], "answer": ["x"]}), tmp_path / "less.parquet")
    with pytest.raises(InputError, match="has no column prompt_id"):
        read_answers(tmp_path / "less.parquet")


def test_families_and_makers_follow_from_names_where_nothing_else_is_said(tmp_path: Path) -> None:
    path = tmp_path / "reference.tsv"
    path.write_text(
        'model\trole\tteachers\ngpt4_0613\tteacher candidate\t""\ngpt-3.5-turbo\tcandidate\t\nclaude-2.1\tcandidate\t\n'
        "gemma-2b\tcontrol\t\nvicuna\tstudent\tgpt-3.5;gpt-4\n"
    )
    reference = read_reference(path, {"gemma": "google"})
    assert {name: [v.name for v in of] for name, of in reference.families().items()} == {
        "gpt-4": ["gpt4_0613"],
        "gpt-3.5": ["gpt-3.5-turbo"],
        "claude": ["claude-2.1"],
    }
    assert [model.maker for model in reference.models] == ["gpt", "gpt", "claude", "google", "vicuna"]
    assert reference.models[-1].teachers == ("gpt-3.5", "gpt-4")


def test_families_and_makers_of_the_table_count(tmp_path: Path) -> None:
    path = tmp_path / "reference.csv"
    path.write_text("model,role,family,maker\na1,candidate,alpha,acme\nb1,control,,acme\n")
    reference = read_reference(path)
    assert list(reference.families()) == ["alpha"]
    assert [model.maker for model in reference.models] == ["acme", "acme"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name\trole\n", "has no columns model and role"),
        ("model\trole\nx\tteacher\n", r"reference.tsv:2: no such role: 'teacher'"),
        ("model\trole\n\tcontrol\n", r":2: no model's name"),
        ("model\trole\nx\tcontrol\n", "no candidate"),
        ("model\trole\nx\tcandidate\nx\tcontrol\n", "'x' stands twice"),
        ("model\trole\nx\tcandidate\ny\tstudent\n", "student 'y' has no teachers"),
        ("model\trole\tteachers\nx\tcandidate\ty\n", "candidate 'x' has teachers"),
    ],
)
def test_a_wrong_reference_set_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "reference.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as raised:
        read_reference(path)
    assert "reference.tsv" in str(raised.value)


def test_a_reference_set_made_by_hand_is_checked_alike() -> None:
    with pytest.raises(InputError, match="stands twice"):
        Reference((ReferenceModel(name="a", role="candidate"), ReferenceModel(name="a", role="control")))
    assert first_word("Meta-Llama-3") == "meta"
    assert first_word("01") == "01"
