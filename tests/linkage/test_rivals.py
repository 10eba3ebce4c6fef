"""Innocent explanations explain what they would bring about, and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.linkage.growth import SEAT
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.reading import Reading
from stillwatch.linkage.rivals import score_rivals
from stillwatch.linkage.scoring import load_model
from tests.linkage.conftest import Small


def company(small: Small, reading: Reading, sizes: list[int]) -> float:
    """What is left of the case against ``quiet`` where its accounts belong to organisations of these sizes."""
    inside = np.flatnonzero(small.campaign == "quiet")[: sum(sizes)]
    organization = reading.activity.organization.copy()
    organization[inside] = organization.max() + 1 + np.repeat(np.arange(len(sizes)), sizes)
    evidence = Evidence(replace(reading.activity, organization=organization))
    evidence.compare(load_model("pair"))
    member = np.zeros(len(organization))
    member[inside] = SEAT
    features, rows = evidence.features(member)
    return score_rivals(evidence, features, rows, member)["company"]


@pytest.mark.parametrize("sizes", [[40], [30, 1, 1, 1, 1, 1], [20, 20]])
def test_a_company_explains_its_own_people(small: Small, small_reading: Reading, sizes: list[int]) -> None:
    assert company(small, small_reading, sizes) < 0


@pytest.mark.parametrize("sizes", [[1] * 40, [6] * 6, [3] * 13, [10] * 4])
def test_many_firms_of_a_few_accounts_do_not_clear_a_pool(
    small: Small, small_reading: Reading, sizes: list[int]
) -> None:
    """Registering a firm for every few accounts was the cheapest way to hide that the drill found."""
    assert company(small, small_reading, sizes) > 0
