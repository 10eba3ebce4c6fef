"""A key that peers share: made once, readable by its owner only, and named in public without being given away."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.sharing.keys import SharingKey, guessable, make_key, read_key


def test_a_key_is_the_owners_alone_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "peers.key"
    made = make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path) == made
    assert len(made.secret) == 32
    assert make_key(tmp_path / "other.key") != made


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "peers.key"
    made = make_key(path)
    with pytest.raises(UsageError, match="never overwritten"):
        make_key(path)
    assert read_key(path) == made
    with pytest.raises(StorageError, match="cannot be made"):
        make_key(tmp_path / "no" / "folder")


@pytest.mark.parametrize("content", [b"", b"zz" * 32, b"ab" * 31, b"ab" * 33, b"\xff\xfe"])
def test_what_is_no_key_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "peers.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputError, match="64 hexadecimal digits"):
        read_key(path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "peers.key"
    make_key(path)
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        read_key(path)
    with pytest.raises(InputError, match="share key"):
        read_key(tmp_path / "none")


@given(st.binary(min_size=32, max_size=32), st.text(), st.text())
def test_digests_differ_by_key_value_and_kind(secret: bytes, one: str, other: str) -> None:
    key = SharingKey(secret)
    assert key.key_id not in secret.hex()
    assert len(key.key_id) == 16
    assert key.digest("payment", one) != key.digest("organization", one)
    assert (key.digest("payment", one) == key.digest("payment", other)) is (one == other)
    assert SharingKey(bytes(32)).digest("payment", one) != SharingKey(bytes(31) + b"\1").digest("payment", one)


@pytest.mark.parametrize(
    "value", ["2c992cce828033b6", "org_ac9a688eb8", "pm_1MqLiJLkdIwHu7ix", "fp:9a0b1c2d3e4f5a6b7c8d"]
)
def test_identifiers_of_enough_possibilities_may_be_hashed(value: str) -> None:
    assert guessable(value) is None


@given(st.ip_addresses().map(str) | st.integers(0, 10**19).map(str))
def test_addresses_and_numbers_never_may(value: str) -> None:
    assert guessable(value) is not None


@pytest.mark.parametrize(
    "value",
    ["[2001:db8::1]:443", "fe80::1%eth0", "2001:db8::/32", "::ffff:203.0.113.7", "203.0.113.7:65535",
     "00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "DE89 3704 0044 0532 0130 00", "gb29nwbk60161331926819",
     "+1 (202) 555-0143", "4111-1111-1111-1111", "somebody@example.com", "Acme Ltd"],
)  # fmt: skip
def test_what_has_few_possibilities_or_a_name_in_it_never_may(value: str) -> None:
    assert guessable(value) is not None


@given(st.text())
def test_any_text_has_an_answer(value: str) -> None:
    why = guessable(value)
    assert why is None or why.isprintable()
