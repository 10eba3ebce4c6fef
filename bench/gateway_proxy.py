"""The proxy against a bare reverse proxy of the same stack: uvicorn, the same ASGI app before the same client, no gate.

Processes of their own: a model's server that costs next to nothing, the proxies, and this one, which asks. Rounds
alternate between two proxies, so that whatever else the machine does hits both; a figure is the median over pairs. What
a proxy can carry is told twice: by the clock, and by the processor time that its process took for an answer, which a
busy machine changes less.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from bench.http_load import Canned, load, request_bytes, stream_events
from stillwatch.gateway.doors.departure import ASGIApp
from stillwatch.gateway.doors.serving import Address, serve
from stillwatch.gateway.doors.upstream import Upstream

ROUNDS, SECONDS = 5, 1.0
POLICY = 'version = 1\nname = "bench"\nmode = "act"\n\n[learning]\nkeep_text_hours = {hours}\nscan_hours = 0.0\n'


def main() -> None:
    """Print throughput, latency and time to first token, with and without the gate."""
    for hours, what in ((0, "numbers only in the journal"), (24, "text kept for a day")):
        with tempfile.TemporaryDirectory() as folder:
            with serving(Path(folder), hours) as (usual, bare, gated):
                for name, other in (("its own bare proxy", bare), ("Starlette with aiohttp's client", usual)):
                    print(f"## Proxy against {name}; {what} ({ROUNDS} pairs of {SECONDS:g} s)\n")
                    print("| load | without | with the gate | ratio or difference |")
                    print("|---|---|---|---|")
                    for line in measured(other, gated):
                        print(line, flush=True)
                    print()


def measured(bare: Running, gated: Running) -> Iterator[str]:
    """Lines of the table."""
    for name, stream, connections in (
        ("streams of 22 events, 2 ms apart, 64 at once", True, 64),
        ("whole answers of 1 KB at once, 32 at once", False, 32),
    ):
        pairs = paired(bare, gated, request_bytes(stream=stream), connections)
        for what, field in (("per second", "rate"), ("per second of the proxy's processor time", "capacity")):
            both = [(getattr(one, field), getattr(two, field)) for one, two in pairs]
            yield _line(f"{name}, {what}", both, ratio=True)
    pairs = paired(bare, gated, request_bytes(stream=False), 1)
    yield _line("whole answers, one at a time, p50 ms", [(one.last, two.last) for one, two in pairs], ratio=False)
    pairs = paired(bare, gated, request_bytes(stream=True), 1)
    both = [(one.first, two.first) for one, two in pairs]
    yield _line("streams, one at a time, p50 ms to the first token", both, ratio=False)


class Round(NamedTuple):
    """One round: answers a second, answers a second of processor time, and median milliseconds."""

    rate: float
    capacity: float
    first: float
    last: float


def _line(name: str, pairs: list[tuple[float, float]], *, ratio: bool) -> str:
    one, two = (statistics.median(side) for side in zip(*pairs, strict=True))
    compared = sorted(b / a if ratio else b - a for a, b in pairs)
    middle = statistics.median(compared)
    shown = f"{middle:.2f}" if ratio else f"{middle:+.2f}"
    return f"| {name} | {one:,.2f} | {two:,.2f} | {shown} ({compared[1]:.2f} to {compared[-2]:.2f}) |"


def paired(bare: Running, gated: Running, request: bytes, connections: int) -> list[tuple[Round, Round]]:
    """Rounds on both, the order turned each time; the first pair warms up and is dropped."""

    async def one(running: Running) -> Round:
        before = running.processor_seconds()
        found = await load(running.place, request, connections=connections, seconds=SECONDS)
        taken = running.processor_seconds() - before
        first, last = (statistics.median(times) * 1000 for times in (found.first, found.last))
        return Round(found.answers / found.seconds, found.answers / taken, first, last)

    async def run() -> list[tuple[Round, Round]]:
        pairs = []
        for turn in range(ROUNDS + 1):
            if turn % 2:
                plain, other = await one(bare), await one(gated)
            else:
                other, plain = await one(gated), await one(bare)
            pairs.append((plain, other))
        return pairs[1:]

    return uvloop.run(run())


@contextlib.contextmanager
def serving(folder: Path, keep_text_hours: float) -> Iterator[tuple[Running, Running, Running]]:
    """The three proxies, each in a process of its own, before one server, as long as the block lasts."""
    policy = folder / "policy.toml"
    policy.write_text(POLICY.format(hours=float(keep_text_hours)))
    itself = (sys.executable, "-m", "bench.gateway_proxy")
    with running(*itself, "server", "20", "0.002") as server:
        watch = ("-m", "stillwatch", "watch", "--listen", "127.0.0.1:0", "--admin", "", "--json")
        with (
            running(*itself, "usual", server.address) as usual,
            running(*itself, "bare", server.address) as bare,
            running(
                *(sys.executable, *watch, "--upstream", server.address),
                *("--policy", str(policy), "--state", str(folder / "state")),
            ) as gated,
        ):
            yield usual, bare, gated


class Running(NamedTuple):
    """A process that serves."""

    address: str
    pid: int

    @property
    def place(self) -> tuple[str, int]:
        host, _, port = self.address.rpartition("/")[2].partition(":")
        return host, int(port)

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def processor_seconds(self) -> float:
        """What the process took so far, all threads together (at 10 ms)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(*command: str) -> Iterator[Running]:
    """A process that says in a line of JSON where it listens."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout is not None else ""
            yield Running(json.loads(line)["callers"], process.pid)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


def _said(address: str) -> None:
    sys.stdout.write(json.dumps({"callers": address}) + "\n")
    sys.stdout.flush()


async def _serve_canned(events: int, pause: float) -> None:
    told = stream_events(events)
    server = await asyncio.get_running_loop().create_server(lambda: Canned(told, pause), "127.0.0.1", 0, backlog=4096)
    _said(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


def _usual(upstream: str) -> ASGIApp:
    """A reverse proxy as most people write it with this stack."""
    session: list[aiohttp.ClientSession] = []

    async def forward(request: Request) -> StreamingResponse:
        if not session:
            connector = aiohttp.TCPConnector(limit=0)
            session.append(aiohttp.ClientSession(connector=connector, auto_decompress=False))
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        answer = await session[0].request(
            request.method, upstream + str(request.url.path), headers=headers, data=await request.body()
        )

        async def pieces() -> AsyncIterator[bytes]:
            async with answer:
                async for piece in answer.content.iter_any():
                    yield piece

        kept = {name: value for name, value in answer.headers.items() if name.lower() != "transfer-encoding"}
        return StreamingResponse(pieces(), answer.status, kept)

    return Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "POST"])])


if __name__ == "__main__":
    if sys.argv[1:2] == ["server"]:
        uvloop.run(_serve_canned(int(sys.argv[2]), float(sys.argv[3])))
    elif sys.argv[1:2] == ["bare"]:
        app = Upstream(sys.argv[2])
        serve(app, listen=Address("127.0.0.1", 0), say=lambda served: _said(served.callers), close=app.close)
    elif sys.argv[1:2] == ["usual"]:
        other = _usual(sys.argv[2])
        serve(other, listen=Address("127.0.0.1", 0), say=lambda s: _said(s.callers), close=lambda: asyncio.sleep(0))
    else:
        begun = time.perf_counter()
        main()
        print(f"{time.perf_counter() - begun:.0f} s")
