"""``stillwatch console`` as a user starts it: a process of its own, on a free port of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import stillwatch

_ADDRESS = re.compile(r"http://[^\s]+")


class Console(NamedTuple):
    """A console that runs: its address without a slash at the end, and the one-time link of the first admin ("": none
    is needed)."""

    url: str
    first: str


def command(*arguments: str | Path) -> list[str]:
    """A command line of Stillwatch's."""
    return [sys.executable, "-m", "stillwatch", *map(str, arguments)]


def surroundings() -> dict[str, str]:
    """The environment in which it is this Stillwatch that runs."""
    return os.environ | {"PYTHONPATH": str(Path(stillwatch.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}


@contextmanager
def console(*arguments: str | Path, log: Path, new: bool = False) -> Iterator[Console]:
    """Run one while the block runs. ``new``: nobody has an account in it. ``log`` gets what it writes to stderr, which
    must hold no trace of a defect."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command("console", *arguments, "--at", "127.0.0.1:0"),
            stdout=subprocess.PIPE,
            stderr=errors,
            env=surroundings(),
            text=True,
        )
        try:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(2 if new else 1)]
            found = [_ADDRESS.search(line) for line in said]
            assert all(found), (said, log.read_text("utf-8", "replace"))
            addresses = [one[0] for one in found if one is not None]
            yield Console(addresses[0].rstrip("/"), addresses[1] if new else "")
        finally:
            process.terminate()
            process.communicate(timeout=60)
    assert "Traceback" not in log.read_text("utf-8", "replace")
