"""LiteLLM's guardrail API behind a socket: loopback, or anywhere with a key. Needs uvicorn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import uvicorn

from stillwatch.errors import UsageError
from stillwatch.gateway.doors.guardrail_api import guardrail_app
from stillwatch.gateway.gate import open_gate
from stillwatch.listening import announced
from stillwatch.loopback import is_loopback

__all__ = ["serve_guardrail"]


def serve_guardrail(
    policy: Path, state: Path, *, store: str | None, host: str, port: int, key: str | None, say: Callable[[str], None]
) -> None:
    """Serve until interrupted; ``say`` is told the address once connections are taken. ``port`` 0 takes a free one.

    Raises `UsageError` for an address that others reach without a key, `InputError` for a policy or state that cannot
    be read.
    """
    if key is None and not is_loopback(host):
        raise UsageError("would answer anybody without a key", host, "give --key env:NAME")
    gate = open_gate(state, policy, store=store)
    config = uvicorn.Config(
        guardrail_app(gate, key),
        host=host,
        port=port,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=5,
    )
    try:
        announced(config, say)
    finally:
        gate.close()
