"""``stillwatch gate seal-key`` and ``open-seal``: the key that seals reasoning, and a token opened with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.terminal import clean
from stillwatch.errors import InputError
from stillwatch.gateway.shielding.reasoning import text_of
from stillwatch.gateway.shielding.seal import make_keys, open_token, read_keys

__all__ = ["open_seal", "seal_key"]

LONGEST = 64 * 1024 * 1024


def seal_key(*, out: Annotated[Path, Parameter(help="New file for a new key; only you can read it.")]) -> int:
    """Make the key with which the gateway seals reasoning.

    Gateways that share an account's traffic need the same file. To change the key, put a new line before the old one:
    the first line seals, every line opens, and a line that is gone takes its tokens with it.

    Example: stillwatch gate seal-key --out seal.keys

    Returns 0.
    """
    make_keys(out)
    sys.stdout.write(clean(f"Wrote a key: {out}") + "\n")
    return 0


def open_seal(
    token: Annotated[str | None, Parameter(help="The token; left out, it is read from standard input.")] = None,
    /,
    *,
    key: Annotated[Path, Parameter(help="The gateway's file of keys.")],
    json: Annotated[bool, Parameter(negative="", help="Print one JSON object with the reasoning as it was.")] = False,
) -> int:
    """Open a token that stands for sealed reasoning, and say for whom it was made and what it holds.

    Example: stillwatch gate open-seal --key gateway/seal.keys < token.txt

    Returns 0.
    """
    keys = read_keys(key)
    text = sys.stdin.read(LONGEST) if token is None else token
    sealed = open_token(text.strip(), keys)
    if sealed is None:
        raise InputError("is no token that this key opens", "the token", "give all of it, and the key of its gateway")
    if json:
        told = {"account_id": sealed.account_id, "api": sealed.api, "kind": sealed.kind, "value": sealed.value}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        return 0
    sys.stdout.write(f"account {clean(sealed.account_id, 200)}, {clean(sealed.api, 40)}\n")
    for line in text_of(sealed.value).split("\n"):
        sys.stdout.write(clean(line, LONGEST) + "\n")
    return 0
