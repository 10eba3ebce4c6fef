"""What whoever makes a dossier may choose, and the log that it may rest on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stillwatch.errors import UsageError
from stillwatch.progress import Progress
from stillwatch.sources.enrichment.joining import Join
from stillwatch.sources.enrichment.networks import read_networks
from stillwatch.sources.log import Log, open_log

__all__ = ["Choices", "Exhibiting", "GivenLog", "Sealing"]

Exhibiting = Literal["redacted", "whole", "none"]
Sealing = Literal["none", "inside", "beside"]
LONGEST_NAME, LONGEST_REASON = 200, 1_000
MOST_EXHIBITS, MOST_ACCOUNTS = 200, 5_000


@dataclass(frozen=True, kw_only=True)
class GivenLog:
    """The log of a scan and all that completed it, named as for ``stillwatch scan``; ``decisions`` is the file of
    decisions that it heeded."""

    locations: tuple[str, ...]
    accounts: Path | None = None
    judgements: Path | None = None
    decisions: Path | None = None
    prices: Path | None = None
    map: Path | None = None
    format: str | None = None
    join: str | None = None
    on: str = "request_id"
    networks: tuple[Path, ...] = ()
    trusted_hops: int | None = None

    @contextmanager
    def open(self, progress: Progress) -> Iterator[Log]:
        """The log for as long as it is read. Raises `InputError` for what cannot be read, as a scan does."""
        with ExitStack() as until_read:
            networks = read_networks(self.networks) if self.networks else None
            if networks is not None:
                until_read.callback(networks.close)
            log = open_log(list(self.locations), format=self.format, field_map=self.map)
            if self.join is not None:
                log.join = until_read.enter_context(Join(self.join, self.on, progress))
            log.networks, log.trusted_hops = networks, self.trusted_hops
            yield log

    def reading(self) -> dict[str, str]:
        """How the log was read, as far as it is no file: for the manifest."""
        told = {"format": self.format, "on": self.on if self.join is not None else None}
        told["trusted_hops"] = None if self.trusted_hops is None else str(self.trusted_hops)
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What goes into a dossier. Raises `UsageError` for what is out of range or contradicts itself.

    ``drill``, ``proof``, ``audit``, ``decisions`` are folders of other commands. ``exhibits`` needs ``log``; "whole"
    needs a ``reason``, which the dossier tells. ``sign`` is the file of an Ed25519 key (`stillwatch.dossier.keys`).
    ``at`` dates the dossier (default: the time of the scan, so that the same inputs give the same bytes).
    ``most_accounts`` bounds the annex of the paper; the table has all. ``seal`` copies the inputs into the dossier or
    into a tar beside it.
    """

    drill: Path | None = None
    proof: Path | None = None
    audit: Path | None = None
    decisions: Path | None = None
    log: GivenLog | None = None
    exhibits: Exhibiting = "redacted"
    most_exhibits: int = 10
    reason: str = ""
    sign: Path | None = None
    stamp_request: bool = False
    by: str = ""
    at: dt.datetime | None = None
    most_accounts: int = 400
    seal: Sealing = "none"
    paper: bool = True

    def __post_init__(self) -> None:
        if self.exhibits == "whole" and not self.reason.strip():
            raise UsageError(
                "shows what people wrote", "--exhibits whole", "say why with --reason; the dossier tells it"
            )
        if self.exhibits == "whole" and self.log is None:
            raise UsageError("has nothing to show", "--exhibits whole", "give the --log that was scanned")
        if self.seal != "none" and self.log is None:
            raise UsageError("has no inputs to copy", "--seal-inputs", "give the --log that was scanned")
        if len(self.by) > LONGEST_NAME or len(self.reason) > LONGEST_REASON:
            raise UsageError(
                "is too long", "--by or --reason", f"{LONGEST_NAME} and {LONGEST_REASON:,} characters at most"
            )
        if not 0 <= self.most_exhibits <= MOST_EXHIBITS:
            raise UsageError(f"{self.most_exhibits} is out of range", "--most-exhibits", f"give 0 to {MOST_EXHIBITS}")
        if not 1 <= self.most_accounts <= MOST_ACCOUNTS:
            raise UsageError(f"{self.most_accounts} is out of range", "--most-accounts", f"give 1 to {MOST_ACCOUNTS:,}")
        if self.at is not None and self.at.tzinfo is None:
            raise UsageError("is a time without a zone", "--at", "write it as 2026-11-28T12:00:00Z")
