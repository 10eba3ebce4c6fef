"""Runs the scripts in ``producers``: with a Python of their own, which ``make producers`` makes and names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PRODUCERS = Path(__file__).parent / "producers"
VARIABLE = "STILLWATCH_PRODUCERS_PYTHON"


def python() -> str:
    """The interpreter that has the producers' packages; without one the test is skipped."""
    if not os.environ.get(VARIABLE):
        lack = f"{VARIABLE} names no Python that has the producers' packages: make producers"
        pytest.skip(lack, allow_module_level=True)
    return os.environ[VARIABLE]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what would change a producer."""
    ours = ("OTEL_", "OPENINFERENCE_", "OPENAI_", "ANTHROPIC_", "LITELLM_", "PYTHON", "DATABASE_URL")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return clean | more


def run(script: str, *arguments: str | Path, **more: str) -> None:
    """Runs a script to its end, and shows what it said where it failed."""
    done = subprocess.run(
        [python(), str(PRODUCERS / script), *map(str, arguments)],
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
