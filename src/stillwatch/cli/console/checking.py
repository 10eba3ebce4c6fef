"""``stillwatch console check`` and ``rescue``: for whoever may read the folder of people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.extras import load_for
from stillwatch.cli.terminal import Style, clean
from stillwatch.console.places import Places
from stillwatch.console.security.store import PEOPLE
from stillwatch.errors import UsageError

__all__ = ["check", "rescue"]

DESK, RESCUE = "stillwatch.console.security.desk:Desk", "stillwatch.console.serving:rescue"
HOLDS, BROKEN = 0, 1
Run = Annotated[Path | None, Parameter(help="The run that the console showed (then the folder is RUN.console).")]
State = Annotated[Path | None, Parameter(help="The gateway's folder that it showed (STATE/console).")]
People = Annotated[Path | None, Parameter(help="The folder of people, where another was named.")]


def check(
    *,
    run: Run = None,
    state: State = None,
    people: People = None,
    json: Annotated[bool, Parameter(negative="", help="Write one JSON object.")] = False,
) -> int:
    """Check every line of the console's audit log against the one before it, and print the last hash.

    Note that hash elsewhere: then nobody can cut or rewrite what stands before it. Ends with 1 where the log does not
    hold, else 0.

    Example: ``stillwatch console check --run run``
    """
    desk = load_for("console check", DESK, "console")(_folder(run, state, people))
    found = desk.checked[1]
    desk.close()
    if json:
        sys.stdout.write(msgspec.json.encode(found._asdict()).decode() + "\n")
        return BROKEN if found.problems else HOLDS
    style = Style(sys.stdout)
    for problem in found.problems:
        sys.stdout.write(f"{style.red('DOES NOT HOLD:')} {clean(problem)}\n")
    sys.stdout.write(f"{found.lines} lines hold, in {found.files} files; last hash {found.last}\n")
    return BROKEN if found.problems else HOLDS


def rescue(name: str, /, *, run: Run = None, state: State = None, people: People = None) -> int:
    """Print the path of a one-time link by which somebody chooses a new password, such as the only admin.

    Example: ``stillwatch console rescue ada --run run``
    """
    path = load_for("console rescue", RESCUE, "console")(_folder(run, state, people), name)
    sys.stdout.write(f"open once, behind the console's address: {path}\n")
    return 0


def _folder(run: Path | None, state: Path | None, people: Path | None) -> Path:
    """The folder of people that is meant. Raises `UsageError` where there is none."""
    folder = people if people is not None else Places.of(run, state).people
    if not (folder / PEOPLE).is_file():
        raise UsageError("is no folder of people", folder, "name another with --people")
    return folder
