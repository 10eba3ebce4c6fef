"""``stillwatch share push``: documents into a collection of a peer's TAXII server."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.share.peer_options import PLAIN_HELP, URL_HELP, login_of
from stillwatch.cli.terminal import TerminalProgress, clean
from stillwatch.sharing.taxii.login import Login
from stillwatch.sharing.taxii.pushing import Pushed
from stillwatch.sharing.taxii.pushing import push as send
from stillwatch.sharing.taxii.wire import Wire, address_of

__all__ = ["push"]

ALL_TAKEN, SOME_REFUSED = 0, 1
_SHOWN = 20


def push(
    files: Annotated[tuple[Path, ...], Parameter(negative="")],
    /,
    *,
    to: Annotated[str, Parameter(help=URL_HELP)],
    collection: Annotated[str, Parameter(help="Id or alias of the collection.")],
    login: Annotated[str | None, Parameter(help="env:NAME or file:PATH, holding USER:PASSWORD or a token.")] = None,
    plain: Annotated[bool, Parameter(negative="", help=PLAIN_HELP)] = False,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON.")] = False,
) -> int:
    """Send bulletins or STIX bundles to a peer's TAXII 2.1 server.

    Exit code 0: all objects are there; 1: the server refused some; 2: could not. Sending the same again is harmless.

    Example: stillwatch share push c1.json --to https://peer.example/taxii2/ --collection bulletins --login env:PEER

    Parameters
    ----------
    files
        Documents: bulletins in any format of `stillwatch share`, or STIX bundles, whose objects go as they are.
    """
    pushed = asyncio.run(_pushed(address_of(to, "--to", plain=plain), login_of(login), collection, files))
    if json:
        refused = [dict(zip(("id", "version", "message"), one, strict=True)) for one in pushed.refused]
        sys.stdout.write(msgspec.json.encode({**pushed._asdict(), "refused": refused}).decode() + "\n")
    else:
        sys.stdout.write(f"{pushed.accepted:,} objects are in {clean(pushed.title, 100)}\n")
        for identifier, version, message in pushed.refused[:_SHOWN]:
            sys.stdout.write(f"refused: {clean(identifier)} {clean(version)}: {clean(message)}\n")
        if len(pushed.refused) > _SHOWN:
            sys.stdout.write(f"refused: {len(pushed.refused) - _SHOWN:,} more\n")
    return SOME_REFUSED if pushed.refused else ALL_TAKEN


async def _pushed(url: str, login: Login | None, collection: str, files: tuple[Path, ...]) -> Pushed:
    wire, progress = Wire(url, login), TerminalProgress()
    try:
        return await send(wire, url, collection, files, progress)
    finally:
        progress.close()
        await wire.close()
