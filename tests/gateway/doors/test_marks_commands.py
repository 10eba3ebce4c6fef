"""Marks from the command line to the case of a proof: which campaigns need a key, marks under kill -9, the export."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench.made_answers import prompts, somebody
from stillwatch.cli import main
from stillwatch.gateway.gate import open_gate
from stillwatch.gateway.ledger import verify
from stillwatch.gateway.marking.records import COLUMN
from stillwatch.gateway.stores.base import change
from stillwatch.marks.base import MarkKey
from stillwatch.marks.text.marking import mark_answer
from stillwatch.sources.calls.http_bodies import key_id
from stillwatch.sources.log import open_log
from tests.gateway.claims import claim
from tests.gateway.keyrings import ABOUT, keyring
from tests.gateway.upstream import serving

KEY = "sk-a-key-of-the-campaign"
POLICY = """version = 1
name = "test"
mode = "act"
[[measures]]
response = "mark_output"
[bounds]
requests_touched = 1.0
accounts_touched = 1.0
[learning]
keep_text_hours = {hours}
[marking]
keyrings = {{ campaigns = "{keys}" }}
streams = "hold"
"""


def run(arguments: list[str]) -> object:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def prepared(folder: Path, hours: int) -> Path:
    """A gateway's folder in which a campaign is claimed of the account whose key is `KEY`."""
    (folder / "policy.toml").write_text(POLICY.format(hours=hours, keys=folder / "keys"))
    gate = open_gate(folder / "state", folder / "policy.toml")
    gate.put([change(claim(key_id(KEY), since=gate.now()))])
    gate.refresh()
    gate.close()
    return folder / "state"


@contextlib.contextmanager
def watching(folder: Path, upstream: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "stillwatch", "watch", "--upstream", upstream, "--json", "--admin", ""]
    state = ["--policy", str(folder / "policy.toml"), "--state", str(folder / "state"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen([*command, *state], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["callers"], process
        finally:
            process.kill()


async def asked(address: str, questions: list[str], answers: dict[str, str], *, stream: bool = False) -> None:
    """Ask each; ``answers`` gets what was received whole."""
    headers, limit = {"authorization": f"Bearer {KEY}"}, asyncio.Semaphore(4)
    async with aiohttp.ClientSession(headers=headers) as session:

        async def one(question: str) -> None:
            said = [{"role": "user", "content": question}]
            body = {"model": "fake+prose", "messages": said, "stream": stream}
            with contextlib.suppress(aiohttp.ClientError):
                async with limit, session.post(f"{address}/v1/chat/completions", json=body) as answer:
                    answers[question] = _text(await answer.read(), stream)

        await asyncio.gather(*map(one, questions))


def _text(data: bytes, stream: bool) -> str:
    if not stream:
        return str(json.loads(data)["choices"][0]["message"]["content"])
    chunks = [json.loads(line[6:]) for line in data.splitlines() if line.startswith(b"data: {")]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def marked(question: str, key: MarkKey) -> str:
    return mark_answer(question, somebody(3).answer(question), key).text


def journal(state: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted((state / "journal").glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
    return found


def test_campaigns_without_a_key_are_told_with_the_command_that_makes_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = prepared(tmp_path, 0)
    command = ["gate", "marks", "--state", str(state), "--policy", str(tmp_path / "policy.toml")]
    assert run(command) == 1
    told = capsys.readouterr().out
    assert f"c: 1 account, no key: stillwatch marks key --keys {tmp_path / 'keys'} --campaign {ABOUT}" in told
    assert run(["marks", "init", "--keys", str(tmp_path / "keys")]) == 0
    assert run(told.strip().partition("stillwatch ")[2].split()) == 0
    capsys.readouterr()
    assert run(command) == 0
    assert capsys.readouterr().out.endswith(f"for {ABOUT}\n")
    assert run([*command, "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["campaign_id"], one["about"], one["accounts"], one["wrong"]) == ("c", ABOUT, 1, "")
    no_folder = tmp_path / "other.toml"
    no_folder.write_text((tmp_path / "policy.toml").read_text().partition("[marking]")[0])
    assert run([*command[:-1], str(no_folder)]) == 1
    assert "the policy names no folder" in capsys.readouterr().out


def test_a_proxy_that_is_killed_has_in_its_journal_every_mark_that_somebody_received(tmp_path: Path) -> None:
    state, key = prepared(tmp_path, 1), keyring(tmp_path / "keys")
    received: dict[str, str] = {}
    questions = prompts(400)

    async def until_killed(address: str, process: subprocess.Popen[str], some: list[str], stream: bool) -> None:
        asking = asyncio.ensure_future(asked(address, some, received, stream=stream))
        enough = len(received) + 30
        while len(received) < enough and not asking.done():
            await asyncio.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        await asking

    with serving(keeps=False) as upstream:
        for turn, stream in enumerate((False, True, False)):
            with watching(tmp_path, upstream.address) as (address, process):
                asyncio.run(until_killed(address, process, questions[turn * 130 : turn * 130 + 130], stream))
    assert 90 <= len(received) < 390
    assert received == {question: marked(question, key) for question in received}
    kept = {json.loads(row["messages"])[-1]["content"]: row for row in journal(state)}
    assert set(received) <= set(kept)
    assert {question: kept[question]["response"] for question in received} == received
    assert all(kept[question][COLUMN]["key"] == key.id for question in received)
    assert verify(state / "ledger").problems == ()
    open_gate(state, tmp_path / "policy.toml").close()  # a restart closes off what a kill cut short
    assert open_log([state / "journal"]).read().num_rows >= len(received)


@pytest.mark.parametrize("source", ["journal", "log before the mark", "log after the mark"])
def test_marked_exchanges_are_found_for_a_proof(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    state, key = prepared(tmp_path, int(source == "journal")), keyring(tmp_path / "keys")
    received: dict[str, str] = {}
    questions = prompts(24)
    with serving(keeps=False) as upstream, watching(tmp_path, upstream.address) as (address, process):
        asyncio.run(asked(address, questions, received))
        process.terminate()
        assert process.wait(20) == 0
    rows = journal(state)
    assert ("response" in rows[0]) == (source == "journal")
    out, log = tmp_path / "marked.jsonl", tmp_path / "log.jsonl"
    told = {"exchange_id": "", "started_at": "2026-05-01T00:00:00Z", "account_id": "a", "status": 200}
    with log.open("w") as file:
        for number, question in enumerate([*questions, "Something else?"]):
            answer = somebody(3).answer(question) if source == "log before the mark" else marked(question, key)
            said = json.dumps([{"role": "user", "content": question}])
            file.write(json.dumps({**told, "exchange_id": str(number), "messages": said, "response": answer}) + "\n")
    command = ["gate", "marked", "--state", str(state), "--keys", str(tmp_path / "keys"), "--out", str(out)]
    if source != "journal":
        assert run(command) == 1
        assert "24 exchanges left out" in capsys.readouterr().out
        assert out.read_bytes() == b""
        command += ["--log", str(log)]
    assert run(command) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {line["prompt"]: line["answer"] for line in lines} == received
    expected = {q: mark_answer(q, somebody(3).answer(q), key) for q in questions}
    for line in lines:
        assert line["marks"]["key"] == key.id
        assert tuple(line["marks"]["could"]) == expected[line["prompt"]].could
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_journal_with_marks_is_a_log_like_any_other(tmp_path: Path) -> None:
    """Lines with a mark stand between others, and a scan reads both."""
    state = prepared(tmp_path, 1)
    keyring(tmp_path / "keys")
    received: dict[str, str] = {}
    with serving(keeps=False) as upstream, watching(tmp_path, upstream.address) as (address, process):
        for number, question in enumerate(prompts(6)):
            asyncio.run(asked(address, [question if number % 2 else "Why?"], received))
        process.terminate()
        process.wait(20)
    rows = journal(state)
    assert [COLUMN in row for row in rows] == [True] * 6
    path = next((state / "journal").glob("*.jsonl"))
    for row in rows[:3]:
        del row[COLUMN]
    path.write_text("".join(json.dumps(row) + "\n" for row in [rows[3], rows[0], rows[4], rows[1], rows[2], rows[5]]))
    read = open_log([state / "journal"]).read()
    assert (read.num_rows, read.column("response").null_count) == (6, 0)
