"""``python -m bench.students``: students trained here, and what the proofs of a copy see in them.

A teacher and some thirty students of 0.2 to 0.75 million weights are trained from nothing; two processes share the
work. Two to three hours on two cores; what is there already is not made again. Needs torch (``make suspects``), so it
is no part of ``python -m bench``, but of ``make bench`` where torch is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from bench.students import radioactivity, twins
from bench.students.made import KEPT_BACK, NULLS, SHARES, World
from bench.tables import OUT, Table, publish, say

TABLES = {
    "marks": radioactivity.power,
    "answers": radioactivity.by_answers,
    "other_keys": radioactivity.other_keys,
    "marks_nulls": radioactivity.nulls,
    "twins": twins.power,
    "twins_kept_back": twins.kept_back,
    "twins_last": twins.last,
    "prompts": twins.by_prompts,
    "twins_nulls": twins.nulls,
}


def make(world: World, half: int) -> None:
    """Every second student; one of a base is made with its base."""
    alone = [name for name, student in world.students.items() if not student.base]
    for name in alone[half::2]:
        for each in (name, *(n for n, s in world.students.items() if s.base.partition("/")[0] == name)):
            world.model(f"{each}/{world.students[each].kept[-1]}")


def in_halves(folder: Path) -> None:
    """Make all students, in two processes."""
    world = World(folder)
    say("the teacher, and what it says")
    for name in (*SHARES, "taken", "twin", *KEPT_BACK, *(f"null {n}" for n in range(NULLS))):
        world.texts(name)
    world.controls()
    start = [sys.executable, "-m", "bench.students", "--folder", str(folder), "--half"]
    halves = [subprocess.Popen([*start, str(half)]) for half in (0, 1)]
    if any(code != 0 for code in [half.wait() for half in halves]):
        raise SystemExit("a half of the students failed")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.students", description="Students, and what is seen in them.")
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="default: all")
    parser.add_argument("--folder", type=Path, default=OUT / "students")
    parser.add_argument("--half", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.half is not None:
        make(World(given.folder), given.half)
        return
    if not given.tables:
        in_halves(given.folder)
    world = World(given.folder)
    for name in given.tables or TABLES:
        table: Table = TABLES[name](world)
        publish(table)


if __name__ == "__main__":
    main()
