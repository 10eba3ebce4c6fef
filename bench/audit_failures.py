"""An audit that everything goes wrong for: python -m bench audit_failures

Three models fail in a tenth of all tries (errors, broken and cut answers, hangs), turn callers away above a rate, and
the audit is killed with SIGKILL again and again. What is counted: whether it finishes, how many answers were given that
had been given before, and whether any answer that was given is missing in the end.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.tables import Table, publish, say
from stillwatch.asking.sealed import read_sealed
from stillwatch.safety_audit.base import ROLES
from stillwatch.safety_audit.reference.behaviour import Behaviour
from stillwatch.safety_audit.reference.cast import Cast
from stillwatch.safety_audit.reference.known import known_properties
from stillwatch.safety_audit.reference.server import Serving, serving

FAILURES = {
    "share": 0.1,
    "mishaps": ["limited", "overloaded", "error", "gateway", "html", "broken", "wrong", "cut", "reset", "hang"],
    "hang": 30.0,
    "retry_after": 0.05,
    "per_second": 60,
    "burst": 20,
    "latency": 0.05,
}
CONCURRENCY = 8
KILLS = 5


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    most = int(arguments[0]) if arguments else 30
    models = {role: {"failures": FAILURES} for role in ROLES}
    cast = Cast(msgspec.convert({"models": models}, Behaviour), known_properties(("en",)))
    with serving(cast) as server, tempfile.TemporaryDirectory() as folder:
        began, killed = time.monotonic(), 0
        while _run(server, Path(folder), most, kill=killed < KILLS):
            killed += 1
            say(f"killed {killed} times after {time.monotonic() - began:.0f} s: {_answered(server)}")
        rows = [_row(server, Path(folder), role) for role in ROLES]
    note = f"Killed {killed} times; at each kill up to {CONCURRENCY} answers per model were under way."
    publish(Table("audit_failures", "An audit that everything goes wrong for", rows, note))


def _run(server: Serving, folder: Path, most: int, *, kill: bool) -> bool:
    """Start the audit, or go on with it; whether it was killed before its end."""
    files = {role: folder / f"{role}.toml" for role in ROLES}
    for role, file in files.items():
        file.write_text(f'address = "{server.address(role)}"\ntimeout = 1.0\nconcurrency = {CONCURRENCY}\ntries = 10\n')
    command = [sys.executable, "-m", "stillwatch", "audit", str(files["suspect"]), "--against", str(files["teacher"])]
    command += ["--base", str(files["base"]), "--languages", "en", "--most", str(most), "--width", "0.001"]
    before = _answered(server)
    with subprocess.Popen([*command, "--out", str(folder / "out"), "--quiet"], stderr=subprocess.PIPE) as running:
        while running.poll() is None:
            if kill and _answered(server) > before + 150:
                running.send_signal(signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(0.05)
        if running.returncode == -signal.SIGKILL:
            return True
        if running.returncode not in (0, 1) and running.stderr is not None:
            raise RuntimeError(running.stderr.read().decode("utf-8", "replace"))
    return False


def _answered(server: Serving) -> int:
    return sum(number for (_, outcome), number in server.server.counts.items() if outcome == "answered")


def _row(server: Serving, folder: Path, role: str) -> dict[str, Any]:
    counts = Counter({outcome: number for (model, outcome), number in server.server.counts.items() if model == role})
    sealed = read_sealed(folder / "out" / "answers" / f"{role}.jsonl").entries
    held = {entry.answer.question for entry in sealed if entry.answer.finish != "failed"}
    asked = {drawn.item for drawn in server.cast.drawn.values() if drawn.model == role}
    return {
        "model": role,
        "items": len(asked),
        "tries": counts.total(),
        "failed tries": counts.total() - counts["answered"],
        "answers given": counts["answered"],
        "given more than once": counts["answered"] - len(asked),
        "sealed": len(held),
        "lost": len(asked - held),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
