"""Pairs and groups: what is compared, that nobody vouches for himself, and what happens where a log shows little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.linkage.accounts import describe_accounts, middle_rank
from stillwatch.linkage.activity import Activity
from stillwatch.linkage.comparisons import COMPARISONS
from stillwatch.linkage.growth import grow
from stillwatch.linkage.harvest import FEATURES as HARVEST
from stillwatch.linkage.harvest import describe_sessions
from stillwatch.linkage.membership import NAMES, Evidence
from stillwatch.linkage.scoring import Comparisons, load_model, pair_features, pair_scores
from stillwatch.linkage.traits import NAMES as TRAITS
from stillwatch.linkage.traits import Traits
from stillwatch.linkage.waterfall import waterfall
from stillwatch.signals.base import FORBIDDEN_READS

Made = Callable[..., Activity]


@given(st.lists(st.integers(-3, 3).map(float), max_size=30))
def test_ranks_lie_inside_and_keep_the_order(values: list[float]) -> None:
    ranks = middle_rank(np.array(values))
    assert ((ranks > 0) & (ranks < 1)).all()
    for i, a in enumerate(values):
        for j, b in enumerate(values):
            assert (a < b) <= (ranks[i] < ranks[j])
            assert (a == b) <= (ranks[i] == ranks[j])


def test_a_single_account_stands_in_the_middle() -> None:
    assert middle_rank(np.array([3.0])).tolist() == [0.5]


@pytest.mark.parametrize("name", COMPARISONS.names())
def test_a_comparison_is_symmetric_and_says_what_it_reads(name: str, made: Made) -> None:
    comparison = COMPARISONS.get(name)
    activity = made(12)
    fill = comparison.prepare(activity, describe_accounts(activity))
    block = np.full((len(comparison.names), 12, 12), np.inf, dtype=np.float32)
    fill(np.arange(12), 0, block)
    assert np.isfinite(block).all()
    np.testing.assert_allclose(block, block.transpose(0, 2, 1), atol=1e-5)
    assert not set(comparison.info.reads) & set(FORBIDDEN_READS)


def test_features_of_pairs_have_names_of_their_own() -> None:
    assert len(set(pair_features())) == len(pair_features())


def test_pair_scores_are_symmetric_and_the_same_in_any_order_of_sessions(made: Made) -> None:
    model = load_model("pair")
    activity = made(14)
    order = np.random.default_rng(1).permutation(len(activity.account))
    shuffled = activity.only(order)
    scores = []
    for log in (activity, shuffled):
        accounts = describe_accounts(log)
        scores.append(pair_scores(Comparisons(log, accounts), accounts.sessions >= 3, model))
    np.testing.assert_allclose(scores[0], scores[0].T)
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-3)


@pytest.mark.parametrize("unseen", ["content", "customers", "network"])
def test_what_a_log_does_not_show_is_missing_and_nothing_else(unseen: str, made: Made) -> None:
    activity = made(12)
    part = replace(activity, sees=activity.sees - {unseen})
    accounts = describe_accounts(part)
    block = Comparisons(part, accounts).block(np.arange(3))
    hidden = {name for name, row in zip(pair_features(), block, strict=True) if np.isnan(row).all()}
    told = {"content": "hel1", "customers": "pay", "network": "asn"}
    assert told[unseen] in hidden
    assert not hidden & (set(told.values()) - {told[unseen]})
    evidence = Evidence(part)
    evidence.compare(load_model("pair"))
    features, _ = evidence.features(evidence.neighbours(0, 5))
    shown = {"content": "c1", "customers": "lo_created", "network": "lo_asn"}
    for what, name in shown.items():
        assert bool(np.isnan(features[:, NAMES.index(name)]).all()) is (what == unseen)


def test_nobody_vouches_for_himself(made: Made) -> None:
    """What an account adds to a group must not raise its own log-odds."""
    activity = made(30, sessions=8)
    traits = Traits(activity, describe_accounts(activity))
    group = np.zeros(30)
    group[:6] = 1.0
    with_him, _ = traits.log_odds(group)
    group[2] = 0.0
    without_him, _ = traits.log_odds(group)
    np.testing.assert_allclose(with_him[2], without_him[2], atol=0.25)
    evidence = Evidence(activity)
    evidence.compare(load_model("pair"))
    group[2] = 1.0
    inside, rows = evidence.features(group)
    group[2] = 1e-9
    outside, others = evidence.features(group)
    place, other = int(np.flatnonzero(rows == 2)[0]), int(np.flatnonzero(others == 2)[0])
    for name in ("SG", "r1", "r2", "w1", "po", "oo"):
        column = NAMES.index(name)
        assert inside[place, column] == pytest.approx(outside[other, column], abs=1e-3)


@pytest.mark.parametrize("accounts", [0, 1, 3])
def test_too_few_accounts_are_no_error_and_no_group(accounts: int, made: Made) -> None:
    evidence = Evidence(made(accounts))
    evidence.compare(load_model("pair"))
    for account in range(accounts):
        assert grow(evidence, load_model("member"), evidence.neighbours(account, 16)) is None


def test_models_fit_the_features_that_are_computed(made: Made) -> None:
    for name, features in (("pair", pair_features()), ("member", NAMES), ("taken", HARVEST)):
        load_model(name).require(features)
    evidence = Evidence(made(20))
    evidence.compare(load_model("pair"))
    member = evidence.neighbours(0, 8)
    sessions, which = describe_sessions(evidence, member)
    assert sessions.shape == (len(which), len(HARVEST))


def test_a_codebook_fitted_again_alike_changes_nothing(made: Made) -> None:
    """Content is the mean over the fits: of the same fit three times, it is what it was."""
    activity = made(60)
    again = replace(activity, redrawn=activity.topics[:2] * 2)
    member = np.where(np.arange(60) < 12, 0.8, 0.0)
    features = []
    for evidence in (Evidence(activity), Evidence(again, redrawn=True)):
        evidence.use_scores(np.zeros((60, 60), dtype=np.float32))
        features.append(evidence.features(member)[0])
    assert len(Evidence(again, redrawn=True).views) == 6
    np.testing.assert_allclose(features[0], features[1], rtol=1e-4, atol=1e-4)


def test_the_bars_of_the_waterfall_add_up(made: Made) -> None:
    evidence = Evidence(made(20))
    evidence.compare(load_model("pair"))
    model, member = load_model("member"), evidence.neighbours(0, 8)
    accounts = np.flatnonzero(member > 0)
    features, rows = evidence.features(member)
    told = model.log_odds(features)[np.isin(rows, accounts)]
    bars = waterfall(evidence, model, member, accounts)
    np.testing.assert_allclose(sum(bars.values()), told, atol=0.2)


def test_traits_name_nothing_that_is_nobodys_business() -> None:
    assert not set(TRAITS) & set(FORBIDDEN_READS)
