"""OpenAI's batches where something applies: their files are limited as if each request were asked by itself."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

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
from tests.gateway.batch_server import (
    Batches,
    BatchServer,
    batch_file,
    client,
    form,
    line,
    made,
    post,
    serving_batches,
    unread,
    uploaded,
)
from tests.gateway.claims import HOLD, NOW, SECOND, Open, claim, write_policy
from tests.gateway.proxied import served

CAPPED = {"shape": Shape(reasoning_effort="low", one_answer=True)}
BUDGET = """
[[measures]]
response = "slow_down"
levels = ["suspected", "review", "campaign", "confirmed"]
parameters = {per_day = 86400, burst = 5}
"""


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


def test_a_held_account_uploads_no_batch(opened: Open, tmp_path: Path, batches: Batches) -> None:
    write_policy(tmp_path / "policy.toml", HOLD)
    gate = opened()
    gate.put([change(claim("a"))])
    gate.refresh()
    front = Upstream(batches.server.address)
    with served(StillwatchMiddleware(front, gate=gate, callers=Callers(header="x-account")), front.close) as address:
        with pytest.raises(openai.PermissionDeniedError, match="held until a person has looked"):
            uploaded(client(address, account="a"), batch_file(2))
        uploaded(client(address, account="b"), batch_file(2))
    assert len(batches.server.received) == 1


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


def test_requests_in_a_file_are_made_smaller_and_all_else_of_it_stays_byte_for_byte(batches: Batches) -> None:
    batches.gate.choose = lambda request: CAPPED if request.asks_reasoning else {}
    sent: list[bytes] = []
    hard = line(1, reasoning_effort="high", n=3, big=12345678901234567890123, small=1e-7)
    responses = line(2, "/v1/responses", reasoning={"effort": "xhigh"}, input="Why?")
    file = b"\n".join((line(0), hard, b"no json", responses, line(4), b""))
    uploaded(client(batches.address, sent), file)
    before, after = sent[0].split(file)
    arrived = batches.server.received[0]
    assert (arrived[: len(before)], arrived[-len(after) :]) == (before, after)
    lines = arrived[len(before) : -len(after)].split(b"\n")
    assert [lines[0], lines[2], lines[4], lines[5]] == [line(0), b"no json", line(4), b""]
    body = json.loads(lines[1])["body"]
    assert (body["reasoning_effort"], body["n"], body["big"]) == ("low", 1, 12345678901234567890123)
    assert {**body, "reasoning_effort": "high", "n": 3} == json.loads(hard)["body"]
    assert json.loads(lines[1]).keys() == json.loads(hard).keys()
    assert json.loads(lines[3])["body"]["reasoning"] == {"effort": "low"}
    assert batches.server.headers[0]["content-length"] == str(len(arrived))


def test_a_wait_is_waited_before_the_file_passes(batches: Batches) -> None:
    batches.gate.choose = lambda request: {"wait": 0.2}
    begun = time.monotonic()
    uploaded(client(batches.address), batch_file(2))
    assert time.monotonic() - begun >= 0.2
    assert len(batches.server.received) == 1


def test_a_compressed_upload_is_read_and_passes_compressed(batches: Batches) -> None:
    body = gzip.compress(form(batch_file(3)))
    assert post(batches.address, body, **{"content-encoding": "gzip"}).status_code == 200
    assert (batches.server.received, batches.gate.requests[0].items) == ([body], 3)


def test_what_the_server_does_not_take_is_one_exchange(batches: Batches) -> None:
    batches.server.refuses = True
    with pytest.raises(openai.BadRequestError):
        uploaded(client(batches.address), batch_file(3))
    assert [(told.row["operation"], told.row["status"]) for told in batches.gate.told] == [("batch", 400)]


def test_who_leaves_before_the_answer_has_his_requests_written_down_all_the_same(batches: Batches) -> None:
    batches.server.lets_go.clear()
    try:
        with pytest.raises(openai.APITimeoutError):
            uploaded(client(batches.address), batch_file(3), timeout=0.3)
        for _ in range(500):
            if len(batches.gate.told) == 3:
                break
            time.sleep(0.01)
    finally:
        batches.server.lets_go.set()
    assert [(told.row["operation"], told.row["status"]) for told in batches.gate.told] == [("chat", 499)] * 3


def test_reasoning_in_a_batchs_output_does_not_leave(batches: Batches) -> None:
    batches.gate.choose = lambda request: {"shield": "drop"}
    chat = {"choices": [{"message": {"content": "So.", "reasoning_content": CANARY}}], "x": 1}
    kept = {"type": "message", "content": [{"type": "output_text", "text": "So."}]}
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": CANARY}]}
    answers = [chat, {"object": "response", "output": [item, kept]}, {"choices": [{"message": {"content": "So."}}]}]
    lines = [
        json.dumps({"custom_id": str(place), "response": {"status_code": 200, "body": body}})
        for place, body in enumerate(answers)
    ]
    batches.server.output = "\n".join([*lines, "no json"]).encode()
    told = client(batches.address).files.content("file-out").text.split("\n")
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
    batches: Batches, what: str
) -> None:
    assert post(batches.address, UNREAD[what]).status_code == 200
    assert (batches.server.received, unread(batches.gate)) == ([UNREAD[what]], 1)
    assert [told.row["operation"] for told in batches.gate.told] == ["batch"]
    batches.gate.policy = Policy(version=1, name="test", failures=Failures(batch_unread="closed"))
    assert post(batches.address, UNREAD[what]).status_code == 415
    assert post(batches.address, form(batch_file(1))).status_code == 200
    assert len(batches.server.received) == 2


def test_a_file_that_is_too_long_to_look_into_passes_whole_or_is_refused(
    batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "MOST_READ", 2**16)
    body = form(batch_file(2000))
    assert post(batches.address, body).status_code == 200
    assert (batches.server.received, unread(batches.gate)) == ([body], 1)
    batches.gate.choose = lambda request: CAPPED if request.asks_reasoning else {}
    assert post(batches.address, body).status_code == 413  # it would be the way around the cap
    batches.gate.choose = lambda request: {}
    batches.gate.policy = Policy(version=1, name="test", failures=Failures(batch_unread="closed"))
    assert post(batches.address, body).status_code == 413
    assert len(batches.server.received) == 1


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
