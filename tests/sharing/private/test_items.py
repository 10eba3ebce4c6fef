"""What may be matched: both sides spell a value alike, and what is none is set aside without being quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import UsageError
from stillwatch.sharing.private.items import KINDS, LONGEST, Items, encoded, items_of

JA4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"
HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("kind", "ways", "spelt"),
    [
        ("address", ["192.0.2.7", " 192.0.2.7\n", "::ffff:192.0.2.7", "::FFFF:c000:0207"], "192.0.2.7"),
        ("address", ["2001:DB8:0:0:0:0:0:1", "2001:db8::1", "2001:0db8::0001"], "2001:db8::1"),
        ("phone", ["+49 30 901820", "0049-30-901820", "+49 (30) 90.18.20"], "+4930901820"),
        ("payment", [f" {HASH.upper()}", HASH], HASH),
        ("payment", ["Xt5EWLLDS7FJjR1c", "Xt5EWLLDS7FJjR1c "], "Xt5EWLLDS7FJjR1c"),
        ("organization", ["Example  GmbH", "EXAMPLE GMBH", "example gmbh "], "example gmbh"),
        ("organization", ["Stra\u00dfe AG", "STRASSE AG"], "strasse ag"),
        ("organization", ["Caf\u00e9", "Cafe\u0301"], "caf\u00e9"),
        ("ja4", [JA4, JA4.upper()], JA4),
        ("keyed", [HASH, HASH.upper()], HASH),
    ],
)
def test_every_way_to_write_a_value_is_the_same_value(kind: str, ways: list[str], spelt: str) -> None:
    assert items_of(kind, ways).values == (spelt,)


def test_letters_of_fingerprints_that_are_not_hexadecimal_stay_apart() -> None:
    assert len(items_of("payment", ["Xt5EWLLDS7FJjR1c", "xt5ewllds7fjjr1c"]).values) == 2


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("address", "192.0.2.256"),
        ("address", "192.000.002.007"),
        ("address", "fe80::1%eth0"),
        ("address", "192.0.2.0/24"),
        ("phone", "030 901820"),
        ("phone", "+4930901820901820"),
        ("ja4", "t13d1516h2"),
        ("keyed", HASH[1:]),
        ("payment", "a" * (LONGEST + 1)),
        ("payment", "half a pair \ud83d"),
        ("payment", "two\nlines"),
        ("organization", "red \x1b[31m"),
    ],
)
def test_what_is_none_of_the_kind_is_counted_and_not_quoted(kind: str, value: str) -> None:
    items = items_of(kind, [value])
    assert (items.values, items.refused) == ((), 1)
    assert items.reason
    assert value not in items.reason


def test_empty_values_are_nothing_and_doubles_are_one() -> None:
    assert items_of("payment", []) == Items("payment", ())
    assert items_of("payment", [None, "", "  ", "a", "a "]) == Items("payment", ("a",))


@given(st.sampled_from(sorted(KINDS)), st.lists(st.text() | st.none()))
def test_spelling_twice_changes_nothing_and_no_text_breaks_it(kind: str, values: list[str | None]) -> None:
    items = items_of(kind, values)
    assert items_of(kind, items.values).values == items.values
    assert all(text.encode() for text in encoded(items))


def test_the_same_value_of_two_kinds_is_hashed_as_two() -> None:
    assert encoded(items_of("payment", [HASH])) != encoded(items_of("keyed", [HASH]))


def test_a_kind_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="'mail' cannot be matched; known: payment, organization"):
        items_of("mail", [])
