"""What counts once, and what cannot be a coin."""

from __future__ import annotations

from stillwatch.proving.twins.base import Pair
from stillwatch.proving.twins.units import alike_prompts, units_of

KEY = bytes(range(32))
LONG = "the quick brown fox jumps over the lazy dog while seven wise owls watch from above"


def pair(name: str, prompt: str, taken: str | None = "one", *twins: str, control: bool = False) -> Pair:
    return Pair(prompt_id=name, prompt=prompt, taken=taken, twins=twins or ("two",), control=control)


def test_prompts_that_are_the_same_but_for_case_space_and_marks_are_one_unit() -> None:
    pairs = [pair("a", "What is 2 + 2?"), pair("b", "Name a river."), pair("c", "  what is 2 2 ")]
    units = units_of(pairs, KEY).taken
    assert [unit.prompt_ids for unit in units] == [("a", "c"), ("b",)]
    assert units[0].candidates == (("one", "two"), ("one", "two"))


def test_nearly_the_same_is_one_unit_and_a_shared_wording_is_not() -> None:
    wording = "You are an expert. Solve the task, think step by step, and end with the result. Task: "
    tasks = [f"{wording}A farmer called Bo{i} owns {17 * i} goats and buys {i + 3} more." for i in range(80)]
    changed = f"{LONG} in the garden at night, and tell me how many owls there are in all of them"
    numbers = alike_prompts([*tasks, changed, changed + " please"])
    assert len(set(numbers[:80].tolist())) == 80
    assert numbers[80] == numbers[81]
    assert numbers[80] not in numbers[:80]


def test_any_prompts_can_be_numbered() -> None:
    assert alike_prompts([]).tolist() == []
    assert alike_prompts(["one"]).tolist() == [0]
    assert alike_prompts(["?!", "…", "?!"]).tolist() == [0, 1, 0]
    assert alike_prompts(["\ud800", "same", "SAME"]).tolist() == [0, 1, 1]


def test_a_prompt_that_quotes_anothers_answer_is_set_aside_for_it_tells_which_was_taken() -> None:
    pairs = [
        pair("first", "Tell me a story.", f"Once, {LONG}.", "Once there was a king."),
        pair("grader", f"Grade this story: Once, {LONG}.", "8 of 10", "7 of 10"),
        pair("same", f"Repeat: {LONG}", f"{LONG} it is", f"{LONG} so be it"),
    ]
    units = units_of(pairs, KEY)
    # What stands in an answer's own prompt is no quotation of the answer, but the grader quotes the story.
    assert [unit.prompt_ids for unit in units.taken] == [("first",)]
    assert units.set_aside == {"its prompt quotes an answer to another prompt": 2}
    alone = units_of([pairs[2], pair("x", "Name a river.")], KEY)
    assert len(alone.taken) == 2
    assert not alone.set_aside


def test_controls_that_were_taken_after_all_are_none() -> None:
    pairs = [pair("a", "What is 2 + 2?"), pair("b", "what is 2 2", control=True), pair("c", "Else?", control=True)]
    units = units_of(pairs, KEY)
    assert [unit.prompt_ids for unit in units.logged] == [("c",)]
    assert units.set_aside == {"is a control, but nearly the same as a prompt that was taken": 1}


def test_a_coin_that_follows_from_the_key_calls_one_twin_of_a_control_the_taken_one() -> None:
    pairs = [pair(f"{i}", f"prompt number {i} about x{i}", None, "a", "b", "c", control=True) for i in range(300)]
    units = units_of(pairs, KEY).tossed
    first = [unit.candidates[0][0] for unit in units]
    assert units == units_of(pairs, KEY).tossed
    assert first != [unit.candidates[0][0] for unit in units_of(pairs, bytes(32)).tossed]
    assert all(70 < first.count(each) < 130 for each in "abc")
    assert all(unit.candidates[0][slot] == "abc"[unit.places[0][slot] - 1] for unit in units for slot in range(3))


def test_a_unit_has_as_many_slots_as_each_of_its_prompts() -> None:
    pairs = [pair("a", "Same?", "r", "s", "t"), pair("b", "same", "u", "v"), pair("c", "Alone", "w")]
    units = units_of(pairs, KEY).taken
    assert units[0].candidates == (("r", "s"), ("u", "v"))
    assert units[0].places == ((0, 1), (0, 1))
    none = Pair(prompt_id="d", prompt="No twin", taken="x", twins=())
    assert units_of([*pairs, none], KEY).set_aside == {"has fewer than two candidates": 1}


def test_names_come_from_prompts_alone() -> None:
    one = units_of([pair("a", "Why?", "r", "s")], KEY).taken[0].name
    other = units_of([pair("b", "Why?", "s", "r")], KEY).taken[0].name
    assert one == other
    assert units_of([], KEY).taken == ()
