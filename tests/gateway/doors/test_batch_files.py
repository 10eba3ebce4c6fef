"""OpenAI's batches: what their files ask for counts, is limited and is written down as if it were asked one by one."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.gateway.doors import multipart
from stillwatch.gateway.doors.accounts import Callers
from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.upstream import Upstream
from stillwatch.gateway.gate import Gate
from stillwatch.gateway.metrics import GateMetrics, TimedGate
from stillwatch.gateway.policy import Failures, Policy
from stillwatch.gateway.stores.base import change
from stillwatch.responses.traffic import Shape
from tests.gateway.answers import CANARY
from tests.gateway.batch_server import BatchServer, batch_file, line, serving_batches
from tests.gateway.claims import HOLD, NOW, SECOND, Open, claim, write_policy
from tests.gateway.proxied import Chosen, served

CAPPED = {"shape": Shape(reasoning_effort="low", one_answer=True)}
BUDGET = """
[[measures]]
response = "slow_down"
levels = ["suspected", "review", "campaign", "confirmed"]
parameters = {per_day = 86400, burst = 5}
"""


class Doors:
    def __init__(self, gate: Chosen, address: str, server: BatchServer) -> None:
        self.gate, self.address, self.server = gate, address, server


@pytest.fixture(scope="module")
def running() -> Iterator[Doors]:
    gate = Chosen()
    with serving_batches() as server:
        front = Upstream(server.address)
        with served(StillwatchMiddleware(front, gate=gate), front.close) as address:
            yield Doors(gate, address, server)


@pytest.fixture
def doors(running: Doors) -> Doors:
    running.gate.choose = lambda request: {}
    running.gate.policy = Policy(version=1, name="test")
    running.gate.keeps_text, running.gate.unreadable = True, 0
    for kept in (running.gate.told, running.gate.requests, running.server.received, running.server.headers):
        kept.clear()
    running.server.output, running.server.refuses = b"", False
    return running


def client(address: str, sent: list[bytes] | None = None, account: str = "") -> openai.OpenAI:
    """The SDK; ``sent`` takes the bodies that it sends."""

    def keep(request: httpx2.Request) -> None:
        if sent is not None:
            sent.append(request.read())

    return openai.OpenAI(
        base_url=f"{address}/v1",
        api_key="sk-a-key-of-mine",
        max_retries=0,
        default_headers={"x-account": account} if account else None,
        http_client=openai.DefaultHttpxClient(event_hooks={"request": [keep]}),
    )


def uploaded(one: openai.OpenAI, data: bytes, **more: Any) -> str:
    return one.files.create(file=("requests.jsonl", data), purpose="batch", **more).id


def made(one: openai.OpenAI, file: str) -> None:
    one.batches.create(input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h")


def form(data: bytes, purpose: bytes = b"batch", more: bytes = b"") -> bytes:
    return (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n' + purpose + b"\r\n" + more + b"--b\r\n"
        b'Content-Disposition: form-data; name="file"; filename="r.jsonl"\r\nContent-Type: application/x\r\n\r\n'
        + data
        + b"\r\n--b--\r\n"
    )


def post(address: str, body: bytes, path: str = "/v1/files", **headers: str) -> httpx2.Response:
    given = {"content-type": "multipart/form-data; boundary=b", **headers}
    return httpx2.post(address + path, content=body, headers=given)


# Nothing applies


def test_a_batch_nobody_limits_passes_byte_for_byte_and_each_of_its_requests_is_written_down(doors: Doors) -> None:
    sent: list[bytes] = []
    one = client(doors.address, sent)
    data = batch_file(3) + line(3, "/v1/responses", input="Why?") + b"\n" + line(4, "/v1/embeddings", input="So")
    made(one, uploaded(one, data))
    assert doors.server.received == sent
    assert [(r.operation, r.items, r.api, r.model) for r in doors.gate.requests] == [
        ("batch", 5, "openai_chat", "m-1"),
        ("batch", 1, "openai_chat", ""),
    ]
    rows = [told.row for told in doors.gate.told]
    assert [row["operation"] for row in rows] == ["chat", "chat", "chat", "responses", "embeddings", "batch"]
    assert [json.loads(str(row["messages"]))[0]["content"] for row in rows[:3]] == [
        f"Question {place}, é?" for place in range(3)
    ]
    assert len({row["exchange_id"] for row in rows}) == 6
    assert {(row["model"], row["status"], row["response"], row["latency_ms"]) for row in rows[:5]} == {
        ("m-1", 200, None, None)
    }
    assert {row["account_id"] for row in rows} == {doors.gate.requests[0].account_id}


def test_without_word_of_the_policy_no_text_of_a_batch_is_kept(doors: Doors) -> None:
    doors.gate.keeps_text = False
    uploaded(client(doors.address), batch_file(2, temperature=0.5))
    assert [(told.row["messages"], told.row["temperature"]) for told in doors.gate.told] == [(None, 0.5)] * 2
    assert "Question" not in str(doors.gate.told)


def test_lines_that_nobody_can_read_count_as_one_request_each_and_pass_as_they_came(doors: Doors) -> None:
    sent: list[bytes] = []
    odd = (
        b"\xef\xbb\xbf"
        + line(0)
        + b'\r\n\r\n  \nno json\n[1]\n{"custom_id":"x"}\n\xff\xfe\n'
        + line(1)
        + b"\r"
        + line(2)
    )
    doors.gate.choose = lambda request: CAPPED
    uploaded(client(doors.address, sent), odd)
    assert doors.server.received == sent
    assert doors.gate.requests[0].items == len(doors.gate.told) == 7


def test_what_lines_may_cost_adds_up(doors: Doors) -> None:
    uploaded(client(doors.address), line(0, max_tokens=10, n=2) + b"\n" + line(1, max_completion_tokens=5))
    uploaded(client(doors.address), line(0, max_tokens=10) + b"\n" + line(1))
    uploaded(client(doors.address), batch_file(2))
    assert [request.tokens for request in doors.gate.requests] == [25, 10 + 4000, 0]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_however_an_upload_is_cut_up_it_is_counted_and_passes_the_same(cut: st.DataObject) -> None:
    data = cut.draw(st.sampled_from((batch_file(3), b"", b"\r\n--\r\n--c\r\n" + batch_file(2), b"x" * 20_000)))
    purpose_last = cut.draw(st.booleans())
    body = form(data)
    if purpose_last:
        body = form(data, b"batch", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n--\r\n') + b"and more"
    places = sorted(cut.draw(st.lists(st.integers(0, len(body)), max_size=20)))
    pieces = [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]
    gate = Chosen()
    told, _ = asyncio.run(through(gate, pieces))
    assert b"".join(told) == body
    assert [request.operation for request in gate.requests] == ["batch"]
    assert gate.requests[0].items == max(1, sum(1 for part in data.replace(b"\r", b"\n").split(b"\n") if part.strip()))
    assert gate.unreadable == 0


@given(st.binary(max_size=300), st.lists(st.integers(0, 700), max_size=8))
@settings(max_examples=150, deadline=None)
def test_hostile_bytes_pass_as_they_came_and_break_nothing(noise: bytes, places: list[int]) -> None:
    whole = form(batch_file(2))
    body = whole[: len(noise) % 200] + noise + whole[len(noise) :]
    cuts = sorted(min(place, len(body)) for place in places)
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    told, status = asyncio.run(through(Chosen(), pieces))
    assert (b"".join(told), status) == (body, 200)


async def through(gate: Chosen, pieces: list[bytes]) -> tuple[list[bytes], int]:
    """What an app behind the door receives of an upload that comes in these pieces, and the status that leaves."""
    arrived: list[bytes] = []
    statuses: list[int] = []
    waiting = iter(pieces)
    place = 0

    async def receive() -> MutableMapping[str, Any]:
        nonlocal place
        place += 1
        if place > len(pieces):
            await asyncio.Event().wait()
        return {"type": "http.request", "body": next(waiting), "more_body": place < len(pieces)}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            arrived.append(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}", "more_body": False})

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {"type": "http", "method": "POST", "path": "/v1/files", "query_string": b"", "client": ("127.0.0.1", 1)}
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    await StillwatchMiddleware(app, gate=gate)({**scope, "headers": headers}, receive, send)
    return arrived, statuses[0]


def test_a_file_for_another_purpose_passes_while_it_comes_and_is_nobodys_business(doors: Doors) -> None:
    asked_for: list[int] = []

    async def receive() -> MutableMapping[str, Any]:
        asked_for.append(1)
        body = form(b"", b"fine-tune")[:-12] if len(asked_for) == 1 else b"x" * 1000
        return {"type": "http.request", "body": body, "more_body": len(asked_for) < 50}

    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            seen.append(len(asked_for))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}", "more_body": False})

    async def send(message: Any) -> None: ...

    scope = {"type": "http", "method": "POST", "path": "/v1/files", "query_string": b"", "client": None}
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    gate = Chosen(lambda request: {"shape": Shape(one_answer=True)} if request.operation == "batch" else {})
    asyncio.run(StillwatchMiddleware(app, gate=gate)({**scope, "headers": headers}, receive, send))
    assert seen == list(range(seen[0], 50))
    assert seen[0] <= 3  # as soon as the purpose is known, each piece goes on before the next is taken
    assert ([request.operation for request in gate.requests], gate.told) == (["other"], [])
    sent: list[bytes] = []
    client(doors.address, sent).files.create(file=("a.jsonl", batch_file(2)), purpose="fine-tune")
    assert (doors.server.received, doors.gate.told) == (sent, [])


# Something applies


@pytest.fixture
def budgeted(opened: Open, tmp_path: Path) -> Iterator[tuple[Gate, str, BatchServer]]:
    """The real gate, with one budget of five requests for the campaign of the accounts ``a`` and ``b``."""
    write_policy(tmp_path / "policy.toml", BUDGET)
    gate = opened()
    gate.put([change(claim("a")), change(claim("b"))])
    gate.refresh()
    callers = Callers(header="x-account")
    with serving_batches() as server:
        front = Upstream(server.address)
        with served(StillwatchMiddleware(front, gate=gate, callers=callers), front.close) as address:
            yield gate, address, server


def test_the_requests_of_a_batch_come_out_of_the_budget_of_their_campaign(
    budgeted: tuple[Gate, str, BatchServer],
) -> None:
    gate, address, server = budgeted
    a, b, other = (client(address, account=name) for name in ("a", "b", "other"))
    uploaded(a, batch_file(3))
    with pytest.raises(openai.RateLimitError) as refused:
        uploaded(b, batch_file(3))
    assert "try again later" in str(refused.value)
    with pytest.raises(openai.RateLimitError):
        uploaded(b, batch_file(6))
    uploaded(b, batch_file(2))
    with pytest.raises(openai.RateLimitError):
        uploaded(a, batch_file(1))
    uploaded(other, batch_file(60))
    assert [body.count(b"custom_id") for body in server.received] == [3, 2, 60]
    assert gate.state.profile("a").exchanges == 3 + 1  # type: ignore[union-attr]
    assert gate.state.campaigns(NOW)["c"].day.exchanges == 3 + 2 + 3  # what was refused counts as one
    assert gate.state.campaigns(NOW)["c"].day.refused == 3


def test_it_counts_as_a_batch_of_anthropics_does(budgeted: tuple[Gate, str, BatchServer]) -> None:
    _, address, server = budgeted
    one = anthropic.Anthropic(base_url=address, api_key="k", max_retries=0, default_headers={"x-account": "a"})
    params: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Why?"}]}
    asked: Any = [{"custom_id": str(place), "params": params} for place in range(4)]
    with pytest.raises(anthropic.NotFoundError):  # this server has none; the budget is used
        one.messages.batches.create(requests=asked)
    with pytest.raises(openai.RateLimitError):
        uploaded(client(address, account="b"), batch_file(2))
    uploaded(client(address, account="b"), batch_file(1))
    assert len(server.received) == 1


def test_a_second_batch_of_a_file_counts_again_and_so_does_a_file_that_nobody_saw(
    budgeted: tuple[Gate, str, BatchServer],
) -> None:
    gate, address, server = budgeted
    one, other = client(address, account="a"), client(address, account="other")
    file = uploaded(one, batch_file(4))
    made(one, file)
    gate.clock.at += 3600 * SECOND  # type: ignore[attr-defined]
    made(one, file)
    with pytest.raises(openai.RateLimitError):
        made(one, file)
    gate.clock.at += 3600 * SECOND  # type: ignore[attr-defined]
    with pytest.raises(openai.RateLimitError, match="larger than this account may send"):
        made(one, "file-of-elsewhere")
    made(other, "file-of-elsewhere")
    made(other, file)
    assert len(server.received) == 1 + 2 + 2


def test_a_held_account_uploads_no_batch(opened: Open, tmp_path: Path, doors: Doors) -> None:
    write_policy(tmp_path / "policy.toml", HOLD)
    gate = opened()
    gate.put([change(claim("a"))])
    gate.refresh()
    front = Upstream(doors.server.address)
    with served(StillwatchMiddleware(front, gate=gate, callers=Callers(header="x-account")), front.close) as address:
        with pytest.raises(openai.PermissionDeniedError, match="held until a person has looked"):
            uploaded(client(address, account="a"), batch_file(2))
        uploaded(client(address, account="b"), batch_file(2))
    assert len(doors.server.received) == 1


def test_the_journal_holds_a_line_for_each_request_and_no_text_unless_the_policy_keeps_it(
    budgeted: tuple[Gate, str, BatchServer], tmp_path: Path
) -> None:
    gate, address, _ = budgeted
    uploaded(client(address, account="b"), batch_file(2))
    write_policy(tmp_path / "policy.toml", BUDGET, more="[learning]\nkeep_text_hours = 1")
    gate.refresh()
    uploaded(client(address, account="a"), batch_file(2))
    rows = [json.loads(row) for path in (gate.folder / "journal").glob("*.jsonl") for row in path.open()]
    assert [(row["account_id"], row["operation"], "Question" in str(row)) for row in rows] == [
        *[("b", "chat", False)] * 2,
        *[("a", "chat", True)] * 2,
    ]


def test_requests_in_a_file_are_made_smaller_and_all_else_of_it_stays_byte_for_byte(doors: Doors) -> None:
    doors.gate.choose = lambda request: CAPPED if request.asks_reasoning else {}
    sent: list[bytes] = []
    hard = line(1, reasoning_effort="high", n=3, big=12345678901234567890123, small=1e-7)
    responses = line(2, "/v1/responses", reasoning={"effort": "xhigh"}, input="Why?")
    file = b"\n".join((line(0), hard, b"no json", responses, line(4), b""))
    uploaded(client(doors.address, sent), file)
    before, after = sent[0].split(file)
    arrived = doors.server.received[0]
    assert (arrived[: len(before)], arrived[-len(after) :]) == (before, after)
    lines = arrived[len(before) : -len(after)].split(b"\n")
    assert [lines[0], lines[2], lines[4], lines[5]] == [line(0), b"no json", line(4), b""]
    body = json.loads(lines[1])["body"]
    assert (body["reasoning_effort"], body["n"], body["big"]) == ("low", 1, 12345678901234567890123)
    assert {**body, "reasoning_effort": "high", "n": 3} == json.loads(hard)["body"]
    assert json.loads(lines[1]).keys() == json.loads(hard).keys()
    assert json.loads(lines[3])["body"]["reasoning"] == {"effort": "low"}
    assert doors.server.headers[0]["content-length"] == str(len(arrived))


def test_a_wait_is_waited_before_the_file_passes(doors: Doors) -> None:
    doors.gate.choose = lambda request: {"wait": 0.2}
    begun = time.monotonic()
    uploaded(client(doors.address), batch_file(2))
    assert time.monotonic() - begun >= 0.2
    assert len(doors.server.received) == 1


def test_a_compressed_upload_is_read_and_passes_compressed(doors: Doors) -> None:
    body = gzip.compress(form(batch_file(3)))
    assert post(doors.address, body, **{"content-encoding": "gzip"}).status_code == 200
    assert (doors.server.received, doors.gate.requests[0].items) == ([body], 3)


def test_what_the_server_does_not_take_is_one_exchange(doors: Doors) -> None:
    doors.server.refuses = True
    with pytest.raises(openai.BadRequestError):
        uploaded(client(doors.address), batch_file(3))
    assert [(told.row["operation"], told.row["status"]) for told in doors.gate.told] == [("batch", 400)]


def test_who_leaves_before_the_answer_has_his_requests_written_down_all_the_same(doors: Doors) -> None:
    doors.server.lets_go.clear()
    try:
        with pytest.raises(openai.APITimeoutError):
            uploaded(client(doors.address), batch_file(3), timeout=0.3)
        for _ in range(500):
            if len(doors.gate.told) == 3:
                break
            time.sleep(0.01)
    finally:
        doors.server.lets_go.set()
    assert [(told.row["operation"], told.row["status"]) for told in doors.gate.told] == [("chat", 499)] * 3


def test_reasoning_in_a_batchs_output_does_not_leave(doors: Doors) -> None:
    doors.gate.choose = lambda request: {"shield": "drop"}
    chat = {"choices": [{"message": {"content": "So.", "reasoning_content": CANARY}}], "x": 1}
    kept = {"type": "message", "content": [{"type": "output_text", "text": "So."}]}
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": CANARY}]}
    answers = [chat, {"object": "response", "output": [item, kept]}, {"choices": [{"message": {"content": "So."}}]}]
    lines = [
        json.dumps({"custom_id": str(place), "response": {"status_code": 200, "body": body}})
        for place, body in enumerate(answers)
    ]
    doors.server.output = "\n".join([*lines, "no json"]).encode()
    told = client(doors.address).files.content("file-out").text.split("\n")
    assert CANARY not in str(told)
    assert json.loads(told[0])["response"]["body"]["choices"][0]["message"]["content"] == "So."
    assert json.loads(told[1])["response"]["body"]["output"][-1] == kept
    assert told[2:] == [lines[2], "no json"]


# What cannot be read


UNREAD = {
    "two files": form(batch_file(1), more=form(batch_file(1)).split(b"batch\r\n")[1].removesuffix(b"--b--\r\n")),
    "cut off": form(batch_file(1))[:-20],
    "a part without a name": form(batch_file(1), more=b"--b\r\nX: 1\r\n\r\nx\r\n"),
    "another coding": form(batch_file(1)).replace(b"application/x", b"x/y\r\nContent-Transfer-Encoding: base64"),
    "a part of parts": form(batch_file(1)).replace(b"application/x", b"multipart/mixed; boundary=c"),
}


@pytest.mark.parametrize("what", UNREAD)
def test_what_cannot_be_read_passes_untouched_and_is_counted_unless_the_policy_says_otherwise(
    doors: Doors, what: str
) -> None:
    assert post(doors.address, UNREAD[what]).status_code == 200
    assert (doors.server.received, doors.gate.unreadable) == ([UNREAD[what]], 1)
    assert [told.row["operation"] for told in doors.gate.told] == ["batch"]
    doors.gate.policy = Policy(version=1, name="test", failures=Failures(batch_unread="closed"))
    assert post(doors.address, UNREAD[what]).status_code == 415
    assert post(doors.address, form(batch_file(1))).status_code == 200
    assert len(doors.server.received) == 2


def test_a_file_that_is_too_long_to_look_into_passes_whole_or_is_refused(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "MOST_READ", 2**16)
    body = form(batch_file(2000))
    assert post(doors.address, body).status_code == 200
    assert (doors.server.received, doors.gate.unreadable) == ([body], 1)
    doors.gate.choose = lambda request: CAPPED if request.asks_reasoning else {}
    assert post(doors.address, body).status_code == 413  # it would be the way around the cap
    doors.gate.choose = lambda request: {}
    doors.gate.policy = Policy(version=1, name="test", failures=Failures(batch_unread="closed"))
    assert post(doors.address, body).status_code == 413
    assert len(doors.server.received) == 1


def test_whoever_has_a_budget_sends_no_batch_that_cannot_be_counted(
    budgeted: tuple[Gate, str, BatchServer],
) -> None:
    gate, address, server = budgeted
    metrics = GateMetrics(gate)
    assert TimedGate(gate, metrics).policy.failures.batch_unread == "open"
    assert post(address, UNREAD["cut off"], **{"x-account": "a"}).status_code == 429
    in_parts = client(address, account="a")
    with pytest.raises(openai.RateLimitError):
        in_parts.uploads.create(bytes=9, filename="a.jsonl", mime_type="application/jsonl", purpose="batch")
    in_parts.uploads.create(bytes=9, filename="a.jsonl", mime_type="application/jsonl", purpose="fine-tune")
    assert post(address, UNREAD["cut off"], **{"x-account": "other"}).status_code == 200
    assert len(server.received) == 2
    assert 'stillwatch_errors_total{place="unread"} 3.0' in metrics.render()[1].decode()
