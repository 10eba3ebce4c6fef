"""A scheme's full name says all that a test of its key needs; a wrong one says what is wrong in one line."""

from __future__ import annotations

import pytest

from stillwatch.errors import InputError, PluginError
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.sampling.red_green import RedGreen
from stillwatch.marks.sampling.tournament import Tournament


def test_every_parameter_survives() -> None:
    assert scheme_named("red_green:gamma=0.5,delta=1.0") == RedGreen(gamma=0.5, delta=1.0)
    assert RedGreen(context=4, delta=1.0).name == "red_green:context=4,delta=1.0"
    assert scheme_named(Tournament(layers=20).name) == Tournament(layers=20)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gumbel:gamma=0.5", "known: context"),
        ("gumbel:context", "must be a number"),
        ("gumbel:context=2,context=3", "no setting"),
        ("gumbel:context=0", "1 to 16"),
        ("gumbel:context=2.5", "must be a number"),
        ("tournament:layers=65", "1 to 64"),
        ("red_green:gamma=1", "between 0 and 1"),
        ("red_green:delta=nan", "between 0 and 50"),
        ("red_green:distortion_free=1", "known: context, gamma, delta"),
    ],
)
def test_what_is_wrong_is_said(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        scheme_named(name)


def test_an_unknown_kind_names_the_known() -> None:
    with pytest.raises(PluginError, match="gumbel, tournament, red_green"):
        scheme_named("blue")
