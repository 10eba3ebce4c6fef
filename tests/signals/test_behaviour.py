"""What an account does is told in classes that need no log to learn from, and by its own traffic alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.signals.behaviour import SAMPLED, STEPS, TRAITS, Behaviour, behaviour, classes, sampled, space
from stillwatch.signals.techniques.examples import TECHNIQUES


def traffic(seed: int, accounts: int = 12, sessions: int = 80) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=(sessions, 256))
    return {
        "account": rng.integers(0, accounts, sessions),
        "technique": rng.dirichlet(np.full(len(TECHNIQUES) + 1, 0.3), sessions)[:, :-1],
        "length": rng.integers(0, 2000, sessions),
        "vector": vector / np.linalg.norm(vector, axis=1, keepdims=True),
    }


def done(made: dict[str, np.ndarray], accounts: int = 12) -> Behaviour:
    chosen = sampled(made["account"])
    return behaviour(
        accounts, made["account"], made["technique"], made["length"], chosen, made["vector"][chosen]
    )  # fmt: skip


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_an_account_has_one_vote_in_whole_steps(seed: int) -> None:
    votes = done(traffic(seed)).votes
    assert votes.shape == (12, classes())
    assert (votes >= 0).all()
    assert (votes.sum(axis=1) <= 1).all()
    assert np.array_equal(votes * STEPS, np.round(votes * STEPS))


@given(st.integers(0, 10_000), st.integers(0, 11))
@settings(max_examples=40, deadline=None)
def test_what_one_account_does_moves_no_other(seed: int, gone: int) -> None:
    """The protection of a fingerprint counts on it: an account moves its own vote only."""
    made = traffic(seed)
    kept = made["account"] != gone
    whole, without = done(made), done({name: values[kept] for name, values in made.items()})
    others = np.arange(12) != gone
    assert np.array_equal(whole.votes[others], without.votes[others])
    assert np.array_equal(whole.traits[others], without.traits[others])


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_order_of_sessions_that_are_all_read_does_not_matter(seed: int) -> None:
    made = traffic(seed, sessions=SAMPLED)
    order = np.random.default_rng(seed).permutation(SAMPLED)
    shuffled = done({name: values[order] for name, values in made.items()})
    assert np.array_equal(done(made).votes, shuffled.votes)
    assert np.allclose(done(made).traits, shuffled.traits, atol=1e-4)


def test_without_text_or_sessions_nothing_is_told() -> None:
    made = traffic(1)
    blind = done(made | {"length": np.zeros(80, dtype=np.int64)})
    assert blind.sessions.sum() == 80
    assert not blind.votes.any()
    assert not blind.traits.any()
    nobody = done({name: values[:0] for name, values in made.items()}, accounts=3)
    assert nobody.votes.shape == (3, classes())
    assert nobody.traits.shape == (3, TRAITS)
    assert not nobody.votes.any()


def test_an_account_that_grades_is_told_from_one_that_asks_for_reasoning() -> None:
    technique = np.zeros((20, len(TECHNIQUES)))
    technique[:10, 0] = technique[10:, 1] = 0.95
    account = np.repeat([0, 1], 10)
    length = np.full(20, 300)
    chosen = sampled(account)
    votes = behaviour(2, account, technique, length, chosen, np.zeros((len(chosen), 256))).votes
    assert votes[0].max() == votes[1].max() == 1
    assert votes[0].argmax() != votes[1].argmax()


def test_at_most_the_first_sessions_of_an_account_are_read() -> None:
    account = np.array([0] * 30 + [1] * 3)
    assert sampled(account).tolist() == [*range(SAMPLED), 30, 31, 32]
    assert sampled(account[:0]).tolist() == []


@pytest.mark.parametrize("again", [1, 2])
def test_the_space_has_a_name_that_does_not_change_by_itself(again: int) -> None:
    """A change of any constant of the space must change this name, and with it `VERSION` and what peers can compare."""
    assert space() == "a550f64256265aa7"
