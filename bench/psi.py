"""Private matching of a million artefacts against a million: minutes, messages, memory, and whether it is exact.

python -m bench psi; python -m bench.psi 10000 for fewer

The four commands of a session by files run one after the other, each as a user would call it, in a process of its own,
so that time and memory are those of one side at a time. Half of the artefacts are common; what `finish` writes is
compared with the plain intersection of the two files.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.tables import Table, publish, say

SIZE = 1_000_000
COMMAND = (sys.executable, "-m", "stillwatch", "share", "psi")


def main(size: int = SIZE) -> None:
    """Print and keep the table; raises `SystemExit` where a result is not the plain intersection."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs = artefacts(0, size), artefacts(size // 2, size)
        (folder / "ours.txt").write_text("\n".join(ours))
        (folder / "theirs.txt").write_text("\n".join(theirs))
        rows = session(folder)
        found = (folder / "common.txt").read_text().split()
        exact = len(found) == len(set(found)) and set(found) == set(ours) & set(theirs)
        verified = subprocess.run([*COMMAND, "verify", "a.jsonl", "b.jsonl"], cwd=folder, check=False).returncode == 0
    whole: dict[str, Any] = {
        "step": "all",
        "minutes": sum(row["minutes"] for row in rows),
        "CPU minutes": sum(row["CPU minutes"] for row in rows),
        "memory, MB": max(row["memory, MB"] for row in rows),
        "message, MB": sum(row["message, MB"] or 0.0 for row in rows),
    }
    note = (
        f"{size:,} against {size:,} artefacts on {os.cpu_count()} cores; {len(found):,} are common: "
        f"{'exactly' if exact else 'NOT'} the plain intersection. "
        f"The transcripts {'agree' if verified else 'DO NOT agree'}. Memory: the largest resident set of each process."
    )
    publish(Table("psi", "Private matching", [*rows, whole], note))
    if not (exact and verified):
        raise SystemExit("private matching is not exact")


def artefacts(first: int, size: int) -> list[str]:
    """``size`` invented fingerprints of means of payment from number ``first`` on."""
    return [hashlib.blake2b(f"card {n}".encode(), digest_size=16).hexdigest() for n in range(first, first + size)]


def session(folder: Path) -> list[dict[str, Any]]:
    """The four steps in ``folder``: a row each."""
    kind = ("--kind", "payment")
    steps: list[tuple[str, str, tuple[str, ...]]] = [
        ("offer", "setup", (*kind, "--from", "ours.txt", "--peer", "B", "--out", "setup", "--transcript", "a.jsonl")),
        (
            "ask",
            "request",
            ("setup", *kind, "--from", "theirs.txt", "--peer", "A", "--out", "request", "--transcript", "b.jsonl"),
        ),
        ("answer", "response", ("request", "--keep", "setup.keep", "--out", "response", "--transcript", "a.jsonl")),
        ("finish", "", ("response", "--keep", "request.keep", "--out", "common.txt", "--transcript", "b.jsonl")),
    ]
    rows = []
    for step, message, options in steps:
        say(step)
        rows.append(_measured(folder, step, message, options))
    return rows


def _measured(folder: Path, step: str, message: str, options: tuple[str, ...]) -> dict[str, Any]:
    started = time.monotonic()
    process = subprocess.Popen([*COMMAND, step, *options], cwd=folder)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{step} ended with {process.returncode}")
    return {
        "step": step,
        "minutes": (time.monotonic() - started) / 60,
        "CPU minutes": (used.ru_utime + used.ru_stime) / 60,
        "memory, MB": used.ru_maxrss / 1000,
        "message, MB": (folder / message).stat().st_size / 1e6 if message else None,
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
