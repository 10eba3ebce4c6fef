"""What each response does to a request."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stillwatch.responses import RESPONSES
from stillwatch.responses.base import Action, Measure
from stillwatch.responses.traffic import Shape
from tests.responses.standing import NOW, Buckets, Held, request, subject

HOUR = 3_600_000_000


def planned(name: str, account: str = "a1", campaign: str = "C1", dry: bool = False, **parameters: Any) -> Action:
    measure = Measure(response=name, parameters=parameters, dry=dry)
    (action,) = RESPONSES.get(name).plan(subject(account, campaign), measure, NOW)
    return action


def effect(action: Action, budget: Buckets | None = None, **asked: Any) -> Any:
    return RESPONSES.get(action.response).effect(action, request(**asked), budget or Buckets())


def test_a_campaign_shares_one_budget_however_many_accounts_it_has() -> None:
    budget = Buckets()
    passed = 0
    for number in range(100):
        action = planned("slow_down", f"a{number}", per_day=24, burst=10)
        passed += effect(action, budget, account=f"a{number}") is None
    assert passed == 10
    assert effect(planned("slow_down", campaign="C2", per_day=24, burst=10), budget) is None
    refused = effect(planned("slow_down", per_day=24, burst=10), budget)
    assert (refused.refuse.status, refused.refuse.retry_after) == (429, 3600)
    assert effect(planned("slow_down", per_day=24, burst=10), budget, at=NOW + HOUR) is None


def test_a_batch_counts_its_requests_and_one_that_can_never_fit_is_refused() -> None:
    budget = Buckets()
    action = planned("slow_down", per_day=100, burst=10)
    assert effect(action, budget, items=7) is None
    assert effect(action, budget, items=7).refuse.code == "slow_down"
    assert effect(action, budget, items=3) is None
    too_large = effect(action, budget, items=11).refuse
    assert (too_large.code, too_large.retry_after) == ("request_too_large", None)


def test_in_tokens_a_request_counts_what_it_may_cost_or_what_the_policy_takes_it_for() -> None:
    budget = Buckets()
    action = planned("slow_down", units="tokens", per_day=100_000, burst=10_000, unsaid=3_000)
    assert effect(action, budget, tokens=4_000) is None
    assert effect(action, budget, tokens=0, items=2) is None
    assert effect(action, budget, tokens=100).refuse is not None


def test_those_who_wait_are_paid_for_and_nobody_waits_longer_than_the_policy_says() -> None:
    budget = Buckets()
    action = planned("slow_down", per_day=86_400, burst=2, over="wait", longest_wait=3)
    found = [effect(action, budget) for _ in range(8)]
    assert [None if e is None else e.wait for e in found[:5]] == [None, None, 1, 2, 3]
    assert [e.refuse.status for e in found[5:]] == [429] * 3
    assert effect(action, budget, at=NOW + 1_000_000).wait == 3, "the wait of others was taken from the budget"


def test_a_hold_ends_by_itself_and_is_not_prolonged_by_the_same_claim() -> None:
    hold = RESPONSES.get("hold_for_review")
    action = planned("hold_for_review", hours=2)
    assert action.until == NOW + 2 * HOUR
    assert effect(action).refuse.status == 403
    assert effect(action, at=NOW + 2 * HOUR) is None
    measure = Measure(response="hold_for_review", parameters={"hours": 2})
    (again,) = hold.plan(subject(), measure, NOW + HOUR)
    assert (again.id, again.until) == (action.id, action.until)
    assert hold.plan(subject(), measure, NOW + 2 * HOUR) == ()


def test_a_step_up_asks_once_takes_back_once_and_may_be_asked_again() -> None:
    step_up, gate = RESPONSES.get("step_up"), Held()
    action = planned("step_up", url="https://id.example/check")
    receipt = step_up.apply(action, gate)
    step_up.apply(action, gate)
    step_up.undo(receipt, gate)
    step_up.apply(msgspec.structs.replace(action, planned_at=NOW + 1), gate)
    assert [message.kind for message in gate.sent] == ["step_up", "step_up_withdrawn", "step_up"]
    assert len({message.id for message in gate.sent}) == 3
    assert gate.sent[0].url == "https://id.example/check"
    assert gate.sent[0].body["account_id"] == "a1"


@pytest.mark.parametrize("url", ["", "ftp://x", "http://id.example/", "https://", "//x", "https://[", "javascript:1"])
def test_a_webhook_needs_a_protected_address(url: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="url is"):
        planned("step_up", url=url)


def test_all_accounts_of_a_campaign_are_marked_with_one_key_and_no_other_campaign_is() -> None:
    marks = {effect(planned("mark_output", a, c)).mark for a, c in [("a1", "C1"), ("a2", "C1"), ("a1", "C2")]}
    assert len(marks) == 2
    assert effect(planned("mark_output"), operation="embeddings") is None


def test_less_detail_and_less_reasoning_only_where_it_is_asked_for() -> None:
    assert effect(planned("reduce_detail")).shape == Shape(drop_logprobs=True, one_answer=True)
    assert effect(planned("reduce_detail", one_answer=False)).shape == Shape(drop_logprobs=True)
    assert effect(planned("reduce_detail"), asks_detail=False) is None
    assert effect(planned("reduce_detail", batch_items=5), items=6, asks_detail=False).refuse.status == 403
    assert effect(planned("cap_reasoning", tokens=64)).shape == Shape(reasoning_tokens=64, reasoning_effort="low")
    assert effect(planned("cap_reasoning"), asks_reasoning=False) is None


def test_reasoning_is_shielded_even_where_nobody_asked_for_it() -> None:
    assert effect(planned("shield_reasoning", mode="drop"), asks_reasoning=False).shield == "drop"
    assert effect(planned("shield_reasoning")).shield == "seal"


def test_suspicion_at_the_gateway_stops_nobody() -> None:
    for name in ("hold_for_review", "suspend"):
        for level in ("suspected", "review"):
            who = subject(level=level, innocent=0.0)
            assert RESPONSES.get(name).plan(who, Measure(response=name), NOW) == (), "it can be brought about by others"


def test_no_machine_suspends() -> None:
    suspend = RESPONSES.get("suspend")
    for level in ("suspected", "review", "campaign"):
        assert suspend.plan(subject(level=level, innocent=0.0), Measure(response="suspend"), NOW) == ()
    action = planned("suspend")
    assert effect(action).refuse.code == "account_suspended"
    assert effect(msgspec.structs.replace(action, level="campaign")) is None


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("slow_down", {"per_day": 0}),
        ("slow_down", {"burst": 0.5}),
        ("slow_down", {"per_day": float("nan")}),
        ("slow_down", {"units": "tokens"}),
        ("slow_down", {"longest_wait": 61}),
        ("hold_for_review", {"hours": 0}),
        ("hold_for_review", {"hours": 1000}),
        ("reduce_detail", {"logprobs": False, "one_answer": False}),
        ("cap_reasoning", {"tokens": -1}),
        ("cap_reasoning", {"effort": "much"}),
        ("shield_reasoning", {"mode": "hide"}),
        ("mark_output", {"keyring": "../x"}),
    ],
)
def test_parameters_out_of_range_are_refused_in_words(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        planned(name, **parameters)
    assert len(str(refused.value).splitlines()) == 1
