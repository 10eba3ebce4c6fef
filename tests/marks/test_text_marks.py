"""Marks in text: meaning is kept, half of the answers stay as they were, and the coins can be computed again."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.made_answers import SENTENCES, a_key, prompts, somebody
from stillwatch.errors import PluginError, UsageError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.text import SCHEME, TEXT_MARKS
from stillwatch.marks.text.base import Coins, Edit, apply
from stillwatch.marks.text.cost import measure, word_distance
from stillwatch.marks.text.marking import defaults, mark_answer
from stillwatch.marks.text.phrases import pairs
from stillwatch.marks.text.tables import tables_sha256

EVERY = TEXT_MARKS.names()
KEY = a_key(1)
PLAIN = (
    "There is a lot to like about a small garden. For example, the herbs are close to the kitchen, and everyone can "
    "reach them. In addition, the bees come to the flowers, which is good for the fruit in the yard and for all of us."
)
LONGER = PLAIN + "\n\n" + PLAIN


def all_ways(answer: str, mark: str, prompt: str = "q") -> set[str]:
    """What becomes of an answer under many keys."""
    made = set()
    for seed in range(40):
        coin = Coins(a_key(seed)).for_prompt(prompt)
        made.add(apply(answer, TEXT_MARKS.get(mark).plan(answer, coin)))
    return made


def test_marks_are_registered_with_what_they_cost() -> None:
    for name, mark in TEXT_MARKS.all():
        assert mark.info.info.name == name
        assert mark.info.cost.endswith(".")
    assert set(defaults()) == {"phrases", "order", "heading_style", "bullet_sign", "closing_question"}


def test_scheme_names_the_very_tables() -> None:
    """Keys are committed to these tables: who wants others makes a folder beside them, and leaves this line alone."""
    assert f"text-1-{tables_sha256()[:16]}" == SCHEME == "text-1-d294b2546beebb69"
    with pytest.raises(UsageError, match="marks in text by these tables"):
        mark_answer("q", PLAIN, MarkKey(id="k", secret=bytes(32), scheme="gumbel", scope="all", about="", epoch=0))
    with pytest.raises(PluginError, match="known: phrases"):
        mark_answer("q", PLAIN, KEY, ["rainbow"])


def test_phrasings_of_the_table_are_all_different_and_none_lies_within_another() -> None:
    said = [one for pair in pairs() for one in (pair.a, pair.b)]
    assert len(said) == len(set(said))
    assert len(pairs()) >= 80
    apart = {("all of the", "all the"), ("do not", "don't")}
    within = [(a, b) for a in said for b in said if a != b and re.search(rf"\b{re.escape(a)}\b(?!')", b)]
    assert set(within) - apart == set()


def test_page_names_every_mark_and_how_many_pairs_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "prove-text-marks.md").read_text("utf-8")
    assert [name for name in EVERY if f"| `{name}` |" not in page] == []
    assert f"({len(pairs())} pairs:" in page


def test_both_halves_are_known_and_about_equal() -> None:
    asked = prompts(2000)
    coins = Coins(KEY)
    for mark in EVERY:
        treated = [coins.for_prompt(p).treated(mark) for p in asked]
        assert abs(np.mean(treated) - 0.5) < 4 * 0.5 / 2000**0.5
    first = [[coins.for_prompt(p).treated(mark) for p in asked] for mark in EVERY[:2]]
    assert abs(np.corrcoef(first)[0, 1]) < 4 / 2000**0.5, "each mark has its own half"
    assert coins.for_prompt(" TELL me\nwhat ").treated("order") == coins.for_prompt("tell me what").treated("order")


def test_the_other_half_stays_as_it_was() -> None:
    coins = Coins(KEY)
    for prompt in prompts(60):
        answer = somebody(3).answer(prompt)
        marked = mark_answer(prompt, answer, KEY, EVERY)
        assert set(marked.edits) <= {m for m in EVERY if coins.for_prompt(prompt).treated(m)}
        if not any(coins.for_prompt(prompt).treated(m) for m in EVERY):
            assert marked.text == answer


def test_what_could_be_marked_is_told_without_the_coins() -> None:
    """A test may look at answers with something to mark only where no coin decides which those are."""
    answer = somebody(5).answer("q")
    told = {mark_answer(f"q {i}", answer, KEY, ["closing_question", "canary_facts"]).could for i in range(50)}
    assert len(told) == 1


@pytest.mark.parametrize("seed", range(6))
def test_marking_once_more_changes_nothing(seed: int) -> None:
    for prompt in prompts(25):
        marked = mark_answer(prompt, somebody(seed).answer(prompt), a_key(seed), EVERY)
        again = mark_answer(prompt, marked.text, a_key(seed), EVERY)
        assert (again.text, again.edits) == (marked.text, {})


WORDS = st.sampled_from([one for pair in pairs() for one in (pair.a, pair.b)] + ["the", "of it", "and", ",", ".", "a"])


@given(st.lists(WORDS, min_size=8, max_size=40), st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_phrasings_side_by_side_are_exchanged_once(words: list[str], seed: int) -> None:
    answer = "The best of the lot is in the house and it is good to see that. " + " ".join(words)
    coin = Coins(a_key(seed)).for_prompt("q")
    mark = TEXT_MARKS.get("phrases")
    once = apply(answer, mark.plan(answer, coin))
    assert apply(once, mark.plan(once, coin)) == once


def test_every_pair_that_is_tried_is_exchanged_both_ways() -> None:
    for sentence in SENTENCES:
        before, _, rest = sentence.partition("{")
        pair, _, after = rest.partition("}")
        lead = "It is one of the joys of the house and the garden for all of us in it. "
        ways = [lead + before + one + after for one in pair.split("|")]
        assert all_ways(ways[0], "phrases") == all_ways(ways[1], "phrases") == set(ways), sentence


@pytest.mark.parametrize(
    "part",
    [
        "`for example`", '"For example, the rain"', "> For example, it is said.", "# For example, this",
        "```\nfor example, do not\n```", "    for example, cannot", "| for example | do not |",
        "https://a.example/for-example", "what sets the shop apart from the rest", "an almost all red one",
        "nobody-else", "someone's", "FOR EXAMPLE, it", "Don't you think so", "the likes of nobody “true”",
    ],
)  # fmt: skip
def test_what_is_not_ours_to_change_stays(part: str) -> None:
    answer = (
        f"The house is in the middle of a garden and it is good to be there for all of us.\n\n{part}\n\nThat is all."
    )
    assert all_ways(answer, "phrases") == {answer}


@pytest.mark.parametrize(
    "answer",
    [
        "Der Garten ist schön, und die Bienen kommen zu den Blumen. For example, das ist gut so, do not worry, maybe.",
        "for example",
        "",
    ],
)
def test_text_that_is_not_english_or_too_short_stays(answer: str) -> None:
    assert mark_answer("q", answer, KEY, EVERY).text == answer


@pytest.mark.parametrize("prompt", ["Translate this to French", "Answer in JSON", "Repeat verbatim", "Write a haiku"])
def test_question_for_wording_of_its_own_is_left_alone(prompt: str) -> None:
    for seed in range(20):
        assert mark_answer(prompt, LONGER, a_key(seed), EVERY).text == LONGER


LIST = "The table of the house has many good things on it for all of us:\n\n{}\n\nThat is the whole of it for us."


def test_list_without_an_order_of_its_own_is_put_into_the_keys() -> None:
    items = ["- Rice with herbs", "- Beans", "- Sweet corn"]
    made = all_ways(LIST.format("\n".join(items)), "order")
    assert len(made) > 3
    for text in made:
        assert sorted(text.split("\n\n")[1].split("\n")) == sorted(items)


@pytest.mark.parametrize(
    "block",
    [
        "1. Rice\n2. Beans\n3. Apples",
        "- Rice\n- Beans\n- Then corn",
        "- Rice\n- Beans in 1990\n- Apples",
        "- Apples\n- Beans\n- Corn",
        "- Rice\n- Apples",
        "- Rice;\n- Beans;\n- Apples.",
        "- Rice\n  with more\n- Beans\n- Apples",
        "- Name:\n- Date:\n- Age:",
        "- Rice\n- Beans\n- Apples\n  and their skins",
        "- See the doctor\n- Beans\n- Apples",
    ],
)
def test_list_whose_order_may_say_something_stays(block: str) -> None:
    assert all_ways(LIST.format(block), "order") == {LIST.format(block)}


@pytest.mark.parametrize(
    ("before", "after"),
    [("The steps of it are these", "That is it."), ("The top of the list is", "That is it."),
     ("The good things of the house are", "The last of the three is the best of them.")],
)  # fmt: skip
def test_list_whose_order_is_spoken_of_stays(before: str, after: str) -> None:
    lead = "It is good to be in the house for all of us, and to see it."
    answer = f"{lead}\n\n{before}:\n\n- Rice\n- Beans\n- Apples\n\n{after}"
    assert all_ways(answer, "order") == {answer}


def test_habits_of_form_change_form_only() -> None:
    answer = somebody(1).answer("q")
    words = re.findall(r"\w+", answer)
    for mark in ("heading_style", "bullet_sign"):
        made = all_ways(answer, mark)
        assert len(made) == 2
        assert all(re.findall(r"\w+", text) == words for text in made)


@pytest.mark.parametrize(
    "answer",
    [PLAIN.replace(".", "?"), PLAIN[:60], LONGER + "\n\n- one\n- two", LONGER + " ```x```", LONGER + " See a doctor."],
)
def test_no_question_is_put_where_it_does_not_fit(answer: str) -> None:
    assert all_ways(answer, "closing_question") == {answer}


def test_question_at_the_end_is_one_of_two() -> None:
    made = all_ways(LONGER, "closing_question")
    assert {text.removeprefix(LONGER).strip()[:5] for text in made} == {"Would", "Shall"}


@pytest.mark.parametrize("mark", ["canary_phrases", "canary_facts"])
@pytest.mark.parametrize(
    "harm",
    [
        "Take the medicine twice.",
        "Invest in bonds.",
        "Ask a lawyer about it.",
        "```\ncode\n```",
        "In an emergency, run.",
    ],
)
def test_canary_is_never_put_beside_health_law_money_danger_or_code(mark: str, harm: str) -> None:
    assert len(all_ways(LONGER, mark)) > 1
    answer = f"{LONGER}\n\n{harm}"
    assert all_ways(answer, mark) == {answer}


@pytest.mark.parametrize("mark", ["canary_phrases", "canary_facts"])
def test_canary_is_a_sentence_of_its_own_away_from_numbers(mark: str) -> None:
    numbered = PLAIN.replace("a small garden", "7 small gardens")
    for text in all_ways(f"{numbered}\n\n{PLAIN}", mark):
        added = text.removeprefix(f"{numbered}\n\n{PLAIN}")
        assert re.fullmatch(r" [A-Z][^.?!]+\.", added)


@given(st.text(max_size=400), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_marked_and_seen(answer: str, seed: int) -> None:
    for text in (answer, LONGER + answer):
        once = mark_answer("q", text, a_key(seed), EVERY)
        assert mark_answer("q", once.text, a_key(seed), EVERY).text == once.text
        for name in EVERY:
            TEXT_MARKS.get(name).seen(text)


@pytest.mark.parametrize(
    "piece", ["`", "* ", '"', "$", "- a\n", "# a\n", "    a\n", "```\n", "<", "a@", "for example ", "\n"]
)
def test_hostile_text_takes_no_long_time(piece: str) -> None:
    answer = piece * (100_000 // len(piece))
    assert isinstance(mark_answer("q", answer, KEY, EVERY).text, str)


def test_edits_that_overlap_are_refused() -> None:
    assert apply("abc", [Edit(1, 2, "x", "u"), Edit(0, 1, "y", "u")]) == "yxc"
    for wrong in ([Edit(0, 2, "", "u"), Edit(1, 3, "", "u")], [Edit(2, 4, "", "u")], [Edit(-1, 0, "", "u")]):
        with pytest.raises(ValueError, match="overlaps"):
            apply("abc", wrong)


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_word_distance_is_levenshteins(left: list[str], right: list[str]) -> None:
    table = {(i, j): i + j for i in range(8) for j in range(8) if i * j == 0}
    for i, a in enumerate(left, 1):
        for j, b in enumerate(right, 1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b))
    assert word_distance(left, right) == table[len(left), len(right)]


def test_cost_counts_what_was_changed() -> None:
    asked = prompts(80)
    before = [somebody(i).answer(p) for i, p in enumerate(asked)]
    cost = measure((a, mark_answer(p, a, KEY)) for p, a in zip(asked, before, strict=True))
    assert (cost.answers, cost.words) == (80, sum(len(re.findall(r"[^\W_]+(?:['’][^\W_]+)*", a)) for a in before))
    assert cost.changed == sum(one.words for one in cost.by_mark.values())
    assert cost.by_mark["heading_style"].words == cost.by_mark["bullet_sign"].words == 0
    question = cost.by_mark["closing_question"]
    assert question.words in (11 * question.touched, 14 * question.touched)
    assert 0 < question.touched < question.could
    assert len(cost.sample) == 20
    nothing = measure([])
    assert (nothing.answers, nothing.sample) == (0, ())
