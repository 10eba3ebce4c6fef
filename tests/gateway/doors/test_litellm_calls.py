"""What the door in LiteLLM reads of calls and answers, without LiteLLM: the proxy's own words are in test_litellm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stillwatch.gateway.doors.litellm_answers import shielded, shielded_stream
from stillwatch.gateway.doors.litellm_calls import REMEMBERED, call_of, caller_of, recent_ids, row_of_payload, shaped
from stillwatch.responses.traffic import Shape
from stillwatch.sources.formats.litellm import SOURCE
from stillwatch.sources.log import open_log
from tests.sources.faked_model import CHAT, MESSAGE, MESSAGE_EVENTS, RESPONSE, RESPONSE_EVENTS

PAYLOAD: dict[str, Any] = json.loads(SOURCE.info.example)
OWNERS = [
    {"user_id": "u", "team_id": "t", "org_id": "o", "api_key": "k"},
    {"team_id": "t", "org_id": "o", "api_key": "k"},
    {"org_id": "o", "api_key": "k"},
    {"user_id": "", "team_id": None, "api_key": "k"},
    {},
]


@pytest.mark.parametrize("owner", OWNERS)
def test_the_door_and_the_log_name_the_same_account(owner: dict[str, Any]) -> None:
    metadata = {f"user_api_key_{name}": value for name, value in owner.items() if name != "api_key"}
    metadata["user_api_key_hash"] = owner.get("api_key")
    row = row_of_payload(PAYLOAD | {"metadata": metadata})
    caller = caller_of(SimpleNamespace(**owner), {})
    assert caller.account_id == ("" if row is None else row["account_id"])
    assert caller.api_key_id == (owner.get("api_key") or "")


def test_what_a_caller_writes_makes_him_nobody_else() -> None:
    claims = {"user_api_key_user_id": "somebody", "tier": "partner", "user_agent": 7, "requester_ip_address": ["x"]}
    caller = caller_of(SimpleNamespace(user_id="u", metadata={}), {"user": "somebody", "metadata": claims})
    assert (caller.account_id, caller.tier, caller.user_agent, caller.client_ip) == ("u", "", "", "")
    noted, claimed = {"requester_ip_address": "203.0.113.9"}, {"requester_ip_address": "192.0.2.1"}
    for data in ({"metadata": noted, "litellm_metadata": claimed}, {"metadata": claimed, "litellm_metadata": noted}):
        assert caller_of(SimpleNamespace(user_id="u"), data).client_ip == ""
    assert caller_of(SimpleNamespace(user_id="u"), {"metadata": noted}).client_ip == "203.0.113.9"


def test_a_row_is_what_a_scan_reads(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(PAYLOAD) + "\n")
    (read,) = open_log([path]).read().to_pylist()
    row = row_of_payload(PAYLOAD)
    assert row is not None
    assert row.pop("started_at") == round(read.pop("started_at").timestamp() * 1_000_000)
    assert row == read


@pytest.mark.parametrize(
    "wrong",
    [{"id": None}, {"startTime": "never"}, {"metadata": {}}, {"startTime": True}, {"metadata": "x"}],
)
def test_what_is_no_exchange_is_no_row(wrong: dict[str, Any]) -> None:
    assert row_of_payload(PAYLOAD | wrong) is None


@pytest.mark.parametrize(
    ("kind", "api", "operation"),
    [
        ("acompletion", "openai_chat", "chat"),
        ("completion", "openai_chat", "chat"),
        ("anthropic_messages", "anthropic_messages", "messages"),
        ("aresponses", "openai_responses", "responses"),
        ("aget_responses", "openai_responses", "other"),
        ("atext_completion", "openai_chat", "completions"),
        ("acreate_batch", "openai_chat", "batch"),
        ("agenerate_content", "other", "other"),
    ],
)
def test_routes_of_the_proxy(kind: str, api: str, operation: str) -> None:
    assert call_of(kind, {"model": "m"})[:2] == (api, operation)


def test_ids_are_told_once_and_memory_is_bounded() -> None:
    fresh = recent_ids()
    assert fresh("mine") == "mine"
    others = {fresh("mine") for _ in range(100)} | {fresh(None), fresh(""), fresh(7)}
    assert len(others) == 103
    assert "mine" not in others
    for number in range(REMEMBERED):
        fresh(f"id {number}")
    assert fresh("mine") == "mine"  # forgotten by now


def test_thinking_over_chat_completions_is_made_smaller_too() -> None:
    body = {"model": "m", "messages": [], "thinking": {"type": "enabled", "budget_tokens": 9000}, "max_tokens": 9999}
    smaller = shaped("openai_chat", body, Shape(reasoning_tokens=2000))
    assert smaller["thinking"]["budget_tokens"] == 2000
    assert body["thinking"]["budget_tokens"] == 9000  # type: ignore[index]


@pytest.mark.parametrize("mode", ["drop", "summarise", "seal"])
def test_whole_answers_lose_reasoning_wherever_it_is_repeated(mode: Any) -> None:
    message = CHAT["choices"][0]["message"] | {  # type: ignore[index]
        "thinking_blocks": [{"type": "thinking", "thinking": "Hm."}],
        "provider_specific_fields": {"reasoning_content": "Hm."},
    }
    chat = CHAT | {"choices": [CHAT["choices"][0] | {"message": message}]}  # type: ignore[index,dict-item]
    for api, answer in (("openai_chat", chat), ("anthropic_messages", MESSAGE), ("openai_responses", RESPONSE)):
        told = json.dumps(asyncio.run(shielded(api, answer, mode)))  # type: ignore[arg-type]
        assert "Hm." not in told
        assert "So." in told
        assert json.dumps(answer["usage"]) in told


async def collected(chunks: AsyncIterator[Any]) -> bytes:
    return b"".join([part if isinstance(part, bytes) else part.encode() async for part in chunks])


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_streams_of_bytes_lose_reasoning_however_they_are_cut(size: int) -> None:
    for api, events in (("anthropic_messages", MESSAGE_EVENTS), ("openai_responses", RESPONSE_EVENTS)):
        whole = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()

        async def chunks(whole: bytes = whole) -> AsyncIterator[bytes]:
            for start in range(0, len(whole), size):
                yield whole[start : start + size]

        told = asyncio.run(collected(shielded_stream(api, chunks(), "drop")))  # type: ignore[arg-type]
        assert b"Hm." not in told
        assert b"So." in told


def test_a_stream_that_breaks_off_says_so_after_what_may_leave() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for event in MESSAGE_EVENTS[:6]:
            yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        raise ConnectionError("upstream went away")

    told: list[bytes] = []

    async def run() -> None:
        async for part in shielded_stream("anthropic_messages", chunks(), "drop"):
            told.append(part)

    with pytest.raises(ConnectionError):
        asyncio.run(run())
    assert b"So." in b"".join(told)
    assert b"Hm." not in b"".join(told)
