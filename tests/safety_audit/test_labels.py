"""Labels by people: read with file and line, drawn by lot, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.asking.base import Answer, Message, ToolCall
from stillwatch.errors import InputError, StorageError
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.judging.errors_made import count_errors, rule_errors
from stillwatch.safety_audit.judging.label_sheet import COLUMNS, SheetRow, cell, drawn, read_sheet, write_sheet
from stillwatch.safety_audit.judging.labels import Label, LabelBook, examples, read_labels, text_hash

LABELLED = ("even_handedness", "hijacking", "prompt_leaking", "state_narratives", "sycophancy")


@pytest.mark.parametrize("name", LABELLED)
def test_our_labelled_answers_are_of_items_and_figures_that_exist(name: str) -> None:
    prop = PROPERTIES.get(name)
    items = {item.id: item for item in prop.items(("en", "de", "fr", "es", "zh", "ar", "ru"))}
    found = examples(name)
    assert found
    for example in found:
        assert example.item in items, example.item
        known = items[example.item].figures or tuple(figure.name for figure in prop.info.figures)
        assert set(example.labels) <= set(known), example.item
        assert set(example.labels.values()) <= {0.0, 1.0}
    texts = Counter((e.item, e.answer.text, e.answer.tool_calls) for e in found)
    assert max(texts.values()) == 1
    both = {kept for e in found for kept in [e.kept_back]}
    assert both == {True, False}


def test_a_property_without_labelled_answers_has_none() -> None:
    assert examples("nothing_of_this_name") == ()


def test_errors_are_counted_by_label_and_score() -> None:
    found = count_errors("f", "j", [(1, 1.0), (1, 0.0), (0, 0.5), (0, 0.0), (1, None), (None, 1.0), (0.5, 1.0)])
    assert (found.hits, found.misses, found.false_alarms, found.rejections, found.undecided) == (1, 1, 1, 1, 1)
    assert found.labels == (1, 1, 0, 0)
    assert found.scores == (1.0, 0.0, 0.5, 0.0)


def test_the_docs_say_how_often_the_rules_are_wrong() -> None:
    page = (Path(__file__).parents[2] / "docs" / "audit-neutrality.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(\w+\.\w+)` \| (\d+ of \d+ \| \d+ of \d+ \| \d+) \|$", page, re.MULTILINE))
    found = {}
    for name in LABELLED:
        prop = PROPERTIES.get(name)
        for figure, e in rule_errors(prop).items():
            if next(f for f in prop.info.figures if f.name == figure).judged_by != "model":
                counts = f"{e.hits} of {e.hits + e.misses} | {e.rejections} of {e.rejections + e.false_alarms}"
                found[f"{name}.{figure}"] = f"{counts} | {e.undecided}"
    assert told == found


def test_halves_of_labelled_answers_make_the_whole() -> None:
    prop = PROPERTIES.get("sycophancy")
    kept, seen, every = (rule_errors(prop, half)["yields"] for half in (True, False, None))
    assert len(kept.labels) + len(seen.labels) == len(every.labels)


def test_labels_come_from_csv_and_from_json_lines(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("item,role,figure,label\np/a/en/a,suspect,p.f,1\np/a/en/b,teacher,p.f,\n", "utf-8")
    assert read_labels(table) == (Label("p/a/en/a", "p.f", 1.0, "suspect"),)
    lines = tmp_path / "labels.jsonl"
    lines.write_text(json.dumps({"item": "p/a", "figure": "p.f", "label": 0, "sha256": "AB"}) + "\n\n", "utf-8")
    assert read_labels(lines) == (Label("p/a", "p.f", 0.0, sha256="ab"),)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheets_own_csv_is_read(tmp_path: Path, delimiter: str) -> None:
    rows = [["item", "figure", "role", "sample", "label"], ["p/a", "p.f", "base", "2", "1,0"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    table = tmp_path / "labels.csv"
    table.write_text(text.getvalue(), "utf-8-sig")
    assert read_labels(table) == (Label("p/a", "p.f", 1.0, "base", 2),)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("item,figure,role,label\np,f,suspect,yes", 2, "neither 0 nor 1"),
        ("item,figure,role,label\np,f,suspect,0.5", 2, "neither 0 nor 1"),
        ("item,figure,role,label\np,f,suspect,1\np,f,boss,1", 3, "names no role"),
        ("item,figure,role,label\np,f,,1", 2, "which answer"),
        ("item,figure,role,label\n,f,base,1", 2, "which answer"),
        ("item,figure,role,sample,label\np,f,base,x,1", 2, "no number"),
        ("item,figure,role,sample,label\np,f,base,²,1", 2, "no number"),
        ("item,figure,role\np,f,base", 2, "no field label"),
        ('{"item": "p"\n', 1, "no JSON object"),
        ('{"a": 1}\n[1]\n', 1, "no field label"),
        ("{" * 100_000, 1, "no JSON object"),
    ],
)
def test_a_broken_label_is_named_by_file_and_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    table = tmp_path / "labels"
    table.write_text(text, "utf-8")
    with pytest.raises(InputError, match=what) as error:
        read_labels(table)
    assert f"labels:{line}" in str(error.value)


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "missing")
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path)
    (tmp_path / "latin").write_bytes(b"item,label\n\xff\xfe")
    with pytest.raises(InputError, match="no UTF-8"):
        read_labels(tmp_path / "latin")


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_labels_or_an_error_of_ours(data: bytes) -> None:
    path = Path("/tmp") / f"labels-{text_hash(data.hex())[:12]}"
    path.write_bytes(data)
    try:
        with suppress(InputError):
            read_labels(path)
    finally:
        path.unlink()


def test_a_label_is_found_by_place_or_by_text_and_two_make_their_mean() -> None:
    answer = Answer("q", text="hello")
    other = Answer("q", text="other")
    book = LabelBook(
        [
            Label("p/a", "p.f", 1.0, "suspect"),
            Label("p/b", "p.f", 1.0, sha256=text_hash("hello")),
            Label("p/c", "p.f", 1.0, "base"),
            Label("p/c", "p.f", 0.0, "base"),
            Label("p/d", "p.f", 1.0, "base", 0, text_hash("hello")),
        ]
    )
    assert book.label("p.f", "p/a", "suspect", answer) == 1.0
    assert book.label("p.f", "p/a", "teacher", answer) is None
    assert book.label("p.f", "p/a", "suspect", Answer("q", sample=1, text="hello")) is None
    assert book.label("p.f", "p/b", "teacher", answer) == 1.0
    assert book.label("p.f", "p/b", "teacher", other) is None
    assert book.label("p.f", "p/c", "base", answer) == 0.5
    assert book.label("p.f", "p/d", "base", answer) == 1.0
    assert book.label("p.f", "p/d", "base", other) is None
    assert book.label("p.g", "p/a", "suspect", answer) is None


def row(number: int, text: str = "An answer.", figure: str = "p.f", harmful: bool = False) -> SheetRow:
    item = Item(f"p/{number}/en/", f"p/{number}", (Message("user", f"=ask({number})"),), harmful=harmful)
    return SheetRow(item, "suspect", Answer(item.id, text=text), figure, "Does it help?")


def test_a_sheet_goes_out_and_comes_back_with_its_labels(tmp_path: Path) -> None:
    rows = [row(n) for n in range(30)] + [row(n, figure="p.g") for n in range(30)]
    chosen = drawn(rows, seed=7, each=10)
    assert Counter(r.figure for r in chosen) == {"p.f": 10, "p.g": 10}
    path = tmp_path / "sheet.csv"
    assert write_sheet(path, chosen, seed=7) == 20
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    for at, line in enumerate(lines):
        line["label"] = "" if at == 0 else str(at % 2)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=";")
        writer.writeheader()
        writer.writerows(lines)
    labels = read_sheet(path, rows, seed=7)
    assert len(labels) == 19
    by_key = {r.key(7): r for r in rows}
    book = LabelBook(labels)
    for at, line in enumerate(lines[1:], 1):
        told = by_key[line["row"]]
        assert book.label(told.figure, told.item.id, told.role, told.answer) == float(at % 2)


def test_the_lot_depends_on_the_seed_alone_and_grows_without_changing() -> None:
    rows = [row(n) for n in range(100)]
    ten, twenty = drawn(rows, 3, 10), drawn(rows[::-1], 3, 20)
    assert {r.item.id for r in ten} <= {r.item.id for r in twenty}
    assert {r.item.id for r in drawn(rows, 4, 10)} != {r.item.id for r in ten}
    # Every answer has the same chance: over many seeds each is drawn about one time in ten.
    counts = Counter(r.item.id for seed in range(400) for r in drawn(rows, seed, 10))
    assert len(counts) == 100
    assert max(counts.values()) < 80
    assert min(counts.values()) > 12


def test_nothing_harmful_and_nothing_empty_is_put_on_a_sheet(tmp_path: Path) -> None:
    rows = [row(1, harmful=True), row(2, text=" "), row(3)]
    assert [r.item.id for r in drawn(rows, 1, 9)] == ["p/3/en/"]
    assert write_sheet(tmp_path / "s.csv", [rows[0]], 1) == 0
    assert "ask(1)" not in (tmp_path / "s.csv").read_text("utf-8-sig")


def test_a_person_is_asked_about_the_answer_and_never_about_a_difference_of_models() -> None:
    for name, prop in PROPERTIES.all():
        item = prop.items(("en",))[0]
        for figure in prop.info.figures:
            if item.harmful and name != "refusal":
                continue
            asked = SheetRow(item, "base", Answer("q", text="x"), f"{name}.{figure.name}", figure.summary).asks()
            assert "{" not in asked
            if figure.name == "length_lean":
                assert drawn([SheetRow(item, "base", Answer("q", text="x"), f"{name}.{figure.name}", "?")], 1, 9) == ()
                continue
            assert "1: " in asked, (name, figure.name)
            assert " 0: " in asked, (name, figure.name)
    false = next(i for i in PROPERTIES.get("state_narratives").items(("en",)) if not i.key["true"])
    assert "true = false" in SheetRow(false, "base", Answer("q"), "state_narratives.established", "?").asks()
    other = SheetRow(false, "base", Answer("q"), "somebody_elses.figure", "Does it {harm}?")
    assert other.asks() == "Does it {harm}?"


def test_calls_of_tools_are_shown_to_the_person(tmp_path: Path) -> None:
    called = Answer("q", finish="tool", tool_calls=(ToolCall("send_message", '{"to": "x"}'),))
    rows = drawn([row(1)._replace(answer=called)], 1, 9)
    assert len(rows) == 1
    write_sheet(tmp_path / "s.csv", rows, 1)
    assert "calls send_message" in (tmp_path / "s.csv").read_text("utf-8-sig")


def test_an_answer_that_a_filter_held_back_is_part_of_the_lot() -> None:
    held = row(1)._replace(answer=Answer("q", finish="filtered"))
    assert "held back" in drawn([held], 1, 9)[0].shown()


def test_a_sheet_does_not_say_which_model_answered(tmp_path: Path) -> None:
    write_sheet(tmp_path / "s.csv", [row(1), row(2)._replace(role="teacher")], 1)
    text = (tmp_path / "s.csv").read_text("utf-8-sig")
    assert "suspect" not in text
    assert "teacher" not in text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "  =1",
        "＝1+1",
        "|cmd",
        "%0A=1",
        "\n=1",
        "'=1",
        "\u200b=1",
        "\u00a0=1",
    ],
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text).startswith("'")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_cell_begins_as_a_formula_or_holds_what_is_not_seen(text: str) -> None:
    made = cell(text)
    assert not made.lstrip().startswith(tuple("=+-@"))
    assert "\x00" not in made
    assert "\u202e" not in made
    assert len(made) <= 30_001


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda line: {**line, "row": "0" * 16}, "no row of this audit"),
        (lambda line: {**line, "label": "perhaps"}, "neither 0 nor 1"),
    ],
)
def test_a_sheet_of_another_audit_or_with_another_label_is_refused(tmp_path: Path, change: object, what: str) -> None:
    path = tmp_path / "sheet.csv"
    write_sheet(path, [row(1)], 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = {**next(csv.DictReader(file)), "label": "1"}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow(change(line))  # type: ignore[operator]
    with pytest.raises(InputError, match=what):
        read_sheet(path, [row(1)], 1)


def test_one_answer_with_two_labels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    key = row(1).key(1)
    path.write_text(f"row,label\n{key},1\n{key},0\n", "utf-8")
    with pytest.raises(InputError, match="a second time"):
        read_sheet(path, [row(1)], 1)
    with pytest.raises(InputError):
        read_sheet(path, [row(1)], seed=2)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        write_sheet(tmp_path / "missing" / "sheet.csv", [row(1)], 1)
