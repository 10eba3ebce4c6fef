"""A replay through LiteLLM's own proxy: real requests over loopback, Stillwatch's door in the proxy's process.

Needs STILLWATCH_PRODUCERS_PYTHON, the Python that `make producers` makes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import polars as pl
import pyarrow.parquet as pq

from bench.gateway_replay import Outcome, Replayed, VirtualClock, learned, passed, steps
from bench.tables import ROOT, say
from stillwatch.gateway.gate import open_gate
from stillwatch.gateway.learning.learner import Learner

CONCURRENT = 24
VARIABLE = "STILLWATCH_PRODUCERS_PYTHON"
LOCAL = ("MODEL_COST_MAP", "ANTHROPIC_BETA_HEADERS", "BLOG_POSTS", "AUTOROUTER_PRESETS", "POLICY_TEMPLATES")
SETTLED = 2.5
"""Seconds in which a gateway takes what the learner wrote: its upkeep looks once a second."""


def through_litellm(replayed: Replayed, share: float) -> None:
    """The second week as requests to the proxy; accounts run beside each other, each in its own order.

    With ``share`` below 1 only the campaigns and that share of all other accounts go over HTTP (the truth is read for
    this choice alone); the rest goes through a gate of this process.
    """
    if not os.environ.get(VARIABLE):
        raise SystemExit(f"{VARIABLE} names no Python that has LiteLLM: make producers")
    second = replayed.folder / "second.parquet"
    pq.write_table(replayed.second, second)
    notes = replayed.folder / "notes.jsonl"
    notes.unlink(missing_ok=True)
    learner = Learner(replayed.state, replayed.policy, customers=replayed.customers)
    with upstream(second) as behind, proxy(replayed, notes, behind) as port:
        beside = Beside(replayed, share)
        asyncio.run(_replay(replayed, learner, f"http://127.0.0.1:{port}/v1/chat/completions", beside))
        time.sleep(SETTLED)
        beside.gate.close()
    learner.close()
    for line in notes.read_text().splitlines():
        told = json.loads(line)
        name = told.pop("id")
        replayed.outcomes[name] = Outcome(**told)


class Beside:
    """The gate for the accounts that do not go over HTTP."""

    def __init__(self, replayed: Replayed, share: float) -> None:
        self.clock = VirtualClock(replayed.cut)
        self.gate = open_gate(replayed.state, replayed.policy, clock=self.clock)
        truth = pl.read_parquet(replayed.world / "truth" / "accounts.parquet")
        innocent = truth.filter(pl.col("campaign").is_null())["account_id"].sort()
        self.accounts = frozenset(innocent.sample(fraction=1 - share, seed=0))


async def _replay(replayed: Replayed, learner: Learner, url: str, beside: Beside) -> None:
    limit, odd = asyncio.Semaphore(CONCURRENT), defaultdict[int, int](int)
    learner.turn(replayed.cut)
    await asyncio.sleep(SETTLED)
    started, sent = time.monotonic(), 0
    connector = aiohttp.TCPConnector(force_close=True)  # the proxy drops idle ones, and learning takes its time
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=300)) as client:
        for until, rows in steps(replayed):
            by_account: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for row in rows:
                if row["account_id"] in beside.accounts:
                    passed(row, beside.gate, beside.clock, replayed)
                else:
                    by_account[row["account_id"]].append(row)
            await asyncio.gather(*(_account(client, url, own, limit, odd) for own in by_account.values()))
            sent += sum(map(len, by_account.values()))
            beside.clock.at = until
            before = learner.suspected, learner.notes.at
            learned(learner, until, beside.gate.refresh, replayed)
            if (learner.suspected, learner.notes.at) != before:
                await asyncio.sleep(SETTLED)
    rate = sent / (time.monotonic() - started)
    say(f"{replayed.name}: {sent} requests over HTTP, {rate:.0f} a second with learning; answers {dict(odd)}")


async def _account(
    client: aiohttp.ClientSession, url: str, rows: list[dict[str, Any]], limit: asyncio.Semaphore, odd: dict[int, int]
) -> None:
    for row in rows:
        async with limit, client.post(url, data=json.dumps(_body(row)), headers=_headers(row)) as response:
            await response.read()
            odd[response.status] += 1


def _body(row: dict[str, Any]) -> dict[str, Any]:
    messages = json.loads(row["messages"] or "[]") or [{"role": "user", "content": ""}]
    if row["system_prompt"]:
        messages = [{"role": "system", "content": row["system_prompt"]}, *messages]
    function = {"parameters": {"type": "object", "properties": {}}}
    tools = [{"type": "function", "function": function | {"name": f"t{i}"}} for i in range(row["tool_count"] or 0)]
    asked = {"temperature": row["temperature"], "max_tokens": row["max_tokens"], "tools": tools or None}
    return {
        "model": row["model"],
        "messages": messages,
        **{name: value for name, value in asked.items() if value is not None},
    }


def _headers(row: dict[str, Any]) -> dict[str, str]:
    told = {
        "Authorization": f"Bearer sk-{row['account_id']}",
        "Content-Type": "application/json",
        "User-Agent": row["user_agent"] or "",
        "X-Forwarded-For": row["client_ip"] or "",
        "x-litellm-call-id": row["exchange_id"],
        "x-litellm-session-id": row["session_id"] or "",
        "x-replay-at": str(row["started_at"]),
    }
    return {name: value for name, value in told.items() if value}


@contextlib.contextmanager
def upstream(log: Path) -> Iterator[int]:
    """The model that answers what was logged."""
    port = _free_port()
    command = [sys.executable, "-m", "bench.gateway_replay_upstream", str(log), str(port)]
    with _running(
        command, port, "/", os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}, log.with_name("upstream.said")
    ):
        yield port


@contextlib.contextmanager
def proxy(replayed: Replayed, notes: Path, behind: int) -> Iterator[int]:
    """LiteLLM's proxy with the replay's door."""
    models = sorted({str(name) for name in replayed.second["model"].unique().to_pylist()})
    config = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {
                    "model": f"openai/{name}",
                    "api_base": f"http://127.0.0.1:{behind}/v1",
                    "api_key": "none",
                },
            }
            for name in models
        ],
        "litellm_settings": {"callbacks": ["bench.gateway_replay_door.handler"], "num_retries": 0},
        "router_settings": {"disable_cooldowns": True, "num_retries": 0},
        "general_settings": {
            "master_key": f"sk-{os.urandom(16).hex()}",
            "use_x_forwarded_for": True,
            "custom_auth": "bench.gateway_replay_door.authorised",
        },
    }
    (replayed.folder / "config.yaml").write_text(json.dumps(config))
    port = _free_port()
    python = Path(os.environ[VARIABLE])
    command = [str(python.with_name("litellm")), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    told = {
        "REPLAY_STATE": str(replayed.state),
        "REPLAY_POLICY": str(replayed.policy),
        "REPLAY_NOTES": str(notes),
        "REPLAY_AT": str(replayed.cut),
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "LITELLM_LOG": "CRITICAL",
        "LITELLM_TELEMETRY_DISABLED": "True",
        **{f"LITELLM_LOCAL_{name}": "True" for name in LOCAL},
    }
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "LITELLM_", "PYTHON"))
    }
    with _running(command, port, "/health/liveliness", clean | told, replayed.folder / "proxy.said"):
        yield port


@contextlib.contextmanager
def _running(command: list[str], port: int, path: str, environment: Mapping[str, str], said: Path) -> Iterator[None]:
    with said.open("w") as file:
        process = subprocess.Popen(command, cwd=said.parent, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 180
        while not _answers(port, path):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"did not start: {said.read_text()[-2000:]}")
            time.sleep(0.3)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _answers(port: int, path: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(12).startswith(b"HTTP/1.1 ")
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
