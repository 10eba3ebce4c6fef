"""A plan's number of prompts has the power that it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stillwatch.calibration import choice_p_value
from stillwatch.proving.twins.planning import pilot, plan


@pytest.mark.parametrize(
    ("effect", "level", "samples", "twins"),
    [(0.2, 1e-3, 1, 1), (0.5, 1e-10, 1, 1), (0.15, 0.01, 3, 1), (0.25, 1e-3, 1, 3)],
)
def test_as_many_prompts_have_the_power_that_was_asked_for(
    effect: float, level: float, samples: int, twins: int
) -> None:
    rng = np.random.default_rng(7)
    planned = plan(effect, level=level, samples=samples, twins=twins, deciding=1.0)
    reached = []
    for _ in range(120):
        candidates = rng.standard_normal((planned.prompts, 1 + twins)) * math.sqrt(0.25)
        # Half of a difference's variance is the candidates', half what the suspect samples.
        sampled = rng.standard_normal((planned.prompts, 1 + twins, samples)).mean(axis=2) * math.sqrt(0.25)
        scores = candidates + sampled
        scores[:, 0] += effect
        reached.append(choice_p_value(scores) <= level)
    assert abs(np.mean(reached) - 0.9) < 0.1


def test_what_costs_more_needs_more() -> None:
    base = plan(0.3)
    assert plan(0.15).prompts > 3.5 * base.prompts
    assert plan(0.3, samples=1).prompts > base.prompts > plan(0.3, twins=4).prompts
    assert plan(0.3, alike=0.5).prompts == pytest.approx(2 * base.prompts, abs=2)
    assert plan(0.3, deciding=1.0).prompts == pytest.approx(base.prompts / 2, abs=1)
    assert base.questions == (base.prompts + base.controls) * 3
    assert (base.tokens_in, base.tokens_out) == (base.questions * 200, base.questions * 400)
    assert base.twin_questions == base.prompts + base.controls


def test_no_plan_has_fewer_units_than_the_level_can_be_reached_with() -> None:
    assert plan(50.0, level=1e-10, deciding=1.0).prompts >= 34


@pytest.mark.parametrize(
    "wrong", [{"effect": 0.0}, {"level": 0.0}, {"power": 1.0}, {"samples": 0}, {"alike": 1.0}, {"from_sampling": 2.0}]
)
def test_what_cannot_be_planned_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        plan(**{"effect": 0.2} | wrong)  # type: ignore[arg-type]


def test_a_pilot_covers_the_effect_and_knows_what_sampling_adds() -> None:
    rng = np.random.default_rng(8)
    covered, shares = [], []
    for _ in range(400):
        fixed = 0.3 + rng.standard_normal((60, 1)) * math.sqrt(0.4)
        found = pilot(np.concatenate([fixed + rng.standard_normal((60, 4)) * math.sqrt(0.6), np.zeros((20, 4))]))
        covered.append(found.effect.low <= 0.3 <= found.effect.high)
        shares.append(found.from_sampling)
        assert found.alike == 0.25
    assert np.mean(covered) > 0.9 - 3 * math.sqrt(0.09 / 400)
    assert np.mean(shares) == pytest.approx(0.6, abs=0.03)


def test_a_pilot_of_next_to_nothing_says_so() -> None:
    for few in (np.zeros((0, 1)), np.zeros((5, 2)), np.ones((1, 3)), np.ones((4, 2))):
        found = pilot(few)
        assert math.isnan(found.effect.value)
        assert (found.effect.low, found.effect.high) == (-math.inf, math.inf)
    with pytest.raises(ValueError, match="finite"):
        pilot(np.array([[math.nan]]))
