"""How long a decision takes, and how much an account costs, with a million accounts in memory.

A fresh process fills a state with a million accounts, of which one in twenty is claimed of and has three actions
standing (slow down, shield, cap reasoning). Then requests are decided on, one by one: half of them of accounts that are
only counted, half of accounts with actions; and with the gate around it (lock, clock, bounds, ledger), while its upkeep
runs. Memory is the process's resident size with the accounts less that without.
"""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ACCOUNTS, CLAIMED, DECISIONS = 1_000_000, 50_000, 100_000
POLICY = """
version = 1
name = "bench"
mode = "act"
[bounds]
requests_touched = 1.0
accounts_touched = 1.0
[[measures]]
response = "slow_down"
parameters = {per_day = 1e9, burst = 1e6}
[[measures]]
response = "shield_reasoning"
[[measures]]
response = "cap_reasoning"
"""


def main() -> None:
    """Print the table; each figure comes from a process that did nothing else."""
    print("decide with 1,000,000 accounts (50,000 with three actions each), one thread, microseconds")
    done = subprocess.run([sys.executable, "-m", "bench.gateway_decide", "measure"], capture_output=True, text=True)
    print(done.stdout or done.stderr)


def _rss() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _print(name: str, times: list[float]) -> None:
    times.sort()
    at = [times[min(int(len(times) * share), len(times) - 1)] * 1e6 for share in (0.5, 0.99, 0.999, 1)]
    print(f"{name:36} p50 {at[0]:8.1f}  p99 {at[1]:8.1f}  p99.9 {at[2]:8.1f}  longest {at[3]:10.1f}")


def measure() -> None:
    from stillwatch.campaigns.report import ErrorRate  # noqa: PLC0415 - memory is measured from here on
    from stillwatch.gateway.decide import decide  # noqa: PLC0415
    from stillwatch.gateway.decision import Observed  # noqa: PLC0415
    from stillwatch.gateway.gate import open_gate  # noqa: PLC0415
    from stillwatch.gateway.stores.base import change  # noqa: PLC0415
    from stillwatch.responses.base import Subject  # noqa: PLC0415
    from stillwatch.responses.traffic import Request  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "policy.toml").write_text(POLICY)
        gate = open_gate(Path(folder) / "state", Path(folder) / "policy.toml")
        gate._upkeep._ends.set()  # rounds are made by hand while the accounts come
        gc.collect()
        before, now = _rss(), gate.now()
        for number in range(ACCOUNTS):
            account = f"user-{number:08d}-0123456789abcdef"
            gate.state.profiles.add(account, 1000, 100, False, now)
            gate._watchman.note(account, False, now)  # all of them were seen within the hour
        rate = ErrorRate("false discovery", 0.01, "permuted accounts", 1000)
        for number in range(CLAIMED):
            subject = Subject(
                account_id=f"user-{number * 20:08d}-0123456789abcdef",
                campaign_id=f"campaign-{number % 40}",
                level="campaign",
                innocent=0.01,
                error_rate=rate,
                ruled_out=("one company", "a class"),
                since=now,
                run="run-1",
            )
            gate.put([change(subject)])
        for _ in range(3):
            gate.refresh()
        while gate.state.profiles._dirty:
            gate.refresh()
        actions = len(gate.state.all_actions())
        gc.collect()
        each = (_rss() - before) / ACCOUNTS
        print(f"accounts {len(gate.state.profiles):,}, actions {actions:,}, memory {each:.0f} bytes an account")

        draw = random.Random(1)

        def request(claimed: bool) -> Request:
            number = draw.randrange(CLAIMED) * 20 if claimed else draw.randrange(ACCOUNTS) // 20 * 20 + 1
            account = f"user-{number:08d}-0123456789abcdef"
            return Request(request_id="r", at=gate.now(), account_id=account, asks_reasoning=True)

        clock = time.perf_counter
        for name, claimed in (("decide, nothing stands", False), ("decide, three actions stand", True)):
            times = []
            for _ in range(DECISIONS):
                asked = request(claimed)
                started = clock()
                decide(asked, gate.state, gate.policy)
                times.append(clock() - started)
            _print(name, times)
        gate._upkeep._ends.clear()
        gate.start()
        for name, share in (("Gate.decide, half and half", 0.5), ("Gate.decide, one in fifty", 0.02)):
            decided, told = [], []
            for number in range(DECISIONS):
                asked = request(draw.random() < share)
                started = clock()
                decision = gate.decide(asked)
                decided.append(clock() - started)
                row = {
                    "exchange_id": f"{name} {number}",
                    "started_at": decision.at,
                    "account_id": decision.account_id,
                    "model": "a-model",
                    "operation": "chat",
                    "input_tokens": 900,
                    "output_tokens": 300,
                    "status": 200,
                    "latency_ms": 800,
                }
                started = clock()
                gate.observed(Observed(row=row, decision=decision))
                told.append(clock() - started)
                time.sleep(0.0002 if number % 4 == 0 else 0)  # as traffic comes; the upkeep gets its turns
            _print(name, decided)
            _print(name.replace("decide", "observed"), told)
        print(f"errors {sum(gate.errors.values())}, ledger behind {gate.ledger.waiting}, lost {gate.ledger.lost}")
        gate.close()


if __name__ == "__main__":
    measure() if sys.argv[1:] == ["measure"] else main()
