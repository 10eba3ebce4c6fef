"""Marks on answers as LiteLLM's hooks hand them over, without LiteLLM; the journal's line that waits for one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bench.made_answers import prompts, somebody
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors import litellm_marks
from stillwatch.gateway.doors.calls import Call
from stillwatch.gateway.doors.litellm_marks import Marked, Unmarkable, marked, marked_stream, unclaimed
from stillwatch.gateway.doors.marks import Due, Marks
from stillwatch.gateway.marking.answers import Made
from stillwatch.gateway.marking.records import COLUMN, answer_hash
from stillwatch.marks.base import MarkKey
from stillwatch.marks.text.marking import mark_answer
from tests.gateway.keyrings import MARK, keyring, policy
from tests.gateway.test_marking import APIS, body, deltas, documents, said, text_of

EACH = pytest.mark.parametrize("api", APIS)


def due_on(folder: Path, api: str, prompt: str, **more: Any) -> tuple[Marked, Marks]:
    marks = Marks()
    decision = Decision(request_id="r", account_id="a", at=0, mark=MARK)
    operation = {"chat": "chat", "messages": "messages", "responses": "responses"}[api]
    call = Call(APIS[api], operation, body(api, prompt))  # type: ignore[arg-type]
    due = marks.due(decision, call, policy(folder, streams="hold", **more))
    assert isinstance(due, Due)
    return Marked(due), marks


def a_prompt(key: MarkKey) -> str:
    return next(p for p in prompts(99) if mark_answer(p, somebody(3).answer(p), key).edits)


async def stream(chunks: list[Any], *, breaks: bool = False) -> AsyncIterator[Any]:
    for chunk in chunks:
        yield chunk
    if breaks:
        raise ConnectionError


async def all_of(call: Marked, marks: Marks, chunks: AsyncIterator[Any], seconds: float = 60) -> list[tuple[Any, Any]]:
    return [told async for told in marked_stream(chunks, call, marks, seconds)]


@EACH
def test_a_whole_answer_is_marked_and_of_the_same_kind(tmp_path: Path, api: str) -> None:
    key = keyring(tmp_path / "keys")
    prompt = a_prompt(key)
    call, marks = due_on(tmp_path / "keys", api, prompt)
    answer = json.loads(said(api, prompt))
    told, made = asyncio.run(marked(answer, call, marks))
    assert text_of(api, told) == mark_answer(prompt, somebody(3).answer(prompt), key).text
    assert made is not None
    assert made.could
    other = next(p for p in prompts(99) if not mark_answer(p, somebody(3).answer(p), key).edits)
    call, marks = due_on(tmp_path / "keys", api, other)
    same = json.loads(said(api, other))
    assert asyncio.run(marked(same, call, marks))[0] is same


@EACH
@pytest.mark.parametrize("kind", ["bytes", "objects"])
def test_a_held_stream_is_marked_chunk_by_chunk(tmp_path: Path, api: str, kind: str) -> None:
    key = keyring(tmp_path / "keys")
    prompt = a_prompt(key)
    call, marks = due_on(tmp_path / "keys", api, prompt)
    data = said(api, prompt, stream=True)
    chunks: list[Any] = [data[:100], data[100:101], data[101:]] if kind == "bytes" else documents(data)
    told = asyncio.run(all_of(call, marks, stream(chunks)))
    after = documents(b"".join(chunk for chunk, _ in told)) if kind == "bytes" else [chunk for chunk, _ in told]
    assert "".join(deltas(after)) == mark_answer(prompt, somebody(3).answer(prompt), key).text
    if kind == "objects":
        assert len(after) == len(chunks)
        assert sum(chunk is before for (chunk, _), before in zip(told, chunks, strict=True)) > len(chunks) / 2
    assert all(made is told[0][1] for _, made in told)
    assert isinstance(told[0][1], Made)


def test_a_stream_that_breaks_off_or_takes_too_long_goes_on_as_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = keyring(tmp_path / "keys")
    prompt = a_prompt(key)
    chunks = documents(said("chat", prompt, stream=True))
    call, marks = due_on(tmp_path / "keys", "chat", prompt)
    came: list[Any] = []

    async def read() -> None:
        async for chunk, _ in marked_stream(stream(chunks[:20], breaks=True), call, marks, 60):
            came.append(chunk)

    with pytest.raises(ConnectionError):
        asyncio.run(read())
    assert came == chunks[:20]
    assert [chunk for chunk, _ in asyncio.run(all_of(call, marks, stream(chunks), seconds=-1))] == chunks
    monkeypatch.setattr(litellm_marks, "MOST_READ", 1000)
    assert [chunk for chunk, _ in asyncio.run(all_of(call, marks, stream(chunks)))] == chunks
    closed, marks = due_on(tmp_path / "keys", "chat", prompt, closed=True)
    with pytest.raises(Unmarkable):
        asyncio.run(all_of(closed, marks, stream(chunks)))


def test_whichever_comes_second_writes_the_journals_line(tmp_path: Path) -> None:
    key = keyring(tmp_path / "keys")
    prompt = a_prompt(key)
    call, marks = due_on(tmp_path / "keys", "chat", prompt)
    answer = json.loads(said("chat", prompt))
    told, made = asyncio.run(marked(answer, call, marks))
    text = text_of("chat", told)

    def observed() -> Observed:
        decision = Decision(request_id="r", account_id="a", at=0)
        return Observed(row={"response": somebody(3).answer(prompt)}, decision=decision)

    first = observed()
    call.waiting = first
    assert call.settle(made) is first
    assert call.settle(made) is None, "told once"
    for one in (first, call.on(observed())):
        assert one.row["response"] == text
        assert one.row[COLUMN]["answer"] == answer_hash(key, text)  # type: ignore[index]
    call, _ = due_on(tmp_path / "keys", "chat", prompt)
    call.waiting = observed()
    late = call.settle(None)
    assert late is not None
    assert COLUMN not in late.row


def test_what_a_caller_says_of_a_mark_is_taken_away_wherever_litellm_takes_it_from() -> None:
    claim = {"stillwatch_mark": "a-key", "x": 1}
    data = {
        "model": "m",
        "vllm_xargs": claim,
        "extra_body": {"vllm_xargs": claim, "y": 2},
        "extra_headers": {"X-Stillwatch-Mark": "a-key", "z": "3"},
    }
    assert unclaimed(data) == {
        "model": "m",
        "vllm_xargs": {"x": 1},
        "extra_body": {"vllm_xargs": {"x": 1}, "y": 2},
        "extra_headers": {"z": "3"},
    }
    told = unclaimed(data, "id")
    assert told["vllm_xargs"] == {"x": 1, "stillwatch_mark": "id"}
    assert told["extra_headers"] == {"z": "3", "x-stillwatch-mark": "id"}
    plain = {"model": "m", "extra_body": {"y": 2}, "extra_headers": {"z": "3"}}
    assert unclaimed(plain) is plain
