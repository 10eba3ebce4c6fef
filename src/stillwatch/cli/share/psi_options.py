"""What the commands of private matching have in common: where artefacts come from, limits, transcript."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.cli.log_options import LogOptions
from stillwatch.cli.terminal import TerminalProgress
from stillwatch.errors import UsageError
from stillwatch.progress import Progress
from stillwatch.sharing.private import curve
from stillwatch.sharing.private.inputs import FROM_ACCOUNTS, accused, in_accounts, in_file, in_log
from stillwatch.sharing.private.items import KINDS, Items, items_of
from stillwatch.sharing.private.messages import Mode
from stillwatch.sharing.private.protocol import Limits
from stillwatch.sources.customers import read_customers

__all__ = ["ALLOWED", "SOURCE", "Allowed", "Book", "CountOnly", "Json", "Quiet", "Source", "mode_of", "showing"]

CountOnly = Annotated[bool, Parameter(negative="", help="Tell how many are common, not which; both sides say so.")]
Book = Annotated[Path, Parameter(name="--transcript", help="File for auditors; lines are added, without artefacts.")]
Quiet = Annotated[bool, Parameter(negative="", help="Print nothing but errors.")]
Json = Annotated[bool, Parameter(negative="", help="Print JSON.")]
_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Source:
    """Your artefacts: a file's column, or those of a log or of a table of accounts."""

    kind: Annotated[str, Parameter(help=f"What is matched: {', '.join(KINDS)}; the same on both sides.")] = ""
    file: Annotated[
        Path | None, Parameter(name="--from", help="Text file (one a line), or CSV or Parquet with --column.")
    ] = None
    column: Annotated[str | None, Parameter(help="Column of --from that holds them.")] = None
    log: Annotated[
        tuple[str, ...], Parameter(negative="", help="A log: its addresses or JA4 fingerprints; several.")
    ] = ()
    accounts: Annotated[
        Path | None, Parameter(help="Your table of accounts: its means of payment or organisations.")
    ] = None
    run: Annotated[Path | None, Parameter(help="Only of accounts in campaigns of this run.")] = None
    campaign: Annotated[str | None, Parameter(help="Only of this campaign of --run.")] = None

    def read(self, reading: LogOptions, progress: Progress) -> Items:
        """The set, spelt as both sides spell it; says on stderr how many values were set aside. Raises `InputError`,
        `UsageError`."""
        curve.library()  # told before a long log is read
        if self.kind not in KINDS:
            raise UsageError(f"{self.kind!r} cannot be matched", "--kind", "known: " + ", ".join(KINDS))
        items = items_of(self.kind, self._values(reading, progress))
        if items.refused:
            sys.stderr.write(f"{items.refused:,} values were set aside, the first because it is {items.reason}.\n")
        return items

    def _values(self, reading: LogOptions, progress: Progress) -> Iterable[str | None]:
        given = [self.file is not None, bool(self.log), self.accounts is not None]
        if sum(given) != 1:
            raise UsageError("artefacts come from one place", do="give one of --from, --log and --accounts")
        if self.column is not None and self.file is None:
            raise UsageError("is the column of a file", "--column", "give --from")
        if self.campaign is not None and self.run is None:
            raise UsageError("is a campaign of a run", "--campaign", "give --run")
        if self.file is not None:
            if self.run is not None:
                raise UsageError("chooses accounts, which --from does not name", "--run", "give --log or --accounts")
            return in_file(self.file, self.column)
        wanted = None if self.run is None else accused(self.run, self.campaign)
        if self.accounts is not None:
            return in_accounts(read_customers(self.accounts), self.kind, wanted)
        if self.kind in FROM_ACCOUNTS:
            raise UsageError(f"a log holds no {self.kind}", "--log", "give --accounts")
        with reading.open(list(self.log), progress) as log:
            return in_log(log, self.kind, wanted, progress)


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What a peer may ask."""

    most: Annotated[int, Parameter(help="Artefacts in one request.")] = _LIMITS.most
    fewest: Annotated[int, Parameter(help="Artefacts in a request that only counts: a number of one tells of it.")] = (
        _LIMITS.fewest_counted
    )
    daily: Annotated[int, Parameter(help="Requests of this peer within a day, by the transcript.")] = _LIMITS.sessions
    monthly: Annotated[int, Parameter(help="Artefacts of this peer within thirty days.")] = _LIMITS.monthly

    def limits(self) -> Limits:
        """The limits. Raises `UsageError` for one that is negative."""
        for option, value in (
            ("--most", self.most),
            ("--fewest", self.fewest),
            ("--daily", self.daily),
            ("--monthly", self.monthly),
        ):
            if value < 0:
                raise UsageError(f"{value} is too small", option, "give at least 0")
        return Limits(self.most, self.fewest, self.daily, self.monthly)


SOURCE, ALLOWED = Source(), Allowed()


def mode_of(count_only: bool) -> Mode:
    """What the asking side is to learn."""
    return "count" if count_only else "items"


@contextmanager
def showing(quiet: bool) -> Iterator[Progress]:
    """Progress on the terminal while the block runs."""
    progress = TerminalProgress(quiet=quiet)
    try:
        yield progress
    finally:
        progress.close()
