"""What every registered response promises, ours and any other wheel's."""

from __future__ import annotations

import copy
import re
import tomllib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.report import ErrorRate
from stillwatch.responses import RESPONSES
from stillwatch.responses.base import LEVELS, Effect, Level, Measure, Response
from tests.responses.standing import NOW, Buckets, Held, Refusing, request, subject

ALL = dict(RESPONSES.all())
EACH = pytest.mark.parametrize("response", ALL.values(), ids=list(ALL))


def measure(response: Response, **more: Any) -> Measure:
    return Measure(
        response=response.info.info.name, parameters=tomllib.loads(response.info.info.example), levels=LEVELS, **more
    )


@EACH
def test_it_says_what_it_is_and_what_it_costs(response: Response) -> None:
    info = response.info
    assert ALL[info.info.name] is response
    assert info.info.summary.endswith(".")
    assert info.cost_to_an_innocent.endswith(".")
    assert info.info.reference
    assert 0 < info.max_error_rate <= 1
    assert info.strength >= 0
    assert info.reversible


def test_strength_orders_them() -> None:
    strengths = [response.info.strength for response in ALL.values()]
    assert strengths == sorted(strengths)
    assert len(set(strengths)) == len(strengths)
    costly = [r.info.max_error_rate for r in ALL.values() if r.info.max_error_rate < 1]
    assert costly == sorted(costly, reverse=True), "the stronger, the surer it must be"


@EACH
def test_a_plan_is_pure_and_the_same_every_time(response: Response) -> None:
    who, what = subject(), measure(response)
    before = copy.deepcopy((who, what))
    plans = [response.plan(who, what, NOW) for _ in range(3)]
    assert plans[0] == plans[1] == plans[2]
    assert (who, what) == before
    (action,) = plans[0]
    assert (action.response, action.account_id, action.campaign_id) == (response.info.info.name, "a1", "C1")
    assert action.planned_at == NOW < action.until


@EACH
def test_the_id_follows_from_response_account_campaign_and_parameters_alone(response: Response) -> None:
    (action,) = response.plan(subject(), measure(response), NOW)
    (later,) = response.plan(subject(innocent=0.002, run="r2"), measure(response, dry=True), NOW + 5)
    assert later.id == action.id
    ids = {
        action.id,
        *(response.plan(who, measure(response), NOW)[0].id for who in (subject("a2"), subject("a1", "C2"))),
    }
    assert len(ids) == 3
    spelt_out = msgspec.structs.replace(measure(response), parameters=dict(reversed(action.parameters.items())))
    assert response.plan(subject(), spelt_out, NOW)[0].id == action.id


@EACH
def test_applied_twice_is_applied_once_and_undone_is_as_before(response: Response) -> None:
    (action,) = response.plan(subject(), measure(response), NOW)
    (other,) = response.plan(subject("a2"), measure(response), NOW)
    gate = Held()
    response.apply(other, gate)
    before, told = dict(gate.standing), len(gate.sent)
    receipt = response.apply(action, gate)
    once, sent = dict(gate.standing), list(gate.sent)
    assert response.apply(action, gate) == receipt
    assert (gate.standing, gate.sent) == (once, sent)
    assert gate.standing == {**before, action.id: action}
    response.undo(receipt, gate)
    after = len(gate.sent)
    response.undo(receipt, gate)
    assert gate.standing == before
    assert len(gate.sent) == after
    assert after - told in {0, 2}, "whatever was asked of others is taken back"
    assert len({message.id for message in gate.sent}) == len(gate.sent)


@EACH
def test_a_dry_action_stands_and_tells_nobody(response: Response) -> None:
    (action,) = response.plan(subject(), measure(response, dry=True), NOW)
    assert action.dry
    gate = Held()
    response.undo(response.apply(action, gate), gate)
    assert gate.sent == []


@EACH
@given(innocent=st.floats(0, 1), level=st.floats(0, 1), how=st.sampled_from(LEVELS))
def test_none_acts_above_its_error_rate_nor_without_the_person_it_needs(
    response: Response, innocent: float, level: float, how: Level
) -> None:
    rate = ErrorRate("false discovery rate", level, "groups at random", 99)
    who = subject(level=how, innocent=innocent, error_rate=rate)
    planned = response.plan(who, measure(response), NOW)
    info = response.info
    far_enough = LEVELS.index(how) >= LEVELS.index("confirmed" if info.needs_human else info.least_level)
    may = max(innocent, level) <= info.max_error_rate and far_enough
    assert len(planned) == may
    (allowed,) = response.plan(subject(), measure(response), NOW)
    forged = msgspec.structs.replace(allowed, innocent=innocent, error_rate=rate, level=how)
    gate = Held()
    response.apply(forged, gate)
    assert gate.holds(forged.id) == may, "nor when somebody else wrote the action"


@EACH
def test_a_probability_that_is_no_number_permits_nothing(response: Response) -> None:
    assert response.plan(subject(innocent=float("nan")), measure(response), NOW) == ()


@EACH
@given(
    at=st.integers(NOW, NOW + 10**13),
    items=st.integers(0, 10**6),
    tokens=st.integers(0, 10**9),
    operation=st.sampled_from(["chat", "responses", "messages", "completions", "embeddings", "batch", "other"]),
    asks=st.booleans(),
)
def test_an_effect_depends_on_the_budget_alone_and_is_bounded(
    response: Response, at: int, items: int, tokens: int, operation: str, asks: bool
) -> None:
    (action,) = response.plan(subject(), measure(response), NOW)
    asked = request(at=at, items=items, tokens=tokens, operation=operation, asks_reasoning=asks, asks_detail=asks)
    for budget in (Buckets, Refusing):
        effects = [response.effect(action, asked, budget()) for _ in range(2)]
        assert effects[0] == effects[1]
        effect = effects[0] or Effect()
        assert 0 <= effect.wait <= 60
        if effect.refuse is not None:
            assert effect.refuse.status in {403, 429}
            after = effect.refuse.retry_after
            assert after is None or 0 < after <= 86_400


@EACH
def test_what_a_person_reads_holds_no_recipe(response: Response) -> None:
    (action,) = response.plan(subject(), measure(response), NOW)
    forbidden = re.compile(
        r"\d|threshold|signal|score|detect|pattern|campaign|prompt|wording|address|network|payment|fingerprint",
        re.IGNORECASE,
    )
    for asked in (request(), request(items=10**6), request(tokens=10**9)):
        for budget in (Buckets(), Refusing()):
            effect = response.effect(action, asked, budget)
            if effect is not None and effect.refuse is not None:
                assert not forbidden.search(effect.refuse.message), effect.refuse.message
                assert re.fullmatch("[a-z_]+", effect.refuse.code)


@EACH
def test_unknown_parameters_and_wrong_kinds_are_refused(response: Response) -> None:
    wrong: list[dict[str, Any]] = [{"no_such_thing": 1}, *({key: [1]} for key in response.parameters.__struct_fields__)]
    for parameters in wrong:
        with pytest.raises(msgspec.ValidationError):
            response.plan(subject(), Measure(response="x", parameters=parameters), NOW)
