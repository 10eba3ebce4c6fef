"""What every sampling scheme promises, ours and others'."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from stillwatch.marks.sampling import SCHEMES
from stillwatch.marks.sampling.answers import distinct_pairs, marked_answer
from stillwatch.marks.sampling.base import Scheme
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.sampling.randomness import seeds, values

SECRET = bytes(range(32))


@pytest.fixture(params=SCHEMES.names())
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return scheme_named(request.param)


@pytest.fixture
def p() -> npt.NDArray[np.float64]:
    """Sixty tokens as a language model would have them: a few likely, a long tail, and some cut off by top-p."""
    weights = np.append(1.0 / np.arange(1, 51) ** 1.1, np.zeros(10))
    return np.random.default_rng(5).permutation(weights / weights.sum())


def reweighted(scheme: Scheme, p: npt.NDArray[np.float64], n: int, secret: bytes = SECRET) -> npt.NDArray[np.float64]:
    """(n, vocabulary) distributions in n contexts."""
    contexts = np.stack([np.arange(n), *[np.full(n, 9)] * (scheme.context - 1)], axis=1)
    return np.asarray(
        scheme.reweighted(np.tile(p, (n, 1)), values(seeds(secret, contexts)[:, None], np.arange(len(p))), np)
    )


def test_it_goes_by_the_name_that_a_key_carries(scheme: Scheme) -> None:
    assert scheme.name in SCHEMES.names()
    assert scheme_named(scheme.name) == scheme
    wider = scheme_named(f"{scheme.name}:context=4")
    assert (wider.context, wider.name) == (4, f"{scheme.name}:context=4")


def test_a_distribution_comes_out_and_nothing_is_made_possible(scheme: Scheme, p: npt.NDArray[np.float64]) -> None:
    before, out = p.copy(), reweighted(scheme, p, 500)
    assert np.allclose(out.sum(axis=1), 1)
    assert (out >= 0).all()
    assert not out[:, p == 0].any()
    assert (p == before).all()


def test_one_certain_token_stays_certain(scheme: Scheme) -> None:
    certain = np.zeros(60)
    certain[7] = 1.0
    assert scheme.choose(certain, np.arange(scheme.context), SECRET) == 7


def test_a_choice_follows_from_key_context_and_draw(scheme: Scheme, p: npt.NDArray[np.float64]) -> None:
    context = np.arange(scheme.context)
    again = {scheme.choose(p, context, SECRET, np.random.default_rng(1)) for _ in range(5)}
    assert len(again) == 1


def test_choose_draws_from_the_reweighted_distribution(scheme: Scheme, p: npt.NDArray[np.float64]) -> None:
    rng, out = np.random.default_rng(2), reweighted(scheme, p, 1)[0]
    context = np.array([0, *[9] * (scheme.context - 1)])
    counts = np.bincount([scheme.choose(p, context, SECRET, rng) for _ in range(4000)], minlength=60)
    able = out > 1e-12
    assert counts[~able].sum() == 0
    if able.sum() > 1:
        assert stats.chisquare(counts[able], out[able] / out[able].sum() * counts.sum()).pvalue > 0.001


def test_tokens_come_as_often_as_without_the_mark_where_it_says_so(scheme: Scheme, p: npt.NDArray[np.float64]) -> None:
    """Over 60,000 contexts: a scheme that distorts is seen by the same test. `bench/marks_distortion.py` has more."""
    rng = np.random.default_rng(3)
    out = reweighted(scheme, p, 60_000)[:, p > 0]
    tokens = (out.cumsum(axis=1) < rng.random((len(out), 1))).sum(axis=1)
    expected = p[p > 0] * len(out)
    p_value = stats.chisquare(np.bincount(tokens, minlength=len(expected)), expected).pvalue
    assert (p_value > 0.001) == scheme.distortion_free


def test_whole_answers_come_as_often_as_without_the_mark(scheme: Scheme) -> None:
    """Answers of six of two tokens, where contexts of one token come again in almost every answer."""
    if not scheme.distortion_free:
        pytest.skip("distorts single tokens already")
    rng, short = np.random.default_rng(4), scheme_named(f"{scheme.name}:context=1")
    table = np.array([[0.7, 0.3], [0.4, 0.6]])

    def model(answer: npt.ArrayLike) -> npt.NDArray[np.float64]:
        seen = np.asarray(answer)
        return table[seen[-1] if len(seen) else 0]

    n, counts = 6000, np.zeros(64)
    for key in range(n):
        answer = marked_answer(model, 6, short, key.to_bytes(32, "little"), rng)
        counts[int("".join(map(str, answer)), 2)] += 1
    answers = [[(number >> (5 - place)) & 1 for place in range(6)] for number in range(64)]
    expected = np.array([np.prod([model(answer[:place])[answer[place]] for place in range(6)]) for answer in answers])
    assert stats.chisquare(counts, expected * n).pvalue > 0.001


def test_marked_text_scores_above_text_of_another_key(scheme: Scheme, p: npt.NDArray[np.float64]) -> None:
    rng = np.random.default_rng(6)
    answers = [marked_answer(lambda _: p, 60, scheme, SECRET, rng) for _ in range(20)]
    pairs = distinct_pairs(answers, scheme.context)
    own = scheme.scores(pairs.contexts, pairs.tokens, SECRET)
    other = scheme.scores(pairs.contexts, pairs.tokens, bytes(32))
    assert len(own.scores) == len(pairs.tokens) == own.n_seen
    assert stats.ks_2samp(own.scores, other.scores, alternative="less").pvalue < 1e-6


def test_scores_of_nothing_are_none(scheme: Scheme) -> None:
    empty = scheme.scores(np.empty((0, scheme.context), np.int64), np.empty(0, np.int64), SECRET)
    assert empty.scores.shape == (0,)
    assert empty.n_seen == 0
