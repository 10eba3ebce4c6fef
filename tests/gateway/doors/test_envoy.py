"""The door for Envoy, behind the real Envoy with the configuration of ``examples/envoy``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import aiohttp
import pytest

from stillwatch.gateway.doors import envoy_exchange
from stillwatch.gateway.doors.summaries import Summaries
from stillwatch.gateway.shielding.seal import SealKeys, open_token
from tests.gateway.answers import CANARY
from tests.gateway.batch_server import batch_file, form, line
from tests.gateway.doors.envoy_door import HEADER, Door, door
from tests.gateway.doors.envoy_process import envoy
from tests.gateway.doors.test_bytes import CASES, PATHS, Case, answers, received
from tests.gateway.upstream import Upstream, serving

PATIENT = {"message_timeout: 1s": "message_timeout: 60s", "max_message_timeout: 30s": "max_message_timeout: 90s"}
"""A machine that is busy with other things is no failure of what is tested."""
KEYS = SealKeys((bytes(range(32)),))


class Stack(NamedTuple):
    upstream: Upstream
    door: Door
    address: str


async def short(text: str) -> str | None:
    return f"In short: {len(text)} characters."


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with serving() as upstream, door(keys=KEYS, summaries=Summaries(short)) as opened:
        port = int(upstream.address.rpartition(":")[2])
        with envoy("ext_proc.yaml", tmp_path_factory.mktemp("envoy"), port, opened.port, PATIENT) as front:
            yield Stack(upstream, opened, f"http://127.0.0.1:{front}")


@pytest.fixture(autouse=True)
def emptied(stack: Stack) -> None:
    stack.upstream.received.clear()
    stack.door.gate.requests.clear()
    stack.door.gate.told.clear()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    pieces: list[tuple[float, bytes]]


async def asked(stack: Stack, account: str, api: str = "chat", **body: Any) -> Answer:
    begun = time.monotonic()
    place = "input" if api == "responses" else "messages"
    told = {"model": "fake", "max_tokens": 50, place: [{"role": "user", "content": "Why?"}], **body}
    async with (
        aiohttp.ClientSession() as session,
        session.post(stack.address + PATHS[api], json=told, headers={HEADER: account}) as answer,
    ):
        pieces = [(time.monotonic() - begun, piece) async for piece in answer.content.iter_any()]
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, headers, b"".join(piece for _, piece in pieces), pieces)


def ask(stack: Stack, account: str, api: str = "chat", **body: Any) -> Answer:
    return asyncio.run(asked(stack, account, api, **body))


def told_of(stack: Stack, count: int = 1) -> list[dict[str, Any]]:
    until = time.monotonic() + 10
    while len(stack.door.gate.told) < count and time.monotonic() < until:
        time.sleep(0.01)
    return [observed.row for observed in stack.door.gate.told]


OURS = {"server", "x-envoy-upstream-service-time", "content-length", "x-envoy-expected-rq-timeout-ms", "x-request-id"}
"""Headers that Envoy itself sets or drops, with or without us."""


def test_more_than_a_thousand_requests_and_streams_pass_byte_for_byte(stack: Stack) -> None:
    bare = asyncio.run(answers(stack.upstream.address))
    sent = received(stack.upstream)
    through = asyncio.run(answers(stack.address))
    arrived = received(stack.upstream)
    assert len(CASES) > 1000
    assert [place for place in range(len(CASES)) if through[place][::2] != bare[place][::2]] == []
    kept = [{h for h in told[1] if h[0] not in OURS} for told in bare]
    assert [place for place in range(len(CASES)) if kept[place] - set(through[place][1])] == []
    assert [place for place in sent if arrived[place][3] != sent[place][3]] == []
    assert [place for place in sent if arrived[place][:2] != sent[place][:2]] == []
    gate = stack.door.gate
    assert len(gate.requests) == len(CASES)
    assert len(told_of(stack, 1)) == sum(request.operation != "other" for request in gate.requests)


def test_a_stream_comes_piece_by_piece_and_not_when_it_is_whole(stack: Stack) -> None:
    for account in ("somebody", "dropped"):
        answer = ask(stack, account, stream=True, model="fake+long60+slow+reasoning")
        first, last = answer.pieces[0][0], answer.pieces[-1][0]
        assert answer.body.rstrip().endswith(b"data: [DONE]")
        assert last - first > 0.3, account  # 60 words, 10 ms apart
        assert len(answer.pieces) > 10, account


@pytest.mark.parametrize("api", PATHS)
def test_a_refusal_is_the_apis_own_error_and_the_model_is_not_asked(stack: Stack, api: str) -> None:
    answer = ask(stack, "limited", api)
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    error = json.loads(answer.body)["error"]
    assert "Slow down." in error["message"]
    assert "ABCDEFGHIJ" in answer.body.decode()
    told_of(stack)  # each is waited for: a caller may have his answer before it is journalled
    assert ask(stack, "held", api).status == 403
    assert len(stack.upstream.received) == 0
    rows = told_of(stack, 2)
    assert [(row["status"], row["account_id"]) for row in rows] == [(429, "limited"), (403, "held")]


def test_a_refused_request_without_a_body_is_refused_at_its_headers(stack: Stack) -> None:
    async def run() -> tuple[int, int]:
        async with aiohttp.ClientSession(headers={HEADER: "held"}) as session:
            async with session.get(f"{stack.address}/v1/models") as one:
                async with session.post(f"{stack.address}/v1/files", data=b"x" * 3_000_000) as other:
                    return one.status, other.status

    assert asyncio.run(run()) == (403, 403)
    assert len(stack.upstream.received) == 0


def posted(stack: Stack, account: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
    async def run() -> tuple[int, bytes]:
        async with aiohttp.ClientSession(headers={HEADER: account, "content-type": kind}) as session:
            async with session.post(stack.address + path, data=body) as answer:
                return answer.status, await answer.read()

    return asyncio.run(run())


def test_the_requests_in_the_file_of_a_batch_count_are_limited_and_are_written_down(stack: Stack) -> None:
    kind = "multipart/form-data; boundary=b"
    data = batch_file(2) + line(2, reasoning_effort="high")
    body = form(data)
    for account, status, told in (("somebody", 200, 3), ("limited", 429, 3 + 1), ("shaped", 200, 3 + 1 + 3)):
        assert posted(stack, account, "/v1/files", body, kind)[0] == status
        told_of(stack, told)  # each is waited for: a caller may have his answer before it is journalled
    assert [request.items for request in stack.door.gate.requests] == [3, 3, 3]
    whole, smaller = (received.body for received in stack.upstream.received)
    assert whole == body
    assert smaller.startswith(body[: body.index(batch_file(2)) + len(batch_file(2))])
    assert json.loads(smaller.split(b"\n")[-3])["body"]["reasoning_effort"] == "low"
    rows = told_of(stack, 3 + 1 + 3)
    assert [(row["operation"], row["status"]) for row in rows] == [
        *[("chat", 200)] * 3,
        ("batch", 429),
        *[("chat", 200)] * 3,
    ]


def test_reasoning_in_the_answers_of_a_batch_does_not_leave(stack: Stack) -> None:
    chat = {"choices": [{"message": {"content": "So.", "reasoning_content": CANARY}}]}
    told = json.dumps({"custom_id": "1", "response": {"status_code": 200, "body": chat}}).encode() + b"\nno json"
    path = "/v1/files/f_1/content"  # this server says back what it was told
    assert posted(stack, "somebody", path, told, "application/x") == (200, told)
    status, out = posted(stack, "dropped", path, told, "application/x")
    assert (status, CANARY.encode() in out, out.split(b"\n")[1]) == (200, False, b"no json")
    assert json.loads(out.split(b"\n")[0])["response"]["body"]["choices"][0]["message"]["content"] == "So."


def test_a_request_is_made_smaller_on_its_way(stack: Stack) -> None:
    ask(stack, "shaped", n=4, logprobs=True, top_logprobs=5, reasoning_effort="high", x_unknown={"kept": [1.0, None]})
    sent = json.loads(stack.upstream.received[0].body)
    assert "logprobs" not in sent or not sent["logprobs"]
    assert (sent.get("n", 1), sent["reasoning_effort"]) == (1, "low")
    assert sent["x_unknown"] == {"kept": [1.0, None]}
    row = told_of(stack)[0]
    assert (row["status"], row["account_id"], row["model"]) == (200, "shaped", "fake")


def test_a_request_too_large_to_be_made_smaller_is_refused_and_others_pass_whatever_their_size(stack: Stack) -> None:
    large = [{"role": "user", "content": "x" * 40_000_000}]  # more than Envoy holds
    assert ask(stack, "shaped", messages=large, n=4).status == 413
    assert len(stack.upstream.received) == 0
    assert ask(stack, "somebody", messages=large).status == 200
    assert len(stack.upstream.received[0].body) > 40_000_000


def test_a_wait_holds_the_request_and_not_the_answer(stack: Stack) -> None:
    begun = time.monotonic()
    answer = ask(stack, "slowed")
    assert answer.status == 200
    assert time.monotonic() - begun >= 1.5
    assert b"choices" in answer.body


FLAGS = ["", "+tools", "+odd", "+odd+crlf+comments", "+unknown+odd", "+gzip", "+gzip+odd", "+chunked"]


SEALING = pytest.mark.skipif(find_spec("cryptography") is None, reason="sealing needs cryptography")
MODES = ["dropped", pytest.param("sealed", marks=SEALING), "summarised"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("api", PATHS)
def test_no_reasoning_leaves_whole_or_streamed_however_it_is_cut(stack: Stack, api: str, mode: str) -> None:
    async def run() -> list[tuple[str, bool, Answer, Answer]]:
        found = []
        for flags in FLAGS:
            for stream in (False, True):
                body = {"model": f"fake+reasoning{flags}", "stream": stream}
                shown, plain = await asyncio.gather(
                    asked(stack, mode, api, **body), asked(stack, "somebody", api, **body)
                )
                found.append((flags, stream, shown, plain))
        return found

    for flags, stream, shown, plain in asyncio.run(run()):
        assert CANARY.encode() in plain.body, (flags, stream)
        assert CANARY.encode() not in shown.body, (flags, stream)
        assert (shown.status, "content-encoding" in shown.headers) == (200, False)
        if stream:
            end = {"chat": b"[DONE]", "messages": b"message_stop", "responses": b"response.completed"}[api]
            assert end in shown.body, (flags, stream)
        else:
            json.loads(shown.body)
        assert (mode == "sealed") <= (b"swseal1." in shown.body), (flags, stream)
        assert (mode == "summarised") <= (b"In short: " in shown.body), (flags, stream)
    rows = told_of(stack, 4 * len(FLAGS))
    assert all(CANARY in str(row["reasoning"]) for row in rows)  # the journal has what the model said
    assert {request.header("accept-encoding") for request in stack.upstream.received} >= {"identity"}


@SEALING
def test_a_sealed_thought_that_is_handed_back_reaches_the_model_as_it_was(stack: Stack) -> None:
    first = json.loads(ask(stack, "sealed", "messages", model="fake+reasoning").body)
    assert CANARY not in json.dumps(first)
    asked_again = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": first["content"]}]
    ask(stack, "sealed", "messages", messages=[*asked_again, {"role": "user", "content": "And?"}])
    assert CANARY in stack.upstream.received[-1].body.decode()
    ask(stack, "sealed-other", "messages", messages=[*asked_again, {"role": "user", "content": "And?"}])
    assert CANARY not in stack.upstream.received[-1].body.decode()  # another account's hands
    token = json.dumps(first).partition("swseal1.")
    opened = open_token(token[1] + token[2].partition(".")[0] + ".", KEYS)
    assert opened is not None
    assert opened.account_id == "sealed"


def test_a_client_who_leaves_and_a_model_that_breaks_off_are_told_of(stack: Stack) -> None:
    async def leave() -> None:
        async with aiohttp.ClientSession() as session:
            body = {"model": "fake+stall", "stream": True, "messages": []}
            async with session.post(stack.address + PATHS["chat"], json=body, headers={HEADER: "leaver"}) as answer:
                await answer.content.readany()

    asyncio.run(leave())
    row = told_of(stack)[0]
    assert (row["account_id"], row["status"]) == ("leaver", 499)
    with pytest.raises(aiohttp.ClientError):
        ask(stack, "broken", stream=True, model="fake+cut+slow+long50")
    row = told_of(stack, 2)[1]
    assert row["account_id"] == "broken"


def test_who_calls_is_the_keys_hash_where_envoy_names_nobody_and_the_address_is_envoys(stack: Stack) -> None:
    case = Case("POST", PATHS["chat"], b'{"model":"fake","messages":[]}', (("authorization", "Bearer sk-secret"),))

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            headers = [*case.headers, ("x-forwarded-for", "203.0.113.9"), ("user-agent", "mine/1")]
            async with session.post(stack.address + case.target, data=case.body, headers=headers) as answer:
                assert answer.status == 200

    asyncio.run(run())
    request = stack.door.gate.requests[0]
    assert request.account_id == request.api_key_id
    assert "sk-secret" not in request.account_id
    assert request.client_ip == "127.0.0.1"  # what the caller claims is no address
    assert request.user_agent == "mine/1"


def test_an_answer_that_cannot_be_shielded_is_withheld_although_envoy_fails_open(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object, **named: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(envoy_exchange, "Shielding", broken)
    for stream in (False, True):
        answer = ask(stack, "dropped", model="fake+reasoning", stream=stream)
        assert answer.status == 502
        assert CANARY.encode() not in answer.body
    assert [row["status"] for row in told_of(stack, 2)] == [502, 502]
