"""``stillwatch prove check``: a proof made again from what lies in its folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.terminal import Style, TerminalProgress, clean
from stillwatch.proving.checking import check as checked

__all__ = ["check"]

SAME, NOT_THE_SAME = 0, 1


def check(
    folder: Annotated[Path, Parameter(help="What `stillwatch prove` wrote.")],
    /,
    *,
    json: Annotated[bool, Parameter(negative="", help="Write one JSON object.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
) -> int:
    """Make every number of a proof again from its folder, and check its seals and commitments.

    Needs no network, nobody's word, and nothing but the folder. Ends with 1 where anything is not as it was, else 0.

    Example: ``stillwatch prove check proof``
    """
    progress = TerminalProgress(quiet=quiet or json)
    try:
        found = checked(folder, progress)
    finally:
        progress.close()
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    elif not quiet:
        style = Style(sys.stdout)
        for line in found.holds:
            sys.stdout.write(f"{style.green('holds:')} {clean(line)}\n")
        for line in found.problems:
            sys.stdout.write(f"{style.red('DOES NOT HOLD:')} {clean(line)}\n")
        sys.stdout.write(f"{_told(len(found.problems))}\n")
    return NOT_THE_SAME if found.problems else SAME


def _told(problems: int) -> str:
    if not problems:
        return "The proof is as it was, and every number comes out the same."
    return f"{problems} {'thing does' if problems == 1 else 'things do'} not hold."
