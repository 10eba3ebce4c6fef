"""A gate and a budget in memory, as simple as they can be: what responses are tried against."""

from __future__ import annotations

from stillwatch.campaigns.report import ErrorRate
from stillwatch.responses.base import Action, Level, Outgoing, Subject
from stillwatch.responses.traffic import Request

NOW = 1_790_000_000_000_000
SURE = ErrorRate("false discovery rate", 0.01, "groups at random", 999)


def subject(
    account: str = "a1", campaign: str = "C1", level: Level = "confirmed", innocent: float = 0.001, **more: object
) -> Subject:
    """A claim that every response may act on, unless told otherwise."""
    said: dict[str, object] = {"error_rate": SURE, "ruled_out": ("one company",), "since": NOW, "run": "r1"}
    return Subject(account_id=account, campaign_id=campaign, level=level, innocent=innocent, **(said | more))  # type: ignore[arg-type]


def request(account: str = "a1", at: int = NOW, **more: object) -> Request:
    """A request that asks for all there is to ask for."""
    said: dict[str, object] = {"operation": "chat", "api": "openai_chat", "asks_reasoning": True, "asks_detail": True}
    return Request(request_id="q", at=at, account_id=account, **(said | more))  # type: ignore[arg-type]


class Held:
    """What stands, and what was sent."""

    def __init__(self) -> None:
        self.standing: dict[str, Action] = {}
        self.sent: list[Outgoing] = []

    def holds(self, action_id: str) -> bool:
        return action_id in self.standing

    def hold(self, action: Action) -> None:
        self.standing.setdefault(action.id, action)

    def release(self, action_id: str) -> None:
        self.standing.pop(action_id, None)

    def send(self, message: Outgoing) -> None:
        self.sent.append(message)


class Buckets:
    """Token buckets, one dictionary entry each."""

    def __init__(self) -> None:
        self.levels: dict[str, tuple[float, int]] = {}

    def take(self, name: str, units: float, per_second: float, burst: float, at: int, patience: float = 0.0) -> float:
        level, then = self.levels.get(name, (burst, at))
        level = min(burst, level + max(at - then, 0) / 1e6 * per_second)
        seconds = max(units - level, 0.0) / per_second
        if seconds <= patience:
            level -= units
        self.levels[name] = (level, max(at, then))
        return seconds


class Refusing:
    """A budget of which nothing is left for a long time."""

    def take(self, name: str, units: float, per_second: float, burst: float, at: int, patience: float = 0.0) -> float:
        return 1e9
