"""``stillwatch match``: does a campaign that a peer tells of work here too?"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.match_summary import summary
from stillwatch.cli.share.bulletin import FROM, From
from stillwatch.cli.terminal import Style, TerminalProgress
from stillwatch.errors import InputError, UsageError
from stillwatch.sharing.documents import decoded
from stillwatch.sharing.feed import Feed
from stillwatch.sharing.keys import read_key
from stillwatch.sharing.matching import LEVEL, Heard, match, peer_of, sightings_of
from stillwatch.sharing.peers import Ledger, note, read_ledger, write_ledger
from stillwatch.sharing.run import read_behaviour, read_report
from stillwatch.sharing.showing import Showing, looked_for, shown_in
from stillwatch.sources.customers import read_customers

NOTHING_FOUND, FOUND = 0, 1


def match_bulletins(
    bulletins: Annotated[list[Path] | None, Parameter(help="Bulletins, in any format of `share`.")] = None,
    /,
    *,
    run: Annotated[Path, Parameter(help="Folder of the scan's results (scan --out).")],
    feed: Annotated[Path | None, Parameter(help="Folder of bulletins received (share pull, share import).")] = None,
    read: Annotated[From, Parameter(name="*")] = FROM,
    key: Annotated[
        Path | None, Parameter(help="Key shared with peers (share key), to look for what they hashed.")
    ] = None,
    ledger: Annotated[
        Path | None, Parameter(help="File with the peers' track records; matches are noted in it (made where missing).")
    ] = None,
    level: Annotated[float, Parameter(help="Chance that any match told is none, over all that are told.")] = LEVEL,
    quiet: Annotated[bool, Parameter(negative="", help="Show no progress.")] = False,
    seed: Annotated[int, Parameter(help="Seed of the groups that a match is compared with.")] = 0,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="Write one JSON object.")] = False,
) -> int:
    """Hold bulletins against the groups of a run: a p-value for each, and what the peer's word is worth.

    No verdict changes, and an account in no group of the run is never touched. Exit code 0: nothing matches; 1: a
    campaign of a peer's works here too; 2: could not tell.
    """
    if not bulletins and feed is None:
        raise UsageError("has nothing to match", "match", "name bulletins, or a --feed")
    if not 0 < level < 1:
        raise UsageError(f"{level} is no level", "--level", "give a number between 0 and 1")
    today = dt.datetime.now(dt.UTC).date()
    report = read_report(run / "report.json")
    known = read_ledger(ledger) if ledger is not None else Ledger()
    told = _gathered(bulletins or [], feed, today)
    found = match(
        told, report, read_behaviour(run), known, today=today, seed=seed,
        level=level, shown=_shown(told, read, key, today, quiet),
    )  # fmt: skip
    if ledger is not None:
        write_ledger(ledger, note(known, sightings_of(found, today)))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        sys.stdout.write(summary(found, report, ledger, Style(sys.stdout)))
    return FOUND if any(pair.matches for pair in found.pairs) else NOTHING_FOUND


def _shown(heard: tuple[Heard, ...], read: From, key: Path | None, today: dt.date, quiet: bool) -> Showing | None:
    """Who shows which indicator, where the log was given."""
    if not read.log:
        return None
    secret = read_key(key) if key is not None else None
    customers = read_customers(read.accounts) if read.accounts is not None else None
    wanted = {indicator for bulletin, _ in heard for indicator in looked_for(bulletin, today)}
    progress = TerminalProgress(quiet=quiet)
    try:
        with read.options().open(list(read.log), progress) as log:
            return shown_in(log, customers, secret, wanted, progress)
    finally:
        progress.close()


def _gathered(files: list[Path], feed: Path | None, today: dt.date) -> tuple[Heard, ...]:
    """The bulletins of all files and of the feed, of each id the newest."""
    told = [Heard(b, peer_of(b, None)) for file in files for b in decoded(file).bulletins]
    if feed is not None:
        told += [Heard(b, peer_of(b, source)) for b, source in Feed(feed).bulletins(today)]
    if files and not told:
        raise InputError("holds no bulletin of ours", files[0], "`stillwatch share import` keeps others' indicators")
    newest: dict[str, Heard] = {}
    for heard in told:
        before = newest.get(heard.bulletin.id)
        if before is None or before.bulletin.modified < heard.bulletin.modified:
            newest[heard.bulletin.id] = heard
    return tuple(newest.values())
