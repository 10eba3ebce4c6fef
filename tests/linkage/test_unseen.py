"""What a log does not show is missing in the evidence, feature by feature, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from stillwatch.linkage.accounts import describe_accounts
from stillwatch.linkage.activity import Activity
from stillwatch.linkage.growth import grow
from stillwatch.linkage.membership import NAMES, Evidence
from stillwatch.linkage.scoring import Comparisons, load_model, pair_features

Made = Callable[..., Activity]
PAIRS = {
    "customers": "pay org d_age d_created d_ageL lo_age hi_age",
    "network": "ip asn ja4 client mclient d_nip d_nasn d_nasnL lo_nasn",
    "content": "word dup d_worded d_viral d_talk d_tech0 d_tech1 d_tech2 d_tech3 d_tech4 d_tech5 d_tech6 lo_worded "
    "lo_viral lo_techmax hel0 hel1 hel2 emb llr0_15_min llr0_15_sum llr0_60_min llr0_60_sum llr1_15_min llr1_15_sum "
    "llr2_15_min llr2_15_sum",
}
MEMBERS = {
    "customers": "lo_age lo_created po oo g_oo g_po g_kl_age g_kl_created",
    "network": "lo_client lo_asn lo_nasn lo_nip g_kl_client g_kl_asn g_kl_nasn g_kl_nip",
    "content": "lo_worded c1 c2 c3 c1n share r1 r2 w1 gen viral g_c1 g_c2 g_c3 g_share g_r1 g_r2 g_w1 g_gen g_viral "
    "g_kl_worded lo_talk g_kl_talk",
}
UNSEEN = [set(some) for k in range(4) for some in combinations(sorted(PAIRS), k)]


def names(table: dict[str, str], unseen: Iterable[str]) -> set[str]:
    return {name for what in unseen for name in table[what].split()}


@pytest.mark.parametrize("unseen", UNSEEN, ids=lambda unseen: "+".join(sorted(unseen)) or "nothing")
def test_missing_is_what_the_log_does_not_show(unseen: set[str], made: Made) -> None:
    activity = made(12)
    activity = replace(activity, sees=activity.sees - unseen)
    block = Comparisons(activity, describe_accounts(activity)).block(np.arange(12))
    missing = np.isnan(block)
    assert (missing.all(axis=(1, 2)) == missing.any(axis=(1, 2))).all()
    assert {n for n, m in zip(pair_features(), missing.any(axis=(1, 2)), strict=True) if m} == names(PAIRS, unseen)
    evidence = Evidence(activity)
    evidence.compare(load_model("pair"))
    assert np.isfinite(evidence.scores).all()
    features, _ = evidence.features(evidence.neighbours(0, 5))
    missing = np.isnan(features)
    assert (missing.all(axis=0) == missing.any(axis=0)).all()
    assert {n for n, m in zip(NAMES, missing.any(axis=0), strict=True) if m} == names(MEMBERS, unseen)


def test_the_content_of_what_is_not_shown_does_not_matter(made: Made) -> None:
    """A log without customers says nothing of payment, whatever numbers stand in its place."""
    activity = replace(made(12), sees=frozenset({"content", "network"}))
    other = replace(activity, payment=np.zeros(12, dtype=np.int64), created=np.full(12, np.nan))
    told = []
    for log in (activity, other):
        evidence = Evidence(log)
        evidence.compare(load_model("pair"))
        told.append((evidence.scores, evidence.features(evidence.neighbours(2, 6))[0]))
    np.testing.assert_array_equal(told[0][0], told[1][0])
    np.testing.assert_array_equal(told[0][1], told[1][1])


def test_a_group_grows_or_dies_where_nothing_is_shown(made: Made) -> None:
    evidence = Evidence(replace(made(12), sees=frozenset()))
    evidence.compare(load_model("pair"))
    member = grow(evidence, load_model("member"), evidence.neighbours(0, 8))
    assert member is None or (np.isfinite(member).all() and member.sum() >= 3)
