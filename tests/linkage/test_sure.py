"""Whom of a group a scan accuses: no more innocents are expected among the accused than it says."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.linkage.activity import CONTENT, CUSTOMERS, NETWORK
from stillwatch.linkage.certainty import (
    FEWEST_ACCUSED,
    FIRM,
    INNOCENT,
    allowed_innocent,
    calibrated,
    standing,
    sure_members,
)
from stillwatch.linkage.findings import Group
from stillwatch.linkage.growth import log_odds_of

EVERYTHING = frozenset({CONTENT, CUSTOMERS, NETWORK})


def group(posterior: list[float], first: int = 0, verdict: str = "campaign") -> Group:
    accounts = np.arange(first, first + len(posterior))
    return Group(
        accounts=accounts,
        log_odds=log_odds_of(np.array(posterior)),
        posterior=np.array(posterior),
        verdict="campaign" if verdict == "campaign" else "review",
        p_value=1e-5,
        e_value=1e3,
        q_value=0.001,
        expected_innocent=float((1 - np.array(posterior)).sum()),
        evidence={"content": accounts * 1.0},
        rivals={"own_habits": 9.0},
    )


def test_who_is_sure_is_accused_and_the_rest_is_for_a_person() -> None:
    posterior = [0.999, 0.7] * 10 + [0.999] * 90
    accused, waiting = sure_members([group(posterior)])
    assert (accused.verdict, waiting.verdict) == ("campaign", "review")
    assert (1 - accused.posterior).mean() <= INNOCENT
    assert accused.posterior.min() >= waiting.posterior.max()
    assert sorted([*accused.accounts, *waiting.accounts]) == list(range(110))
    assert accused.expected_innocent == float((1 - accused.posterior).sum())
    np.testing.assert_array_equal(accused.evidence["content"], accused.accounts)


def test_groups_share_one_bound() -> None:
    """Many sure accounts elsewhere leave room for less sure ones here, never beyond the bound over all of them."""
    parts = sure_members([group([0.9] * 20), group([1.0] * 200, first=100)])
    accused = np.concatenate([part.posterior for part in parts if part.verdict == "campaign"])
    assert (1 - accused).mean() <= INNOCENT
    assert len(accused) == 220


def test_too_few_sure_members_accuse_nobody() -> None:
    few = [0.999] * (FEWEST_ACCUSED - 1) + [0.6] * 30
    assert [part.verdict for part in sure_members([group(few)])] == ["review"]


def test_who_was_not_accused_stays_so_and_nothing_is_no_error() -> None:
    waiting = group([0.999] * 30, verdict="review")
    assert sure_members([waiting]) == [waiting]
    assert sure_members([]) == []


def test_a_small_group_must_be_surer_than_a_large_one() -> None:
    """Ten accounts that are a little alike do not stand, two hundred do; and ten that are surely one do."""
    assert standing(np.full(10, 1.2)) < FIRM <= standing(np.full(200, 1.2))
    assert standing(np.full(10, 5.0)) >= FIRM
    assert standing(np.zeros(0)) == 0.0


def test_a_probability_rises_with_the_evidence_and_never_reaches_certainty() -> None:
    posterior = calibrated(np.linspace(0.01, 9.0, 40))
    assert (np.diff(posterior) >= 0).all()
    assert ((posterior > 0) & (posterior < 1)).all()


@pytest.mark.parametrize("lacks", [CONTENT, CUSTOMERS, NETWORK])
def test_who_sees_less_is_more_careful(lacks: str) -> None:
    assert allowed_innocent(EVERYTHING) == INNOCENT
    assert allowed_innocent(EVERYTHING - {lacks}) < INNOCENT
    doubtful = [group([0.999] * 50 + [0.9] * 9)]
    careful = sure_members(doubtful, allowed_innocent(EVERYTHING - {lacks}))
    bold = sure_members(doubtful)
    assert len(careful[0].accounts) < len(bold[0].accounts)
