"""From groups to verdicts: order, one group an account, q-values, evidence, look-alikes."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from stillwatch.campaigns import verdict
from stillwatch.campaigns.case import NOBODY, Case, open_case
from stillwatch.campaigns.explanations import aim_of, evidence_words, look_alike_title, rival_words
from stillwatch.linkage.findings import Group
from tests.campaigns import made_cases
from tests.campaigns.made_cases import group


def case_of(*groups: Group, **changes: object) -> Case:
    exchanges = made_cases.log()
    return open_case(exchanges, None, made_cases.findings(exchanges, groups, **changes))  # type: ignore[arg-type]


def test_groups_stand_by_damage_and_review_comes_last() -> None:
    case = case_of(
        group([8, 9, 10], "review"), group([4, 5]), group([0, 1]), probability={0: 0.9, 1: 0.9, 8: 1.0, 9: 1.0}
    )
    assert case.names == ("C1", "C2", "C3")
    assert [g.accounts.tolist() for g in case.groups] == [[0, 1], [4, 5], [8, 9, 10]]
    assert case.group_of.tolist() == [0, 0, NOBODY, NOBODY, 1, 1, NOBODY, NOBODY, 2, 2, 2, NOBODY]
    assert [len(rows) for rows in case.rows] == [12, 12, 18]


def test_an_account_belongs_to_one_group() -> None:
    case = case_of(group([0, 1, 2, 3], "review", 0.999), group([2, 3, 4], posterior=0.98), group([4, 5]), group([5]))
    assert sorted(g.accounts.tolist() for g in case.groups) == [[0, 1], [2, 3], [4, 5]]
    halved = next(g for g in case.groups if g.verdict == "review")
    assert halved.evidence["content"].tolist() == [1.0, 2.0]
    assert halved.expected_innocent == pytest.approx(0.002)


def test_findings_about_another_log_are_refused() -> None:
    exchanges = made_cases.log()
    found = made_cases.findings(exchanges, (group([0, 1]),))
    with pytest.raises(ValueError, match="findings of"):
        open_case(exchanges.slice(1), None, found)
    with pytest.raises(ValueError, match="beyond"):
        open_case(exchanges, None, dataclasses.replace(found, groups=(group([0, 99]),)))
    with pytest.raises(ValueError, match="ascend"):
        open_case(exchanges, None, dataclasses.replace(found, groups=(group([1, 0]),)))


def test_q_values_are_expected_shares_of_innocents() -> None:
    accused = group([0, 1], q_value=0.0, posterior=0.99)
    surer = group([4, 5], q_value=0.0, posterior=0.999)
    doubtful = group([8, 9], "review", 0.6, q_value=0.07)
    q = verdict.q_values(case_of(accused, surer, doubtful))
    assert q[[4, 5]] == pytest.approx(0.001)
    assert q[[0, 1]] == pytest.approx((0.01 + 0.001) / 2)
    assert q[[8, 9]] == pytest.approx((0.4 + 0.01 + 0.001) / 3)
    assert q[2] == q[11] == 1.0
    assert verdict.q_values(case_of(group([0, 1], q_value=0.05)))[0] == 0.05, "never below the group's"


def test_account_rows() -> None:
    rows = verdict.account_rows(case_of(group([0, 1])))
    assert [row.account_id for row in rows] == made_cases.ACCOUNTS
    first, clear = rows[0], rows[5]
    assert (first.campaign_id, first.verdict, first.posterior, first.exchanges, first.taken) == (
        "C1", "campaign", 0.99, 6, 3.0,
    )  # fmt: skip
    assert first.first_seen == made_cases.START
    assert [(bar.name, bar.log_odds) for bar in first.evidence] == [("content", 1.0), ("usage", -0.5)]
    assert first.nearest_rival is not None
    assert first.nearest_rival.title == "People with habits of their own, whole group"
    assert (clear.campaign_id, clear.verdict, clear.q_value, clear.evidence, clear.nearest_rival) == (
        None, "clear", 1.0, (), None,
    )  # fmt: skip


def test_evidence_of_a_group_is_the_sum_of_its_members() -> None:
    bars = verdict.group_evidence(group([0, 1, 2]))
    assert [(bar.name, bar.log_odds) for bar in bars] == [("content", 6.0), ("usage", -1.5)]
    assert "speaks for 3 of 3 accounts, by +2.0 nats" in bars[0].plain
    assert "speaks for 0 of 3 accounts, by −0.5 nats" in bars[1].plain
    assert all(bar.innocent_reading for bar in bars)


def test_figures_that_are_no_numbers_survive_json() -> None:
    wild = group([0, 1], evidence={"content": np.array([np.inf, np.nan])}, rivals={"class": np.inf, "viral": np.nan})
    case = case_of(wild)
    written = msgspec.json.encode([verdict.group_evidence(wild), verdict.rivals_of(wild), verdict.account_rows(case)])
    assert b"null" in written, "the clear accounts' campaign"
    assert b'"log_odds":null' not in written


def test_look_alikes_count_who_may_be_innocent() -> None:
    kinds = {"vpn_exit": np.array([0, 1, 2, 6]), "class": np.array([7, 8]), "empty": np.zeros(0, np.int64)}
    case = case_of(group([0, 1], posterior=0.9), group([8], "review"))
    rows = {row.name: row for row in verdict.look_alikes(case, kinds)}
    assert list(rows) == ["vpn_exit", "class", "everyone_else"]
    exit_ = rows["vpn_exit"]
    assert (exit_.accounts, exit_.accused) == (4, 2)
    assert exit_.false_rate == pytest.approx(0.2 / 4)
    assert exit_.low <= exit_.false_rate <= exit_.high
    assert (rows["class"].accused, rows["class"].false_rate, rows["class"].low) == (0, 0.0, 0.0)
    assert rows["class"].high == pytest.approx(1 - 0.025**0.5)
    assert rows["everyone_else"].accounts == 6
    assert verdict.look_alikes(case, {}) == ()


def test_interval_of_false_accusations_covers() -> None:
    """Kinds of accounts whose accused members are innocent as often as their posteriors say."""
    rng = np.random.default_rng(5)
    case = case_of(group([0, 1, 2], posterior=0.8), group([4, 5], posterior=0.95))
    (row, _) = verdict.look_alikes(case, {"class": np.arange(9)})
    held = [row.low <= ((rng.uniform(size=3) < 0.2).sum() + (rng.uniform(size=2) < 0.05).sum()) / 9 <= row.high
            for _ in range(500)]  # fmt: skip
    assert np.mean(held) >= 0.95


def test_words_for_every_name_and_for_none() -> None:
    assert rival_words("taste") == rival_words("shared_taste")
    assert rival_words("moon_cult").title == "Moon cult"
    assert evidence_words("moon_phase").title == "Moon phase"
    assert evidence_words("").title == "Unnamed"
    assert look_alike_title("vpn_exit") != "Vpn exit"
    assert look_alike_title("campus_cats") == "Campus cats"
    assert aim_of("new_art") == "new art"
