"""What is promised of the whole test: it sees a copy, not its mirror image, and says nothing where it may not."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench.twin_texts import voice
from stillwatch.calibration import choice_p_value
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.twins.base import Pair
from stillwatch.proving.twins.running import prove, prove_open, prove_sequentially
from stillwatch.proving.twins.similarity import MEASURES
from stillwatch.proving.twins.splitting import Sealing, about
from stillwatch.proving.twins.units import asking_order, units_of
from tests.proving.twins.made import KEY, made


def test_a_student_of_what_was_taken_is_seen_by_text_and_by_probability() -> None:
    world = made(1, copies=0.15)
    by_text, by_probability = prove(world.pairs, world.answers, KEY), prove_open(world.pairs, world.given, KEY)
    assert by_text.p_value is not None
    assert by_probability.p_value is not None
    assert by_text.p_value < 1e-6
    assert by_probability.p_value < 1e-12
    assert by_text.numbers["nearest"][1] > by_text.numbers["nearest_by_chance"] == 0.5
    assert (by_text.tier, by_probability.tested_on) == ("twins", "all units")
    assert by_text.n + by_text.numbers["chose"] <= 300


def test_looking_as_answers_come_sees_a_copy_and_may_be_stopped_early() -> None:
    world = made(1, copies=0.15)
    whole = prove_sequentially(world.pairs, world.answers, KEY)
    first = asking_order(units_of(world.pairs, KEY), KEY)[:200]
    part = prove_sequentially(world.pairs, {name: world.answers[name] for name in first}, KEY)
    assert whole.p_value is not None
    assert part.p_value is not None
    assert whole.p_value < part.p_value < 1e-3
    # What was bet stays bet: later answers do not change the course so far.
    assert whole.numbers["log_e"][: len(part.numbers["log_e"])] == pytest.approx(part.numbers["log_e"], abs=1e-6)
    assert whole.p_value == pytest.approx(np.exp(-max(whole.numbers["log_e"])))
    assert whole.statistic == pytest.approx(-np.log(whole.p_value))
    mirror = made(2, copies=0.15, trained_on="twins")
    unmoved = prove_sequentially(mirror.pairs, mirror.answers, KEY).p_value
    assert unmoved is not None
    assert unmoved > 0.1
    later = made(5, n=300, copies=0.3, later=voice(np.random.default_rng(99), 3.0))
    assert prove_sequentially(later.pairs, later.answers, KEY).p_value is None


def test_a_student_of_the_twins_is_the_mirror_image() -> None:
    world = made(2, copies=0.15, trained_on="twins")
    for evidence in (prove(world.pairs, world.answers, KEY), prove_open(world.pairs, world.given, KEY)):
        assert evidence.p_value is not None
        assert evidence.p_value > 0.99


def test_a_student_of_neither_is_not_taken_for_one() -> None:
    p = []
    for seed in range(12):
        world = made(100 + seed, n=120, controls=0, samples=1, trained_on="")
        p += [prove(world.pairs, world.answers, KEY).p_value, prove_open(world.pairs, world.given, KEY).p_value]
    assert min(each for each in p if each is not None) > 1e-4
    assert 0.25 < np.mean([each for each in p if each is not None]) < 0.75


def test_training_on_paraphrases_weakens_the_proof_and_does_not_end_it() -> None:
    plain, reworded = (made(3, copies=0.2, reworded=rate) for rate in (0.0, 0.9))
    exact, loose = (prove(world.pairs, world.answers, KEY).p_value for world in (plain, reworded))
    assert exact is not None
    assert loose is not None
    assert exact < loose < 1e-3


@pytest.mark.parametrize("measure", MEASURES.names())
def test_a_measure_that_was_settled_beforehand_uses_all_units(measure: str) -> None:
    world = made(4, n=150, copies=0.4, controls=0, samples=1)
    evidence = prove(world.pairs, world.answers, KEY, measures=(measure,))
    assert evidence.p_value is not None
    assert evidence.p_value < 0.01
    assert evidence.numbers["chose"] == 0
    assert evidence.numbers["decide"] == 150
    assert evidence.chosen_on.startswith("nothing")


def test_twins_of_a_later_version_are_told_apart_and_the_result_is_withheld() -> None:
    world = made(5, n=300, copies=0.3, later=voice(np.random.default_rng(99), 3.0))
    evidence = prove(world.pairs, world.answers, KEY)
    assert evidence.p_value is None
    assert evidence.statistic is None
    assert any("can be told apart" in caveat for caveat in evidence.caveats)
    assert "scores" not in evidence.numbers


def test_controls_that_come_out_wrong_withhold_the_result() -> None:
    world = made(6, n=200, copies=0.3, controls=120)
    learnt = dict(world.answers)
    for pair in world.pairs:
        if pair.control:
            learnt[pair.prompt_id] = (str(pair.taken),)
    evidence = prove(world.pairs, learnt, KEY)
    assert evidence.p_value is None
    assert any("controls did not come out null" in caveat for caveat in evidence.caveats)


def test_sound_controls_are_shown_and_missing_ones_are_said() -> None:
    world = made(7, n=200)
    tossed = [
        msgspec.structs.replace(pair, taken=None, twins=(str(pair.taken), *pair.twins)) if pair.control else pair
        for pair in world.pairs
    ]
    for pairs, kind in ((world.pairs, "logged"), (tossed, "tossed")):
        shown = prove(pairs, world.answers, KEY).numbers["controls"]
        assert shown[kind]["units"] >= 20
        assert shown[kind]["p_value"] > 0.001
    without = prove([pair for pair in world.pairs if not pair.control], world.answers, KEY)
    assert any("no or too few controls" in caveat for caveat in without.caveats)


def test_answers_that_equal_their_twins_carry_nothing_and_too_few_others_give_no_p_value() -> None:
    cold = made(8, n=200, copies=0.3, temperature=0.0, controls=0)
    evidence = prove(cold.pairs, cold.answers, KEY)
    assert evidence.numbers["alike"] == 200
    assert evidence.p_value is None
    assert any(caveat.startswith("Withheld: only 0 deciding units") for caveat in evidence.caveats)
    cool = made(9, n=400, copies=0.5, temperature=0.12, controls=0)
    told = prove(cool.pairs, cool.answers, KEY)
    assert 40 < told.numbers["alike"] < 360
    assert told.n <= 400 - told.numbers["alike"]
    assert told.p_value is not None
    assert told.p_value < 1e-3


def test_nothing_at_all_gives_no_p_value() -> None:
    for evidence in (prove([], {}, KEY), prove_open([], {}, KEY)):
        assert evidence.p_value is None
        assert evidence.n == 0
    lone = Pair(prompt_id="a", prompt="p", taken="r", twins=("s",))
    assert prove([lone], {"a": ("",)}, KEY).p_value is None


def test_prompts_without_an_answer_are_left_out_and_counted() -> None:
    world = made(10, n=200, copies=0.3, controls=0)
    some = {name: answers for name, answers in world.answers.items() if int(name[1:]) % 4}
    evidence = prove(world.pairs, some, KEY)
    assert evidence.numbers["without_answer"] == 50
    assert evidence.numbers["units"] == 200


def test_the_p_value_can_be_computed_again_from_what_is_reported() -> None:
    world = made(11, n=200, copies=0.1)
    evidence = prove(world.pairs, world.answers, KEY, seed=4)
    kept = msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence)
    scores = np.array([[np.nan if x is None else x for x in row] for row in kept.numbers["scores"]])
    assert choice_p_value(scores) == pytest.approx(evidence.p_value, rel=1e-9)
    assert prove(world.pairs[::-1], world.answers, KEY, seed=4).p_value == pytest.approx(evidence.p_value, rel=1e-6)
    assert prove(world.pairs, world.answers, bytes(32)).p_value != evidence.p_value


def test_it_is_said_whether_the_split_was_settled_beforehand() -> None:
    world = made(12, n=150, controls=0)
    settled = Sealing(about(world.pairs, KEY), "5ea1")
    assert not any("settled" in caveat for caveat in prove(world.pairs, world.answers, KEY, sealing=settled).caveats)
    assert any("settled" in caveat for caveat in prove(world.pairs, world.answers, KEY).caveats)
    assert prove(world.pairs, world.answers, KEY, sealing=settled).numbers["seal"] == "5ea1"


def test_hostile_answers_break_nothing() -> None:
    world = made(13, n=130, controls=0, samples=1, trained_on="")
    hostile = ["", "\x00" * 50, "\ud800", "word " * 9000, "<b>" * 99, "." * 30_000, "我" * 500]
    answers = {name: (hostile[i % len(hostile)], *said) for i, (name, said) in enumerate(world.answers.items())}
    evidence = prove(world.pairs, answers, KEY)
    assert evidence.n > 0
    assert evidence.p_value is not None
    assert 1e-4 < evidence.p_value <= 1
