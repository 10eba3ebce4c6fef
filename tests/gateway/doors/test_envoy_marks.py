"""Marks behind the real Envoy: answers handed over, marked and journalled, and no caller's word of a key passed on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench.made_answers import prompts, somebody
from stillwatch.gateway.marking.records import answer_hash
from stillwatch.gateway.policy import Policy
from stillwatch.marks.text.marking import mark_answer
from tests.gateway.answers import CANARY
from tests.gateway.doors.envoy_door import HEADER, door
from tests.gateway.doors.envoy_process import envoy
from tests.gateway.doors.test_bytes import PATHS
from tests.gateway.doors.test_envoy import PATIENT, Answer, Stack, ask, told_of
from tests.gateway.doors.test_marks import text
from tests.gateway.keyrings import keyring, policy
from tests.gateway.test_marking import deltas, documents
from tests.gateway.upstream import serving


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with serving() as upstream, door() as opened:
        port = int(upstream.address.rpartition(":")[2])
        with envoy("ext_proc.yaml", tmp_path_factory.mktemp("envoy"), port, opened.port, PATIENT) as front:
            yield Stack(upstream, opened, f"http://127.0.0.1:{front}")


@pytest.fixture
def stack(running: Stack) -> Stack:
    running.upstream.received.clear()
    running.door.gate.told.clear()
    running.door.gate.policy = Policy(version=1, name="test")
    return running


def asked(stack: Stack, account: str, prompt: str, api: str = "chat", flags: str = "+prose", **more: Any) -> Answer:
    place = "input" if api == "responses" else "messages"
    said = {place: [{"role": "user", "content": prompt}], "model": f"fake{flags}"}
    before = len(stack.door.gate.told)
    answer = ask(stack, account, api, **{**said, **more})
    told_of(stack, before + 1)  # a caller may have his answer before it is journalled, and rows are looked at in order
    return answer


def test_whole_answers_are_marked_and_kept_as_they_left(stack: Stack, tmp_path: Path) -> None:
    key = keyring(tmp_path / "keys")
    stack.door.gate.policy = policy(tmp_path / "keys")
    questions = prompts(40)
    expected = [mark_answer(prompt, somebody(3).answer(prompt), key) for prompt in questions]
    told = [text(asked(stack, "marked", prompt)) for prompt in questions]  # type: ignore[arg-type]
    assert told == [one.text for one in expected]
    assert sum(bool(one.edits) for one in expected) > 10
    rows = told_of(stack, 40)
    assert [row["response"] for row in rows] == told
    assert [row["marks"]["answer"] for row in rows] == [answer_hash(key, answer) for answer in told]


@pytest.mark.parametrize("api", PATHS)
def test_streams_are_held_or_pass_as_the_policy_says(stack: Stack, tmp_path: Path, api: str) -> None:
    key = keyring(tmp_path / "keys")
    prompt = next(p for p in prompts(99) if mark_answer(p, somebody(3).answer(p), key).edits)
    plain, expected = somebody(3).answer(prompt), mark_answer(prompt, somebody(3).answer(prompt), key).text
    for streams, account, flags, said in (
        ("pass", "marked", "+prose", plain),
        ("hold", "marked", "+prose", expected),
        ("hold", "both", "+prose+reasoning", expected),
    ):
        stack.door.gate.policy = policy(tmp_path / "keys", streams=streams)
        answer = asked(stack, account, prompt, api, flags, stream=True)
        assert "".join(deltas(documents(answer.body))) == said, (streams, account)
        if account == "both":
            assert CANARY.encode() not in answer.body
    assert ["marks" in row for row in told_of(stack, 3)] == [False, True, True]


def test_an_answer_that_cannot_be_marked_passes_or_is_withheld(stack: Stack, tmp_path: Path) -> None:
    keyring(tmp_path / "keys")
    bare = asked(stack, "somebody", prompts(1)[0], flags="+prose+broken")
    stack.door.gate.policy = policy(tmp_path / "keys")
    assert asked(stack, "marked", prompts(1)[0], flags="+prose+broken").body == bare.body
    stack.door.gate.policy = policy(tmp_path / "keys", closed=True)
    withheld = asked(stack, "marked", prompts(1)[0], flags="+prose+broken")
    assert json.loads(withheld.body)["error"]["code"] == "answer_withheld"
    assert told_of(stack, 3)[2]["status"] == 502


def test_a_callers_own_word_of_a_key_never_reaches_the_server(stack: Stack, tmp_path: Path) -> None:
    key = keyring(tmp_path / "keys", "gumbel")
    claim = {"vllm_xargs": {"stillwatch_mark": "a-key", "other": 1}}
    cases = (("", "somebody", None), ("", "marked", None), ("gumbel", "somebody", None), ("gumbel", "marked", key.id))
    for place, (engine, account, told) in enumerate(cases, 1):
        stack.door.gate.policy = policy(tmp_path / "keys", engine=engine)
        asyncio.run(claiming(stack, account, claim))
        received = stack.upstream.received[-1]
        expected = {"other": 1} if told is None else {"other": 1, "stillwatch_mark": told}
        assert json.loads(received.body)["vllm_xargs"] == expected, (engine, account)
        assert received.header("x-stillwatch-mark") == told, (engine, account)
        told_of(stack, place)
    assert [row.get("marks", {}).get("key") for row in told_of(stack, 4)] == [told for *_, told in cases]


async def claiming(stack: Stack, account: str, claim: dict[str, Any]) -> None:
    body = {"model": "fake", "messages": [{"role": "user", "content": "Why?"}], **claim}
    headers = {HEADER: account, "X-Stillwatch-Mark": "a-key"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(stack.address + PATHS["chat"], json=body) as answer,
    ):
        assert answer.status == 200
        await answer.read()  # whoever leaves before is told of as 499, and without a mark
