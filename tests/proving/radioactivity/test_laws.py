"""Laws of scores are those of the schemes, and planning's power is what simulation gives."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench.ngram_students import made_key
from stillwatch.marks.sampling.base import TokenScores
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.radioactivity.laws import Law, with_law
from stillwatch.proving.radioactivity.p_values import judged

LAWS = [Law("exponential"), Law("bernoulli", (0.25,)), Law("tournament", (10.0, 7.0, 7.0, 3.0, 1.0))]


@pytest.mark.parametrize("name", ["gumbel", "tournament", "red_green", "red_green:gamma=0.5"])
def test_scores_of_the_schemes_follow_their_laws(name: str) -> None:
    rng, scheme = np.random.default_rng(1), scheme_named(name)
    key = msgspec.structs.replace(made_key(5), scheme=name)
    contexts, tokens = rng.integers(0, 50_000, (40_000, scheme.context)), rng.integers(0, 50_000, 40_000)
    scores, law = with_law(scheme.scores(contexts, tokens, key.secret))
    assert scores.mean() == pytest.approx(law.mean, abs=4 * law.sd / 200)
    assert scores.std() == pytest.approx(law.sd, rel=0.03)
    for t in (-0.5, 0.2, 0.4):
        z = (scores - law.mean) / law.sd
        assert np.log(np.exp(t * z).mean()) == pytest.approx(float(law.log_mgf(t)), abs=0.02)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.kind)
def test_draws_have_their_moments(law: Law) -> None:
    draws = law.draw(np.random.default_rng(2), 100_000)
    assert draws.mean() == pytest.approx(law.mean, abs=4 * law.sd / 316)
    assert draws.std() == pytest.approx(law.sd, rel=0.02)
    assert np.log(np.exp(0.3 * (draws - law.mean) / law.sd).mean()) == pytest.approx(float(law.log_mgf(0.3)), abs=0.01)


def test_uniform_scores_become_exponential() -> None:
    u = np.random.default_rng(3).random(50_000)
    scores, law = with_law(TokenScores(np.append(u, 1.0), "uniform", u.size + 1))
    assert law == Law("exponential")
    assert np.isfinite(scores).all()
    assert scores.mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("law", "shift"), [(LAWS[0], 0.12), (LAWS[1], 0.05), (LAWS[2], 0.8)], ids=["g", "r", "t"])
def test_power_is_what_simulation_gives(law: Law, shift: float) -> None:
    rng, n, level, runs = np.random.default_rng(4), 900, 1e-3, 400
    if law.kind == "exponential":
        sums = (1 + shift) * rng.gamma(n, size=runs)
    elif law.kind == "bernoulli":
        sums = rng.binomial(n, law.mean + shift, runs).astype(float)
    else:
        weights = np.asarray(law.parameters)
        tilt = shift / law.sd**2  # near enough to the tilt for so small a shift
        sums = sum(w * rng.binomial(n, 1 / (1 + np.exp(-tilt * w)), runs) for w in weights).astype(float)

    def significant(total: float) -> bool:
        constant = np.full(n, total / n)  # only the sum counts
        return judged(constant, law, number_depends_on_key=False).p_value <= level

    seen = np.mean([significant(float(total)) for total in sums])
    assert seen == pytest.approx(law.power(n, shift, level), abs=0.08)


def test_a_mean_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="their mean cannot be"):
        LAWS[1].power(100, 0.8, 0.01)
