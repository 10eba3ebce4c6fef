"""``stillwatch console``: serve until interrupted."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.cli.extras import load_for
from stillwatch.cli.terminal import clean
from stillwatch.errors import UsageError

__all__ = ["Kept", "Wire", "console"]

PLACES = "stillwatch.console.places:Places"
REACHED = "stillwatch.console.serving:Reached"
SERVE = "stillwatch.console.serving:serve"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where the console keeps what is its own, and finds what else it shows."""

    people: Annotated[
        Path | None, Parameter(help="Folder of people, sessions, audit log (RUN.console or STATE/console).")
    ] = None
    decisions: Annotated[Path | None, Parameter(help="Folder of people's decisions (`decisions` in that folder).")] = (
        None
    )
    appeals: Annotated[Path | None, Parameter(help="Folder of appeals (STATE/appeals).")] = None
    drill: Annotated[Path | None, Parameter(help="What `stillwatch drill` wrote.")] = None
    before: Annotated[Path | None, Parameter(help="An older run to compare with.")] = None
    log: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="The log that was scanned: dossiers take exhibits from it (repeatable)."),
    ] = ()
    proposal_hours: Annotated[
        float, Parameter(help="Hours that a proposed suspension waits for a second person before it ends by itself.")
    ] = 72.0


@dataclass(frozen=True, kw_only=True)
class Wire:
    """Where people reach the console, and how that is protected."""

    at: Annotated[str, Parameter(help="Address to listen on; port 0 takes a free one.")] = "127.0.0.1:8491"
    tls_cert: Annotated[Path | None, Parameter(help="Certificate (PEM, with its chain).")] = None
    tls_key: Annotated[Path | None, Parameter(help="The certificate's key (PEM).")] = None
    name: Annotated[
        tuple[str, ...], Parameter(negative="", help="Host name under which people reach it by TLS (repeatable).")
    ] = ()
    behind_proxy: Annotated[str, Parameter(help="Address of your proxy, such as https://console.example.com.")] = ""
    proxy: Annotated[
        tuple[str, ...], Parameter(negative="", help="Address or network it calls from (default: this machine).")
    ] = ()


def console(
    *,
    run: Annotated[Path | None, Parameter(help="A scan's results (scan --out).")] = None,
    state: Annotated[Path | None, Parameter(help="A gateway's folder: the newest run in it is shown.")] = None,
    kept: Annotated[Kept, Parameter(name="*")] = Kept(),
    wire: Annotated[Wire, Parameter(name="*")] = Wire(),
    oidc: Annotated[Path | None, Parameter(help="TOML file of your company's log-in (docs/console.md).")] = None,
) -> int:
    """Serve the console, in which people read what was found and decide, until interrupted.

    The first start prints a one-time link: whoever opens it becomes the first admin. Others are invited there.

    Example: ``stillwatch console --run run``
    """
    host, colon, port = wire.at.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{wire.at!r} is no address", "--at", "write one like 127.0.0.1:8491")
    serve = load_for("console", SERVE, "console")
    places = load_for("console", PLACES, "console").of(
        run,
        state,
        people=kept.people,
        decisions=kept.decisions,
        appeals=kept.appeals,
        drill=kept.drill,
        before=kept.before,
        log=kept.log,
        proposal_hours=kept.proposal_hours,
    )
    reached = load_for("console", REACHED, "console")(
        host=host.removeprefix("[").removesuffix("]"),
        port=int(port),
        certificate=wire.tls_cert,
        key=wire.tls_key,
        behind=wire.behind_proxy,
        proxies=wire.proxy,
        names=wire.name,
    )
    with contextlib.suppress(KeyboardInterrupt):  # that is how it is stopped
        serve(places, reached, oidc=oidc, say=_say, warn=_warn)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(clean(line) + "\n")
    sys.stdout.flush()


def _warn(line: str) -> None:
    sys.stderr.write(clean(line) + "\n")
