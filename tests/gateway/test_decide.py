"""What is decided of one request: merged from what stands, and nothing more than the policy allows."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.gateway.decide import decide
from stillwatch.gateway.policy import Policy
from stillwatch.gateway.state import State, Switch
from stillwatch.responses import RESPONSES
from stillwatch.responses.base import Action, Measure
from tests.gateway.claims import NOW, SECOND, asked, claim

ACT = Policy(version=1, name="test", mode="act")
HOUR = 3600 * SECOND


def action(response: str, account: str = "a", level: str = "confirmed", **parameters: Any) -> Action:
    plugin = RESPONSES.get(response)
    measure = Measure(response=response, levels=(level,), parameters=parameters)  # type: ignore[arg-type]
    (planned,) = plugin.plan(claim(account, level=level), measure, NOW)
    return msgspec.structs.replace(planned, until=NOW + HOUR)


def state(*actions: Action) -> State:
    known = State(b"k" * 32)
    for one in actions:
        known.hold(one)
    return known


def test_an_account_against_which_nothing_stands_passes() -> None:
    decision = decide(asked("b"), state(action("suspend")), ACT)
    assert not decision.touches
    assert (decision.actions, decision.reasons, decision.reference, decision.dry) == ((), (), "", ())


def test_the_strongest_refusal_wins_and_takes_nothing_from_a_budget() -> None:
    slow, suspend = action("slow_down", per_day=1, burst=1), action("suspend")
    known = state(slow, suspend)
    decision = decide(asked("a"), known, ACT)
    assert decision.refuse is not None
    assert decision.reasons == ("suspend",)
    assert decision.actions == (suspend.id,)
    assert known.budgets.left("slow_down/exchanges/c") is None


def test_shapes_and_shields_are_merged_to_the_strictest() -> None:
    weak, strong = action("cap_reasoning", tokens=4000), action("cap_reasoning", tokens=1024)
    known = state(weak, strong, action("reduce_detail"), action("shield_reasoning", mode="seal"))
    other = msgspec.structs.replace(action("shield_reasoning", mode="drop"), id="other")
    known.hold(other)
    decision = decide(asked("a", asks_reasoning=True, asks_detail=True), known, ACT)
    assert decision.shape is not None
    assert decision.shape.reasoning_tokens == 1024
    assert decision.shape.drop_logprobs
    assert decision.shield == "drop"
    assert decision.campaign_id == "c"


def test_the_longest_wait_counts_and_the_policy_bounds_it() -> None:
    one = action("slow_down", per_day=864, burst=1, over="wait", longest_wait=60)  # one more in 100 seconds
    two = msgspec.structs.replace(one, id="two", campaign_id="d")
    known = state(one, two)
    assert not decide(asked("a"), known, ACT).touches
    later = asked("a", NOW + 90 * SECOND)
    bounded = decide(later, known, msgspec.structs.replace(ACT, longest_wait=4.0))
    assert bounded.refuse is None
    assert bounded.wait == 4.0
    assert set(bounded.actions) == {one.id, "two"}


def test_watching_touches_nobody_tells_what_it_would_do_and_leaves_budgets_alone() -> None:
    known = state(action("slow_down", per_day=1, burst=1), action("shield_reasoning"))
    watch = msgspec.structs.replace(ACT, mode="watch")
    told = [decide(asked("a", NOW + n, asks_reasoning=True), known, watch) for n in range(3)]
    assert [decision.touches for decision in told] == [False] * 3
    assert told[0].dry == ("shield_reasoning",)
    assert told[1].dry == ("slow_down",)
    assert known.budgets.left("slow_down/exchanges/c") is None
    assert told[1].reference == ""


@pytest.mark.parametrize("name", ["off", "stood_down"])
def test_the_switches_hold_without_the_policy(name: str) -> None:
    known = state(action("suspend"))
    known.switches[name] = Switch(name=name, on=True, why="a test", at=NOW)
    decision = decide(asked("a"), known, ACT)
    assert not decision.touches
    assert decision.dry == (("suspend",) if name == "stood_down" else ())
    known.switches[name] = Switch(name=name, on=False, why="over", at=NOW)
    assert decide(asked("a"), known, ACT).touches


def test_the_policy_switched_off_decides_nothing() -> None:
    decision = decide(asked("a"), state(action("suspend")), msgspec.structs.replace(ACT, mode="off"))
    assert (decision.touches, decision.dry) == (False, ())


def test_a_dry_action_is_told_and_the_others_act() -> None:
    dry = msgspec.structs.replace(action("suspend"), dry=True)
    decision = decide(asked("a"), state(dry, action("hold_for_review")), ACT)
    assert decision.reasons == ("hold_for_review",)
    assert decision.dry == ("suspend",)


def test_an_action_past_its_end_does_nothing_even_before_it_is_taken_away() -> None:
    known = state(action("suspend"))
    assert decide(asked("a", NOW + HOUR - 1), known, ACT).touches
    assert not decide(asked("a", NOW + HOUR), known, ACT).touches


def test_an_action_of_a_response_that_is_not_installed_does_nothing() -> None:
    unknown = msgspec.structs.replace(action("suspend"), response="of another version")
    assert not decide(asked("a"), state(unknown), ACT).touches


def test_a_reference_says_nothing_and_is_the_same_for_the_same_person() -> None:
    known = state(action("suspend"), action("suspend", "b"))
    first, again, other = (decide(asked(name, NOW + n), known, ACT).reference for n, name in enumerate("aab"))
    assert first == again != other
    assert len(first) == 10
    assert first.isalnum()
    assert first.isupper()
    assert known.referred(f" {first.lower()} ") == "a"
    assert known.referred("AAAAAAAAAA") is None
    assert decide(asked("a"), State(b"x" * 32), ACT).reference == ""
    elsewhere = State(b"x" * 32)
    elsewhere.hold(action("suspend"))
    assert decide(asked("a"), elsewhere, ACT).reference != first


@given(st.permutations(["suspend", "hold_for_review", "slow_down", "shield_reasoning", "cap_reasoning", "observe"]))
def test_the_order_in_which_actions_came_decides_nothing(order: list[str]) -> None:
    known = state(*(action(name) for name in order))
    decision = decide(asked("a", asks_reasoning=True), known, ACT)
    assert decision.reasons == ("suspend",)
