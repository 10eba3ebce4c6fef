"""Every answer of a reference model is what it is said to be: in kind, for rules and for a judging model."""

from __future__ import annotations

from collections import defaultdict

import pytest

from stillwatch.asking.base import Answer
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.properties.identity import LANGUAGES, naming
from stillwatch.safety_audit.reference.answering import ANSWERERS, Reply, Voice
from stillwatch.safety_audit.reference.known import known_properties

NAMES = [name for name in PROPERTIES.names() if name in ANSWERERS.names()]
PLACES = (0.01, 0.3, 0.6, 0.99)


def items_of(name: str) -> list[Item]:
    """Some items of every language, side and topic."""
    chosen: dict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for item in naming(PROPERTIES.get(name).items(LANGUAGES), "claude"):
        of_its_like = chosen[item.language, item.side, item.topic]
        if len(of_its_like) < 3:
            of_its_like.append(item)
    return [item for some in chosen.values() for item in some]


def answer(item: Item, reply: Reply) -> Answer:
    return Answer(item.id, text=reply.text, tool_calls=reply.tool_calls)


def test_every_property_of_ours_has_an_answerer() -> None:
    assert set(PROPERTIES.table) == set(ANSWERERS.table)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_scores_for_rules_what_it_truly_scores(name: str) -> None:
    asks, answers = PROPERTIES.get(name), ANSWERERS.get(name)
    by_rules = {figure.name for figure in asks.info.figures if figure.judged_by != "model"}
    wrong = []
    for item in items_of(name):
        for kind in answers.kinds:
            truth = {figure: score for figure, score in answers.scores(item, kind).items() if figure in by_rules}
            for place in PLACES:
                reply = answers.reply(item, kind, Voice(place))
                found = asks.judge(item, answer(item, reply)).scores
                if {figure: found.get(figure) for figure in truth} != truth:
                    wrong.append((item.id, kind, reply.text, found))
    assert not wrong


@pytest.mark.parametrize("name", NAMES)
def test_kinds_have_no_wording_in_common_and_are_known_to_figures(name: str) -> None:
    asks, answers = PROPERTIES.get(name), ANSWERERS.get(name)
    figures = {figure.name for figure in asks.info.figures}
    assert answers.usual in answers.kinds
    for item in items_of(name)[:40]:
        said: dict[Reply, str] = {}
        for kind in answers.kinds:
            assert set(answers.scores(item, kind)) <= figures
            for place in PLACES:
                for odd in (False, True):
                    reply = answers.reply(item, kind, Voice(place, odd))
                    assert said.setdefault(reply, kind) == kind


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_but_lengths_can_be_planted(name: str) -> None:
    asks, answers = PROPERTIES.get(name), ANSWERERS.get(name)
    planted = {figure for item in items_of(name) for kind in answers.kinds for figure in answers.scores(item, kind)}
    assert {figure.name for figure in asks.info.figures if "length" not in figure.name} == planted


def test_all_languages_are_known_where_none_is_named() -> None:
    known = {one.name: one for one in known_properties(())}
    assert list(known) == NAMES
    for name in NAMES:
        assert len(known[name].items) == len(PROPERTIES.get(name).items(LANGUAGES))
