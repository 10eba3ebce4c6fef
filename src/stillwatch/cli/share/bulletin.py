"""``stillwatch share bulletin``: one campaign as it may be told to peers, and in words exactly what leaves."""

from __future__ import annotations

import datetime as dt
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
from cyclopts import Parameter

from stillwatch.cli.log_options import LogOptions
from stillwatch.cli.terminal import TerminalProgress, clean
from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.progress import Progress
from stillwatch.sharing import SHARE_FORMATS
from stillwatch.sharing.bulletin import Bulletin, Response, ResponseName, Tlp
from stillwatch.sharing.coarse import rung
from stillwatch.sharing.documents import decoded
from stillwatch.sharing.indicators import LIFETIMES
from stillwatch.sharing.keys import read_key
from stillwatch.sharing.making import EXPIRES_AFTER, K, Prepared, Terms, prepare, producer_of, revoked
from stillwatch.sharing.run import noise_secret
from stillwatch.sharing.words import preview as preview_of
from stillwatch.sources.customers import read_customers
from stillwatch.storage.whole import write_whole

__all__ = ["bulletin", "read_bulletin", "response_of"]

DONE = 0
OUTCOMES = {
    "worked": "worked",
    "worked-in-part": "worked in part",
    "failed": "did not work",
    "unknown": "not known yet",
}
"""What ``--response NAME=OUTCOME`` may say, and how a bulletin says it."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """Who tells it to whom, and how coarse."""

    name: Annotated[str | None, Parameter(name="--as", help="The name that you give yourself: A-Z, digits, blank.")] = (
        None
    )
    identity: Annotated[str | None, Parameter(help="Your UUID; left out: made from the name, always the same.")] = None
    tlp: Annotated[Tlp, Parameter(help="Mark of the Traffic Light Protocol 2.0.")] = "amber"
    k: Annotated[int, Parameter(help="Accounts that must stand behind every figure and indicator.")] = K
    key: Annotated[
        Path | None, Parameter(help="Key shared with peers (share key), to hash means of payment and organisations.")
    ] = None
    response: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="What was done: slow_down=worked, hold=worked-in-part:14 (back after 14 days)."),
    ] = ()
    expires_after: Annotated[int, Parameter(help="Days after which nobody should use any of it.")] = EXPIRES_AFTER
    lasts: Annotated[
        tuple[str, ...],
        Parameter(negative="", help=f"Days of a kind of indicator, network=30; kinds: {', '.join(LIFETIMES)}."),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class From:
    """The log that the run was made from, read as the scan read it: without it a bulletin tells less."""

    log: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=True, help="The log that the run was made from.")
    ] = ()
    accounts: Annotated[Path | None, Parameter(help="The provider's table of accounts.")] = None
    map: Annotated[Path | None, Parameter(help="As for scan.")] = None
    log_format: Annotated[str | None, Parameter(help="As --format of scan.")] = None
    join: Annotated[str | None, Parameter(help="As for scan.")] = None
    on: Annotated[str, Parameter(help="As for scan.")] = "request_id"
    networks: Annotated[tuple[Path, ...], Parameter(help="As for scan.", negative=())] = ()
    trusted_hops: Annotated[int | None, Parameter(help="As for scan.")] = None

    def options(self) -> LogOptions:
        """How the log is read."""
        return LogOptions(
            map=self.map,
            format=self.log_format,
            join=self.join,
            on=self.on,
            networks=self.networks,
            trusted_hops=self.trusted_hops,
        )


TOLD, FROM = Told(), From()


def bulletin(
    campaign: str | None = None,
    /,
    *,
    run: Annotated[Path | None, Parameter(help="Folder of the scan's results (scan --out).")] = None,
    out: Annotated[Path | None, Parameter(help="File for the bulletin.")] = None,
    preview: Annotated[bool, Parameter(negative="", help="Say in words exactly what leaves, and what stays.")] = False,
    told: Annotated[Told, Parameter(name="*")] = TOLD,
    read: Annotated[From, Parameter(name="*")] = FROM,
    format: Annotated[str, Parameter(help=f"Format: {', '.join(SHARE_FORMATS.table)}.")] = "bulletin",
    replaces: Annotated[Path | None, Parameter(help="An earlier bulletin of yours that this one replaces.")] = None,
    revoke: Annotated[Path | None, Parameter(help="Take this earlier bulletin of yours back; needs no run.")] = None,
    salt: Annotated[Path | None, Parameter(help="The run's salt, where it is not RUN.salt beside it.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print what was done as one JSON object.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
    overwrite: Annotated[bool, Parameter(negative="", help="Replace the file that --out names.")] = False,
) -> int:
    """Make a bulletin on a campaign: what peers can use, and nothing that gives a customer away.

    Example: ``stillwatch share bulletin C1 --run run --as 'Example AI' --preview``

    Returns 0. A campaign under review, or of fewer accounts than --k, is refused.

    Parameters
    ----------
    campaign
        The campaign's id in the run's report.
    """
    if out is None and not preview:
        raise UsageError("says neither where to write nor to show", "--out", "give --out FILE, --preview, or both")
    if out is not None and out.exists() and not overwrite:
        raise StorageError("exists already", out, "give --overwrite to replace it")
    chosen = SHARE_FORMATS.get(format)
    progress = TerminalProgress(quiet=quiet)
    try:
        prepared = (
            _taken_back(revoke) if revoke is not None else _made(campaign, run, told, read, replaces, salt, progress)
        )
    finally:
        progress.close()
    document = chosen.encode((prepared.bulletin,))
    if out is not None:
        write_whole(out, document)
    if json:
        sys.stdout.write(msgspec.json.encode(_record(prepared, format, out, preview)).decode() + "\n")
    elif not quiet:
        lines = [*(preview_of(*prepared) if preview else ()), *([_done(prepared, out)] if out is not None else [])]
        if preview and not chosen.info.lossless:
            lines.insert(1, f"  (As {format} not all of it: {chosen.info.shows})")
        sys.stdout.write("".join(f"{clean(line)}\n" for line in lines))
    return DONE


def _made(
    campaign: str | None,
    run: Path | None,
    told: Told,
    read: From,
    replaces: Path | None,
    salt: Path | None,
    progress: Progress,
) -> Prepared:
    if campaign is None:
        raise UsageError("is missing", "CAMPAIGN", "name one, such as C1")
    if run is None:
        raise UsageError("is missing", "--run", "give the folder that `stillwatch scan --out` wrote")
    if told.name is None:
        raise UsageError("is missing", "--as", "give the name under which you tell it")
    terms = Terms(
        producer=producer_of(told.name, told.identity),
        tlp=told.tlp,
        now=dt.datetime.now(dt.UTC),
        k=told.k,
        key=None if told.key is None else read_key(told.key),
        responses=tuple(response_of(text) for text in told.response),
        expires_after=told.expires_after,
        lifetimes=_lifetimes(told.lasts),
        secret=noise_secret(run, salt),
        replaces=None if replaces is None else read_bulletin(replaces),
    )
    customers = None if read.accounts is None else read_customers(read.accounts)
    opening: Any = read.options().open(list(read.log), progress) if read.log else nullcontext()
    with opening as log:
        return prepare(run, campaign, terms, log=log, customers=customers, progress=progress)


def _taken_back(file: Path) -> Prepared:
    return Prepared(revoked(read_bulletin(file), dt.datetime.now(dt.UTC)), ())


def read_bulletin(path: Path) -> Bulletin:
    """The one bulletin in a file of any format that holds bulletins whole. Raises `InputError`."""
    found = decoded(path).bulletins
    if len(found) != 1:
        raise InputError(f"holds {len(found)} bulletins", path, "name a file of one")
    return found[0]


def response_of(text: str) -> Response:
    """A response from ``NAME=OUTCOME`` or ``NAME=OUTCOME:DAYS``; days go down to a rung of the ladder.

    Raises `UsageError` for other words.
    """
    name, _, rest = text.partition("=")
    outcome, colon, days = rest.partition(":")
    names: dict[str, ResponseName] = {word: word for word in get_args(ResponseName)}
    if (
        name not in names
        or outcome not in OUTCOMES
        or (colon and not (days.isascii() and days.isdigit() and len(days) < 6))
    ):
        raise UsageError(
            f"{text!r} is no response",
            "--response",
            f"give NAME=OUTCOME[:DAYS]; names: {', '.join(names)}; outcomes: {', '.join(OUTCOMES)}",
        )
    said: Any = OUTCOMES[outcome]
    return Response(name=names[name], outcome=said, returned_after=rung(int(days)) if colon else None)


def _lifetimes(lasts: tuple[str, ...]) -> dict[str, int]:
    chosen = dict(LIFETIMES)
    for text in lasts:
        kind, _, days = text.partition("=")
        if kind not in LIFETIMES or not (days.isascii() and days.isdigit() and len(days) < 6):
            raise UsageError(f"{text!r} is no time", "--lasts", f"give KIND=DAYS; kinds: {', '.join(LIFETIMES)}")
        chosen[kind] = int(days)
    return chosen


def _done(prepared: Prepared, out: Path | None) -> str:
    made = prepared.bulletin
    if made.revoked:
        return f"Wrote to {out} that bulletin {made.id} is taken back (TLP:{made.tlp.upper()})."
    number = len(made.indicators)
    return (
        f"Wrote bulletin {made.id} to {out} (TLP:{made.tlp.upper()}): {number} indicator{'s' if number != 1 else ''}, "
        f"{len(prepared.left_out)} reasons for what was left out. What leaves, in words: --preview."
    )


def _record(prepared: Prepared, name: str, out: Path | None, preview: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"preview": preview_of(*prepared)} if preview else {}
    return {
        "format": name,
        "out": None if out is None else str(out),
        "bulletin": prepared.bulletin,
        "left_out": [item._asdict() for item in prepared.left_out],
    } | shown
