"""``stillwatch dossier verify``: is it as it was made, by whom, since when, and do the figures come out again?"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.dossier.options import FROM, From, in_ascii
from stillwatch.cli.terminal import Style, TerminalProgress, clean
from stillwatch.dossier.checking import Checked, Read, check
from stillwatch.dossier.people import NAME
from stillwatch.errors import UsageError
from stillwatch.progress import Progress
from stillwatch.registry import load

__all__ = ["verify"]

HOLDS, DOES_NOT = 0, 1


def verify(
    folder: Annotated[Path, Parameter(help="What `stillwatch dossier` made.")],
    /,
    *,
    key: Annotated[
        Path | None, Parameter(help="Public key of who is said to have signed (.pub), known from elsewhere.")
    ] = None,
    stamp: Annotated[
        Path | None, Parameter(help="An authority's timestamp (.tsr); left out: manifest.tsr in it.")
    ] = None,
    authority: Annotated[
        tuple[Path, ...], Parameter(negative=(), help="Certificates (PEM) of the authority that you believe.")
    ] = (),
    rerun: Annotated[bool, Parameter(negative="", help="Scan again and compare every verdict and figure.")] = False,
    inputs: Annotated[
        Path | None, Parameter(help="The tar of sealed inputs, where it is not beside the dossier.")
    ] = None,
    salt: Annotated[Path | None, Parameter(help="The scan's salt, to compare keyed hashes too.")] = None,
    decisions: Annotated[Path | None, Parameter(help="With --log: the decisions that the scan heeded.")] = None,
    read: Annotated[From, Parameter(name="*")] = FROM,
    json: Annotated[bool, Parameter(negative="", help="Write one JSON object.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
) -> int:
    """Check a dossier: every file, the signature, the stamp; and say plainly what could not be checked.

    Needs the folder and no network. --rerun scans the sealed inputs, or the --log that is given, and names each verdict
    or figure that differs. Returns 1 where anything does not hold, else 0.

    Example: ``stillwatch dossier verify dossier --key dossier.key.pub --rerun``
    """
    log = read.given()
    if not rerun and any(each is not None for each in (log, inputs, salt, decisions)):
        raise UsageError("are for --rerun", "--log, --inputs, --salt and --decisions", "give --rerun too")
    if decisions is not None:
        if log is None:
            raise UsageError("is missing", "--log", "sealed inputs hold the decisions; with a --log they are named")
        log = replace(log, decisions=decisions / NAME)
    progress = TerminalProgress(quiet=quiet or json)
    try:
        found, held = check(folder, key=key, stamp=stamp, authorities=authority, progress=progress)
        if rerun:
            found = _with_rerun(folder, found, held, log, inputs, salt, progress)
        elif not found.problems:
            note = "the figures: --rerun scans again and compares them"
            found = msgspec.structs.replace(found, unchecked=(*found.unchecked, note))
    finally:
        progress.close()
    if json:
        sys.stdout.write(in_ascii(found))
    elif not quiet:
        sys.stdout.write(_said(found, Style(sys.stdout)))
    return DOES_NOT if found.problems else HOLDS


def _with_rerun(
    folder: Path,
    found: Checked,
    held: Read | None,
    log: object,
    inputs: Path | None,
    salt: Path | None,
    progress: Progress,
) -> Checked:
    if held is None or held.record is None:
        note = "the figures: the manifest or dossier.json is spoilt, so there is nothing to compare with"
        return msgspec.structs.replace(found, unchecked=(*found.unchecked, note))
    again: Checked = load("stillwatch.dossier.rerunning:rerun")(
        folder, held, log=log, archive=inputs, salt=salt, progress=progress
    )
    return Checked(
        found.holds + again.holds, found.problems + again.problems, found.unchecked + again.unchecked, found.stamped
    )


def _said(found: Checked, style: Style) -> str:
    lines = [f"{style.green('holds:')} {clean(line)}" for line in found.holds]
    lines += [f"{style.red('DOES NOT HOLD:')} {clean(line)}" for line in found.problems]
    lines += [f"{style.dim('not checked:')} {clean(line)}" for line in found.unchecked]
    number = len(found.problems)
    lines.append(
        f"{number} {'thing does' if number == 1 else 'things do'} not hold."
        if number
        else "Everything that was checked holds."
    )
    return "\n".join(lines) + "\n"
