"""``stillwatch watch``: the gateway as a reverse proxy of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.terminal import clean
from stillwatch.errors import PluginError, UsageError
from stillwatch.loopback import is_loopback
from stillwatch.registry import load

__all__ = ["watch"]

WATCHING = "stillwatch.gateway.doors.proxy:watch_upstream"


@dataclass(frozen=True, kw_only=True)
class Who:
    """Who calls: what your own front says, or a table of keys; else the key's hash is the account."""

    account_header: Annotated[str, Parameter(help="Header in which your own front names the account.")] = ""
    tier_header: Annotated[str, Parameter(help="Header in which it names the kind of customer.")] = ""
    front: Annotated[
        tuple[str, ...], Parameter(negative="", help="Address or network of your front (default: this machine).")
    ] = ()
    keys: Annotated[Path | None, Parameter(help="Table of keys (CSV: key_sha256, account_id, tier).")] = None
    trust_hops: Annotated[int, Parameter(help="Places at the end of X-Forwarded-For that are yours.")] = 0


@dataclass(frozen=True, kw_only=True)
class Wire:
    """Where callers ask, and how that is protected."""

    listen: Annotated[str, Parameter(help="Address for callers; port 0 takes a free one.")] = "127.0.0.1:8080"
    cert: Annotated[Path | None, Parameter(help="Certificate (PEM, with its chain).")] = None
    key: Annotated[Path | None, Parameter(help="The certificate's key (PEM).")] = None
    plain: Annotated[bool, Parameter(negative="", help="Serve others without TLS: a front does that.")] = False

    def check(self) -> None:
        """Raise `UsageError` for what would leave keys unprotected, or cannot be."""
        if (self.cert is None) != (self.key is None):
            raise UsageError("a certificate and its key belong together", "--cert", "give both --cert and --key")
        host = self.listen.rpartition(":")[0].strip("[]")
        if self.cert is None and not self.plain and host and not is_loopback(host):
            do = "give --cert and --key, or --plain where a front does TLS"
            raise UsageError("would serve keys without TLS", self.listen, do)


def watch(
    *,
    upstream: Annotated[str, Parameter(help="Address of the model's server, such as https://api.example.com.")],
    policy: Annotated[Path, Parameter(help="The policy (TOML); read anew when it changes.")],
    state: Annotated[Path, Parameter(help="Folder of the gateway's memory, journal and ledger.")],
    run: Annotated[Path | None, Parameter(help="A scan's results, taken in at the start.")] = None,
    wire: Annotated[Wire, Parameter(name="*")] = Wire(),
    admin: Annotated[str, Parameter(help="Address for health, readiness, metrics; '' for none.")] = "127.0.0.1:9464",
    store: Annotated[str | None, Parameter(help="redis://… where several gateways share one memory.")] = None,
    who: Annotated[Who, Parameter(name="*")] = Who(),
    seal_keys: Annotated[Path | None, Parameter(help="Keys that seal reasoning (default: made in --state).")] = None,
    drain: Annotated[float, Parameter(help="Seconds that running answers have when it is stopped.")] = 30.0,
    json: Annotated[bool, Parameter(negative="", help="Say where it listens as JSON.")] = False,
) -> int:
    """Stand between callers and an OpenAI- or Anthropic-compatible server, until interrupted.

    Example: ``stillwatch watch --upstream http://127.0.0.1:8000 --policy policy.toml --state gate``
    """
    wire.check()
    if drain < 0:
        raise UsageError(f"{drain:g} is too small", "--drain", "give 0 or more seconds")
    try:
        serve = load(WATCHING)
    except PluginError as error:
        raise PluginError(error.what, "watch", "pip install 'stillwatch[gateway]'") from error

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
        policy=policy,
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
        drain=drain,
        say=say,
    )
    return 0
