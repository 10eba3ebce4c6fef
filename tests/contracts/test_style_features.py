"""Every feature keeps its promises: sets of marks of the tokens alone, any text, nothing for nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.proving.style.features import DEFAULT, FEATURES
from stillwatch.proving.style.features.tokens import tokens_of


@pytest.mark.parametrize("name", FEATURES.names())
def test_a_feature_says_what_it_is_and_finds_its_own_example(name: str) -> None:
    feature = FEATURES.get(name)
    assert feature.info.name == name
    assert feature.info.summary.endswith(".")
    assert feature.info.reference
    assert feature.info.example in feature.marks(feature.info.example.split())
    assert feature.marks([]) == set()


@pytest.mark.parametrize("name", FEATURES.names())
@given(text=st.text(max_size=200))
def test_a_feature_takes_any_text_and_gives_the_same_for_the_same(name: str, text: str) -> None:
    feature, tokens = FEATURES.get(name), tokens_of(text)
    assert feature.marks(tokens) == feature.marks(list(tokens))
    assert all(mark.split(" ")[0] in tokens for mark in feature.marks(tokens))


def test_the_published_figures_are_of_our_own_features() -> None:
    assert set(DEFAULT) == set(FEATURES.table)


def test_openings_and_closings_look_at_the_ends_alone() -> None:
    tokens = [f"w{i}" for i in range(100)]
    assert "w0" in FEATURES.get("openings").marks(tokens)
    assert "w12" not in FEATURES.get("openings").marks(tokens)
    assert "w99" in FEATURES.get("closings").marks(tokens)
    assert "w84" not in FEATURES.get("closings").marks(tokens)


def test_scripts_without_blanks_are_told_apart_too() -> None:
    assert tokens_of("你好，世界 ok") == ["你", "好", "，", "世", "界", "ok"]
    assert tokens_of("Привет мир") == ["привет", "мир"]
