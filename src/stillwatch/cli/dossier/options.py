"""The options of ``dossier`` that name a log, and how its results are written in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from stillwatch.dossier.choices import GivenLog
from stillwatch.errors import UsageError

__all__ = ["FROM", "From", "in_ascii"]


@dataclass(frozen=True, kw_only=True)
class From:
    """The log that the run was made from, read as the scan read it."""

    log: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=True, help="The log that the run was made from.")
    ] = ()
    accounts: Annotated[Path | None, Parameter(help="The provider's table of accounts, as for scan.")] = None
    judgements: Annotated[Path | None, Parameter(help="People's judgements, as for scan.")] = None
    price_table: Annotated[Path | None, Parameter(help="Prices, as for scan.")] = None
    map: Annotated[Path | None, Parameter(help="As for scan.")] = None
    log_format: Annotated[str | None, Parameter(help="As --format of scan.")] = None
    join: Annotated[str | None, Parameter(help="As for scan.")] = None
    on: Annotated[str, Parameter(help="As for scan.")] = "request_id"
    networks: Annotated[tuple[Path, ...], Parameter(help="As for scan.", negative=())] = ()
    trusted_hops: Annotated[int | None, Parameter(help="As for scan.")] = None

    def given(self) -> GivenLog | None:
        """The log, or None where none is named. Raises `UsageError` for what completes a log that is not named."""
        if not self.log:
            others = (self.accounts, self.judgements, self.price_table, self.map, self.join, *self.networks)
            if any(each is not None for each in others):
                raise UsageError("is missing", "--log", "name the log that the other files were scanned with")
            return None
        if self.trusted_hops is not None and self.trusted_hops < 0:
            raise UsageError(f"{self.trusted_hops} is too small", "--trusted-hops", "give at least 0")
        return GivenLog(
            locations=self.log,
            accounts=self.accounts,
            judgements=self.judgements,
            prices=self.price_table,
            map=self.map,
            format=self.log_format,
            join=self.join,
            on=self.on,
            networks=self.networks,
            trusted_hops=self.trusted_hops,
        )


FROM = From()


def in_ascii(value: Any) -> str:
    """``value`` as JSON that no terminal acts upon: ASCII only, with a line feed at its end."""
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=True, indent=2) + "\n"
