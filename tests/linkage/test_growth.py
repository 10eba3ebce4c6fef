"""How a group grows: it is described by its likely members alone, and where it ends does not hang on where it began."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from stillwatch.linkage.growth import LEAST, SEAT, grow, likely, seated
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.reading import Reading
from stillwatch.linkage.scoring import Model, load_model
from tests.linkage.conftest import Small


@pytest.fixture(scope="module")
def evidence(small_reading: Reading) -> Evidence:
    prepared = Evidence(small_reading.activity)
    prepared.compare(load_model("pair"))
    return prepared


def test_a_description_has_no_half_members() -> None:
    np.testing.assert_array_equal(seated(np.array([0.2, 0.5, 0.51, 0.99])), [0, 0, SEAT, SEAT])


@pytest.mark.parametrize("campaign", ["blatant", "quiet"])
def test_every_start_within_a_campaign_ends_in_the_same_group(small: Small, evidence: Evidence, campaign: str) -> None:
    members = np.flatnonzero(small.campaign == campaign)
    ends = [grow(evidence, load_model("member"), evidence.neighbours(int(a), 16)) for a in members[::9]]
    groups = [likely(end) for end in ends if end is not None]
    assert len(groups) >= 0.8 * len(ends)
    for group in groups:
        same = (group & groups[0]).sum() / (group | groups[0]).sum()
        assert same > 0.9
        assert (small.campaign[group] == campaign).mean() > 0.95


class Scripted:
    """Evidence and a model in one: memberships by rule, to see what a group does that is in doubt."""

    def __init__(self, rule: dict[bytes, np.ndarray]) -> None:
        self.rule = rule

    def features(self, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.rule[likely(member).tobytes()][:, None], np.arange(len(member))

    def probability(self, features: np.ndarray, leniency: float) -> np.ndarray:
        return cast(np.ndarray, features[:, 0])


def test_a_group_too_small_dies_and_two_sets_that_take_turns_end() -> None:
    n = 8
    first = np.where(np.arange(n) < LEAST, 0.9, 0.1)
    second = np.where(np.arange(n) < LEAST + 2, 0.7, 0.1)
    none = np.full(n, 0.1)
    turns = Scripted({likely(first).tobytes(): second, likely(second).tobytes(): first})
    member = grow(cast(Evidence, turns), cast(Model, turns), first, rounds=7)
    assert member is not None
    assert likely(member).sum() in (LEAST, LEAST + 2)
    dying = Scripted({likely(first).tobytes(): none})
    assert grow(cast(Evidence, dying), cast(Model, dying), first) is None
