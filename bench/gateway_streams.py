"""Two thousand streams at once through the proxy, of which no byte may be dropped, and kills of it under load.

The model's server, the proxy and the client are processes of their own. Each stream numbers its events and pauses
between them, so that all are open at the same time; what each client receives is compared byte for byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import uvloop

from bench.gateway_proxy import POLICY, Running, running
from bench.http_load import request_bytes, stream_events

STREAMS, EVENTS, PAUSE = 2000, 20, 2.0
KILLS = 20


def main() -> None:
    """Print how many streams were held, what was dropped, and what was lost by kills."""
    raise_limit()
    with tempfile.TemporaryDirectory() as folder, proxied(Path(folder), EVENTS, PAUSE) as proxy:
        whole, broken, most, first = uvloop.run(held(proxy))
        print(f"## {STREAMS:,} streams at once, each {EVENTS + 3} events, one every {PAUSE:g} s\n")
        print("| whole, byte for byte | broken or different | open at once | p50 ms to the first byte | memory MiB |")
        print("|---|---|---|---|---|")
        print(f"| {whole:,} | {broken:,} | {most:,} | {first:,.0f} | {memory(proxy):,.0f} |\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        completed, lost, twice = 0, 0, 0
        dice = random.Random(28)
        for _ in range(KILLS):
            names = uvloop.run(until_killed(Path(folder), dice.uniform(0.2, 1.5)))
            told = agents(Path(folder))
            completed, lost = completed + len(names), lost + len(set(names) - set(told))
            twice = len(told) - len(set(told))
        print(f"## {KILLS} kills (SIGKILL) of the proxy under load, at random\n")
        print("| answers completed to clients | of those not in the journal | in the journal twice |")
        print("|---|---|---|")
        print(f"| {completed:,} | {lost:,} | {twice:,} |\n")


def raise_limit() -> None:
    """Every stream needs a file here, two in the proxy; children inherit the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def proxied(folder: Path, events: int, pause: float) -> Iterator[Running]:
    """``stillwatch watch`` before a server of its own."""
    (folder / "policy.toml").write_text(POLICY.format(hours=0.0))
    watch = ("-m", "stillwatch", "watch", "--listen", "127.0.0.1:0", "--admin", "", "--json")
    with running(sys.executable, "-m", "bench.gateway_proxy", "server", str(events), str(pause)) as server:
        files = ("--policy", str(folder / "policy.toml"), "--state", str(folder / "state"))
        with running(sys.executable, *watch, "--upstream", server.address, *files) as proxy:
            yield proxy


def memory(proxy: Running) -> float:
    """The most that the proxy held, MiB."""
    lines = Path(f"/proc/{proxy.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


async def held(proxy: Running) -> tuple[int, int, int, float]:
    """Streams whole, streams broken or different, the most open at once, and median milliseconds to the first byte."""
    expected = b"".join(stream_events(EVENTS))
    open_now = most = 0
    first: list[float] = []

    async def one(number: int) -> bool:
        nonlocal open_now, most
        begun = time.perf_counter()
        reader, writer = await asyncio.open_connection(*proxy.place)
        writer.write(request_bytes(stream=True, account=number))
        head = await reader.readuntil(b"\r\n\r\n")
        received = b""
        seen = False
        while size := int((await reader.readline()).strip() or b"0", 16):
            received += (await reader.readexactly(size + 2))[:-2]
            if not seen:
                seen = True
                first.append(time.perf_counter() - begun)
                open_now += 1
                most = max(most, open_now)
        open_now -= 1
        writer.close()
        return head.startswith(b"HTTP/1.1 200") and received == expected

    ended = await asyncio.gather(*(one(number) for number in range(STREAMS)), return_exceptions=True)
    whole = sum(end is True for end in ended)
    return whole, STREAMS - whole, most, statistics.median(first) * 1000


async def until_killed(folder: Path, seconds: float) -> list[str]:
    """The names of the requests whose answers clients had whole when the proxy was killed."""
    completed: list[str] = []
    with proxied(folder, 5, 0.001) as proxy:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            clients = [asyncio.ensure_future(asked(session, proxy.address, n, completed)) for n in range(32)]
            await asyncio.sleep(seconds)
            proxy.kill()
            await asyncio.gather(*clients)
    return completed


async def asked(session: aiohttp.ClientSession, address: str, number: int, completed: list[str]) -> None:
    """Ask until the proxy is gone; whole answers and streams by turns."""
    with contextlib.suppress(aiohttp.ClientError):
        for count in range(1_000_000):
            name = f"{time.time_ns()}-{number}"
            body = {"model": "m", "stream": count % 2 == 0, "messages": [{"role": "user", "content": name}]}
            url, headers = f"{address}/v1/chat/completions", {"user-agent": name}
            async with session.post(url, data=json.dumps(body), headers=headers) as answer:
                received = await answer.read()
            if received.endswith((b"[DONE]\n\n", b"}")):
                completed.append(name)


def agents(folder: Path) -> list[str]:
    """Who is in the journal; a line that a kill cut off counts for nothing."""
    found = []
    for file in (folder / "state" / "journal").glob("*.jsonl"):
        for line in file.read_bytes().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line)["user_agent"])
    return found


if __name__ == "__main__":
    main()
