"""Whatever is sent or asked, it is taken or refused in words of ours: never a defect, never an echo."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.sharing.taxii.content import DEEPEST, envelope, read_object
from stillwatch.sharing.taxii.filters import LATEST, Filters, read_filters
from stillwatch.sharing.taxii.instants import microseconds, stamp, version_key
from stillwatch.sharing.taxii.negotiation import is_acceptable, is_sendable
from stillwatch.sharing.taxii.users import credentials
from tests.sharing.taxii.offered import indicator

T = TypeVar("T")
TEXT = st.text(max_size=12)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["type", "id", "created", "modified", "spec_version", "revoked"])


def outcome(do: Callable[[], T]) -> tuple[T | None, str]:
    """What it gives, or the words with which it refuses."""
    try:
        return do(), ""
    except InputError as error:
        return None, error.what
    except ValueError as error:
        return None, str(error)


@given(changes=st.dictionaries(NAMES, VALUE | TEXT, max_size=3), left_out=st.sets(NAMES, max_size=2))
def test_an_object_is_read_or_refused_without_being_quoted(changes: dict[str, Any], left_out: set[str]) -> None:
    value = {name: item for name, item in {**indicator(1), **changes}.items() if name not in left_out}
    read, refused = outcome(lambda: read_object(value))
    if read is None:
        assert refused.isascii()
        assert 0 < len(refused) < 100
        return
    assert json.loads(read.body) == json.loads(json.dumps(value))
    assert (read.key is None) == (value.get("modified") is None and value.get("created") is None)


@given(st.one_of(st.binary(max_size=200), VALUE.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_are_an_envelope_or_none(document: bytes) -> None:
    for body in (document, b'{"objects":' + document + b"}"):
        read, refused = outcome(lambda body=body: envelope(body))  # type: ignore[misc]
        assert bool(read) != bool(refused)


@given(st.integers(1, 200))
def test_an_envelope_is_as_deep_as_allowed_and_no_deeper(levels: int) -> None:
    document = b'{"objects":' + b"[" * levels + b"1" + b"]" * levels + b"}"
    read, refused = outcome(lambda: envelope(document))
    assert (read is not None) == (levels < DEEPEST)
    assert refused in ("", f"is nested more than {DEEPEST} levels deep")


PARAMETERS = st.sampled_from(
    ["added_after", "limit", "next", "match[id]", "match[type]", "match[version]", "match[x]", "y"]
)


@given(st.lists(st.tuples(PARAMETERS, TEXT | st.sampled_from(["1", "all", "2026-11-01T00:00:00Z"])), max_size=4))
def test_any_query_is_read_or_refused_without_being_quoted(query: list[tuple[str, str]]) -> None:
    fields = frozenset({"id", "type", "version", "spec_version"})
    read, refused = outcome(lambda: read_filters(query, fields, LATEST))
    assert isinstance(read, Filters) or (refused and refused.isascii())


@given(st.integers(0, 250_000_000_000_000_000))
def test_a_date_is_the_same_when_it_comes_back(instant: int) -> None:
    assert microseconds(stamp(instant)) == instant
    assert version_key(stamp(instant)) == version_key(stamp(instant))


@given(st.text(max_size=60))
def test_any_header_is_understood_or_not(header: str) -> None:
    assert is_acceptable(header) in (True, False)
    assert is_sendable(header) in (True, False)
    for text in (header, f"Basic {header}", f"Bearer {header}"):
        found = credentials(text)
        assert found is None or all(found)
