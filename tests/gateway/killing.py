"""Kill a gateway under load, and see what it lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.gateway.journal import hours
from stillwatch.gateway.ledger import read_ledger, verify
from stillwatch.gateway.profiles import Profiles
from stillwatch.gateway.stores.opening import open_store

SECOND = 1_000_000


class Acknowledged(NamedTuple):
    exchange_id: str
    account: str
    at: int
    touched: bool


class Lost(NamedTuple):
    """What was acknowledged and is not there; ``behind`` is how old (seconds) the oldest exchange is that an account's
    kept profile does not know of, by the clock of the kill."""

    acknowledged: int
    exchanges: int
    ledger_problems: tuple[str, ...]
    decisions_before_lag: int
    behind: float


def run_and_kill(state: Path, policy: Path, store: str, name: str, seconds: float) -> tuple[list[Acknowledged], int]:
    """What the gateway acknowledged in ``seconds``, and when it was killed (microseconds)."""
    command = [sys.executable, "-m", "tests.gateway.killed", str(state), str(policy), store, name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout))  # type: ignore[arg-type]
    reader.start()
    time.sleep(seconds)
    killed_at = round(time.time() * SECOND)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reader.join()
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [Acknowledged(one, account, int(at), touched == "1") for one, account, at, touched in whole], killed_at


def lost(state: Path, store: str, runs: list[tuple[list[Acknowledged], int]]) -> Lost:
    """What is missing of all ``runs`` of one gateway."""
    ids: set[str] = set()
    for _, path in hours(state / "journal"):
        for line in path.read_bytes().splitlines():
            try:
                ids.add(msgspec.json.decode(line)["exchange_id"])
            except msgspec.DecodeError:
                continue
    acknowledged = [one for run, _ in runs for one in run]
    ledger = Counter(entry.request_id for entry in read_ledger(state / "ledger") if entry.kind == "decision")
    early = [
        f"{one.account} {one.at}"
        for run, killed_at in runs
        for one in run
        if one.touched and one.at < killed_at - SECOND
    ]
    return Lost(
        acknowledged=len(acknowledged),
        exchanges=sum(one.exchange_id not in ids for one in acknowledged),
        ledger_problems=verify(state / "ledger").problems,
        decisions_before_lag=sum(name not in ledger for name in early),
        behind=_behind(state, store, runs),
    )


def _behind(state: Path, store: str, runs: list[tuple[list[Acknowledged], int]]) -> float:
    """The state of an account is as old as the last exchange that its kept profile knows of."""
    numbers = Profiles(bytes.fromhex((state / "key").read_text()))
    kept_in = open_store(state, store or None, f"{(state / 'gateways' / 'id').read_text()}-0")
    kept = dict(kept_in.kept().profiles)
    kept_in.close()
    run, killed_at = runs[-1]
    behind = 0.0
    unknown: dict[str, int] = {}
    for one in run:
        profile = kept.get(numbers.number(one.account))
        if profile is None or one.at > profile.last_seen:
            unknown.setdefault(one.account, one.at)
    for at in unknown.values():
        behind = max(behind, (killed_at - at) / SECOND)
    return behind
