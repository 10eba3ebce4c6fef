"""The door for Envoy as a process: gate, alerts, gRPC, and a second socket for health, readiness and metrics."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from stillwatch.errors import InputError
from stillwatch.gateway.alerting import Alerting
from stillwatch.gateway.doors.accounts import Callers, read_keys
from stillwatch.gateway.doors.envoy import Tls, front_of, start
from stillwatch.gateway.doors.marks import Marks
from stillwatch.gateway.doors.sealing import SEAL_KEYS, opened_keys
from stillwatch.gateway.doors.serving import administration, parsed_address, served_beside
from stillwatch.gateway.doors.summaries import Summaries
from stillwatch.gateway.gate import open_gate
from stillwatch.gateway.metrics import GateMetrics, TimedGate
from stillwatch.listening import url_of

__all__ = ["serve_envoy"]


def serve_envoy(
    *,
    listen: str,
    admin: str,
    policy: Path,
    state: Path,
    store: str | None = None,
    account_header: str = "",
    tier_header: str = "",
    keys: Path | None = None,
    seal_keys: Path | None = None,
    summaries: Summaries | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    clients: Path | None = None,
    drain: float = 30.0,
    say: Callable[[str, str], None],
) -> None:
    """Serve until SIGTERM or SIGINT; ``say`` is told the addresses for Envoy and for whoever runs it ("" for none).

    Raises `UsageError`, `InputError` and `StorageError` for what cannot be used, before anything is served.
    """
    callers = Callers(
        header=account_header, tier_header=tier_header, keys=None if keys is None else read_keys(keys), hops=0
    )
    aside = parsed_address(admin, "--admin") if admin else None
    tls = None
    if certificate is not None and key is not None:
        tls = Tls(_pem(certificate), _pem(key), None if clients is None else _pem(clients))
    gate = open_gate(state, policy, store=store)
    alerting = Alerting(gate)
    marks = Marks()
    metrics = GateMetrics(gate, alerting.outbox, None if summaries is None else summaries.counts, marks.counts)
    sealing = opened_keys(seal_keys or state / SEAL_KEYS)
    front = front_of(TimedGate(gate, metrics), callers, sealing, summaries, marks)

    async def run() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        server, port = await start(front, listen, tls, metrics.added)
        told = listen if not port else f"{listen.rpartition(':')[0]}:{port}"
        beside_it = None
        if aside is not None:
            beside_it = await served_beside(administration(lambda: not stopping.is_set(), metrics.render), aside)
        alerting.start()
        say(told, "" if beside_it is None else url_of(beside_it))
        await stopping.wait()
        await server.stop(drain)
        if beside_it is not None:
            beside_it.close()
        if summaries is not None:
            await summaries.close()

    try:
        asyncio.run(run())
    finally:
        alerting.close()
        gate.close()


def _pem(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name a PEM file") from error
