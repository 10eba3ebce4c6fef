"""``stillwatch watch``: a stand-alone reverse proxy in front of one server of models, with the gateway in it.

For OpenAI- and Anthropic-compatible APIs. Every path passes; calls of a model (chat, completions, responses, messages,
embeddings, batches) are decided on and journalled, all others decided on only.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stillwatch.errors import InputError
from stillwatch.gateway.alerting import Alerting
from stillwatch.gateway.doors.accounts import callers_of
from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.marks import Marks
from stillwatch.gateway.doors.sealing import SEAL_KEYS, opened_keys
from stillwatch.gateway.doors.serving import parsed_address, serve
from stillwatch.gateway.doors.summaries import Summaries
from stillwatch.gateway.doors.upstream import Upstream
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.metrics import GateMetrics, TimedGate

__all__ = ["watch_upstream"]


def watch_upstream(
    *,
    upstream: str,
    policy: Path,
    state: Path,
    listen: str,
    admin: str = "",
    run: Path | None = None,
    store: str | None = None,
    who: Mapping[str, Any],
    certificate: Path | None = None,
    key: Path | None = None,
    seal_keys: Path | None = None,
    summaries: Summaries | None = None,
    drain: float = 30.0,
    say: Callable[[str, str], None],
) -> None:
    """Serve until SIGTERM or SIGINT; ``say`` is told the addresses for callers and for whoever runs it; ``who`` are the
    arguments of `callers_of`.

    Raises `UsageError` and `InputError` for what cannot be used, before anything is served.
    """
    callers = callers_of(**who)
    where, aside = parsed_address(listen, "--listen"), parsed_address(admin, "--admin") if admin else None
    gate = _opened(state, policy, store, run)
    alerting = Alerting(gate)
    marks = Marks()
    metrics = GateMetrics(gate, alerting.outbox, None if summaries is None else summaries.counts, marks.counts)
    server = Upstream(upstream, patience=lambda: gate.policy.failures.upstream_timeout)

    async def close() -> None:
        await server.close()
        if summaries is not None:
            await summaries.close()
        alerting.close()
        gate.close()

    sealing = opened_keys(seal_keys or state / SEAL_KEYS)
    alerting.start()
    serve(
        StillwatchMiddleware(
            server,
            gate=TimedGate(gate, metrics),
            callers=callers,
            summarise=summaries,
            seal_keys=sealing,
            marks=marks,
            added=metrics.added,
        ),
        listen=where,
        admin=aside,
        metrics=metrics.render,
        drain=drain,
        certificate=None if certificate is None else str(certificate),
        key=None if key is None else str(key),
        say=lambda served: say(*served),
        close=close,
    )


def _opened(state: Path, policy: Path, store: str | None, run: Path | None) -> Gate:
    """The gateway, with a scan's results where they are given."""
    gate = open_gate(state, policy, store=store)
    if run is not None:
        try:
            _load(run, state, store)
        except BaseException:
            gate.close()
            raise
        gate.refresh()
    return gate


def _load(run: Path, state: Path, store: str | None) -> None:
    """Take a scan's results into the state, in a process of its own, since what reads them would stay in memory."""
    command = [sys.executable, "-m", "stillwatch", "gate", "load", "--run", str(run), "--state", str(state), "--json"]
    loaded = subprocess.run([*command, *(("--store", store) if store else ())], capture_output=True, text=True)
    if loaded.returncode not in (0, 1):
        raise InputError(loaded.stderr.strip().removeprefix("stillwatch: ") or "cannot be taken in", run)
