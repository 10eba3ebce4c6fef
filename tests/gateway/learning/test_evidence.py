"""What an account showed is one number, however it was split and in whatever order it came."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.gateway.learning.evidence import AS_MANY_AS, KEPT, Evidence
from stillwatch.gateway.learning.shown import ARTEFACTS, Exchange
from stillwatch.gateway.learning.weights import COVER, MOST, UNIT, Table, Weights, fit_weights

VALUES = range(1, 9)
TABLE = Table({value: (value - 5) * UNIT for value in VALUES}, -300)
OTHER = Table({value: (3 - value) * UNIT for value in VALUES if value % 2}, 100)
MODELS = [Weights((TABLE,) * len(ARTEFACTS), (OTHER, TABLE, OTHER)), Weights((OTHER,) * len(ARTEFACTS), (TABLE,) * 3)]

values = st.lists(st.integers(0, 12), max_size=3).map(tuple)
kinds = st.tuples(*[values] * len(ARTEFACTS))
exchanges = st.builds(
    Exchange,
    account=st.just("a"),
    session=st.one_of(st.none(), st.integers(0, 2 * KEPT)),
    at=st.integers(0, 5),
    order=st.integers(0, 2**62),
    artefacts=kinds,
    content=st.tuples(values, values, values),
)


def _weighed(shown: list[Exchange]) -> Evidence:
    evidence = Evidence(len(MODELS))
    for exchange in shown:
        evidence.add(exchange, MODELS)
    return evidence


@given(
    st.lists(exchanges, max_size=3 * KEPT, unique_by=lambda e: e.order),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_any_split_and_any_order_give_the_same_value(shown: list[Exchange], draw: object, parts: int) -> None:
    whole = _weighed(shown).nats()
    shuffled = list(shown)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    merged = Evidence(len(MODELS))
    for part in range(parts):
        merged.merge(_weighed(shuffled[part::parts]))
    assert merged.nats() == whole
    assert _weighed([*shuffled, *shown]).nats() == whole, "what is seen twice counts once"


def _opening(session: int, content: int = 8) -> Exchange:
    return Exchange("a", session, session, session, ((),) * len(ARTEFACTS), ((), (content,), ()))


def test_a_conversation_counts_once_however_long_it_is() -> None:
    once = _weighed([_opening(1)])
    follow_ups = [Exchange("a", 1, 10 + i, 100 + i, ((),) * len(ARTEFACTS), ((1,), (8,), (1,))) for i in range(50)]
    assert _weighed([_opening(1), *follow_ups]).nats() == once.nats()


def test_a_thousand_conversations_tell_no_more_than_eight() -> None:
    few = _weighed([_opening(i) for i in range(AS_MANY_AS)]).nats()
    many = _weighed([_opening(i) for i in range(1000)]).nats()
    assert many == few
    assert _weighed([_opening(i) for i in range(AS_MANY_AS // 2)]).nats()[0] < few[0]


@given(st.tuples(values, values, values))
def test_one_conversation_is_bounded_on_both_sides(content: tuple[tuple[int, ...], ...]) -> None:
    for model in MODELS:
        assert UNIT * math.log(1 - COVER) - 1 <= model.conversation(content) <= UNIT * MOST


def test_who_showed_nothing_has_no_evidence_against_him() -> None:
    assert _weighed([]).nats() == [0.0, 0.0]
    nothing = fit_weights([], [])
    assert nothing.conversation(((1,), (2,), (3,))) == 0
    assert all(table.best((1, 2)) == 0 for table in nothing.artefacts)
