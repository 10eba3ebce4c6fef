"""``python -m stillwatch.safety_audit.reference behaviour.toml``: prints its address, and serves until stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stillwatch.errors import StillwatchError
from stillwatch.registry import load
from stillwatch.safety_audit.reference.behaviour import read_behaviour
from stillwatch.safety_audit.reference.cast import Cast
from stillwatch.safety_audit.reference.known import known_properties

SERVER = "stillwatch.safety_audit.reference.server:run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, serve, and say in one line what is wrong where something is."""
    parser = argparse.ArgumentParser(prog="python -m stillwatch.safety_audit.reference", description=__doc__)
    parser.add_argument("behaviour", type=Path, help="a TOML file: how often each model answers in which way")
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0 takes any that is free")
    given = parser.parse_args(arguments)
    try:
        serve = load(SERVER)
        behaviour = read_behaviour(given.behaviour)
        serve(Cast(behaviour, known_properties(behaviour.languages, family=behaviour.family)), given.port, _say)
    except StillwatchError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _say(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
