"""Whatever a stream looks like and however it is cut: no letter of reasoning leaves, and all else arrives."""

from __future__ import annotations

import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.gateway.shielding.base import Summarise
from stillwatch.gateway.shielding.shield import shield_body, shield_stream
from stillwatch.gateway.shielding.tags import TAGS
from stillwatch.responses.traffic import API, ShieldMode
from tests.gateway.shielding.answers import ANSWERS, FIELDS, GEORGIAN, chat_answer
from tests.gateway.shielding.wire import cut, document, documents, shielded, stream, strings, visible

APIS: tuple[API, ...] = ("openai_chat", "anthropic_messages", "openai_responses")
MODES: tuple[ShieldMode, ...] = ("drop", "summarise", "seal")
ENDS = st.sampled_from(("\n", "\r\n", "\r"))
SEEDS = st.integers(0, 2**32)
LETTERS = frozenset(GEORGIAN)


def letters(data: bytes) -> set[str]:
    """Letters of reasoning in what left: as they are, escaped, and in any text once decoded."""
    text = data.decode("utf-8", "replace")
    unescaped = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return LETTERS & set(text + unescaped)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("api", APIS)
@given(seed=SEEDS, wild=st.sampled_from((0.0, 0.1, 0.9)), end=ENDS)
@settings(max_examples=60)
def test_no_letter_leaves_and_all_else_arrives(api: API, mode: ShieldMode, seed: int, wild: float, end: str) -> None:
    rng = random.Random(seed)
    answer = ANSWERS[api](rng)
    data = stream(answer, rng, wild=wild, end=end)
    shield = shield_stream(api, mode)
    out = shielded(shield, cut(data, rng), "In short.")
    assert not letters(out)
    assert shield.counts.unreadable == 0
    events = documents(out)
    texts, calls = visible(api, events)
    assert texts == {place: text for place, text in answer.texts.items() if text}
    assert calls == {place: "".join(a for _, a in some) for place, some in answer.calls.items() if some}
    assert ("[DONE]" in out.decode()) == answer.done
    assert "In short." not in out.decode() or mode == "summarise"


@pytest.mark.parametrize("api", APIS)
@given(seed=SEEDS, end=ENDS, mode=st.sampled_from(MODES))
@settings(max_examples=40)
def test_what_leaves_does_not_depend_on_how_it_was_cut(api: API, seed: int, end: str, mode: ShieldMode) -> None:
    rng = random.Random(seed)
    data = stream(ANSWERS[api](rng), rng, wild=0.1, end=end)
    once = shielded(shield_stream(api, mode), [data], "In short.")
    assert shielded(shield_stream(api, mode), cut(data, rng), "In short.") == once
    assert shielded(shield_stream(api, mode), [data[i : i + 1] for i in range(len(data))], "In short.") == once


@pytest.mark.parametrize("api", APIS)
@given(seed=SEEDS, end=ENDS)
@settings(max_examples=40)
def test_usage_and_order_stay(api: API, seed: int, end: str) -> None:
    rng = random.Random(seed)
    answer = ANSWERS[api](rng)
    out = documents(shielded(shield_stream(api, "drop"), cut(stream(answer, rng, end=end), rng)))
    assert json.dumps(answer.usage) in json.dumps(out)
    if api == "openai_responses":
        assert [event["sequence_number"] for event in out] == list(range(len(answer.events)))
        assert [event["type"] for event in out] == [event["type"] for event in answer.events]
        assert out[-1]["response"]["reasoning"] == {"effort": "high", "summary": "detailed"}
        assert out[-1]["response"]["metadata"] == {"thinking": "mine"}
    if api == "anthropic_messages":
        starts = [event["index"] for event in out if event["type"] == "content_block_start"]
        assert starts == list(range(len(starts))), "clients put blocks together by their places"


@pytest.mark.parametrize("api", APIS)
@given(seed=SEEDS)
@settings(max_examples=60)
def test_summaries_keep_the_numbers_of_events(api: API, seed: int) -> None:
    rng = random.Random(seed)
    answer = ANSWERS[api](rng)
    out = documents(shielded(shield_stream(api, "summarise"), [stream(answer, rng)], "In short."))
    if api == "openai_responses":
        assert [event["sequence_number"] for event in out] == list(range(len(answer.events)))
        thought = any(
            item["type"] == "reasoning" and "".join(strings(item.get("content") or item["summary"])).strip()
            for item in answer.body["output"]
        )
        assert thought == ("In short." in json.dumps(out[-1]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("api", APIS)
@given(seed=SEEDS, wild=st.sampled_from((0.0, 0.5)))
@settings(max_examples=60)
def test_whole_answers(api: API, mode: ShieldMode, seed: int, wild: float) -> None:
    rng = random.Random(seed)
    answer = ANSWERS[api](rng)
    body = document(answer.body, rng, wild).encode()
    out = shield_body(api, body, mode)
    if isinstance(out, Summarise):
        assert mode == "summarise"
        assert LETTERS & set(out.text)
        out = shield_body(api, body, mode, "In short.")
    assert isinstance(out, bytes)
    assert not letters(out)
    if not letters(body):
        assert out == body, "where there is no reasoning the bytes are the same"
    said = "".join(strings(json.loads(out)))
    for text in answer.texts.values():
        assert text in said
    assert json.loads(out)["usage"] == answer.usage


@pytest.mark.parametrize("api", APIS)
@given(data=st.binary(max_size=300))
def test_any_bytes_at_all(api: API, data: bytes) -> None:
    out = shielded(shield_stream(api, "drop"), [b"data: " + data + b"\n\n"])
    assert isinstance(out, bytes)
    assert isinstance(shield_body(api, data, "drop"), bytes)


@pytest.mark.parametrize("api", APIS)
@given(seed=SEEDS)
@settings(max_examples=40)
def test_a_stream_that_breaks_off(api: API, seed: int) -> None:
    rng = random.Random(seed)
    answer = ANSWERS[api](rng)
    data = stream(answer, rng, wild=0.1)
    broken = data[: rng.randint(0, len(data))]
    out = shielded(shield_stream(api, "drop"), cut(broken, rng))
    assert not letters(out)
    texts, _ = visible(api, documents(out + b"\n\n"))
    for place, text in texts.items():  # half of an opening tag is no reasoning yet
        assert answer.texts[place].startswith(text) or any(tag.startswith(text) for tag, _ in TAGS)


@pytest.mark.parametrize("api", APIS)
@given(seed=SEEDS)
@settings(max_examples=60)
def test_lines_garbled_on_the_way(api: API, seed: int) -> None:
    rng = random.Random(seed)
    answer = chat_answer(rng, kinds=FIELDS) if api == "openai_chat" else ANSWERS[api](rng, tagged=0.0)
    data = bytearray(stream(answer, rng, wild=rng.choice((0.0, 0.1))))
    for _ in range(rng.randint(1, 6)):
        if rng.random() < 0.5:  # a line break anywhere
            place = rng.randrange(len(data))
            data[place:place] = b"\n"
        else:  # the name of a field, or its end, is lost
            start = data.rfind(b"\ndata:", 0, rng.randrange(len(data)))
            if start >= 0:
                place = start + rng.randint(0, 5)
                data[place : place + 1] = rng.choice((b"", b"x", b" "))
    shield = shield_stream(api, "drop")
    assert not letters(shielded(shield, cut(bytes(data), rng)))


@pytest.mark.parametrize(
    "line", [b'{"delta": "x"}', b'dat: {"a": "\\u0072"}', b': {"reasoning": "x"}', "ა".encode(), b": " + b"x" * 300]
)
def test_lines_that_may_hold_a_document_never_leave(line: bytes) -> None:
    shield = shield_stream("openai_chat", "drop")
    assert shielded(shield, [line + b"\n\n"]) == b""
    assert shield.counts.unreadable == 1
