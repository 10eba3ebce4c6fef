"""``stillwatch watch``: the gateway as a reverse proxy of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.extras import load_for
from stillwatch.cli.gate.options import (
    NO_SUMMARIES,
    Admin,
    Drain,
    Policy,
    SealKeys,
    State,
    Store,
    Summarising,
    Tls,
    Who,
    check_drain,
)
from stillwatch.cli.terminal import clean
from stillwatch.gateway.policy_file import find_policy

__all__ = ["Front", "Wire", "watch"]

WATCHING = "stillwatch.gateway.doors.proxy:watch_upstream"


@dataclass(frozen=True, kw_only=True)
class Wire(Tls):
    """Where callers ask, and how that is protected."""

    listen: Annotated[str, Parameter(help="Address for callers; port 0 takes a free one.")] = "127.0.0.1:8080"


@dataclass(frozen=True, kw_only=True)
class Front(Who):
    """Who calls, and whose word for it is believed."""

    front: Annotated[
        tuple[str, ...], Parameter(negative="", help="Address or network of your front (default: this machine).")
    ] = ()
    trust_hops: Annotated[int, Parameter(help="Places at the end of X-Forwarded-For that are yours.")] = 0


def watch(
    *,
    upstream: Annotated[str, Parameter(help="Address of the model's server, such as https://api.example.com.")],
    policy: Policy,
    state: State,
    run: Annotated[Path | None, Parameter(help="A scan's results, taken in at the start.")] = None,
    wire: Annotated[Wire, Parameter(name="*")] = Wire(),
    admin: Admin = "127.0.0.1:9464",
    store: Store = None,
    who: Annotated[Front, Parameter(name="*")] = Front(),
    seal_keys: SealKeys = None,
    summarising: Annotated[Summarising, Parameter(name="*")] = NO_SUMMARIES,
    drain: Drain = 30.0,
    json: Annotated[bool, Parameter(negative="", help="Say where it listens as JSON.")] = False,
) -> int:
    """Stand between callers and an OpenAI- or Anthropic-compatible server, until interrupted.

    Example: ``stillwatch watch --upstream http://127.0.0.1:8000 --policy policy.toml --state gate``
    """
    if ":" in wire.listen:  # what is no address is told where it is read
        wire.guard(wire.listen, "keys")
    check_drain(drain)
    serve = load_for("watch", WATCHING, "gateway")

    def say(callers: str, administration: str) -> None:
        if json:
            told = {"callers": callers, "administration": administration, "upstream": upstream}
            sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        else:
            beside = f"; health and metrics at {clean(administration)}/-/" if administration else ""
            sys.stdout.write(f"watching {clean(upstream)} at {clean(callers)}{beside}\n")
        sys.stdout.flush()

    serve(
        upstream=upstream,
        policy=find_policy(policy),
        state=state,
        run=run,
        listen=wire.listen,
        admin=admin,
        store=store,
        who={
            "account_header": who.account_header,
            "tier_header": who.tier_header,
            "keys": who.keys,
            "fronts": who.front,
            "trust_hops": who.trust_hops,
        },
        certificate=wire.cert,
        key=wire.key,
        seal_keys=seal_keys,
        summaries=summarising.opened(),
        drain=drain,
        say=say,
    )
    return 0
