"""What the preview shows is what leaves, all of it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from stillwatch.campaigns import wording
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.indicators import LeftOut
from stillwatch.sharing.words import in_words, left_out_in_words, preview
from tests.sharing.bulletins import bulletins
from tests.sharing.made_bulletins import WHOLE, changed

CHANGES = list(changed())


def test_the_whole_bulletin_is_one_that_may_leave() -> None:
    assert msgspec.json.decode(msgspec.json.encode(WHOLE), type=Bulletin) == WHOLE


def test_every_field_of_the_types_is_walked() -> None:
    """Every field that a bulletin's document has was changed once, but for the version and the tags."""
    walked = {part for where, _ in CHANGES for part in where.replace(" gone", "").split("/")}

    def fields(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for inner in value.values() for name in fields(inner)}
        return {name for inner in value for name in fields(inner)} if isinstance(value, list | tuple) else set()

    assert fields(msgspec.to_builtins(WHOLE)) - walked == {"version", "kind"}
    assert len(CHANGES) > 100


@pytest.mark.parametrize("number", range(len(CHANGES)), ids=[where for where, _ in CHANGES])
def test_no_value_can_change_without_the_words_changing(number: int) -> None:
    assert in_words(CHANGES[number][1]) != in_words(WHOLE)


def test_values_stand_there_as_they_leave() -> None:
    text = "\n".join(in_words(WHOLE))
    for shown in (
        "TLP:AMBER", "Example AI", WHOLE.id, WHOLE.producer.identity, "50 to 99", "2,000 to 4,999", "AS24940",
        "t13d1516h2_8daaf6152771_02713d6af862", "5e" * 32, "0123456789abcdef", "fedcba9876543210", "17 -3 0 211",
        "85 %", "15 %", "rubric grading: 65 %", "NOT beaten, −2 nats", "by +100 nats or more", "1,999 groups",
        wording.date(WHOLE.expires), wording.date(WHOLE.campaign.first_day), "back after 14 days",
    ):  # fmt: skip
        assert shown in text, shown


@given(bulletins())
@settings(max_examples=50)
def test_any_bulletin_of_a_peer_has_words(bulletin: Bulletin) -> None:
    lines = in_words(bulletin)
    assert len(lines) >= 20
    assert all(line.isprintable() for line in lines)
    assert bulletin.id in "".join(lines)


def test_what_is_taken_back_says_so() -> None:
    assert any("TAKEN BACK" in line for line in in_words(msgspec.structs.replace(WHOLE, revoked=True)))


def test_what_stays_is_said_with_its_reason() -> None:
    left = (LeftOut("networks", 12, "fewer than 10 show it"), LeftOut("TLS fingerprints", 0, "no log was given"))
    assert left_out_in_words(left) == (
        "Networks: 12 left out, because fewer than 10 show it.",
        "TLS fingerprints: left out, because no log was given.",
    )
    lines = preview(WHOLE, left)
    assert lines.index("What stays here:") > lines.index("What leaves, all of it:")
    assert "  Networks: 12 left out, because fewer than 10 show it." in lines
