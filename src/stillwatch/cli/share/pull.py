"""``stillwatch share pull``: what is new in a collection of a peer's TAXII server, into the feed."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.share import import_
from stillwatch.cli.share.peer_options import PLAIN_HELP, URL_HELP, login_of
from stillwatch.cli.terminal import TerminalProgress, clean, write_error
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.sharing.feed import Feed
from stillwatch.sharing.taxii.pulling import Pulled, rounds
from stillwatch.sharing.taxii.pulling import pull as fetch
from stillwatch.sharing.taxii.wire import Wire, address_of

__all__ = ["pull"]

ALL_TAKEN, SOME_REFUSED = 0, 1


def pull(
    *,
    from_: Annotated[str, Parameter(name="--from", help=URL_HELP)],
    collection: Annotated[str, Parameter(help="Id or alias of the collection.")],
    feed: Annotated[Path, Parameter(help="Folder of bulletins received.")],
    every: Annotated[float | None, Parameter(help="Again every so many minutes, until interrupted.")] = None,
    name: Annotated[str | None, Parameter(name="--as", help="What the feed calls this source; else HOST/ID.")] = None,
    login: Annotated[str | None, Parameter(help="env:NAME or file:PATH, holding USER:PASSWORD or a token.")] = None,
    plain: Annotated[bool, Parameter(negative="", help=PLAIN_HELP)] = False,
    json: Annotated[bool, Parameter(negative="", help="Print each round as a line of JSON.")] = False,
) -> int:
    """Take what is new in a collection of a peer's TAXII 2.1 server into the feed.

    Exit code 0: all of it came in; 1: some was refused, for the reasons shown; 2: could not. With --every, a round
    that fails is one line and the next one comes all the same.

    Example: stillwatch share pull --from https://peer.example/taxii2/ --collection bulletins --feed feed
    """
    if every is not None and not 0.1 <= every <= 60 * 24 * 7:
        raise UsageError("is out of range", "--every", "give minutes, 0.1 to a week")
    url, credentials, into = address_of(from_, "--from", plain=plain), login_of(login), Feed(feed)
    refused: list[bool] = []

    async def one() -> Pulled:
        wire, progress = Wire(url, credentials), TerminalProgress()
        try:
            return await fetch(wire, url, collection, into, source=name, progress=progress)
        finally:
            progress.close()
            await wire.close()

    def told(pulled: Pulled) -> None:
        refused.append(bool(pulled.added.refused))
        record = {**pulled._asdict(), "added": import_.told(pulled.added)}
        sys.stdout.write(msgspec.json.encode(record).decode() + "\n" if json else _in_words(pulled))
        sys.stdout.flush()

    def failed(error: StillwatchError) -> None:
        write_error(clean(str(error)))

    if every is None:
        told(asyncio.run(one()))
    else:
        with contextlib.suppress(KeyboardInterrupt):  # that is how it is stopped
            asyncio.run(rounds(one, every, told, failed))
    return SOME_REFUSED if any(refused) else ALL_TAKEN


def _in_words(pulled: Pulled) -> str:
    notes = "".join(f"note: {clean(note)}\n" for note in pulled.notes)
    return f"{pulled.objects:,} objects came: " + import_.in_words(pulled.added) + notes
