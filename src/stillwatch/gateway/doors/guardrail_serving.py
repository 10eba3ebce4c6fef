"""LiteLLM's guardrail API behind a socket: loopback, or anywhere with a key. Needs uvicorn."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path

import uvicorn

from stillwatch.errors import UsageError
from stillwatch.gateway.doors.guardrail_api import guardrail_app
from stillwatch.gateway.gate import open_gate

__all__ = ["serve_guardrail"]


def serve_guardrail(
    policy: Path, state: Path, *, store: str | None, host: str, port: int, key: str | None, say: Callable[[str], None]
) -> None:
    """Serve until interrupted; ``say`` is told the address once connections are taken. ``port`` 0 takes a free one.

    Raises `UsageError` for an address that others reach without a key, `InputError` for a policy or state that cannot
    be read.
    """
    if key is None and not _is_loopback(host):
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
        _Announcing(config, say).run()
    except SystemExit as error:  # uvicorn's way to say so
        raise UsageError("cannot be listened on", f"{host}:{port}", "is something else serving there?") from error
    finally:
        gate.close()


class _Announcing(uvicorn.Server):
    """Says where it listens, once it does."""

    def __init__(self, config: uvicorn.Config, say: Callable[[str], None]) -> None:
        super().__init__(config)
        self._say = say

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """See uvicorn."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._say(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
