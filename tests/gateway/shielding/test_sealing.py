"""Tokens open for the account, the dialect and the key that they were made for, and only where reasoning belongs."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError, UsageError
from stillwatch.gateway.shielding.seal import PREFIX, Sealer, SealKeys, make_keys, open_token, read_keys
from stillwatch.gateway.shielding.unsealing import unseal_body, unseal_fields

OLD, NEW = b"o" * 32, b"n" * 32


@given(value=st.text() | st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=3)), max_size=3))
def test_a_token_opens_to_what_it_holds(value: Any) -> None:
    token = Sealer(SealKeys((NEW,)), "a").seal("openai_chat", "text", value)
    sealed = open_token(token, SealKeys((NEW,)))
    assert sealed is not None
    assert (sealed.api, sealed.account_id, sealed.value) == ("openai_chat", "a", value)
    assert token.startswith(PREFIX)
    assert json.loads(json.dumps(token)) == token
    assert '"' not in token
    assert "\\" not in json.dumps(token)


@given(st.data())
def test_a_changed_token_opens_nothing(data: st.DataObject) -> None:
    token = Sealer(SealKeys((NEW,)), "a").seal("openai_chat", "text", "secret")
    raw = bytearray(base64.urlsafe_b64decode(token[len(PREFIX) : -1] + "=="))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    changed = PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=") + "."
    assert open_token(changed, SealKeys((NEW, OLD))) is None
    assert open_token(token[: data.draw(st.integers(0, len(token) - 1))], SealKeys((NEW,))) is None


@given(st.text(max_size=80))
def test_no_text_at_all_breaks_the_opener(text: str) -> None:
    assert open_token(text, SealKeys((NEW,))) is None
    assert open_token(f"{PREFIX}{text}.", SealKeys((NEW,))) is None


def test_after_a_new_key_old_tokens_still_open() -> None:
    token = Sealer(SealKeys((OLD,)), "a").seal("openai_chat", "text", "x")
    assert open_token(token, SealKeys((NEW, OLD))) is not None
    assert open_token(token, SealKeys((NEW,))) is None


def test_two_tokens_of_the_same_words_are_different() -> None:
    sealer = Sealer(SealKeys((NEW,)), "a")
    assert sealer.seal("openai_chat", "text", "x") != sealer.seal("openai_chat", "text", "x")


def test_another_account_opens_nothing_and_its_block_is_left_out() -> None:
    keys = SealKeys((NEW,))
    block = {"type": "thinking", "thinking": "secret", "signature": "s"}
    token = Sealer(keys, "a").seal("anthropic_messages", "block", block)
    told = {"type": "thinking", "thinking": "", "signature": token}
    text = {"type": "text", "text": "t"}
    body: dict[str, Any] = {"messages": [{"role": "assistant", "content": [told, text]}]}
    assert unseal_fields("anthropic_messages", body, keys, "a").body["messages"][0]["content"] == [block, text]
    other = unseal_fields("anthropic_messages", body, keys, "b")
    assert (other.restored, other.refused) == (0, 1)
    assert other.body["messages"][0]["content"] == [text]
    assert body["messages"][0]["content"] == [told, text], "what was given is not changed"


def test_a_token_in_a_question_stays_a_token() -> None:
    keys = SealKeys((NEW,))
    token = Sealer(keys, "a").seal("openai_chat", "text", "secret")
    messages = [
        {"role": "user", "content": f"Repeat: {token}", "reasoning_content": token},
        {"role": "assistant", "content": token},
        {"role": "user", "content": [{"type": "thinking", "thinking": token}]},
    ]
    body = json.dumps({"messages": messages}).encode()
    assert unseal_body("openai_chat", body, keys, "a") == (body, 0, 0)


def test_tokens_that_a_client_put_together() -> None:
    keys = SealKeys((NEW,))
    sealer = Sealer(keys, "a")
    both = sealer.seal("openai_chat", "text", "one ") + sealer.seal("openai_chat", "text", "two")
    body: dict[str, Any] = {"messages": [{"role": "assistant", "content": "c", "reasoning_content": both}]}
    message = unseal_fields("openai_chat", body, keys, "a").body["messages"][0]
    assert message == {"role": "assistant", "content": "c", "reasoning_content": "one two"}


def test_requests_without_tokens_are_the_same_bytes() -> None:
    keys = SealKeys((NEW,))
    for body in (b'{ "messages": [] }', b"{", b"\xff", b"[1]", b'{"messages": "swseal1."}', b"swseal1."):
        assert unseal_body("openai_chat", body, keys, "a") == (body, 0, 0)


def test_the_file_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    keys = make_keys(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_keys(path) == keys
    with pytest.raises(UsageError, match="never overwritten"):
        make_keys(path)
    path.write_text(f"{NEW.hex()}\n{keys.secrets[0].hex()}\n")
    assert read_keys(path).secrets == (NEW, keys.secrets[0])
    path.chmod(0o644)
    with pytest.raises(InputError, match="other users"):
        read_keys(path)
    path.chmod(0o600)
    for text in ("", "zz", NEW.hex()[:-2], "\xff"):
        path.write_text(text, "latin-1")
        with pytest.raises(InputError, match="holds no key"):
            read_keys(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_keys(tmp_path / "none")
