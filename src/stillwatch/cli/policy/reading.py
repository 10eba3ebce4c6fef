"""``stillwatch policy check`` and ``show``: a policy's file, and what it means."""

from __future__ import annotations

import datetime as dt
import sys
import textwrap
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.campaigns.wording import counted
from stillwatch.cli.terminal import Style, clean
from stillwatch.gateway.policy_file import find_policy, read_policy
from stillwatch.gateway.policy_words import describe, remarks

__all__ = ["PolicyName", "check", "show"]

PolicyName = Annotated[
    str, Parameter(help="A policy's TOML file; or careful, balanced or strict, which come with Stillwatch.")
]
_JSON = Parameter(name="--json", negative=(), help="Write one JSON object.")
WIDTH = 100


def check(policy: PolicyName, /, *, as_json: Annotated[bool, _JSON] = False) -> int:
    """Check a policy's file. Returns 0 where it can work; what cannot is an error that names file, line and key."""
    path = find_policy(policy)
    read = read_policy(path)
    said = remarks(read, dt.datetime.now(dt.UTC).date())
    if as_json:
        found = {"policy": read.name, "mode": read.mode, "measures": len(read.measures), "remarks": said}
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return 0
    style = Style(sys.stdout)
    line = f"{clean(read.name)}: mode {read.mode}, {counted(len(read.measures), 'measure')}, can be used."
    sys.stdout.write(style.green(line) + "\n" + "".join(f"  Note: {clean(one)}\n" for one in said))
    return 0


def show(policy: PolicyName, /, *, as_json: Annotated[bool, _JSON] = False) -> int:
    """Tell a policy in plain words. With --json: the policy with every default spelt out."""
    read = read_policy(find_policy(policy))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(read), indent=2).decode() + "\n")
        return 0
    style = Style(sys.stdout)
    for place, (title, sentences) in enumerate(describe(read)):
        sys.stdout.write(("\n" if place else "") + style.bold(clean(title)) + "\n")
        for sentence in sentences:
            wrapped = textwrap.wrap(clean(sentence), WIDTH - 2) or [""]
            sys.stdout.write("".join(f"  {line}\n" for line in wrapped))
    for one in remarks(read, dt.datetime.now(dt.UTC).date()):
        sys.stdout.write(f"\nNote: {clean(one)}\n")
    return 0
