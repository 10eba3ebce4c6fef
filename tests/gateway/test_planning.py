"""Whom a policy reaches, whom it leaves out and why, and what changes when it changes."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.report import ErrorRate
from stillwatch.gateway.planning import difference, place_in_roll_out, plan
from stillwatch.gateway.policy import Exemption, Policy
from stillwatch.responses import RESPONSES
from stillwatch.responses.base import LEVELS, Level, Measure
from tests.responses.standing import NOW, Held, subject

KEY = bytes(range(32))
DAY = 86_400_000_000
SLOW = Measure(response="slow_down", levels=("campaign", "confirmed"))


def policy(*measures: Measure, **more: Any) -> Policy:
    return Policy(version=1, name="p", measures=measures, **({"mode": "act"} | more))


def reached(p: Policy, *subjects: Any, now: int = NOW) -> set[tuple[str, str]]:
    return {(action.account_id, action.response) for action in plan(subjects, p, KEY, now).actions}


def why(p: Policy, *subjects: Any, now: int = NOW) -> list[str]:
    return [one.why for one in plan(subjects, p, KEY, now).left_out]


def test_nobody_accused_is_nothing_done() -> None:
    assert plan([], policy(SLOW), KEY, NOW) == ((), ())
    assert plan([subject()], policy(), KEY, NOW) == ((), ())


def test_a_plan_is_pure_and_in_one_order() -> None:
    who = [subject(f"a{n}") for n in range(20)]
    what = policy(SLOW, Measure(response="observe", levels=("confirmed",)))
    before = copy.deepcopy((who, what))
    found = plan(who, what, KEY, NOW)
    assert found == plan(reversed(who), what, KEY, NOW)
    assert (who, what) == before
    assert [a.response for a in found.actions[:2]] == ["observe", "slow_down"]


def test_each_reason_to_leave_somebody_out() -> None:
    assert why(policy(SLOW, mode="off"), subject()) == ["switched_off"]
    assert why(policy(SLOW), subject(level="suspected")) == ["level"]
    assert why(policy(msgspec.structs.replace(SLOW, tiers=("free",))), subject(tier="paid")) == ["tier"]
    assert why(policy(msgspec.structs.replace(SLOW, innocent_at_most=0.01)), subject(innocent=0.02)) == ["policy_bound"]
    assert why(policy(SLOW), subject(innocent=0.21)) == ["response_bound"]
    assert why(policy(SLOW), subject(error_rate=ErrorRate("x", 0.21, "y", 9))) == ["response_bound"]
    assert why(policy(SLOW), subject(innocent=float("nan"))) == ["policy_bound"]
    assert why(policy(msgspec.structs.replace(SLOW, share=0.0)), subject()) == ["roll_out"]
    everyone = Measure(response="suspend", levels=LEVELS)
    assert why(policy(everyone), subject(level="campaign", innocent=0.0)) == ["needs_person"]
    hold = Measure(response="hold_for_review", levels=LEVELS)
    assert why(policy(hold), subject(level="suspected", innocent=0.0)) == ["response_bound"]
    assert why(policy(hold), subject(), now=NOW + 4 * DAY) == ["over"]


def test_exemptions_protect_by_account_organization_and_tier_until_their_day_is_over() -> None:
    partner = Exemption(name="partner", why="contract", accounts=("a1",), organizations=("o1",), tiers=("research",))
    p = policy(SLOW, Measure(response="observe", levels=("confirmed",)), exempt=(partner,))
    for who in (subject("a1"), subject("b", organization_id="o1"), subject("b", tier="research")):
        found = plan([who], p, KEY, NOW)
        assert found.actions == ()
        assert {(one.why, one.named) for one in found.left_out} == {("exempt", "partner")}
    assert reached(p, subject("b")) == {("b", "slow_down"), ("b", "observe")}
    only = msgspec.structs.replace(p, exempt=(msgspec.structs.replace(partner, responses=("slow_down",)),))
    assert reached(only, subject("a1")) == {("a1", "observe")}
    last = 1_790_035_200_000_000  # midnight after 2026-09-21
    ends = msgspec.structs.replace(p, exempt=(msgspec.structs.replace(partner, until="2026-09-21"),))
    assert reached(ends, subject("a1", since=last), now=last - 1) == set()
    assert reached(ends, subject("a1", since=last), now=last) == {("a1", "slow_down"), ("a1", "observe")}


@given(st.floats(0, 1), st.floats(0, 1), st.binary(min_size=1, max_size=64))
def test_growing_a_roll_out_only_ever_adds_accounts(one: float, two: float, key: bytes) -> None:
    who = [subject(f"a{n}") for n in range(40)]
    small, large = (
        {a.account_id for a in plan(who, policy(msgspec.structs.replace(SLOW, share=s)), key, NOW).actions}
        for s in sorted((one, two))
    )
    assert small <= large


def test_a_roll_out_reaches_its_share_and_other_people_for_other_responses() -> None:
    slow = [place_in_roll_out(f"a{n}", "slow_down", KEY) for n in range(4000)]
    hold = [place_in_roll_out(f"a{n}", "hold_for_review", KEY) for n in range(4000)]
    assert abs(sum(p < 0.1 for p in slow) - 400) < 100
    assert abs(sum(p < 0.1 and q < 0.1 for p, q in zip(slow, hold, strict=True)) - 40) < 35
    other = [place_in_roll_out(f"a{n}", "slow_down", b"x") for n in range(4000)]
    assert abs(sum(p < 0.5 and q < 0.5 for p, q in zip(slow, other, strict=True)) - 1000) < 150


def test_the_first_measure_that_reaches_counts_and_a_dry_one_keeps_none_from_acting() -> None:
    mild = Measure(response="slow_down", parameters={"per_day": 500})
    hard = Measure(response="slow_down", parameters={"per_day": 50}, innocent_at_most=0.0005)
    (action,) = plan([subject()], policy(hard, mild), KEY, NOW).actions
    assert action.parameters["per_day"] == 500
    (action,) = plan([subject(innocent=0.0)], policy(hard, mild), KEY, NOW).actions
    assert action.parameters["per_day"] == 50
    dry = msgspec.structs.replace(hard, dry=True, innocent_at_most=1.0)
    (action,) = plan([subject()], policy(dry, mild), KEY, NOW).actions
    assert (action.dry, action.parameters["per_day"]) == (False, 500)
    (action,) = plan([subject()], policy(dry), KEY, NOW).actions
    assert action.dry


def test_watching_makes_every_action_dry_and_every_action_ends() -> None:
    found = plan([subject()], policy(SLOW, mode="watch", days=2), KEY, NOW)
    assert [(a.dry, a.until) for a in found.actions] == [(True, NOW + 2 * DAY)]


def test_the_strongest_claim_about_an_account_counts() -> None:
    found = plan([subject(level="suspected"), subject(level="campaign", campaign="C2")], policy(SLOW), KEY, NOW)
    assert [action.campaign_id for action in found.actions] == ["C2"]


def test_planning_again_changes_nothing_and_asking_for_less_takes_back() -> None:
    strict = policy(SLOW, Measure(response="hold_for_review"))
    who = [subject(f"a{n}") for n in range(5)]
    standing = plan(who, strict, KEY, NOW).actions
    assert difference(standing, plan(who, strict, KEY, NOW + 1000).actions) == ((), ())
    less = difference(standing, plan(who, policy(SLOW), KEY, NOW + 1000).actions)
    assert {a.response for a in less.to_undo} == {"hold_for_review"}
    assert less.to_apply == ()
    nobody = difference(standing, plan([], strict, KEY, NOW).actions)
    assert {a.id for a in nobody.to_undo} == {a.id for a in standing}


def test_what_turns_from_dry_to_real_is_undone_first_and_what_a_person_took_back_stays_so() -> None:
    watched = plan([subject()], policy(SLOW, mode="watch"), KEY, NOW).actions
    planned = plan([subject()], policy(SLOW), KEY, NOW).actions
    assert difference(watched, planned) == (watched, planned)
    assert difference((), planned, undone={planned[0].id}) == ((), ())
    assert difference(planned, planned, undone={planned[0].id}) == (planned, ())


def test_an_action_lasts_as_long_as_its_claim_does() -> None:
    standing = plan([subject()], policy(SLOW), KEY, NOW).actions
    later = plan([subject()], policy(SLOW), KEY, NOW + DAY).actions
    assert difference(standing, later) == ((), later)
    stronger = plan([subject(innocent=0.0)], policy(SLOW), KEY, NOW).actions
    assert difference(standing, stronger) == ((), stronger)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(LEVELS), st.floats(0, 1)), max_size=6),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(LEVELS), st.floats(0, 1)), max_size=6),
)
def test_applying_a_difference_gives_the_plan(
    one: list[tuple[str, Level, float]], two: list[tuple[str, Level, float]]
) -> None:
    everything = policy(*(Measure(response=n, levels=LEVELS) for n in RESPONSES.names() if n not in {"step_up"}))
    gate = Held()
    receipts = {}
    for claims in (one, two):
        who = [subject(a, level=level, innocent=innocent) for a, level, innocent in claims]
        planned = plan(who, everything, KEY, NOW).actions
        change = difference(gate.standing.values(), planned)
        for action in change.to_undo:
            RESPONSES.get(action.response).undo(receipts[action.id], gate)
        for action in change.to_apply:
            receipts[action.id] = RESPONSES.get(action.response).apply(action, gate)
        assert set(gate.standing) == {action.id for action in planned}
