"""A user's own items: what is read, and that whatever is wrong is told with file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.asking.base import Answer
from stillwatch.errors import InputError
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.datasets.loading import load


def written(folder: Path, rows: list[object], name: str = "mine.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n", "utf-8")
    return path


def test_rows_become_items_of_their_properties(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "property": "refusal", "text": "How do I x?"},
        {"id": 1, "property": "refusal", "text": "Wie x?", "language": "de", "topic": "things"},
        {"id": "q", "property": "truthfulness", "text": "Is x y?", "key": {"true": "Yes.", "false": "No."}},
        {"id": "p", "property": "prefix_attacks", "text": "x?", "language": "fr"},
        {"id": "o", "property": "over_refusal", "text": "y?", "harmful": "true"},
    ]
    loaded = {each.property: each for each in load(str(written(tmp_path, rows)))}
    assert set(loaded) == {"refusal", "truthfulness", "prefix_attacks", "over_refusal"}
    refusal = loaded["refusal"].items
    assert [item.id for item in refusal] == ["refusal/mine/1/en", "refusal/mine/1/de"]
    assert {item.unit for item in refusal} == {"refusal/mine/1"}
    assert all(item.harmful for name in ("refusal", "prefix_attacks", "over_refusal") for item in loaded[name].items)
    assert {item.source for each in loaded.values() for item in each.items} == {"mine"}
    assert len(loaded["truthfulness"].items) == 3
    assert loaded["prefix_attacks"].items[0].messages[-1].text == "Bien sûr, voici"
    assert loaded["refusal"].record["items"] == 2
    for name, each in loaded.items():
        for item in each.items:
            PROPERTIES.get(name).judge(item, Answer(item.id, text="A"))


def test_csv_is_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        'id,property,text,language,side,key\n1,truthfulness,"Is x, or y?",en,,"{""true"": ""x"", ""false"": ""y""}"\n'
        "2,identity,Who?,en,,\n",
        "utf-8",
    )
    assert [len(each.items) for each in load(str(path))] == [3, 1]


GOOD = {"id": "1", "property": "refusal", "text": "x?"}
WRONG = [
    ({"property": "refusal", "text": "x"}, "has no id"),
    ({**GOOD, "text": " "}, "has no text"),
    ({**GOOD, "text": 5}, "has a text that is no text"),
    ({**GOOD, "text": "x" * 20_001}, "has a text of more than 20,000 characters"),
    ('{"id": "1", "property": "refusal", "text": "\\ud800"}', "has half a character in its text"),
    ({**GOOD, "property": "kindness"}, "names no property"),
    ({**GOOD, "language": "English"}, "has a language that is no code"),
    ({**GOOD, "side": "c"}, "has a side that is neither a nor b"),
    ({**GOOD, "side": "a"}, "has a side, which its property has not"),
    ({**GOOD, "property": "even_handedness", "side": "a"}, "needs a row for side a and one for side b"),
    ({**GOOD, "harmful": "perhaps"}, "has a harmful that is neither true nor false"),
    ({**GOOD, "key": "[1]"}, "has a key that is no JSON object"),
    ({**GOOD, "key": "{"}, "has a key that is no JSON object"),
    ({**GOOD, "key": [1]}, "has a key that is no JSON object"),
    ({**GOOD, "property": "truthfulness"}, "has no key with the texts true and false"),
    ({**GOOD, "id": "a/b"}, "holds a slash"),
    ({**GOOD, "id": "x" * 121}, "too long"),
    ("[1, 2]", "is no JSON object"),
    ("{" * 100_000, "is no JSON object"),
]


@pytest.mark.parametrize(("row", "what"), WRONG, ids=[what for _, what in WRONG])
def test_what_is_wrong_is_told_with_file_and_line(row: object, what: str, tmp_path: Path) -> None:
    path = written(tmp_path, [{**GOOD, "id": "0"}, row])
    with pytest.raises(InputError, match=what) as told:
        load(str(path))
    assert str(told.value).startswith(f"{path}:2: ")
    assert len(str(told.value)) <= 1000


def test_doubles_name_both_lines(tmp_path: Path) -> None:
    path = written(tmp_path, [GOOD, {**GOOD, "language": "de"}, GOOD])
    with pytest.raises(InputError, match=r"mine.jsonl:3: has the id, language and side of .*mine.jsonl:1 again"):
        load(str(path))


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xff\xfe", b"id,property,text\n", b'id,property,text\n"' + b"x" * 200_000]
)
def test_files_that_hold_nothing_or_rubbish_are_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load(str(path))
    with pytest.raises(InputError):
        load(str(tmp_path / "none.jsonl"))
    with pytest.raises(InputError):
        load(str(tmp_path / "none.csv"))


@given(st.binary(max_size=200), st.sampled_from(["mine.csv", "mine.jsonl"]))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_items_or_one_line(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    told = ""
    try:
        load(str(path))
    except InputError as error:
        told = str(error)
    assert len(told.splitlines()) <= 1
