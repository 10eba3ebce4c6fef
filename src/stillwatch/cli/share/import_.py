"""``stillwatch share import``: documents that came by mail or by hand, into the feed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from stillwatch.cli.terminal import clean
from stillwatch.sharing.documents import decoded
from stillwatch.sharing.feed import NOTHING, Added, Feed

__all__ = ["import_", "in_words", "told"]

ALL_TAKEN, SOME_REFUSED = 0, 1
_SHOWN = 20


def import_(
    files: Annotated[tuple[Path, ...], Parameter(negative="")],
    /,
    *,
    feed: Annotated[Path, Parameter(help="Folder of bulletins received.")],
    from_: Annotated[str, Parameter(name="--from", help="Who sent them: what they say is held against this name.")],
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON.")] = False,
) -> int:
    """Take documents of a peer into the feed, in any format of `stillwatch share`.

    All files are read before the first is taken. Exit code 0: all came in; 1: some bulletins were refused, for the
    reasons shown; 2: could not.

    Example: stillwatch share import c1.json --feed feed --from 'Example AI'

    Parameters
    ----------
    files
        Documents: bulletins, STIX bundles, MISP events, CSV, rules.
    """
    documents = [decoded(path) for path in files]
    into, total = Feed(feed), NOTHING
    for document in documents:
        added = into.add(document, source=from_)
        total = total.plus(added._replace(refused=(*document.rejected, *added.refused)))
    sys.stdout.write(msgspec.json.encode(told(total)).decode() + "\n" if json else in_words(total))
    return SOME_REFUSED if total.refused else ALL_TAKEN


def told(added: Added) -> dict[str, Any]:
    """What became of a document, for ``--json``."""
    return {**added._asdict(), "refused": [one._asdict() for one in added.refused]}


def in_words(added: Added) -> str:
    """What became of a document, in one line and one more for each refusal (at most 20)."""
    line = (
        f"{added.new:,} new, {added.updated:,} updated, {added.revoked:,} taken back, {added.known:,} known bulletins; "
        f"{added.indicators:,} indicators of others\n"
    )
    shown = "".join(f"refused: {clean(one.where, 120)}: {clean(one.reason, 300)}\n" for one in added.refused[:_SHOWN])
    rest = len(added.refused) - _SHOWN
    return line + shown + (f"refused: {rest:,} more\n" if rest > 0 else "")
