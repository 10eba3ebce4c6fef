"""The door beside LiteLLM's proxy: asked and told over HTTP, by hand and by the real proxy."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from stillwatch.cli import main
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.guardrail_api import GUARDRAIL, INGEST, LARGEST, guardrail_app
from stillwatch.responses.traffic import Refusal, Request
from stillwatch.sources.formats.litellm import SOURCE
from tests.sources.faked_model import Model
from tests.sources.litellm_server import CHAT, MASTER, litellm_proxy, wait
from tests.sources.other_python import VARIABLE

KEY = "k-long-and-random"
HEADERS = {"x-api-key": KEY}
PAYLOAD: dict[str, Any] = json.loads(SOURCE.info.example)


class Limiting:
    """A gate that lets the account ``held`` do nothing."""

    keeps_text = False

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.seen: list[Observed] = []

    def now(self) -> int:
        return 1_788_739_388_000_000

    def decide(self, request: Request) -> Decision:
        self.asked.append(request)
        refuse = Refusal(status=403, code="held", message="Held.") if request.account_id == "held" else None
        return Decision(
            request_id=request.request_id, account_id=request.account_id, at=request.at, refuse=refuse, reference="R1"
        )

    def observed(self, observed: Observed) -> None:
        self.seen.append(observed)

    def close(self) -> None:
        pass


@pytest.fixture
def gate() -> Limiting:
    return Limiting()


@pytest.fixture
def client(gate: Limiting) -> TestClient:
    return TestClient(guardrail_app(gate, KEY))  # type: ignore[arg-type]


def question(account: str, call_id: str = "c1") -> dict[str, Any]:
    return {
        "input_type": "request",
        "litellm_call_id": call_id,
        "texts": ["Why?"],
        "request_data": {"user_api_key_user_id": account, "user_api_key_hash": "h"},
    }


def test_an_account_is_blocked_or_let_pass(client: TestClient, gate: Limiting) -> None:
    blocked = client.post(GUARDRAIL, json=question("held"), headers=HEADERS).json()
    assert blocked == {"action": "BLOCKED", "blocked_reason": "Held. Reference: R1."}
    assert client.post(GUARDRAIL, json=question("ann", "c2"), headers=HEADERS).json() == {"action": "NONE"}
    answer = question("held") | {"input_type": "response"}
    assert client.post(GUARDRAIL, json=answer, headers=HEADERS).json() == {"action": "NONE"}
    assert [(asked.account_id, asked.api_key_id) for asked in gate.asked] == [("held", "h"), ("ann", "h")]


def test_what_is_told_is_observed_with_its_decision_and_without_text(client: TestClient, gate: Limiting) -> None:
    client.post(GUARDRAIL, json=question("a1", "c1"), headers=HEADERS)
    told = client.post(INGEST, json=[PAYLOAD | {"litellm_call_id": "c1"}], headers=HEADERS)
    assert told.json() == {"taken": 1, "left_out": 0}
    (seen,) = gate.seen
    assert (seen.decision.request_id, seen.decision.reference) == ("c1", "R1")
    assert (seen.row["exchange_id"], seen.row["account_id"], seen.row["input_tokens"]) == ("c1", "a1", 2)
    assert "Good morning" not in str(seen.row)


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        (json.dumps([PAYLOAD, PAYLOAD]), (2, 0)),
        (json.dumps(PAYLOAD), (1, 0)),
        (json.dumps(PAYLOAD) + "\n" + json.dumps(PAYLOAD) + "\n", (2, 0)),
        (json.dumps([PAYLOAD | {"startTime": "never"}, 3, PAYLOAD]), (1, 2)),
        ("[" * 100_000, (0, 1)),
        ("", (0, 0)),
        ("nothing", (0, 1)),
    ],
)
def test_logs_come_in_three_shapes_and_broken(client: TestClient, body: str, taken: tuple[int, int]) -> None:
    told = client.post(INGEST, content=body, headers=HEADERS).json()
    assert (told["taken"], told["left_out"]) == taken


@pytest.mark.parametrize("path", [GUARDRAIL, INGEST])
def test_nobody_is_answered_without_the_key(client: TestClient, gate: Limiting, path: str) -> None:
    for headers in ({}, {"x-api-key": "wrong"}):
        assert client.post(path, json=question("held"), headers=headers).status_code == 401
    assert not gate.asked
    assert not gate.seen


def test_what_is_no_question_is_refused(client: TestClient) -> None:
    for body in ("", "[]", "nothing", '{"a":' * 50_000):
        assert client.post(GUARDRAIL, content=body, headers=HEADERS).status_code == 400
    assert client.post(INGEST, content=b"x" * (LARGEST + 1), headers=HEADERS).status_code == 413


@contextmanager
def serving(app: Any) -> Iterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait(lambda: server.started, 20)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(20)


@contextmanager
def model() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no Python that has LiteLLM: make producers")
def test_the_real_proxy_asks_and_tells(gate: Limiting, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "sources" / "producers" / "litellm_callbacks.py", tmp_path)
    (tmp_path / "keys.py").write_text(
        "from litellm.proxy._types import UserAPIKeyAuth\n"
        "async def authorised(request, api_key):\n"
        "    return UserAPIKeyAuth(api_key=api_key, user_id=api_key.removeprefix('sk-'))\n"
    )
    with model() as upstream, serving(guardrail_app(gate, KEY)) as port:  # type: ignore[arg-type]
        here = f"http://127.0.0.1:{port}"
        behind = {"api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "none", "model": "openai/m"}
        config = {
            "model_list": [{"model_name": "m", "litellm_params": behind}],
            "guardrails": [
                {
                    "guardrail_name": "stillwatch",
                    "litellm_params": {
                        "guardrail": "generic_guardrail_api",
                        "mode": "pre_call",
                        "default_on": True,
                        "api_base": here,
                        "api_key": KEY,
                        "unreachable_fallback": "fail_open",
                        "fail_on_error": False,
                    },
                }
            ],
            "litellm_settings": {"callbacks": ["stillwatch"], "num_retries": 0},
            "callback_settings": {
                "stillwatch": {
                    "callback_type": "generic_api",
                    "endpoint": here + INGEST,
                    "headers": {"x-api-key": KEY, "Content-Type": "application/json"},
                }
            },
            "general_settings": {"master_key": MASTER, "custom_auth": "keys.authorised"},
        }
        with litellm_proxy(tmp_path, config) as call:
            body = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
            passed, blocked = call("sk-ann", CHAT, body), call("sk-held", CHAT, body)
            wait(lambda: any(seen.row["account_id"] == "ann" for seen in gate.seen), 60)
    assert passed.status == 200
    assert b"So." in passed.body
    assert blocked.status == 400
    assert b"Held. Reference: R1." in blocked.body
    row = next(seen.row for seen in gate.seen if seen.row["account_id"] == "ann")
    assert (row["exchange_id"], row["output_tokens"], row["status"]) == (passed.call_id, 30, 200)


POLICY = 'version = 1\nname = "test"\nmode = "act"\n'


def test_the_command_serves_until_interrupted(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    named = ["--policy", str(tmp_path / "policy.toml"), "--state", str(tmp_path / "state")]
    command = [sys.executable, "-m", "stillwatch", "gate", "guardrail", *named, "--port", "0", "--key", "env:GUARDRAIL"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"GUARDRAIL": KEY}) as server:
        assert server.stdout is not None
        address = server.stdout.readline().removeprefix("serving ").strip()
        body = json.dumps(question("ann")).encode()
        asked = urllib.request.Request(address + GUARDRAIL, body, HEADERS | {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as reply:
            said = json.load(reply)
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
    assert said == {"action": "NONE"}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--host", "0.0.0.0"], "would answer anybody without a key"),
        (["--key", "secret"], "a key is only taken from the environment"),
        (["--key", "env:NO_SUCH_VARIABLE"], "the environment has no NO_SUCH_VARIABLE"),
        (["--port", "70000"], "is no port"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    options: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    named = ["--policy", str(tmp_path / "policy.toml"), "--state", str(tmp_path / "state")]
    with pytest.raises(SystemExit) as ended:
        main(["gate", "guardrail", *named, *options])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
