"""``watch`` and ``gate envoy`` with a model of the user's own that summarises, as people start them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from stillwatch.cli import main
from stillwatch.gateway.doors.summaries import Summaries
from stillwatch.gateway.stores.base import change
from stillwatch.gateway.stores.opening import open_store
from tests.gateway.answers import CANARY
from tests.gateway.claims import claim, write_policy
from tests.gateway.doors.envoy_door import HEADER, door
from tests.gateway.doors.envoy_process import envoy
from tests.gateway.doors.test_envoy import Stack, ask
from tests.gateway.summariser import summarising
from tests.gateway.upstream import serving

MEASURES = """
[[measures]]
response = "shield_reasoning"
levels = ["campaign"]
parameters = { mode = "summarise" }
"""
KEY = "sk-of-the-summariser"
PATIENT = {"message_timeout: 1s": "message_timeout: 60s", "max_message_timeout: 30s": "max_message_timeout: 90s"}
COMMANDS = {
    "watch": ("watch", "--upstream", "http://127.0.0.1:9"),
    "envoy": ("gate", "envoy"),
}


@contextlib.contextmanager
def running(folder: Path, *command: str) -> Iterator[dict[str, str]]:
    """A command of the gateway as a process, with one account that a scan accuses; what it says of itself."""
    state, policy = folder / "state", write_policy(folder / "policy.toml", MEASURES)
    state.mkdir()
    store = open_store(state, None)
    store.put([change(claim("shielded"))])
    store.close()
    where = ["--policy", str(policy), "--state", str(state), "--admin", "127.0.0.1:0", "--listen", "127.0.0.1:0"]
    whole = [sys.executable, "-m", "stillwatch", *command, *where, "--json", "--account-header", HEADER]
    environment = {**os.environ, "SUMMARY_KEY": KEY}
    with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr is not None else ""
            yield json.loads(line)
        finally:
            process.terminate()
            said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert KEY not in "".join(said)
    assert CANARY not in "".join(said)


async def asked(address: str, stream: bool) -> str:
    body = {"model": "fake+reasoning", "messages": [{"role": "user", "content": "Why?"}], "stream": stream}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{address}/v1/chat/completions", json=body, headers={HEADER: "shielded"}) as answer:
            return await answer.text()


async def scraped(administration: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{administration}/-/metrics") as answer:
        return await answer.text()


def shielded(address: str) -> str:
    """The answer, once the action against the account is planned and in force: a second or two."""
    until = time.monotonic() + 30
    while CANARY in (told := asyncio.run(asked(address, False))):
        assert time.monotonic() < until, "nothing is shielded"
        time.sleep(0.1)
    return told


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_asks_the_model_that_it_was_given(command: str, tmp_path: Path) -> None:
    with summarising() as model, serving() as upstream, contextlib.ExitStack() as stack:
        given = ("--summarise-with", f"{model.named}#env:SUMMARY_KEY", "--summary-characters", "80")
        model.says = lambda reasoning: "It weighs two considerations. " * 10
        if command == "watch":
            told = stack.enter_context(running(tmp_path, "watch", "--upstream", upstream.address, *given))
            address = told["callers"]
        else:
            told = stack.enter_context(running(tmp_path, "gate", "envoy", *given))
            ports = (int(where.rpartition(":")[2]) for where in (upstream.address, told["envoy"]))
            address = f"http://127.0.0.1:{stack.enter_context(envoy('ext_proc.yaml', tmp_path, *ports, PATIENT))}"
        whole = json.loads(shielded(address))["choices"][0]["message"]
        assert whole["reasoning_content"].startswith("It weighs two considerations.")
        assert len(whole["reasoning_content"]) <= 80
        streamed = asyncio.run(asked(address, True))
        assert "It weighs two considerations." in streamed
        assert CANARY not in streamed
        model.says = lambda reasoning: reasoning
        assert "reasoning_content" not in json.loads(shielded(address))["choices"][0]["message"]
        metrics = asyncio.run(scraped(told["administration"]))
        assert model.keys[0] == f"Bearer {KEY}"
    assert 'stillwatch_summaries_total{outcome="given"} 2.0' in metrics
    assert 'stillwatch_summaries_total{outcome="quoting"} 1.0' in metrics
    assert 'stillwatch_summaries_total{outcome="late"} 0.0' in metrics


def test_without_a_model_reasoning_is_left_out(tmp_path: Path) -> None:
    with serving() as upstream, running(tmp_path, "watch", "--upstream", upstream.address) as told:
        assert "reasoning_content" not in json.loads(shielded(told["callers"]))["choices"][0]["message"]
        assert "stillwatch_summaries" not in asyncio.run(scraped(told["administration"]))


def test_a_summary_may_take_longer_than_envoy_waits_for_anything_else(tmp_path: Path) -> None:
    """Envoy's timeout of messages does not hold for an answer that is handed over: what is shielded is not cut off."""

    async def slow(reasoning: str) -> str | None:
        await asyncio.sleep(3)
        return "In short."

    patient = {"message_timeout: 1s": "message_timeout: 2s"}
    with serving() as upstream, door(summaries=Summaries(slow)) as opened:
        port = int(upstream.address.rpartition(":")[2])
        with envoy("ext_proc.yaml", tmp_path, port, opened.port, patient) as front:
            stack = Stack(upstream, opened, f"http://127.0.0.1:{front}")
            for stream in (False, True):
                told = ask(stack, "summarised", model="fake+reasoning", stream=stream)
                assert (told.status, b"In short." in told.body, CANARY.encode() in told.body) == (200, True, False)


WRONG = {
    "openai:m@http://127.0.0.1:9/v1#sk-the-key-itself": "a key is only taken from the environment",
    "openai:m@http://127.0.0.1:9/v1#env:NOT_SET_ANYWHERE": "the environment has no NOT_SET_ANYWHERE",
    "http://127.0.0.1:9/v1": "--summarise-with: no model is known as",
    "answers:some.jsonl": "is no model over HTTP; start a server for it",
    "transformers:folder": "is no model over HTTP; start a server for it",
    "nowhere.toml": "nowhere.toml: cannot be read",
}
OPTIONS = {
    ("--summary-seconds", "0"): "0 is no time to wait",
    ("--summary-seconds", "nan"): "nan is no time to wait",
    ("--summary-characters", "5"): "5 is no length of a summary",
    ("--summary-instruction", "nowhere.txt"): "nowhere.txt: cannot be read",
    ("--summary-instruction", "empty.txt"): "empty.txt: is no instruction",
    ("--summary-instruction", "latin.txt"): "latin.txt: is no text in UTF-8",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_cannot_be_is_one_line_and_exit_code_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "latin.txt").write_bytes("für".encode("latin-1"))
    policy = write_policy(tmp_path / "policy.toml", MEASURES)
    named = "openai:m@http://127.0.0.1:9/v1"
    cases = {("--summarise-with", address): said for address, said in WRONG.items()}
    cases |= {("--summarise-with", named, *option): said for option, said in OPTIONS.items()}
    cases[("--summary-instruction", "own.txt")] = "instructs no model; give --summarise-with too"
    for options, message in cases.items():
        with pytest.raises(SystemExit) as end:
            main([*COMMANDS[command], "--policy", str(policy), "--state", "state", *options])
        told = capsys.readouterr()
        assert (end.value.code, told.out, told.err.count("\n")) == (2, "", 1), options
        assert message in told.err
        assert "sk-the-key-itself" not in told.err
    assert not (tmp_path / "state").exists()
