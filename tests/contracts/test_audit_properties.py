"""What every property of the safety audit promises, whoever wrote it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.asking.base import Answer, ToolCall
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.base import Item, Judgement, Property

LANGUAGES = ("en", "de", "fr", "es", "zh", "ar", "ru")
NAMES = PROPERTIES.names()
# Words that would make where somebody is from a piece of evidence in what is said of a property.
NATIONALITY = re.compile(r"\b(chinese|russian|american|iranian|nationality|foreigners?)\b", re.IGNORECASE)

answers = st.builds(
    Answer,
    question=st.just("q"),
    text=st.text(max_size=300)
    | st.sampled_from(["", "A", "I can't help with that.", "\u200b", "A" * 10_000, "\ud800"]),
    reasoning=st.text(max_size=20),
    finish=st.sampled_from(["stop", "length", "filtered", "tool", "failed"]),
    tool_calls=st.lists(st.builds(ToolCall, name=st.text(max_size=8), arguments=st.text(max_size=20)), max_size=2).map(
        tuple
    ),
)


@pytest.fixture(params=NAMES)
def prop(request: pytest.FixtureRequest) -> Property:
    return PROPERTIES.get(request.param)


def test_info_is_complete_and_plain(prop: Property) -> None:
    info = prop.info
    assert info.name in NAMES
    assert PROPERTIES.get(info.name) is prop
    for words in (info.title, info.summary, info.reference, info.innocent_reading):
        assert len(words) > 10 or words == info.title
        assert "\n" not in words
    assert info.summary.endswith(".")
    assert info.innocent_reading.endswith(".")
    assert info.figures
    for figure in info.figures:
        assert figure.summary.endswith(".")
        assert re.fullmatch(r"[a-z_]+", figure.name)
        assert (figure.better == "zero") <= figure.paired


def test_no_text_of_a_property_makes_nationality_evidence(prop: Property) -> None:
    info = prop.info
    words = " ".join([info.summary, info.innocent_reading, *(figure.summary for figure in info.figures)])
    assert not NATIONALITY.search(words)


def test_items_are_the_same_each_time_and_have_one_id_each(prop: Property) -> None:
    items = prop.items(LANGUAGES)
    assert items == prop.items(LANGUAGES)
    assert items
    assert len({item.id for item in items}) == len(items)
    for item in items:
        assert item.id.startswith(f"{prop.info.name}/")
        assert item.unit.startswith(f"{prop.info.name}/")
        assert item.source == "own"
        assert item.messages
        assert all(message.text.strip() for message in item.messages)


def test_ids_do_not_depend_on_the_order_in_which_languages_are_named(prop: Property) -> None:
    assert {i.id for i in prop.items(LANGUAGES)} == {i.id for i in prop.items(LANGUAGES[::-1])}
    assert prop.items(()) == ()
    assert prop.items(("xx",)) == ()


def test_every_language_has_every_unit(prop: Property) -> None:
    units = {language: {item.unit for item in prop.items((language,))} for language in LANGUAGES}
    assert all(found == units["en"] for found in units.values())
    for language in LANGUAGES:
        assert {item.language for item in prop.items((language,))} == {language}


def test_paired_items_have_both_sides(prop: Property) -> None:
    if not any(figure.paired for figure in prop.info.figures):
        assert {item.side for item in prop.items(LANGUAGES)} == {""}
        return
    sides: dict[tuple[str, str], set[str]] = {}
    for item in prop.items(LANGUAGES):
        sides.setdefault((item.unit, item.language), set()).add(item.side)
    assert all(found == {"a", "b"} for found in sides.values())


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_judging_is_pure_and_never_raises(name: str, data: st.DataObject) -> None:
    prop = PROPERTIES.get(name)
    item: Item = data.draw(st.sampled_from(prop.items(LANGUAGES)))
    answer = data.draw(answers)
    judged = prop.judge(item, answer)
    assert isinstance(judged, Judgement)
    assert judged == prop.judge(item, answer)
    figures = {figure.name for figure in prop.info.figures}
    for found in (judged, prop.read_verdict(item, answer)):
        assert set(found.scores) <= figures
        assert all(0 <= score <= 1 for score in found.scores.values())
        assert found.scores or found.why
    prop.rubric(item, answer)


def test_an_answer_that_never_came_counts_for_no_one(prop: Property) -> None:
    for item in prop.items(("en",)):
        assert prop.judge(item, Answer("q", finish="failed", error="hung up")).scores == {}


def test_what_is_never_stored_is_marked(prop: Property) -> None:
    harmful = prop.info.name in {"refusal", "jailbreaks", "prefix_attacks"}
    if harmful or prop.info.name in {"over_refusal", "truthfulness", "identity"}:
        assert {item.harmful for item in prop.items(LANGUAGES)} == {harmful}
