"""``stillwatch share key``: a key that peers hold in common, to hash what identifies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.terminal import clean
from stillwatch.errors import UsageError
from stillwatch.sharing.keys import make_key, read_key

__all__ = ["key"]


def key(
    *,
    out: Annotated[Path | None, Parameter(help="New file for a new key; only you can read it.")] = None,
    of: Annotated[Path | None, Parameter(help="Say the public name of the key in this file.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON object.")] = False,
) -> int:
    """Make the key under which you and your peers hash means of payment and organisations, or say its public name.

    Give the file to peers over a channel that you trust, to nobody else. Who holds it can test guesses; who does not
    cannot. Its public name stands in bulletins, so that peers see which key to use.

    Example: ``stillwatch share key --out peers.key``

    Returns 0.
    """
    if out is not None and of is None:
        file, made = out, make_key(out)
    elif of is not None and out is None:
        file, made = of, read_key(of)
    else:
        raise UsageError("is given twice or not at all", "--out, --of", "give one of them")
    if json:
        sys.stdout.write(msgspec.json.encode({"file": str(file), "key_id": made.key_id}).decode() + "\n")
    else:
        sys.stdout.write(clean(f"{'Read' if out is None else 'Wrote'} the key {made.key_id}: {file}") + "\n")
    return 0
