"""``stillwatch share psi``: which artefacts two providers have in common, or how many, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from stillwatch.cli.command import Command, registered
from stillwatch.cli.log_options import DEFAULT_LOG_OPTIONS, LogOptions
from stillwatch.cli.share.psi_options import (
    ALLOWED,
    SOURCE,
    Allowed,
    Book,
    CountOnly,
    Json,
    Quiet,
    Source,
    mode_of,
    showing,
)
from stillwatch.cli.terminal import clean
from stillwatch.errors import UsageError
from stillwatch.sharing.private import files, transcript
from stillwatch.sharing.private.files import write_private
from stillwatch.sharing.private.protocol import Outcome

__all__ = ["SUBCOMMANDS", "answer", "ask", "finish", "offer", "psi", "told", "verify"]

NOTHING, FOUND = 0, 1
BOOK = Path("psi-transcript.jsonl")

HELP = "Learn which artefacts a peer has too, and nothing else."
LEARNS = """The side that asks learns which of its artefacts (with --count-only: how many) the other side has too, and
how many the other side has. The side that offers learns how many artefacts were asked with, and nothing else. Who only
sees the messages learns the two sizes. It holds against a peer that follows the protocol; one that asks with guesses
is told which of them are right, so there are limits (docs/sharing-private.md).

By files: offer, ask, answer, finish. Over HTTP: serve, connect.

Addresses and telephone numbers are matched in no other way: there are so few that any hash of them can be undone.
"""


def offer(
    *,
    source: Annotated[Source, Parameter(name="*")] = SOURCE,
    peer: Annotated[str, Parameter(help="What you call the other side; limits are counted by it.")],
    out: Annotated[Path, Parameter(help="File for the other side: your artefacts, hidden under a key.")],
    keep: Annotated[Path | None, Parameter(help="File that you keep for `answer`; secret. Left out: OUT.keep.")] = None,
    count_only: CountOnly = False,
    book: Book = BOOK,
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
    quiet: Quiet = False,
) -> int:
    """Offer your artefacts for matching: the first of three files.

    Example: ``stillwatch share psi offer --kind payment --accounts accounts.csv --peer 'Example AI' --out setup.psi``
    """
    kept = keep or out.with_name(out.name + ".keep")
    with showing(quiet) as progress:
        items = source.read(reading, progress)
        files.offer(items, mode_of(count_only), peer, setup=out, keep=kept, book=book, progress=progress)
    learn = "how many of theirs you have" if count_only else "which of theirs you have"
    _say(
        f"Pass {out} on, and keep {kept} to yourself. They will learn {learn}, and that you have "
        f"{len(items.values):,}; you will learn how many they ask with.",
        quiet,
    )
    return NOTHING


def ask(
    setup: Path,
    /,
    *,
    source: Annotated[Source, Parameter(name="*")] = SOURCE,
    peer: Annotated[str, Parameter(help="What you call the other side.")],
    out: Annotated[Path, Parameter(help="File for the other side: your artefacts, hidden under another key.")],
    keep: Annotated[
        Path | None, Parameter(help="File that you keep for `finish`; holds your artefacts. Left out: OUT.keep.")
    ] = None,
    count_only: CountOnly = False,
    book: Book = BOOK,
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
    quiet: Quiet = False,
) -> int:
    """Ask which of your artefacts the other side has too: the second file, upon their offer.

    Example: ``stillwatch share psi ask setup.psi --kind payment --from cards.txt --peer 'Other AI' --out request.psi``

    Parameters
    ----------
    setup
        The file that the other side made with `offer`.
    """
    kept = keep or out.with_name(out.name + ".keep")
    with showing(quiet) as progress:
        items = source.read(reading, progress)
        offered = files.ask(
            setup, items, mode_of(count_only), peer, request=out, keep=kept, book=book, progress=progress
        )
    _say(
        f"They offer {offered:,}. Pass {out} on, and keep {kept} to yourself. They will learn that you ask with "
        f"{len(items.values):,}, and nothing else.",
        quiet,
    )
    return NOTHING


def answer(
    request: Path,
    /,
    *,
    keep: Annotated[Path, Parameter(help="What `offer` kept. Its key is wiped: one offer is answered once.")],
    out: Annotated[Path, Parameter(help="File for the other side.")],
    allowed: Annotated[Allowed, Parameter(name="*")] = ALLOWED,
    book: Book = BOOK,
    quiet: Quiet = False,
) -> int:
    """Answer the other side's request: the third file. You learn how many artefacts they asked with.

    Example: ``stillwatch share psi answer request.psi --keep setup.psi.keep --out response.psi``

    Parameters
    ----------
    request
        The file that the other side made with `ask`.
    """
    with showing(quiet) as progress:
        lines = files.answer(request, keep=keep, response=out, book=book, limits=allowed.limits(), progress=progress)
    for line in lines:
        sys.stderr.write(f"Look at this before you pass {clean(str(out))} on: the other side {line}\n")
    _say(f"Pass {out} on.", quiet)
    return NOTHING


def finish(
    response: Path,
    /,
    *,
    keep: Annotated[Path, Parameter(help="What `ask` kept; removed once the outcome is safe.")],
    out: Annotated[
        Path | None, Parameter(help="File for the common artefacts, one a line (mode 0600); not with --count-only.")
    ] = None,
    book: Book = BOOK,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Learn what both have, from the other side's answer. Only you learn it.

    Ends with 1 where something is common, 0 where nothing is.

    Example: ``stillwatch share psi finish response.psi --keep request.psi.keep --out common.txt``

    Parameters
    ----------
    response
        The file that the other side made with `answer`.
    """
    check_out(out)
    with showing(quiet) as progress:
        outcome = files.finish(
            response, keep=keep, names=out is not None, book=book, progress=progress, safe=lambda o: store(o, out)
        )
    return told(outcome, out, json=json, quiet=quiet)


def verify(
    first: Path,
    second: Path | None = None,
    /,
    *,
    json: Json = False,
) -> int:
    """Check a transcript, or the transcripts of both sides against each other.

    Ends with 1 where something does not hold, and names it; 0 where all holds.

    Example: ``stillwatch share psi verify ours.jsonl theirs.jsonl``

    Parameters
    ----------
    first
        A transcript.
    second
        The other side's transcript of the same sessions.
    """
    paths = [first] if second is None else [first, second]
    read = {path: transcript.read_entries(path) for path in paths}
    problems = [f"{path}: {problem}" for path, checked in read.items() for problem in checked.problems]
    if second is not None:
        problems += transcript.compare(read[first], read[second])
    if json:
        held = [{"file": str(path), "lines": len(c.entries), "last": c.last} for path, c in read.items()]
        sys.stdout.write(
            msgspec.json.encode({"holds": not problems, "problems": problems, "read": held}).decode() + "\n"
        )
        return FOUND if problems else NOTHING
    for problem in problems:
        sys.stdout.write(f"{clean(problem)}\n")
    for path, checked in read.items():
        sys.stdout.write(f"{clean(str(path))}: {len(checked.entries)} lines hold; the last one is {checked.last}\n")
    return FOUND if problems else NOTHING


def check_out(out: Path | None) -> None:
    """Raises `UsageError` for a file of common artefacts that is there already."""
    if out is not None and out.exists():
        raise UsageError("is there already", out, "name another --out")


def store(outcome: Outcome, out: Path | None) -> None:
    """Write the common artefacts, one a line. Raises `UsageError` where they have no place."""
    if outcome.values is not None and out is None:
        raise UsageError("the common artefacts need a file", "--out", "name one")
    if outcome.values is not None and out is not None:
        write_private(out, "".join(f"{value}\n" for value in outcome.values).encode())


def told(outcome: Outcome, out: Path | None, *, json: bool, quiet: bool) -> int:
    """Say how many are common; never which."""
    if json:
        numbers = {"common": outcome.size, "ours": outcome.ours, "theirs": outcome.theirs}
        sys.stdout.write(msgspec.json.encode(numbers).decode() + "\n")
    else:
        where = f"; they are in {out}" if outcome.values is not None else "; which ones was not asked"
        _say(f"{outcome.size:,} of your {outcome.ours:,} are among their {outcome.theirs:,}{where}.", quiet)
    return FOUND if outcome.size else NOTHING


def _say(line: str, quiet: bool) -> None:
    if not quiet:
        sys.stdout.write(clean(line) + "\n")


SUBCOMMANDS: dict[str, Command] = {
    "offer": Command(
        "stillwatch.cli.share.psi:offer",
        "Offer your artefacts for matching: the first of three files.",
        "stillwatch share psi offer --kind payment --accounts accounts.csv --peer 'Example AI' --out setup.psi",
    ),
    "ask": Command(
        "stillwatch.cli.share.psi:ask",
        "Ask which of your artefacts the other side has too: the second file.",
        "stillwatch share psi ask setup.psi --kind payment --from cards.txt --peer 'Other AI' --out request.psi",
    ),
    "answer": Command(
        "stillwatch.cli.share.psi:answer",
        "Answer the other side's request: the third file.",
        "stillwatch share psi answer request.psi --keep setup.psi.keep --out response.psi",
    ),
    "finish": Command(
        "stillwatch.cli.share.psi:finish",
        "Learn what both have, from the other side's answer.",
        "stillwatch share psi finish response.psi --keep request.psi.keep --out common.txt",
    ),
    "serve": Command(
        "stillwatch.cli.share.psi_web:serve",
        "Offer your artefacts to one peer over HTTP.",
        "stillwatch share psi serve --kind payment --from cards.txt --peer 'Example AI'",
    ),
    "connect": Command(
        "stillwatch.cli.share.psi_web:connect",
        "Ask a peer who serves, over HTTP.",
        "stillwatch share psi connect https://peer.example:8443 --kind payment --from cards.txt --out common.txt",
    ),
    "verify": Command(
        "stillwatch.cli.share.psi:verify",
        "Check a transcript, or both sides' against each other.",
        "stillwatch share psi verify ours.jsonl theirs.jsonl",
    ),
}

psi = registered(App(name="psi", help=HELP, help_epilogue=LEARNS), SUBCOMMANDS)
