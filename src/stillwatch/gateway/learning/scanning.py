"""``python -m stillwatch.gateway.learning.scanning``: a scan of what passed, in a process beside, at low priority."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from stillwatch.errors import InputError, StillwatchError
from stillwatch.progress import Silent
from stillwatch.registry import load
from stillwatch.settings import Settings
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log
from stillwatch.storage.run import new_run

__all__ = ["Asked", "main", "scan_beside"]

PIPELINE = "stillwatch.pipeline:scan"
DECIDED = "stillwatch.console.decisions.scanning:decided_in"
"""What people decided in the console; loaded only where there is a folder of it."""
KEPT = 3
"""Runs that are kept: the newest ones."""
NOTHING = 3
"""Exit code where there is no exchange to scan."""


class Asked(msgspec.Struct, frozen=True):
    """What is to be scanned, into which folder; ``customers`` "" for none, ``decisions`` the console's folder of
    people's decisions, "" for none."""

    logs: tuple[str, ...]
    customers: str
    out: str
    salt: str
    decisions: str = ""


def scan_beside(asked: Asked) -> bool:
    """Scan in a process of its own at low priority, and wait for it. False where there was nothing to scan.

    Raises `InputError` with the scan's own line where it failed. Of the runs beside it the newest three are kept.
    """
    command = [sys.executable, "-m", "stillwatch.gateway.learning.scanning"]
    done = subprocess.run(command, input=msgspec.json.encode(asked), stderr=subprocess.PIPE, check=False)
    if done.returncode == NOTHING:
        return False
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(f"the scan failed: {said[-1] if said else f'exit code {done.returncode}'}", asked.out)
    _forget(Path(asked.out).parent)
    return True


def main(data: bytes) -> int:
    """Do what `Asked` (JSON) says."""
    asked = msgspec.json.decode(data, type=Asked)
    os.nice(10)
    logs = [log for log in asked.logs if _holds_something(log)]
    if not logs:
        return NOTHING
    try:
        customers = read_customers(Path(asked.customers)) if asked.customers else None
        decided = load(DECIDED)(Path(asked.decisions)) if asked.decisions else None
        with new_run(Path(asked.out)) as staging:
            load(PIPELINE)(
                log=open_log(logs),
                customers=customers,
                out=staging,
                settings=Settings(salt=Path(asked.salt)),
                progress=Silent(),
                judgements=None if decided is None else (),
                decided=decided,
            )
    except StillwatchError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _holds_something(log: str) -> bool:
    """A folder without files is no log yet (a gateway that nothing passed); of anything else the scan says what."""
    return not Path(log).is_dir() or any(entry.is_file() for entry in Path(log).iterdir())


def _forget(runs: Path) -> None:
    found: Sequence[Path] = sorted(path for path in runs.iterdir() if path.is_dir() and not path.name.startswith("."))
    for old in found[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer.read()))
