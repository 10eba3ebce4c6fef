"""LiteLLM's own proxy, started for a test in the Python that has it (`other_python`)."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.sources.other_python import environment, python

FETCHED = ("MODEL_COST_MAP", "ANTHROPIC_BETA_HEADERS", "BLOG_POSTS", "AUTOROUTER_PRESETS", "POLICY_TEMPLATES")
LOCAL = {f"LITELLM_LOCAL_{name}": "True" for name in FETCHED}  # else it would fetch them
LOCAL["LITELLM_TELEMETRY_DISABLED"] = "True"
MASTER = "sk-" + secrets.token_urlsafe(32)
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def call_id(self) -> str:
        return self.headers.get("x-litellm-call-id", "")


Call = Callable[..., Reply]


@contextmanager
def litellm_proxy(folder: Path, config: dict[str, Any], **more: str) -> Iterator[Call]:
    """A proxy with a configuration, in ``folder``, with further variables of environment; yields how to call it."""
    (folder / "config.yaml").write_text(json.dumps(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(python()).with_name("litellm")), "--config", "config.yaml", "--host", "127.0.0.1"]
    with (folder / "said").open("w") as said:
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env=environment(**LOCAL, **more),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        wait(lambda: server.poll() is not None or answers(port), 120)
        assert server.poll() is None, (folder / "said").read_text()
        yield lambda *call, **headers: ask(port, *call, **headers)
    finally:
        server.terminate()
        server.wait(30)


def wait(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.1)


def answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/health/liveliness")
        return connection.getresponse().status == 200
    except OSError:
        return False


def ask(port: int, key: str, path: str, body: dict[str, Any], **headers: str) -> Reply:
    """One request, as a client behind a load balancer sends it."""
    told = {"Authorization": f"Bearer {key}", "User-Agent": "agent/1", "X-Forwarded-For": "203.0.113.9"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, json.dumps(body), told | {"Content-Type": "application/json"})
    response = connection.getresponse()
    said = response.read()
    connection.close()
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, said)
