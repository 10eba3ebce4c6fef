"""Nobody vouches for himself: what is held against an account is learnt from the others of its group alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stillwatch.linkage.accounts import describe_accounts
from stillwatch.linkage.activity import Activity
from stillwatch.linkage.habits import build_view
from stillwatch.linkage.membership import NAMES, Evidence
from stillwatch.linkage.pool import new_pool, score
from stillwatch.linkage.scoring import load_model
from stillwatch.linkage.traits import Traits

Made = Callable[..., Activity]
weights = st.lists(st.floats(0, 1), min_size=12, max_size=12).map(np.array)


def in_order(activity: Activity, order: NDArray[np.int64]) -> Activity:
    """The same sessions in another order."""
    return activity.only(order)


def renumbered(activity: Activity, number: NDArray[np.int64]) -> Activity:
    """The same log with account ``a`` called ``number[a]``."""
    back = np.argsort(number)
    own = {name: getattr(activity, name)[back] for name in ("payment", "organization", "created")}
    return replace(activity, account=number[activity.account], **own)


def features_of(activity: Activity, member: NDArray[np.float64]) -> NDArray[np.float32]:
    """Features of all accounts (all are plausible in a small log) against the group."""
    evidence = Evidence(activity)
    evidence.compare(load_model("pair"))
    features, rows = evidence.features(member)
    assert rows.tolist() == list(range(activity.accounts))
    return features


def without(member: NDArray[np.float64], account: int) -> NDArray[np.float64]:
    """The group without one account."""
    rest = member.copy()
    rest[account] = 0.0
    return rest


@pytest.fixture(scope="module")
def twelve(made: Made) -> Activity:
    return made(12)


@pytest.fixture(scope="module")
def evidence(twelve: Activity) -> Evidence:
    evidence = Evidence(twelve)
    evidence.compare(load_model("pair"))
    return evidence


@settings(deadline=None, max_examples=25)
@given(member=weights, account=st.integers(0, 11))
def test_traits_are_learnt_without_the_account(twelve: Activity, member: NDArray[np.float64], account: int) -> None:
    traits = Traits(twelve, describe_accounts(twelve))
    inside, means = traits.log_odds(member)
    outside, _ = traits.log_odds(without(member, account))
    np.testing.assert_allclose(inside[account], outside[account], atol=1e-5)
    assert np.isfinite(inside).all()
    assert np.isfinite(means).all()


def test_a_group_of_nobody_and_of_one_tells_nothing_of_itself(twelve: Activity) -> None:
    traits = Traits(twelve, describe_accounts(twelve))
    for member, judged in ((np.zeros(12), np.arange(12)), (np.eye(12)[4], np.array([4]))):
        log_odds, means = traits.log_odds(member)
        np.testing.assert_allclose(log_odds[judged], 0.0, atol=1e-6)
        np.testing.assert_allclose(means, 0.0, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(member=weights, account=st.integers(0, 11))
def test_a_pool_is_learnt_without_the_account(twelve: Activity, member: NDArray[np.float64], account: int) -> None:
    view = build_view(twelve.account, twelve.topics[1], twelve.wording, 12, twelve.codebooks[1], 4)
    inside, _ = score([view], new_pool([view], member))
    rest = without(member, account)
    outside, _ = score([view], new_pool([view], rest))
    for name in ("pool", "shared_wording", "shared_taste", "expected_share"):
        assert getattr(inside, name)[account] == pytest.approx(getattr(outside, name)[account], abs=1e-3)


@settings(deadline=None, max_examples=25)
@given(member=weights, account=st.integers(0, 11))
def test_an_account_adds_nothing_to_what_is_held_against_it(
    evidence: Evidence, member: NDArray[np.float64], account: int
) -> None:
    own = [i for i, name in enumerate(NAMES) if name.startswith("lo_") or name in ("po", "oo", "r1", "r2", "w1")]
    member = np.where(member > 0.01, member, 0.0)
    inside, _ = evidence.features(member)
    outside, _ = evidence.features(without(member, account))
    np.testing.assert_allclose(inside[account, own], outside[account, own], atol=1e-4)


def test_neither_the_order_of_sessions_nor_the_numbers_of_accounts_matter(twelve: Activity) -> None:
    rng = np.random.default_rng(2)
    member = rng.uniform(0, 1, 12)
    plain = features_of(twelve, member)
    mixed = features_of(in_order(twelve, rng.permutation(len(twelve.account))), member)
    np.testing.assert_allclose(mixed, plain, rtol=1e-3, atol=1e-3)
    number = rng.permutation(12)
    moved = features_of(renumbered(twelve, number), member[np.argsort(number)])
    np.testing.assert_allclose(moved[number], plain, rtol=1e-3, atol=1e-3)


def test_a_start_holds_the_account_and_its_nearest(evidence: Evidence) -> None:
    start = evidence.neighbours(3, 5)
    near = np.argsort(-np.delete(evidence.scores[3], 3), kind="stable")[:4]
    assert set(np.flatnonzero(start)) == {3, *np.delete(np.arange(12), 3)[near]}
    assert set(start.tolist()) == {0.0, 0.8}
