"""A bulletin means the same after any way, and what contradicts itself is none."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from stillwatch.sharing.bulletin import Bulletin, Range
from tests.sharing.bulletins import bulletins, example_bulletin


@given(bulletins())
@settings(max_examples=100, deadline=None)
def test_any_bulletin_can_be_written_down_and_read_again(bulletin: Bulletin) -> None:
    assert msgspec.json.decode(msgspec.json.encode(bulletin), type=Bulletin) == bulletin


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("modified",), "2020-01-01T00:00:00Z", "modified before it is created"),
        (("created",), "2026-09-02T08:30:00", "timezone"),
        (("campaign", "last_day"), "2020-01-01", "ends before it begins"),
        (("campaign", "accounts", "high"), 1, "ends below its beginning"),
        (("indicators", 0, "valid_until"), "2020-01-01", "expires before it is valid"),
        (("prompt",), "anything", "unknown field"),
        (("campaign", "note"), "anything", "unknown field"),
    ],
)
def test_what_contradicts_itself_or_says_more_is_none(path: tuple[str | int, ...], value: object, why: str) -> None:
    document = msgspec.to_builtins(example_bulletin())
    place = document
    for step in path[:-1]:
        place = list(place) if isinstance(place, tuple) else place
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.json.decode(msgspec.json.encode(document), type=Bulletin)


def test_a_range_that_ends_below_its_beginning_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="below"):
        Range(low=10, high=9)
