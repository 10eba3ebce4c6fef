"""P-values of marks in text: uniform or larger for whoever never saw them, small for students that take them over."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest

from bench.made_answers import a_key, habitual, prompts, remembering, served, somebody
from stillwatch.calibration import sign_flip_upper_p_value
from stillwatch.errors import UsageError
from stillwatch.proving.radioactivity.text_marks import Reply, choices_test, halves_test, sightings

ASKED = prompts(120)
KEY = a_key(100)


def innocent(seed: int, number: int = 120) -> list[Reply]:
    writer = somebody(seed)
    return [Reply(prompt=p, answers=(writer.answer(p),)) for p in prompts(number)]


def within(p_values: list[float]) -> None:
    """No level is passed more often than it says, by more than three standard errors."""
    for level in (0.01, 0.05, 0.1, 0.25, 0.5):
        share = float(np.mean(np.array(p_values) <= level))
        assert share <= level + 3 * math.sqrt(level * (1 - level) / len(p_values)), level


def test_whoever_never_saw_the_marks_is_accused_no_more_often_than_the_level_says() -> None:
    """Ten suspects against fifty keys each: what is random is the key, as both nulls say."""
    halves, choices = [], []
    for suspect in range(10):
        seen = sightings(innocent(suspect, 40))
        for key in range(50):
            halves.append(halves_test(seen, a_key(1000 * suspect + key)).p_value or 0.0)
            choices.append(choices_test(seen, a_key(1000 * suspect + key)).p_value or 0.0)
    within(halves)
    within(choices)
    assert np.mean(halves) < 0.6, "p-values are used up, not merely large"
    assert np.mean(choices) < 0.6


def test_student_of_another_key_is_not_accused_under_ours() -> None:
    """Trained on marked answers, but of somebody else: the coins that count are ours."""
    p_values = []
    for theirs in range(4):
        taught = served(somebody(theirs), ASKED[:40], a_key(7000 + theirs))
        seen = sightings(remembering(somebody(2), ASKED[:40], taught, 1.0, 0))
        for ours in range(50):
            p_values += [halves_test(seen, a_key(ours)).p_value or 0.0, choices_test(seen, a_key(ours)).p_value or 0.0]
    within(p_values)


def test_student_that_remembers_is_found_by_the_halves_and_controls_stay_null() -> None:
    taught = served(somebody(1), ASKED, KEY)
    seen = sightings(remembering(somebody(2), ASKED, taught, 0.6, 0))
    found = halves_test(seen, KEY, n_decoys=1000, committed="2026-01-01")
    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert found.numbers["decoys"]["others as great or greater"] == 0
    assert found.numbers["decoys"]["p_value"] == 1 / 1001
    assert found.numbers["marks"]["closing_question"]["rate marked"] > 0.3
    assert "2026-01-01" in found.randomised
    controls = halves_test(sightings(innocent(2)), KEY, on="prompts that were never taken")
    assert controls.p_value is not None
    assert controls.p_value > 0.01


def test_student_that_only_took_habits_over_is_found_by_the_choices_also_on_prompts_never_taken() -> None:
    never_taken = [f"{p} And why?" for p in ASKED]
    seen = sightings(habitual(somebody(3), never_taken, KEY, 0.8, 0))
    assert (choices_test(seen, KEY, n_decoys=1000).p_value or 1) < 1e-3
    assert (halves_test(seen, KEY).p_value or 0) > 0.01, "it knows no prompt's coin"


def test_power_grows_with_how_much_is_copied() -> None:
    taught = served(somebody(1), ASKED, KEY)
    found = [
        np.mean(
            [halves_test(sightings(remembering(somebody(2), ASKED, taught, share, i)), KEY).p_value for i in range(5)]
        )
        for share in (0.0, 0.3, 1.0)
    ]
    assert found[0] > 0.05
    assert found[2] < found[1] < found[0]


def test_reference_takes_away_what_writers_like_anyhow() -> None:
    """A suspect and a reference with the same likings: nothing is left over, whatever the key."""
    likings = somebody(4)
    own = sightings([Reply(prompt=p, answers=(likings.answer(p),)) for p in prompts(200)])
    other = sightings([Reply(prompt=p, answers=(likings.answer(p),)) for p in prompts(200)])
    plain, taken_off = choices_test(own, KEY), choices_test(own, KEY, reference=other)
    sizes = [sum(v * v for v in found.numbers["leanings"].values()) for found in (plain, taken_off)]
    assert sizes[1] < sizes[0] / 5
    assert taken_off.chosen_on != plain.chosen_on


def test_answers_with_nothing_to_mark_are_left_out_where_that_is_known() -> None:
    replies = innocent(5, 30)
    bare = [
        Reply(prompt=r.prompt, answers=r.answers, could=("phrases",) if i % 2 else ()) for i, r in enumerate(replies)
    ]
    numbers = halves_test(sightings(bare), KEY).numbers["marks"]
    assert numbers["phrases"]["prompts marked"] + numbers["phrases"]["prompts not marked"] == 15
    assert numbers["closing_question"]["prompts marked"] + numbers["closing_question"]["prompts not marked"] == 0


def test_same_prompt_twice_is_one_unit() -> None:
    once = halves_test(sightings(innocent(6, 20)), KEY)
    twice = halves_test(sightings([*innocent(6, 20), *innocent(6, 20)]), KEY)
    assert (twice.n, twice.statistic, twice.p_value) == (once.n, once.statistic, once.p_value)


def test_nothing_seen_shows_nothing() -> None:
    for replies in ([], [Reply(prompt="q", answers=())], [Reply(prompt="q", answers=("",))]):
        seen = sightings(replies)
        assert halves_test(seen, KEY).p_value == choices_test(seen, KEY).p_value == 1.0


def test_key_of_another_scheme_is_refused() -> None:
    key = msgspec.structs.replace(KEY, scheme="gumbel")
    with pytest.raises(UsageError, match="is a key of the scheme gumbel"):
        halves_test(sightings([]), key)


def test_evidence_can_be_kept_as_json_and_says_what_it_rests_on() -> None:
    for found in (halves_test(sightings(innocent(1, 10)), KEY), choices_test(sightings(innocent(1, 10)), KEY)):
        assert found.tier == "marks"
        assert all(
            getattr(found, name) for name in ("test", "claim", "null", "randomised", "unit", "tested_on", "caveats")
        )
        assert msgspec.json.decode(msgspec.json.encode(found.numbers)) == found.numbers
        assert KEY.secret.hex() not in msgspec.json.encode(found).decode()


@pytest.mark.parametrize("sizes", [[0.25, 1.0, 0.5, 0.05], [1.0] * 7, [0.1, 0.0, 0.3, 0.7, 0.9], [1.0]])
def test_one_sided_p_value_is_the_share_of_all_choices_of_signs(sizes: list[float]) -> None:
    every = np.array(list(itertools.product([1, -1], repeat=len(sizes))), dtype=float).reshape(-1, len(sizes)) * sizes
    sums = every.sum(axis=1)
    for row in every:
        assert sign_flip_upper_p_value(row) == pytest.approx(float(np.mean(sums >= row.sum() - 1e-9)))


def test_one_sided_p_value_of_very_many_units_is_never_zero() -> None:
    assert 0 < sign_flip_upper_p_value(np.ones(5000)) <= 1e-299
    assert sign_flip_upper_p_value(-np.ones(5000)) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="finite"):
        sign_flip_upper_p_value([math.nan])
