"""The options that say how a log is to be read, the same for every command that reads one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.errors import UsageError
from stillwatch.progress import Progress
from stillwatch.sources.enrichment.joining import Join
from stillwatch.sources.enrichment.networks import read_networks
from stillwatch.sources.log import Log, open_log

__all__ = ["DEFAULT_LOG_OPTIONS", "LogLocations", "LogOptions"]

LogLocations = Annotated[
    list[str], Parameter(help="Files, folders or patterns, or postgresql://...; the format is recognised.")
]
"""The log of a command: what it is called with first."""


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """How to read a log."""

    map: Annotated[Path | None, Parameter(help="TOML file that says which field of the log is which column.")] = None
    format: Annotated[str | None, Parameter(help="Name of the log's format, where it is not recognised.")] = None
    join: Annotated[
        str | None, Parameter(help="A second log with what the first lacks: addresses, clients, keys, accounts.")
    ] = None
    on: Annotated[str, Parameter(help="The second log's field that holds the exchange id; or session_id=FIELD.")] = (
        "request_id"
    )
    networks: Annotated[
        tuple[Path, ...],
        Parameter(
            help="Table of networks (CSV or .mmdb of MaxMind, IPinfo, DB-IP; CAIDA's files) to tell an address's AS"
            " number and kind of network; may be given again.",
            negative=(),
        ),
    ] = ()
    trusted_hops: Annotated[
        int | None, Parameter(help="Proxies of yours before the API, to read forwarded addresses by.")
    ] = None

    @contextmanager
    def open(self, locations: list[str], progress: Progress) -> Iterator[Log]:
        """The log, and what completes it, for as long as it is read."""
        if self.trusted_hops is not None and self.trusted_hops < 0:
            raise UsageError(f"{self.trusted_hops} is too small", "--trusted-hops", "give at least 0")
        with ExitStack() as open_until_read:
            networks = read_networks(self.networks) if self.networks else None
            if networks is not None:
                open_until_read.callback(networks.close)
            log = open_log(locations, format=self.format, field_map=self.map)
            if self.join is not None:
                log.join = open_until_read.enter_context(Join(self.join, self.on, progress))
            log.networks, log.trusted_hops = networks, self.trusted_hops
            yield log


DEFAULT_LOG_OPTIONS = LogOptions()
