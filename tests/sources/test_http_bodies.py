"""Headers, bodies and keys of recorded HTTP, in every notation."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from stillwatch.sources.calls.http_bodies import body_of, bytes_of, credential, headers_of, key_id, without_key
from stillwatch.sources.formats.envoy import SOURCE as ENVOY
from stillwatch.sources.formats.http_pairs import claimed_account, failure_status


@pytest.mark.parametrize("kept", ["bytes", "gzip", "zlib"])
def test_bodies_as_the_wire_had_them(kept: str) -> None:
    data = b'{"a": 1}'
    data = {"bytes": data, "gzip": gzip.compress(data), "zlib": zlib.compress(data)}[kept]
    assert body_of(data) == {"a": 1}
    assert body_of(data[:-1] if kept == "bytes" else b"\x1f\x8b" + data) == {}
    assert bytes_of("no base64!") is None


def test_headers_in_every_notation() -> None:
    expected = {"a": "1, 2", "b": "3"}
    assert headers_of({"A": ["1", "2"], "b": "3", "c": None, "d": {}}) == expected
    assert headers_of([{"name": "A", "value": "1"}, {"name": "a", "value": "2"}, ["B", "3"], ["d"], 7]) == expected
    assert headers_of("A: 1") == {}


@pytest.mark.parametrize(
    "hidden", ["[REDACTED]", "***", "sk-...abcd", "xxxxxxxxxxxx", "Bearer ****", "", "abc", "**redacted**"]
)
def test_key_that_was_hidden_is_none(hidden: str) -> None:
    assert key_id(hidden) is None
    assert credential({"authorization": f"Bearer {hidden}"}, "/v1") is None


def test_signature_of_aws_is_one_key_whatever_is_signed() -> None:
    signed = [f"AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/2026/x, Signature={i}" for i in "ab"]
    assert len({credential({"authorization": text}, "") for text in signed}) == 1


@pytest.mark.parametrize("name", ["acct-7", "skiing-club-of-the-north", "key_0123456789abcdef", "user@x", 7, None])
def test_an_id_is_no_key(name: Any) -> None:
    assert without_key(name) == name


KEYS = (
    "sk-proj-0123456789abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
    "Bearer 0123456789abcdef",
    "pplx-0123456789abcdef",
)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_in_place_of_an_id_is_a_hash(key: str) -> None:
    assert without_key(key) == key_id(key)
    assert claimed_account({"user": key}) == key_id(key)
    (row,) = ENVOY.exchanges({"gen_ai.request.model": "m", "account.id": key, "api_key.id": key})
    assert (row["account_id"], row["api_key_id"]) == (key_id(key), key_id(key))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"type": "billing_error", "message": "?"}, 402),
        ({"type": "conflict_error"}, 409),
        ({"type": "insufficient_quota", "code": "credit_balance_exhausted"}, 429),
        ({"code": "rate_limit_exceeded", "message": "?"}, 429),
        ({"code": 503, "status": "UNAVAILABLE"}, 503),
        ({"type": [], "code": {}}, 500),
        ("?", 500),
    ],
)
def test_status_of_a_failure_that_only_a_body_tells(error: Any, status: int) -> None:
    assert failure_status(error) == status
