"""Options that commands of the gateway share: what each is called, and what it means, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from stillwatch.errors import UsageError
from stillwatch.loopback import is_loopback
from stillwatch.registry import load

if TYPE_CHECKING:
    from stillwatch.gateway.doors.summaries import Summaries

__all__ = [
    "ANYBODY",
    "NO_SUMMARIES",
    "Admin",
    "By",
    "Drain",
    "Json",
    "Policy",
    "SealKeys",
    "State",
    "Store",
    "Summarising",
    "Tls",
    "Who",
    "Why",
    "check_drain",
]

OPEN_SUMMARIES = "stillwatch.gateway.doors.summary_model:open_summaries"
State = Annotated[Path, Parameter(help="Folder of the gateway's memory, journal and ledger.")]
Store = Annotated[str | None, Parameter(help="Redis URL of gateways that share their state.")]
By = Annotated[str, Parameter(help="Who decides: your name or number.")]
Why = Annotated[str, Parameter(help="Why, for colleagues and the ledger.")]
Json = Annotated[bool, Parameter(negative="", help="Print JSON.")]
Policy = Annotated[str, Parameter(help="The policy (TOML), read anew when it changes; or careful, balanced or strict.")]
Admin = Annotated[str, Parameter(help="Address for health, readiness, metrics; '' for none.")]
SealKeys = Annotated[Path | None, Parameter(help="Keys that seal reasoning (default: seal.keys in --state).")]
Drain = Annotated[float, Parameter(help="Seconds that running answers have when it is stopped.")]


@dataclass(frozen=True, kw_only=True)
class Who:
    """Who calls: what the provider's front says, or a table of keys; else the key's hash is the account."""

    account_header: Annotated[str, Parameter(help="Header in which your own front names the account.")] = ""
    tier_header: Annotated[str, Parameter(help="Header in which it names the kind of customer.")] = ""
    keys: Annotated[Path | None, Parameter(help="Table of keys (CSV: key_sha256, account_id, tier).")] = None


ANYBODY = Who()


@dataclass(frozen=True, kw_only=True)
class Tls:
    """How a socket is protected that others reach."""

    cert: Annotated[Path | None, Parameter(help="Certificate (PEM, with its chain).")] = None
    key: Annotated[Path | None, Parameter(help="The certificate's key (PEM).")] = None
    plain: Annotated[bool, Parameter(negative="", help="Serve others without TLS: a front does that.")] = False

    def guard(self, listen: str, what: str) -> None:
        """Raise `UsageError` where ``listen`` (``HOST:PORT`` or ``unix:PATH``) would serve ``what`` unprotected."""
        if (self.cert is None) != (self.key is None):
            raise UsageError("a certificate and its key belong together", "--cert", "give both --cert and --key")
        local = listen.startswith("unix:") or is_loopback(listen.rpartition(":")[0].strip("[]"))
        if self.cert is None and not self.plain and not local:
            do = "give --cert and --key, or --plain where a front does TLS"
            raise UsageError(f"would serve {what} without TLS", listen, do)


@dataclass(frozen=True, kw_only=True)
class Summarising:
    """Your own model, for policies that shield reasoning with mode "summarise"; without it reasoning is left out."""

    summarise_with: Annotated[
        str | None,
        Parameter(help="Your own model that tells reasoning in short: openai:MODEL@URL#env:KEY or a TOML file."),
    ] = None
    summary_seconds: Annotated[float, Parameter(help="Seconds that an answer waits for its summaries.")] = 10.0
    summary_characters: Annotated[int, Parameter(help="Longest summary, in characters.")] = 600
    summary_instruction: Annotated[
        Path | None, Parameter(help="File that takes the place of the instruction to that model.")
    ] = None

    def opened(self) -> Summaries | None:
        """What asks that model; None where none is named. Raises `UsageError` and `InputError` for what cannot be."""
        if self.summarise_with is None:
            if self.summary_instruction is not None:
                raise UsageError("instructs no model", "--summary-instruction", "give --summarise-with too")
            return None
        summaries: Summaries = load(OPEN_SUMMARIES)(
            self.summarise_with,
            seconds=self.summary_seconds,
            characters=self.summary_characters,
            instruction=self.summary_instruction,
        )
        return summaries


NO_SUMMARIES = Summarising()


def check_drain(drain: float) -> None:
    """Raise `UsageError` for seconds below 0."""
    if not drain >= 0:
        raise UsageError(f"{drain:g} is too small", "--drain", "give 0 or more seconds")
