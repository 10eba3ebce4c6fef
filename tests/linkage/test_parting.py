"""Two operators in one group are told apart; one operator's accounts stay together."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.linkage.growth import SEAT, likely, regrow
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.parting import LEAST_PART, part, widest_cut
from stillwatch.linkage.reading import Reading
from stillwatch.linkage.scoring import load_model
from tests.linkage.conftest import Small


@pytest.fixture(scope="module")
def evidence(small_reading: Reading) -> Evidence:
    prepared = Evidence(small_reading.activity)
    prepared.compare(load_model("pair"))
    return prepared


def test_two_operators_in_one_group_are_parted_into_theirs(small: Small, evidence: Evidence) -> None:
    both = np.where((small.campaign != "") & evidence.enough, SEAT, 0.0)
    parts = [set(small.campaign[likely(member)]) for member in part(evidence, load_model("member"), both)]
    assert sorted(parts, key=str) == [{"blatant"}, {"quiet"}]


@pytest.mark.parametrize("campaign", ["blatant", "quiet"])
def test_one_operators_accounts_are_not_parted(small: Small, evidence: Evidence, campaign: str) -> None:
    own = np.where((small.campaign == campaign) & evidence.enough, SEAT, 0.0)
    (same,) = part(evidence, load_model("member"), own)
    assert same is own


@pytest.mark.parametrize("accounts", [0, 1, LEAST_PART])
def test_a_group_too_small_for_two_is_one(evidence: Evidence, accounts: int) -> None:
    few = np.zeros(len(evidence.enough))
    few[:accounts] = SEAT
    assert len(part(evidence, load_model("member"), few)) == 1


def two_blocks(sizes: tuple[int, int], gap: float, seed: int = 4) -> np.ndarray:
    """Pair scores of two blocks: about 1 within each, about 1 - ``gap`` between them."""
    rng = np.random.default_rng(seed)
    block = np.repeat([0, 1], sizes)
    scores = np.where(np.equal.outer(block, block), 1.0, 1.0 - gap) + rng.normal(0, 0.5, (sum(sizes), sum(sizes)))
    scores = np.triu(scores, 1)
    return scores + scores.T


@pytest.mark.parametrize("sizes", [(30, 30), (120, 9), (8, 40)])
def test_the_cut_lies_between_the_blocks(sizes: tuple[int, int]) -> None:
    order = np.random.default_rng(6).permutation(sum(sizes))
    side = widest_cut(two_blocks(sizes, 2.0)[np.ix_(order, order)])
    assert side is not None
    block = np.repeat([False, True], sizes)[order]
    assert np.array_equal(side, block) or np.array_equal(side, ~block)


@pytest.mark.parametrize("accounts", [0, 1, 2 * LEAST_PART - 1])
def test_too_few_accounts_are_not_cut(accounts: int) -> None:
    assert widest_cut(two_blocks((accounts, 0), 0.0)) is None


@pytest.mark.parametrize("campaign", ["blatant", "quiet"])
def test_groups_that_differ_a_little_are_one_group_once_grown_again(
    small: Small, evidence: Evidence, campaign: str
) -> None:
    rng = np.random.default_rng(8)
    inside = np.flatnonzero((small.campaign == campaign) & evidence.enough)
    ends = set()
    for _ in range(4):
        member = np.zeros(len(evidence.enough))
        member[rng.choice(inside, len(inside) - 3, replace=False)] = 0.9
        member[rng.choice(np.flatnonzero(small.campaign == ""), 2, replace=False)] = 0.9
        ends.add(likely(regrow(evidence, load_model("member"), member)).tobytes())
    assert len(ends) == 1


def test_a_group_of_which_nobody_is_sure_is_left_as_it_was(evidence: Evidence) -> None:
    doubtful = np.full(len(evidence.enough), 0.6)
    assert regrow(evidence, load_model("member"), doubtful) is doubtful


def test_parting_ends_where_each_side_draws_the_same_outsiders_in(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A side may be as large as the whole was, with accounts of nobody's; cut again and again it would never end."""
    n = len(evidence.enough)
    outsiders = np.arange(n - 40, n)

    def always_more(evidence: Evidence, model: object, start: np.ndarray) -> tuple[np.ndarray, None, None]:
        own = np.where(start > 0, 0.9, 0.0)
        own[outsiders] = 0.9
        return own, None, None

    def strangers(scores: np.ndarray) -> np.ndarray:
        return np.arange(len(scores)) % 2 == 0

    monkeypatch.setattr("stillwatch.linkage.parting.step", always_more)
    monkeypatch.setattr("stillwatch.linkage.parting.widest_cut", strangers)
    monkeypatch.setattr("stillwatch.linkage.parting._own_pools", lambda *_: True)
    both = np.zeros(n)
    both[:40] = SEAT
    parts = part(evidence, load_model("member"), both)
    assert 2 <= len(parts) <= 40
