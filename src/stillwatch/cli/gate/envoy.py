"""``stillwatch gate envoy``: the gateway behind Envoy."""

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

__all__ = ["Who", "Wire", "envoy"]

SERVING = "stillwatch.gateway.doors.envoy_serving:serve_envoy"


@dataclass(frozen=True, kw_only=True)
class Who:
    """Who calls: what Envoy says, or a table of keys; else the key's hash is the account."""

    account_header: Annotated[str, Parameter(help="Header in which Envoy names the account.")] = ""
    tier_header: Annotated[str, Parameter(help="Header in which it names the kind of customer.")] = ""
    keys: Annotated[Path | None, Parameter(help="Table of keys (CSV: key_sha256, account_id, tier).")] = None


@dataclass(frozen=True, kw_only=True)
class Wire:
    """Where Envoy asks, and how that is protected."""

    listen: Annotated[str, Parameter(help="HOST:PORT (0 takes a free one) or unix:PATH.")] = "127.0.0.1:9002"
    cert: Annotated[Path | None, Parameter(help="Certificate (PEM, with its chain).")] = None
    key: Annotated[Path | None, Parameter(help="The certificate's key (PEM).")] = None
    clients: Annotated[Path | None, Parameter(help="PEM of who vouches for Envoy's certificate; asked for then.")] = (
        None
    )
    plain: Annotated[bool, Parameter(negative="", help="Serve others without TLS: the network does that.")] = False

    def check(self) -> None:
        """Raise `UsageError` for what would leave prompts unprotected, or cannot be."""
        if (self.cert is None) != (self.key is None):
            raise UsageError("a certificate and its key belong together", "--cert", "give both --cert and --key")
        if self.clients is not None and self.cert is None:
            raise UsageError("needs TLS", "--clients", "give --cert and --key too")
        local = self.listen.startswith("unix:") or is_loopback(self.listen.rpartition(":")[0].strip("[]"))
        if self.cert is None and not self.plain and not local:
            do = "give --cert and --key, or --plain where the network does TLS"
            raise UsageError("would serve prompts without TLS", self.listen, do)


def envoy(
    *,
    policy: Annotated[Path, Parameter(help="The policy (TOML); read anew when it changes.")],
    state: Annotated[Path, Parameter(help="Folder of the gateway's memory, journal and ledger.")],
    wire: Annotated[Wire, Parameter(name="*")] = Wire(),
    who: Annotated[Who, Parameter(name="*")] = Who(),
    admin: Annotated[str, Parameter(help="Address for health, readiness, metrics; '' for none.")] = "127.0.0.1:9464",
    store: Annotated[str | None, Parameter(help="redis://… where several gateways share one memory.")] = None,
    seal_keys: Annotated[Path | None, Parameter(help="Keys that seal reasoning (default: seal.keys in STATE).")] = None,
    drain: Annotated[float, Parameter(help="Seconds that running answers have when it is stopped.")] = 30.0,
    json: Annotated[bool, Parameter(negative="", help="Say where it listens as JSON.")] = False,
) -> int:
    """Answer Envoy's external processor (ext_proc) and external authorisation (ext_authz), until interrupted.

    Example: ``stillwatch gate envoy --policy policy.toml --state gateway --account-header x-account-id``
    """
    wire.check()
    if drain < 0:
        raise UsageError(f"{drain:g} is too small", "--drain", "give 0 or more seconds")
    try:
        serve = load(SERVING)
    except PluginError as error:
        raise PluginError(error.what, "gate envoy", "pip install 'stillwatch[gateway,envoy]'") from error
    serve(
        listen=wire.listen,
        admin=admin,
        policy=policy,
        state=state,
        store=store,
        account_header=who.account_header,
        tier_header=who.tier_header,
        keys=who.keys,
        seal_keys=seal_keys,
        certificate=wire.cert,
        key=wire.key,
        clients=wire.clients,
        drain=drain,
        say=_say_as_json if json else _say,
    )
    return 0


def _say(envoys: str, administration: str) -> None:
    beside = f"; health and metrics at {clean(administration)}/-/" if administration else ""
    sys.stdout.write(f"answering Envoy at {clean(envoys)}{beside}\n")
    sys.stdout.flush()


def _say_as_json(envoys: str, administration: str) -> None:
    sys.stdout.write(msgspec.json.encode({"envoy": envoys, "administration": administration}).decode() + "\n")
    sys.stdout.flush()
