"""What a replay adds to LiteLLM's proxy, which loads it beside Stillwatch's own door: the replay's clock, and notes.

Only a proxy that is configured to load this file believes a caller's clock; Stillwatch's door has no such thing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from litellm.proxy._types import UserAPIKeyAuth

from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.litellm import KEPT, StillwatchLogger
from stillwatch.gateway.gate import open_gate

STATE, POLICY, NOTES = (Path(os.environ[f"REPLAY_{name}"]) for name in ("STATE", "POLICY", "NOTES"))
SLOWS = frozenset({"slow_down", "hold_for_review", "suspend"})
PREFIX = "openai/"
MICROSECONDS = 1_000_000


class Clock:
    """The time of the request that is being decided on."""

    at = int(os.environ["REPLAY_AT"])

    def now(self) -> int:
        return self.at


class Replay(StillwatchLogger):
    """Stillwatch's door under the replay's clock; waits are noted, not waited."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.gate = open_gate(STATE, POLICY, clock=self.clock)
        super().__init__(self.gate, sleep=self._no_sleep)
        self._notes = NOTES.open("a", buffering=1)

    @staticmethod
    async def _no_sleep(seconds: float) -> None:
        pass

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> Any:
        """Believe the replay's clock, decide, and note what was decided."""
        headers = data["proxy_server_request"]["headers"]
        self.clock.at = int(headers["x-replay-at"])
        data["extra_headers"] = {"x-replay-exchange": data["litellm_call_id"]}  # what the upstream is to answer
        try:
            return await super().async_pre_call_hook(user_api_key_dict, cache, data, call_type)
        finally:
            self._note(data["litellm_logging_obj"].model_call_details[KEPT][0])

    def _note(self, decision: Decision) -> None:
        standing = {a.response for a in self.gate.state.actions(decision.account_id) if not a.dry}
        refused = decision.refuse is not None
        told = {
            "limited": bool(standing & SLOWS) and not self.gate.state.stood_down,
            "stopped": refused,
            "waited": decision.wait > 0,
            "touched": decision.touches,
            "suspended": refused and "suspend" in decision.reasons,
        }
        self._notes.write(json.dumps({"id": decision.request_id, **told}) + "\n")

    def observed(self, payload: Any, decision: Decision | None) -> Observed | None:
        """The exchange at its own time, its model named as in the first week's log."""
        found = super().observed(payload, decision)
        if found is not None and decision is not None:
            found.row["started_at"] = decision.at
            found.row["model"] = str(found.row["model"] or "").removeprefix(PREFIX)
            found.row["operation"] = "chat"
        return found


async def authorised(request: Any, api_key: str) -> UserAPIKeyAuth:
    """``sk-ACCOUNT`` is a key of that account."""
    return UserAPIKeyAuth(api_key=api_key, user_id=api_key.removeprefix("sk-"))


handler = Replay()
