"""Three ways to a p-value: each right where it says so, and what goes wrong with the wrong one."""

from __future__ import annotations

import numpy as np
import pytest

from bench.ngram_students import made_key
from stillwatch.proving.radioactivity.laws import Law
from stillwatch.proving.radioactivity.p_values import against_decoys, bets_on, evidence_of, judged
from tests.proving.radioactivity.uniformity import never_too_small, uniform

LAWS = [Law("exponential"), Law("bernoulli", (0.25,)), Law("tournament", (10.0, 7.0, 7.0, 3.0, 1.0))]
IDS = ["gumbel", "red_green", "tournament"]


@pytest.mark.parametrize("law", LAWS, ids=IDS)
def test_the_tail_of_a_settled_number_is_exact(law: Law) -> None:
    rng = np.random.default_rng(1)
    p = [judged(law.draw(rng, 300), law, number_depends_on_key=False).p_value for _ in range(600)]
    assert uniform(p)


@pytest.mark.parametrize("law", LAWS, ids=IDS)
def test_where_the_number_depends_on_the_scores(law: Law) -> None:
    """A text that goes on until the sum looks good: the worst of lengths that are the key's doing."""
    rng, tails, planned, stopped = np.random.default_rng(2), [], [], []
    for run in range(400):
        draws = law.draw(rng, 500)
        z = (np.cumsum(draws) - law.mean * np.arange(1, 501)) / np.sqrt(np.arange(1, 501))
        scores = draws[: 31 + int(np.append(z[30:499] > 1.2, True).argmax())]
        tails.append(judged(scores, law, number_depends_on_key=False).p_value)
        planned.append(judged(scores, law, number_depends_on_key=True, planned=250, seed=run).p_value)
        stopped.append(judged(scores, law, number_depends_on_key=True).p_value)
    assert not never_too_small(tails)
    assert uniform(planned)
    assert never_too_small(stopped)


@pytest.mark.parametrize("law", LAWS, ids=IDS)
def test_weighted_bets_are_never_too_small(law: Law) -> None:
    rng, p = np.random.default_rng(3), []
    for _ in range(300):
        starts = np.unique(np.append(0, rng.integers(1, 600, 150)))
        weights = rng.standard_normal(600) * rng.choice([0.01, 0.3, 5.0], 600)
        standardised = (law.draw(rng, 600) - law.mean) / law.sd
        p.append(bets_on(weights, standardised, starts, law).p_value)
    assert never_too_small(p)


def test_weighted_bets_find_a_shift_and_do_not_mind_blocks() -> None:
    rng, law = np.random.default_rng(4), LAWS[0]
    weights, starts = rng.random(20_000), np.arange(0, 20_000, 2)
    z = rng.exponential(1 + 0.1 * weights) - 1
    assert bets_on(weights, z, starts, law).p_value < 1e-12
    assert bets_on(weights, z, starts, law).n == 10_000
    assert bets_on(weights[:0], z[:0], starts[:0], law).p_value == 1.0


@pytest.mark.parametrize("by_key", [True, False])
def test_nothing_to_count_shows_nothing(by_key: bool) -> None:
    assert judged(np.empty(0), LAWS[0], number_depends_on_key=by_key).p_value == 1.0
    with pytest.raises(ValueError, match="at least one score must be planned"):
        judged(np.empty(0), LAWS[0], number_depends_on_key=by_key, planned=0)


def test_the_figures_give_the_p_value_again() -> None:
    found = judged(LAWS[0].draw(np.random.default_rng(5), 500), LAWS[0], number_depends_on_key=False)
    from_figures = judged(np.full(500, found.numbers["total"] / 500), LAWS[0], number_depends_on_key=False)
    assert from_figures.p_value == pytest.approx(found.p_value)
    assert found.numbers["log10_p"] == pytest.approx(np.log10(found.p_value))


def test_decoys_rank() -> None:
    values = dict(enumerate([1.0, 5.0, 2.0]))
    told = against_decoys(3.0, lambda secret: values[secret[0]], [bytes([i]) for i in values])
    assert told["decoy_rank_p"] == 0.5
    assert (told["decoys"], told["decoy_greatest"]) == (3, 5.0)
    assert against_decoys(3.0, lambda secret: 0.0, []) == {}


def test_evidence_says_what_it_rests_on() -> None:
    found = judged(np.ones(5), LAWS[0], number_depends_on_key=True)
    told = evidence_of(found, made_key(1, "the campaign in May"), test="x", n=5, unit="pairs", tested_on="y")
    assert told.tier == "marks"
    assert "key-1 (the campaign in May)" in told.claim
    assert "drawn by the provider" in told.randomised
    assert told.numbers["by"] == "stopped"
    assert any("not by which way" in caveat for caveat in told.caveats)
