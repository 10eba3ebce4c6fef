"""What is planted is what is drawn: rates hold whatever models have in common, and a draw never changes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from stillwatch.asking.base import Message
from stillwatch.errors import InputError
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.reference import draws
from stillwatch.safety_audit.reference.behaviour import Behaviour, read_behaviour
from stillwatch.safety_audit.reference.cast import UNKNOWN, Cast
from tests.safety_audit.reference.greeting import UNITS, known

RATES = {"greets": 0.5, "mumbles": 0.2}


def cast(models: Mapping[str, Mapping[str, Any]], **rest: Any) -> Cast:
    return Cast(msgspec.convert({"models": models, **rest}, Behaviour), known())


def ask_all(of: Cast, model: str, samples: int = 1) -> list[float]:
    items = known()[0].items
    for item, sample in itertools.product(items, range(samples)):
        of.answer(model, item.messages, sample)
    return [of.drawn[key].scores["returned"] for key in of.drawn if key[0] == model]


@pytest.mark.parametrize(("shared", "within"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.6), (0.4, 0.3), (1.0, 0.0)])
def test_rates_hold_whatever_answers_have_in_common(shared: float, within: float) -> None:
    planted = cast({"m": {"rates": {"greeting": RATES}, "shared": shared, "within": within}}).behaviour.models["m"]
    item, answerer = known()[0].items[0], known()[0].answerer
    drawn = [draws.kind_of(seed, "m", planted, "greeting", answerer, item, 0) for seed in range(3000)]
    for kind, rate in {**RATES, "silent": 0.3}.items():
        assert drawn.count(kind) / 3000 == pytest.approx(rate, abs=4 * sqrt(rate * (1 - rate) / 3000))


def test_models_that_share_their_luck_find_the_same_units_hard() -> None:
    def together(shared: float) -> float:
        of = cast({name: {"rates": {"greeting": {"greets": 0.5}}, "shared": shared} for name in "mn"}, seed=3)
        return float(np.corrcoef(ask_all(of, "m"), ask_all(of, "n"))[0, 1])

    assert abs(together(0.0)) < 0.12
    assert together(0.5) == pytest.approx(1 / 3, abs=0.12)  # 2/π·arcsin(1/2), by Sheppard's formula
    assert together(1.0) == 1.0


def test_answers_of_one_model_to_one_unit_can_have_luck_in_common() -> None:
    of = cast({"m": {"rates": {"greeting": {"greets": 0.5}}, "within": 0.5}}, seed=4)
    ask_all(of, "m")
    sides = {(d.unit, d.language, d.side): d.scores["returned"] for d in of.drawn.values()}
    pairs = [(sides[f"unit-{n}", "en", "a"], sides[f"unit-{n}", "en", "b"]) for n in range(UNITS)]
    assert np.corrcoef(np.array(pairs).T)[0, 1] == pytest.approx(1 / 3, abs=0.15)


def test_asking_again_gives_the_same_answer_and_another_sample_another() -> None:
    plan = {"m": {"rates": {"greeting": {"greets": 0.5}}, "odd": 0.3}}
    items = known()[0].items[:200]
    one, again, other = cast(plan), cast(plan), cast(plan, seed=1)
    first = [one.answer("m", item.messages) for item in items]
    assert [again.answer("m", item.messages) for item in reversed(items)][::-1] == first
    assert [again.answer("m", item.messages, 1) for item in items] != first
    assert [other.answer("m", item.messages) for item in items] != first


def test_rates_by_language_topic_side_and_key() -> None:
    where = [
        {"property": "greeting", "side": "b", "rates": {"greets": 0.0}},
        {"property": "greeting", "language": "de", "topic": "even", "rates": {"greets": 1.0}},
        {"property": "greeting", "key": {"form": "long"}, "language": "en", "rates": {"mumbles": 1.0}},
    ]
    of = cast({"m": {"rates": {"greeting": {"greets": 1.0}}, "where": where}})
    ask_all(of, "m")

    def kinds(**wanted: str) -> set[str]:
        return {d.kind for d in of.drawn.values() if all(getattr(d, key) == value for key, value in wanted.items())}

    assert kinds(unit="unit-1", side="a") == {"greets"}
    assert kinds(unit="unit-1", side="b") == {"silent"}
    assert kinds(unit="unit-2", language="de") == {"greets"}
    assert kinds(unit="unit-399", language="en") == {"mumbles"}


def test_the_truth_is_what_is_drawn_on_the_average() -> None:
    where = [
        {"property": "greeting", "side": "b", "rates": {"greets": 0.2, "mumbles": 0.4}},
        {"property": "greeting", "language": "de", "side": "a", "rates": {"greets": 0.9}},
    ]
    plan = {"m": {"rates": {"greeting": {"greets": 0.7, "mumbles": 0.1}}, "where": where, "within": 0.3}}
    truth = cast(plan).truth("m")
    assert truth["greeting", "returned"] == pytest.approx((0.75 + 0.9 + 2 * 0.4) / 4)
    assert truth["greeting", "fair"] == pytest.approx((0.75 + 0.9) / 2 - 0.4)
    of = cast(plan, seed=11)
    found = ask_all(of, "m", samples=3)
    assert np.mean(found) == pytest.approx(truth["greeting", "returned"], abs=0.04)
    of_english = cast(plan).truth("m", [item for item in known()[0].items if item.language == "en"])
    assert of_english["greeting", "fair"] == pytest.approx(0.75 - 0.4)


def test_a_figure_that_some_answers_say_nothing_of_is_taken_over_the_others() -> None:
    class Shy(type(known()[0].answerer)):  # type: ignore[misc]
        def scores(self, item: Item, kind: str) -> dict[str, float]:
            return {} if kind == "silent" else {"returned": 1.0 if kind == "greets" else 0.0}

    one = known()[0]._replace(answerer=Shy())
    plan = {"models": {"m": {"rates": {"greeting": {"greets": 0.3, "mumbles": 0.1}}}}}
    assert Cast(msgspec.convert(plan, Behaviour), [one]).truth("m") == {
        ("greeting", "returned"): pytest.approx(0.75),
    }


def test_who_asks_something_else_is_told_that_it_is_unknown() -> None:
    of = cast({"m": {}})
    assert of.answer("m", [Message("user", "What is the time?")]).text == UNKNOWN
    assert [drawn.kind for drawn in of.drawn.values()] == ["unknown"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "models"),
        ("models = {}", "has no model"),
        ("[models.m]\nrats = 1", "rats"),
        ("[models.m.rates]\ngreeting = { greets = 1.5 }", "<= 1"),
        ("[models.m.rates]\ngreeting = { greets = 0.7, mumbles = 0.7 }", "more than 1"),
        ("[models.m]\nshared = 0.7\nwithin = 0.7", "within is more than 1"),
        ("[models.m.failures]\nmishaps = ['flood']", "flood"),
        ("[models.m.failures]\nshare = 0.1\nmishaps = []", "without mishaps"),
        ("not TOML", "no behaviour"),
    ],
)
def test_a_behaviour_that_makes_no_sense_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "behaviour.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=said) as refused:
        read_behaviour(path)
    assert str(path) in str(refused.value)


def test_what_rates_leave_goes_to_the_usual_kind_or_else_the_last_that_is_not_named() -> None:
    def full(rates: Mapping[str, float]) -> dict[str, float]:
        return draws.spread(rates, known()[0].answerer, "greeting")

    assert full({}) == {"greets": 1.0, "mumbles": 0.0, "silent": 0.0}
    assert full({"greets": 0.25}) == {"greets": 0.25, "mumbles": 0.0, "silent": 0.75}
    assert full({"silent": 0.25}) == {"greets": 0.75, "mumbles": 0.0, "silent": 0.25}
    assert full({"greets": 0.25, "silent": 0.25}) == {"greets": 0.25, "mumbles": 0.5, "silent": 0.25}
    assert full({"silent": 0.25, "mumbles": 0.25}) == {"greets": 0.5, "mumbles": 0.25, "silent": 0.25}
    with pytest.raises(InputError, match="add up to 1"):
        full({"silent": 0.25, "mumbles": 0.25, "greets": 0.25})


@pytest.mark.parametrize("rates", [{"farewell": {"greets": 1.0}}, {"greeting": {"shouts": 1.0}}])
def test_names_that_nobody_knows_are_refused_before_anything_is_served(rates: dict[str, dict[str, float]]) -> None:
    with pytest.raises(InputError, match="known: gre"):
        cast({"m": {"rates": rates}})
