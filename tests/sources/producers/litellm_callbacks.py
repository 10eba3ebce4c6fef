"""What a LiteLLM proxy is given beside its config: a callback that writes logs, and keys without a database.

Knows nothing of Stillwatch; the test copies it beside the config that names ``litellm_callbacks.writer`` and
``litellm_callbacks.authorised``.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload

FOLDER = Path(__file__).parent
KEYS = {
    "sk-first": UserAPIKeyAuth(api_key="sk-first", user_id="u1", team_id="t1", org_id="o1"),
    "sk-second": UserAPIKeyAuth(api_key="sk-second", user_id="u1", team_id="t1"),
    "sk-third": UserAPIKeyAuth(api_key="sk-third", team_id="t2"),
    "sk-fourth": UserAPIKeyAuth(api_key="sk-fourth"),
}


def append(name: str, value: dict[str, Any]) -> None:
    """One more line of JSON."""
    with (FOLDER / name).open("a") as file:
        file.write(json.dumps(value, default=datetime.isoformat) + "\n")


class Writer(CustomLogger):
    """Writes each call's standard payload, and the row that the proxy would put into its table of spend logs."""

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """A call that succeeded."""
        append("payloads.jsonl", kwargs["standard_logging_object"])
        append("spend.jsonl", dict(get_logging_payload(kwargs, response_obj, start_time, end_time)))

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """A call that failed."""
        append("payloads.jsonl", kwargs["standard_logging_object"])


async def authorised(request: Request, api_key: str) -> UserAPIKeyAuth:
    """The user, team and organisation behind a key."""
    if api_key not in KEYS:
        raise HTTPException(401, "unknown key")
    return KEYS[api_key]


writer = Writer()
