"""The door in LiteLLM's proxy, in the real proxy: what it refuses, slows, shapes, shields and tells."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import msgspec
import pytest

from stillwatch.campaigns.report import ErrorRate
from stillwatch.gateway.gate import open_gate
from stillwatch.gateway.stores.base import change
from stillwatch.responses.base import Subject
from stillwatch.sources.log import open_log
from tests.gateway.answers import CANARY, answer
from tests.gateway.summariser import Model as Summariser
from tests.gateway.summariser import summarising
from tests.sources.faked_model import ANSWERS, Model
from tests.sources.litellm_server import CHAT, MASTER, MESSAGES, RESPONSES, Call, Reply, litellm_proxy, wait
from tests.sources.other_python import python

python()
SOURCE = Path(__file__).parents[3] / "src"
ASK = [{"role": "user", "content": "Why?"}]
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "m", "messages": ASK},
    MESSAGES: {"model": "a", "messages": ASK, "max_tokens": 4000},
    RESPONSES: {"model": "m", "input": "Why?"},
}
RESPONSES_HARD = BODIES[RESPONSES] | {"model": "o", "reasoning": {"effort": "high"}}
POLICY = """
version = 1
name = "test"
mode = "act"
[[measures]]
response = "slow_down"
parameters = { per_day = 1, burst = 2 }
[learning]
keep_text_hours = 1
"""


class Recording(Model):
    """Keeps what was asked of it."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def hears(self, asked: dict[str, Any]) -> None:
        self.asked.append(asked)


class Stand(NamedTuple):
    call: Call
    folder: Path
    summariser: Summariser

    def told(self, kind: str) -> list[Any]:
        lines = self.folder.joinpath("told.jsonl").read_text().splitlines()
        return [value[kind] for value in map(json.loads, lines) if kind in value]

    def row(self, reply: Reply) -> dict[str, Any]:
        """The row that was told of a call."""
        found: list[dict[str, Any]] = []

        def came() -> bool:
            found.extend(row for row in self.told("row") if row["exchange_id"] == reply.call_id)
            return bool(found)

        wait(came, 20)
        return found[0]


def config(upstream: int, callback: str) -> dict[str, Any]:
    plain = {"api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "none", "model": "openai/m"}
    anthropic = {"api_base": f"http://127.0.0.1:{upstream}", "api_key": "none", "model": "anthropic/a"}
    return {
        "model_list": [
            {"model_name": "m", "litellm_params": plain},
            {"model_name": "a", "litellm_params": anthropic},
            {"model_name": "o", "litellm_params": plain | {"model": "openai/o3-mini"}},  # it takes efforts of reasoning
        ],
        "litellm_settings": {"callbacks": [callback], "num_retries": 0},
        "general_settings": {
            "master_key": MASTER,
            "use_x_forwarded_for": True,
            "custom_auth": "litellm_gates.authorised",
        },
    }


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recording)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def stand(upstream: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("door")
    shutil.copy(Path(__file__).parent / "inside_litellm" / "litellm_gates.py", folder)
    with summarising() as model:
        named = {"STILLWATCH_SUMMARISE_WITH": f"{model.named}#env:SUMMARY_KEY", "SUMMARY_KEY": "sk-of-the-summariser"}
        with litellm_proxy(folder, config(upstream, "litellm_gates.by_name"), PYTHONPATH=str(SOURCE), **named) as call:
            yield Stand(call, folder, model)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("stream", [False, True])
def test_who_is_not_touched_gets_the_whole_answer(stand: Stand, path: str, stream: bool) -> None:
    reply = stand.call("sk-ann", path, BODIES[path] | {"stream": stream})
    assert reply.status == 200
    assert b"H" in reply.body
    assert b"m." in reply.body
    row = stand.row(reply)
    assert (row["account_id"], row["status"], row["reasoning"], row["response"]) == ("ann", 200, "Hm.", "So.")
    assert (row["client_ip"], row["user_agent"], row["output_tokens"]) == ("203.0.113.9", "agent/1", 30)


def test_the_gate_is_told_who_calls_and_what(stand: Stand) -> None:
    body = BODIES[CHAT] | {"reasoning_effort": "high", "logprobs": True, "max_tokens": 50, "user": "somebody else"}
    reply = stand.call("sk-team-crew", CHAT, body)
    asked = next(told for told in stand.told("request") if told["request_id"] == reply.call_id)
    assert asked["account_id"] == "crew"
    assert (asked["api"], asked["operation"], asked["tier"], asked["tokens"]) == ("openai_chat", "chat", "gold", 50)
    assert (asked["asks_reasoning"], asked["asks_detail"], asked["client_ip"]) == (True, True, "203.0.113.9")
    assert stand.row(reply)["account_id"] == "crew"


@pytest.mark.parametrize("path", BODIES)
def test_a_refusal_comes_with_its_reason_and_when_to_come_back(stand: Stand, path: str) -> None:
    Recording.asked.clear()
    reply = stand.call("sk-limited", path, BODIES[path] | {"stream": True})
    assert (reply.status, reply.headers["retry-after"]) == (429, "30")
    assert "Slow down. Reference: R1." in json.loads(reply.body)["error"]["message"]
    held = stand.call("sk-held", path, BODIES[path])
    assert (held.status, "retry-after" in held.headers) == (403, False)
    assert Recording.asked == []


def test_a_refusal_is_told_of(stand: Stand) -> None:
    reply = stand.call("sk-limited", CHAT, BODIES[CHAT])
    wait(lambda: any(row["account_id"] == "limited" and row["status"] == 429 for row in stand.told("row")), 20)
    assert reply.status == 429


def test_who_is_slowed_waits(stand: Stand) -> None:
    assert stand.call("sk-slowed", CHAT, BODIES[CHAT]).status == 200
    assert 7.0 in stand.told("slept")


def test_what_is_asked_is_made_smaller(stand: Stand) -> None:
    Recording.asked.clear()
    detail = {"n": 4, "logprobs": True, "top_logprobs": 5, "reasoning_effort": "high", "seed": 3}
    assert stand.call("sk-shaped", CHAT, BODIES[CHAT] | detail).status == 200
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 3000}}
    assert stand.call("sk-shaped", MESSAGES, BODIES[MESSAGES] | thinking).status == 200
    assert stand.call("sk-shaped", RESPONSES, RESPONSES_HARD).status == 200
    chat, messages, responses = Recording.asked
    assert chat["reasoning_effort"] == "low"
    assert (chat.get("n", 1), chat.get("logprobs") or None, chat.get("top_logprobs")) == (1, None, None)
    assert chat["seed"] == 3
    assert messages["thinking"]["budget_tokens"] == 1024
    assert responses["reasoning"]["effort"] == "low"


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_stays_here(stand: Stand, path: str, stream: bool) -> None:
    reply = stand.call("sk-shielded", path, BODIES[path] | {"stream": stream})
    assert reply.status == 200
    assert b"Hm." not in reply.body
    assert b'"H"' not in reply.body
    assert b'"m."' not in reply.body
    assert b"So." in reply.body or (b'"S"' in reply.body and b'"o."' in reply.body)
    assert stand.row(reply)["reasoning"] == "Hm."


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("stream", [False, True])
def test_the_summary_of_the_users_own_model_takes_its_place(
    stand: Stand, path: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    thought = "Hm."
    if path == RESPONSES:  # the events of a whole item, as OpenAI's server sends them
        events = b"".join(answer("responses", {"model": "fake+reasoning", "stream": True}).pieces).decode().splitlines()
        told = [json.loads(line[6:]) for line in events if line.startswith("data: ")]
        monkeypatch.setitem(ANSWERS, RESPONSES, (told[-1]["response"], told))
        thought = " ".join(f"{CANARY}{n}" for n in range(6))
    stand.summariser.says = lambda reasoning: "It weighs things."
    reply = stand.call("sk-summarised", path, BODIES[path] | {"stream": stream})
    assert reply.status == 200
    assert b"It weighs things." in reply.body
    assert not [word for word in (b"Hm.", b'"H"', b'"m."', CANARY.encode()) if word in reply.body]
    assert stand.summariser.asked[-1]["messages"][-1]["content"] == thought
    assert stand.summariser.keys[-1] == "Bearer sk-of-the-summariser"
    stand.summariser.says = lambda reasoning: f"He thought: {reasoning}"
    reply = stand.call("sk-summarised", path, BODIES[path] | {"stream": stream})
    assert (reply.status, b"He thought" in reply.body, thought.encode() in reply.body) == (200, False, False)


def test_an_error_of_ours_lets_the_request_pass(stand: Stand) -> None:
    reply = stand.call("sk-broken", CHAT, BODIES[CHAT])
    assert (reply.status, b"So." in reply.body) == (200, True)


def test_a_caller_who_gives_all_calls_one_id_is_seen_in_each(stand: Stand) -> None:
    replies = [stand.call("sk-copy", CHAT, BODIES[CHAT], x_litellm_call_id="mine") for _ in range(3)]
    assert [reply.call_id for reply in replies] == ["mine"] * 3

    def ids() -> list[str]:
        return [row["exchange_id"] for row in stand.told("row") if row["account_id"] == "copy"]

    wait(lambda: len(ids()) == 3, 20)
    assert len(set(ids())) == 3
    assert "mine" in ids()


def test_a_gateway_that_cannot_be_opened_lets_everything_pass(upstream: int, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent / "inside_litellm" / "litellm_gates.py", tmp_path)
    callback = "litellm_gates.of_environment"
    wrong = {"STILLWATCH_SUMMARISE_WITH": "somewhere", "PYTHONPATH": str(SOURCE)}
    with litellm_proxy(tmp_path, config(upstream, callback), **wrong) as call:
        assert call("sk-ann", CHAT, BODIES[CHAT]).status == 200
    said = (
        "summarises nothing (STILLWATCH_SUMMARISE_WITH), reasoning is left out: --summarise-with: no model is known as"
    )
    assert said in (tmp_path / "said").read_text()
    assert "STILLWATCH_POLICY and STILLWATCH_STATE are not both set" in (tmp_path / "said").read_text()


def test_a_claim_of_a_scan_acts_in_the_proxy_and_what_passed_is_a_log(upstream: int, tmp_path: Path) -> None:
    policy, state = tmp_path / "policy.toml", tmp_path / "state"
    policy.write_text(POLICY)
    gate = open_gate(state, policy)
    rate = ErrorRate(kind="pcer", level=0.01, null="simulated", n_null=100)
    claim = Subject(
        account_id="crew1",
        campaign_id="C1",
        level="campaign",
        innocent=0.01,
        error_rate=rate,
        ruled_out=("class",),
        since=gate.now(),
        run="scan:1",
    )
    gate.put([change(claim), change(msgspec.structs.replace(claim, account_id="crew2"))])
    gate.close()
    shutil.copy(Path(__file__).parent / "inside_litellm" / "litellm_gates.py", tmp_path)
    named = {"STILLWATCH_POLICY": str(policy), "STILLWATCH_STATE": str(state), "PYTHONPATH": str(SOURCE)}
    callback = "stillwatch.gateway.doors.litellm.proxy_handler_instance"
    with litellm_proxy(tmp_path, config(upstream, callback), **named) as call:
        crew = [call(f"sk-crew{number % 2 + 1}", CHAT, BODIES[CHAT]) for number in range(6)]
        ann = [call("sk-ann", CHAT, BODIES[CHAT]) for _ in range(6)]
        journal = state / "journal"
        wait(lambda: sum(path.read_text().count("\n") for path in journal.glob("*.jsonl")) >= 12, 30)
    assert [reply.status for reply in crew] == [200, 200, 429, 429, 429, 429]  # two keys, one budget
    assert all(int(reply.headers["retry-after"]) > 60 for reply in crew[2:])
    assert [reply.status for reply in ann] == [200] * 6
    log = open_log([journal])
    rows = log.read().to_pylist()
    assert (log.format, log.rejects) == ("jsonl", ())
    assert sorted((row["account_id"], row["status"]) for row in rows) == sorted(
        [("ann", 200)] * 6 + [("crew1", 200), ("crew2", 200)] + [("crew1", 429), ("crew2", 429)] * 2
    )
    assert {row["exchange_id"] for row in rows} == {reply.call_id for reply in crew + ann}
    assert {row["response"] for row in rows if row["status"] == 200} == {"So."}
