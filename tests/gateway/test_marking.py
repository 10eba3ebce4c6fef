"""Marks at the gateway, without a door: which key, which texts, whole and streamed, and what is kept of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.made_answers import a_key, prompts, somebody
from stillwatch.errors import InputError
from stillwatch.gateway.marking.answers import mark_body
from stillwatch.gateway.marking.asked import prompt_of
from stillwatch.gateway.marking.claims import claims, told_key
from stillwatch.gateway.marking.keys import MarkKeys
from stillwatch.gateway.marking.records import answer_hash, prompt_hash
from stillwatch.gateway.marking.streams import mark_stream, pieces_of
from stillwatch.gateway.policy import Marking
from stillwatch.gateway.policy_file import parse_policy, read_policy, shipped
from stillwatch.marks.keyring import REGISTER, Keyring
from stillwatch.marks.text import SCHEME
from stillwatch.marks.text.base import Edit, apply
from stillwatch.marks.text.marking import mark_answer
from stillwatch.responses.traffic import API
from tests.gateway.answers import answer
from tests.gateway.keyrings import ABOUT, MARK, keyring

KEY = a_key(1)
APIS: dict[str, API] = {"chat": "openai_chat", "messages": "anthropic_messages", "responses": "openai_responses"}
EACH = pytest.mark.parametrize("api", APIS)


def body(api: str, prompt: str, flags: str = "+prose", **more: Any) -> dict[str, Any]:
    place = "input" if api == "responses" else "messages"
    return {"model": f"fake{flags}", place: [{"role": "user", "content": prompt}], **more}


def said(api: str, prompt: str, flags: str = "+prose", **more: Any) -> bytes:
    return b"".join(answer(api, body(api, prompt, flags, **more)).pieces)


def touched(number: int = 60) -> list[str]:
    """Prompts in whose answers the key changes something."""
    found = [p for p in prompts(number) if mark_answer(p, somebody(3).answer(p), KEY).edits]
    assert len(found) > number / 3
    return found


def text_of(api: str, whole: dict[str, Any]) -> str:
    if api == "chat":
        return str(whole["choices"][0]["message"]["content"])
    blocks = whole["content"] if api == "messages" else whole["output"][-1]["content"]
    return str(next(block["text"] for block in blocks if "text" in block))


def without_text(api: str, whole: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(whole).replace(json.dumps(text_of(api, whole)), '""'))


@EACH
def test_a_whole_answer_says_what_mark_answer_says_and_nothing_else_changes(api: str) -> None:
    for prompt in touched():
        data = said(api, prompt)
        made = mark_body(APIS[api], data, prompt, KEY)
        before, after = json.loads(data), json.loads(made.data)
        expected = mark_answer(prompt, text_of(api, before), KEY)
        assert text_of(api, after) == expected.text != text_of(api, before)
        assert made.could == expected.could
        assert made.did == {name: len(edits) for name, edits in expected.edits.items()}
        assert without_text(api, after) == without_text(api, before)


@EACH
def test_in_the_other_half_the_very_bytes_leave_and_what_could_be_marked_is_known(api: str) -> None:
    prompt = next(p for p in prompts(500) if not mark_answer(p, somebody(3).answer(p), KEY).edits)
    data = said(api, prompt)
    made = mark_body(APIS[api], data, prompt, KEY)
    assert made.data is data
    assert made.fits
    assert made.could == mark_answer(prompt, somebody(3).answer(prompt), KEY).could != ()
    stream = said(api, prompt, stream=True)
    assert mark_stream(APIS[api], stream, prompt, KEY).data is stream


@pytest.mark.parametrize(
    ("api", "change"),
    [
        ("chat", {"finish_reason": "length"}),
        ("chat", {"logprobs": {"content": [{"token": "a", "logprob": -0.1}]}}),
        ("chat", {"token_ids": [1, 2]}),
        ("messages", {"stop_reason": "max_tokens"}),
        ("responses", {"status": "incomplete"}),
    ],
)
def test_answers_that_no_mark_may_touch_leave_as_they_came(api: str, change: dict[str, Any]) -> None:
    prompt = touched(20)[0]
    whole = json.loads(said(api, prompt))
    (whole["choices"][0] if api == "chat" else whole).update(change)
    data = json.dumps(whole).encode()
    made = mark_body(APIS[api], data, prompt, KEY)
    assert (made.data, made.fits) == (data, False)


def test_texts_at_whose_places_others_point_leave_as_they_came() -> None:
    prompt = touched(20)[0]
    for api, name in (("messages", "citations"), ("responses", "annotations")):
        whole = json.loads(said(api, prompt))
        blocks = whole["content"] if api == "messages" else whole["output"][-1]["content"]
        blocks[0][name] = [{"type": "x", "start_index": 3, "end_index": 9}]
        data = json.dumps(whole).encode()
        assert mark_body(APIS[api], data, prompt, KEY).data == data


def test_json_and_code_are_not_touched_and_calls_of_tools_stay() -> None:
    prompt = touched(20)[0]
    whole = json.loads(said("chat", prompt, "+prose+tools"))
    marked = json.loads(mark_body("openai_chat", json.dumps(whole).encode(), prompt, KEY).data)
    assert marked["choices"][0]["message"]["tool_calls"] == whole["choices"][0]["message"]["tool_calls"]
    assert marked != whole
    whole["choices"][0]["message"]["content"] = json.dumps({"answer": somebody(3).answer(prompt)})
    data = json.dumps(whole).encode()
    assert mark_body("openai_chat", data, prompt, KEY).data is data
    for one in touched(40):
        code = text_of("chat", json.loads(mark_body("openai_chat", said("chat", one, "+code"), one, KEY).data))
        assert code.endswith("```\nfor example = in addition\n```")


@EACH
@pytest.mark.parametrize("flags", ["+prose", "+prose+crlf+comments", "+prose+tools+unknown", "+prose+reasoning"])
def test_a_stream_says_what_the_whole_answer_says_in_the_same_events(api: str, flags: str) -> None:
    for prompt in touched(24):
        data = said(api, prompt, flags, stream=True)
        made = mark_stream(APIS[api], data, prompt, KEY)
        expected = mark_answer(prompt, somebody(3).answer(prompt), KEY)
        before, after = documents(data), documents(made.data)
        assert [document.get("type") for document in after] == [document.get("type") for document in before]
        assert "".join(deltas(after)) == expected.text
        repeats = [text for text in texts(after) if len(text) > 200]
        assert set(repeats) <= {expected.text}
        assert len(repeats) == (4 if api == "responses" else 0)
        assert made.could == expected.could
        same = sum(a == b for a, b in zip(before, after, strict=True))
        assert same > len(before) / 2, "all but the changed words leave as they came"


def documents(stream: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in stream.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def deltas(found: list[dict[str, Any]]) -> list[str]:
    told: list[str] = []
    for one in found:
        if "choices" in one:
            told += [choice["delta"].get("content") or "" for choice in one["choices"]]
        elif one.get("type") == "response.output_text.delta":
            told.append(one["delta"])
        elif isinstance(one.get("delta"), dict) and one["delta"].get("type") == "text_delta":
            told.append(one["delta"]["text"])
    return told


def texts(value: Any) -> list[str]:
    """Every text of a document's field ``text``."""
    if isinstance(value, dict):
        own = [part for name, part in value.items() if name == "text" and isinstance(part, str)]
        return own + [text for part in value.values() for text in texts(part)]
    return [text for part in value for text in texts(part)] if isinstance(value, list) else []


@EACH
def test_a_stream_that_failed_or_did_not_end_leaves_as_it_came(api: str) -> None:
    prompt = touched(20)[0]
    whole = said(api, prompt, stream=True)
    cut = whole[: len(whole) // 2].rpartition(b"\n\n")[0] + b"\n\n"
    for data in (said(api, prompt, "+prose+failing", stream=True), cut):
        made = mark_stream(APIS[api], data, prompt, KEY)
        assert (made.data, made.fits) == (data, False)


EDITED = st.lists(st.text("abc \n", max_size=6), min_size=1, max_size=12)


@given(EDITED, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6), st.text("XY", max_size=4)), max_size=6))
def test_pieces_make_up_the_edited_text(pieces: list[str], drawn: list[tuple[int, int, str]]) -> None:
    text, at, edits = "".join(pieces), 0, []
    for gap, size, new in drawn:
        start = min(at + gap % 7, len(text))
        end = min(start + size, len(text))
        edits.append(Edit(start, end, new, "u"))
        at = end + 1
        if at > len(text):
            break
    after = pieces_of(pieces, edits)
    assert "".join(after) == apply(text, edits)
    assert len(after) == len(pieces)


@pytest.mark.parametrize(
    ("api", "asked"),
    [
        ("openai_chat", {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Why?"}]}),
        ("openai_chat", {"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]}),
        ("openai_responses", {"input": "Why?", "text": {"format": {"type": "text"}}}),
        ("openai_responses", {"instructions": "s", "input": [{"role": "user", "content": "Why?"}]}),
        ("anthropic_messages", {"system": "s", "messages": [{"role": "user", "content": "Why?"}]}),
        ("openai_chat", {"messages": [{"role": "user", "content": "Why?"}], "response_format": {"type": "text"}}),
    ],
)
def test_the_prompt_is_the_last_user_turn(api: API, asked: dict[str, Any]) -> None:
    assert prompt_of(api, asked) == "Why?"


@pytest.mark.parametrize(
    ("api", "more"),
    [
        ("openai_chat", {"response_format": {"type": "json_object"}}),
        ("openai_chat", {"response_format": {"type": "json_schema", "json_schema": {}}}),
        ("openai_chat", {"guided_json": {"type": "object"}}),
        ("openai_chat", {"structured_outputs": {"regex": "a+"}}),
        ("openai_chat", {"prediction": {"type": "content", "content": "x"}}),
        ("openai_responses", {"text": {"format": {"type": "json_schema"}}}),
        ("anthropic_messages", {"output_config": {"format": {"type": "json_schema"}}}),
        ("anthropic_messages", {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}]}),
        ("other", {}),
        ("openai_chat", {"messages": []}),
    ],
)
def test_answers_of_a_form_that_was_asked_for_are_not_marked(api: API, more: dict[str, Any]) -> None:
    place = "input" if api == "openai_responses" else "messages"
    assert prompt_of(api, {place: [{"role": "user", "content": "Why?"}], **more}) is None


def test_what_a_caller_says_of_a_mark_is_taken_away_and_nothing_else() -> None:
    asked = b'{"model": "m", "vllm_xargs": {"stillwatch_mark": "k", "x": 1.0}, "n": 1}'
    assert json.loads(told_key(asked)) == {"model": "m", "vllm_xargs": {"x": 1.0}, "n": 1}
    assert json.loads(told_key(b'{"vllm_xargs": {"stillwatch_mark": "k"}, "n": 1}')) == {"n": 1}
    assert json.loads(told_key(asked, "id"))["vllm_xargs"] == {"x": 1.0, "stillwatch_mark": "id"}
    assert json.loads(told_key(b'{"n": 1}', "id")) == {"n": 1, "vllm_xargs": {"stillwatch_mark": "id"}}
    escaped = b'{"vllm\\u005fxargs": {"stillwatch\\u005fmark": "k"}}'
    assert json.loads(told_key(escaped)) == {}
    batch = {"requests": [{"custom_id": "1", "params": {"vllm_xargs": {"stillwatch_mark": "k"}, "n": 1}}]}
    assert claims(batch)
    assert json.loads(told_key(json.dumps(batch).encode())) == {"requests": [{"custom_id": "1", "params": {"n": 1}}]}


@pytest.mark.parametrize("data", [b"", b"[1]", b"{", b'{"vllm_xargs": 7}', b'{"vllm_xargs": {"x": 1}}', b'{ "n" : 1 }'])
def test_where_nobody_says_so_the_bytes_stay(data: bytes) -> None:
    assert told_key(data) is data


def test_a_key_holds_from_its_commitment_on_and_a_rotation_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys, marking = MarkKeys(), Marking(keyrings={"campaigns": str(folder)})
    assert keys.key(MARK, marking) is None
    assert keys.key("others/" + ABOUT, marking) is None
    Keyring.make(folder)
    assert keys.key(MARK, marking) is None
    key = keyring(folder)
    assert keys.key(MARK, marking) == key
    assert keys.key("campaigns/0000000000000000", marking) is None
    _, new = Keyring(folder).rotate(SCHEME, "campaign", ABOUT)
    assert keys.key(MARK, marking) == new != key
    assert keys.key(MARK, Marking(keyrings={"campaigns": str(folder)}, engine="gumbel")) is None
    engine = keyring(folder, "gumbel")
    assert keys.key(MARK, Marking(keyrings={"campaigns": str(folder)}, engine="gumbel")) == engine


def test_a_register_that_was_changed_gives_no_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keyring(folder)
    register = folder / REGISTER
    register.write_bytes(register.read_bytes().replace(b'"decoys":1000', b'"decoys":1001'))
    for _ in range(2):
        with pytest.raises(InputError):
            MarkKeys().key(MARK, Marking(keyrings={"campaigns": str(folder)}))


def test_hashes_hold_against_white_space_and_tell_nothing_without_the_key() -> None:
    assert prompt_hash(KEY, " Why\nso? ") == prompt_hash(KEY, "why so?") != prompt_hash(a_key(2), "why so?")
    assert answer_hash(KEY, "a\n\nb") == answer_hash(KEY, "a b") != answer_hash(KEY, "a c")
    assert len(prompt_hash(KEY, "")) == 32


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('keyrings = { "a b" = "x" }', "no plain name"),
        ('keyrings = { campaigns = " " }', "names no folder"),
        ('engine = "Gumbel!"', "no name of a sampling scheme"),
        ('streams = "wait"', "streams"),
        ('folder = "x"', "no key that is known"),
    ],
)
def test_a_policy_that_cannot_mark_as_written_is_refused(line: str, wrong: str) -> None:
    with pytest.raises(InputError, match=wrong) as told:
        parse_policy(f'version = 1\nname = "t"\n[marking]\n{line}\n'.encode(), "policy.toml")
    assert "policy.toml:4" in str(told.value)


def test_policies_that_came_before_mark_nothing() -> None:
    for path in shipped().values():
        assert read_policy(path).marking == Marking()


def test_no_arrays_are_needed_to_mark_an_answer() -> None:
    program = """
import sys
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keyring import Keyring
from stillwatch.marks.text import SCHEME
from stillwatch.marks.text.marking import mark_answer
key = MarkKey(id="k", secret=bytes(32), scheme=SCHEME, scope="all", about="", epoch=0)
for prompt in map(str, range(9)):
    mark_answer(prompt, "For example, this is one of the things that I like to do in the garden. " * 9, key)
assert "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
