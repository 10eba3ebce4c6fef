"""Claims, policies and requests for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stillwatch.campaigns.report import ErrorRate
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.gate import Gate
from stillwatch.responses.base import Subject
from stillwatch.responses.traffic import Request

NOW = 1_790_000_000_000_000
SECOND = 1_000_000
HOLD = '[[measures]]\nresponse = "hold_for_review"\n'
SLOW = """
[[measures]]
response = "slow_down"
levels = ["suspected", "review", "campaign", "confirmed"]
parameters = {per_day = 86400, burst = 2}
"""


def claim(account: str, **other: Any) -> Subject:
    values: dict[str, Any] = {
        "account_id": account,
        "campaign_id": "c",
        "level": "campaign",
        "innocent": 0.01,
        "error_rate": ErrorRate("false discovery", 0.01, "permuted accounts", 1000),
        "ruled_out": ("one company",),
        "since": NOW,
        "run": "r",
    }
    return Subject(**{**values, **other})


def asked(account: str, at: int = NOW, **other: Any) -> Request:
    return Request(request_id=f"{account} {at}", at=at, account_id=account, **other)


def ended(decision: Decision, **row: Any) -> Observed:
    known = {"exchange_id": decision.request_id, "started_at": decision.at, "account_id": decision.account_id}
    return Observed(row={**known, **row}, decision=decision)


def write_policy(path: Path, measures: str = SLOW, mode: str = "act", more: str = "") -> Path:
    path.write_text(f'version = 1\nname = "test"\nmode = "{mode}"\n{more}\n{measures}')
    return path


Open = Callable[..., Gate]


def refused(gate: Gate, account: str = "a", times: int = 1) -> list[bool]:
    return [gate.decide(asked(account, gate.now())).refuse is not None for _ in range(times)]


class SetClock:
    """A clock that stands where it was set."""

    def __init__(self, at: int = NOW) -> None:
        self.at = at

    def now(self) -> int:
        return self.at
