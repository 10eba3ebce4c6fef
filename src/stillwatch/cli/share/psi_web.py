"""``stillwatch share psi serve`` and ``connect``: private matching over HTTP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.asking.keys import from_environment
from stillwatch.cli.extras import load_for
from stillwatch.cli.log_options import DEFAULT_LOG_OPTIONS, LogOptions
from stillwatch.cli.share.psi import BOOK, check_out, store, told
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
from stillwatch.sharing.private import web

__all__ = ["connect", "serve"]

SERVING = "stillwatch.sharing.private.serving"
TOKEN = "env:STILLWATCH_PSI_TOKEN"
SHORTEST_TOKEN = 16
Token = Annotated[str, Parameter(help="Where the token of this peer is: env:NAME.")]


def serve(
    *,
    source: Annotated[Source, Parameter(name="*")] = SOURCE,
    peer: Annotated[str, Parameter(help="What you call the other side; limits are counted by it.")],
    token: Token = TOKEN,
    host: Annotated[str, Parameter(help="Address to serve on; another than 127.0.0.1 needs a certificate.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Parameter(help="0: any that is free; it is printed.")] = 0,
    certificate: Annotated[Path | None, Parameter(help="PEM file of the certificate (TLS).")] = None,
    key: Annotated[Path | None, Parameter(help="PEM file of its key.")] = None,
    sessions: Annotated[int, Parameter(help="End after so many; each has a fresh key.")] = 1,
    count_only: CountOnly = False,
    allowed: Annotated[Allowed, Parameter(name="*")] = ALLOWED,
    book: Book = BOOK,
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
    quiet: Quiet = False,
) -> int:
    """Offer your artefacts to one peer over HTTP, and end when it was answered. You learn how many it asked with.

    Ends with 1 where the peer was served no more because too many of its requests were refused.

    Example: ``stillwatch share psi serve --kind payment --from cards.txt --peer 'Example AI'``
    """
    run, desk_of, place_of = (
        load_for("psi serve", f"{SERVING}:{name}", "sharing,psi") for name in ("serve", "Desk", "Place")
    )
    if (certificate is None) != (key is None):
        raise UsageError("belong together", "--certificate and --key", "give both or none")
    if sessions < 1:
        raise UsageError(f"{sessions} is too small", "--sessions", "give at least 1")
    secret = from_environment(token, "--token")
    if len(secret) < SHORTEST_TOKEN:
        raise UsageError(f"is shorter than {SHORTEST_TOKEN} characters", "--token", "make one that nobody guesses")
    limits = allowed.limits()
    with showing(quiet) as progress:
        items = source.read(reading, progress)
        desk = desk_of(
            items,
            mode_of(count_only),
            peer=peer,
            token=secret,
            book=book,
            limits=limits,
            progress=progress,
            sessions=sessions,
            warn=lambda line: sys.stderr.write(f"The other side {clean(line)}\n"),
        )
        desk.prepare()
        progress.step("serving")
        answered: int = run(desk, place_of(host, port, certificate, key), _say_address)
    if not quiet:
        sys.stdout.write(f"{answered} of {sessions} sessions were answered.\n")
    return 0 if answered == sessions else 1


def connect(
    url: str,
    /,
    *,
    source: Annotated[Source, Parameter(name="*")] = SOURCE,
    peer: Annotated[str | None, Parameter(help="What you call the other side. Left out: its URL.")] = None,
    token: Token = TOKEN,
    authority: Annotated[Path | None, Parameter(help="PEM file of who vouches for the certificate.")] = None,
    out: Annotated[
        Path | None, Parameter(help="File for the common artefacts, one a line (mode 0600); not with --count-only.")
    ] = None,
    count_only: CountOnly = False,
    book: Book = BOOK,
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Ask a peer who serves. You learn what both have, and how many they have; they learn how many you ask with.

    Ends with 1 where something is common, 0 where nothing is.

    Example: ``stillwatch share psi connect https://peer.example:8443 --kind payment --from cards.txt --out common.txt``

    Parameters
    ----------
    url
        The address that the other side's `serve` printed.
    """
    if (out is None) != count_only:
        raise UsageError("goes with a list, not with a number", "--out", "give --out or --count-only")
    check_out(out)
    secret = from_environment(token, "--token")
    with showing(quiet) as progress:
        items = source.read(reading, progress)
        outcome = web.connect(web.Peer(peer or url, url, secret, authority), items, mode_of(count_only), book, progress)
        store(outcome, out)
    return told(outcome, out, json=json, quiet=quiet)


def _say_address(address: str) -> None:
    sys.stdout.write(f"serving at {address}\n")
    sys.stdout.flush()
