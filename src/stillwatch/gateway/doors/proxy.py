"""``stillwatch watch``: a stand-alone reverse proxy in front of one server of models, with the gateway in it.

For OpenAI- and Anthropic-compatible APIs. Every path passes; calls of a model (chat, completions, responses, messages,
embeddings, batches) are decided on and journalled, all others decided on only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stillwatch.errors import PluginError
from stillwatch.gateway.doors.accounts import LOOPBACK, Callers, read_keys
from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.serving import Served, parsed_address, serve
from stillwatch.gateway.doors.upstream import Upstream
from stillwatch.gateway.gate import open_gate
from stillwatch.gateway.shielding.seal import Sealer, SealKeys, make_keys
from stillwatch.gateway.shielding.seal import read_keys as read_seal_keys

__all__ = ["SEAL_KEYS", "watch_upstream"]

SEAL_KEYS = "seal.keys"
"""File in the state that seals reasoning, unless another is named."""


def watch_upstream(
    *,
    upstream: str,
    policy: Path,
    state: Path,
    listen: str,
    admin: str = "",
    run: Path | None = None,
    store: str | None = None,
    account_header: str = "",
    tier_header: str = "",
    fronts: tuple[str, ...] = (),
    keys: Path | None = None,
    trust_hops: int = 0,
    certificate: Path | None = None,
    key: Path | None = None,
    seal_keys: Path | None = None,
    drain: float = 30.0,
    say: Callable[[str, str], None],
) -> None:
    """Serve until SIGTERM or SIGINT; ``say`` is told the addresses for callers and for whoever runs it.

    Raises `UsageError` and `InputError` for what cannot be used, before anything is served.
    """
    callers = Callers(
        header=account_header,
        tier_header=tier_header,
        keys=None if keys is None else read_keys(keys),
        fronts=fronts or LOOPBACK,
        hops=trust_hops,
    )
    where, aside = parsed_address(listen, "--listen"), parsed_address(admin, "--admin") if admin else None
    gate = open_gate(state, policy, store=store)
    server = Upstream(upstream, patience=lambda: gate.policy.failures.upstream_timeout)

    async def close() -> None:
        await server.close()
        gate.close()

    def told(served: Served) -> None:
        say(*served)

    serve(
        StillwatchMiddleware(server, gate=gate, callers=callers, seal_keys=_seal_keys(seal_keys or state / SEAL_KEYS)),
        listen=where,
        admin=aside,
        drain=drain,
        certificate=None if certificate is None else str(certificate),
        key=None if key is None else str(key),
        say=told,
        close=close,
    )


def _seal_keys(path: Path) -> SealKeys | None:
    """The keys that seal, made where missing; None where the library that seals is missing: then nothing is sealed, and
    reasoning is left out."""
    keys = read_seal_keys(path) if path.exists() else make_keys(path)
    try:
        Sealer(keys, "")
    except PluginError:
        return None
    return keys
