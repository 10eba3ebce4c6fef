"""What a LiteLLM proxy under test is given beside its config: keys without a database, and a gate that decides by name.

Runs in LiteLLM's own Python. ``by_name`` does to each account what the account is called; ``of_environment`` is what a
user names in his configuration. What each told is appended to ``told.jsonl``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from litellm.proxy._types import UserAPIKeyAuth

from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.litellm import StillwatchLogger, gate_of_environment, summaries_of_environment
from stillwatch.responses import traffic

TOLD = Path(__file__).with_name("told.jsonl")
DONE: dict[str, dict[str, Any]] = {
    "limited": {"refuse": traffic.Refusal(status=429, code="rate_limited", message="Slow down.", retry_after=30.0)},
    "held": {"refuse": traffic.Refusal(status=403, code="held", message="Held for review.")},
    "slowed": {"wait": 7.0},
    "shaped": {
        "shape": traffic.Shape(reasoning_effort="low", reasoning_tokens=1024, drop_logprobs=True, one_answer=True)
    },
    "shielded": {"shield": "drop"},
    "summarised": {"shield": "summarise"},
}


class ByName:
    """A gate that does to each account what it is called."""

    keeps_text = True

    def now(self) -> int:
        return 1_788_739_388_000_000

    def decide(self, request: traffic.Request) -> Decision:
        if request.account_id == "broken":
            raise RuntimeError("broken")
        note({"request": {name: getattr(request, name) for name in request.__struct_fields__}})
        done = DONE.get(request.account_id, {})
        reference = "R1" if done else ""
        return Decision(
            request_id=request.request_id, account_id=request.account_id, at=request.at, reference=reference, **done
        )

    def observed(self, observed: Observed) -> None:
        decision = observed.decision
        note({"row": observed.row, "decision": [decision.request_id, decision.account_id, decision.touches]})

    def close(self) -> None:
        pass


def note(value: dict[str, Any]) -> None:
    with TOLD.open("a") as file:
        file.write(json.dumps(value) + "\n")


async def slept(seconds: float) -> None:
    note({"slept": seconds})


async def authorised(request: Request, api_key: str) -> UserAPIKeyAuth:
    """``sk-NAME`` is a key of the account NAME, ``sk-team-NAME`` of the team NAME, whose tier is gold."""
    if not api_key.startswith("sk-"):
        raise HTTPException(401, "unknown key")
    name = api_key.removeprefix("sk-")
    if name.startswith("team-"):
        return UserAPIKeyAuth(api_key=api_key, team_id=name.removeprefix("team-"), team_metadata={"tier": "gold"})
    return UserAPIKeyAuth(api_key=api_key, user_id=name)


by_name = StillwatchLogger(ByName(), summaries=summaries_of_environment(), sleep=slept)  # type: ignore[arg-type]
of_environment = StillwatchLogger(gate_of_environment())
