"""``stillwatch gate envoy``: the gateway behind Envoy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.terminal import clean
from stillwatch.errors import PluginError, UsageError
from stillwatch.loopback import is_loopback
from stillwatch.registry import load

__all__ = ["envoy"]

SERVING = "stillwatch.gateway.doors.envoy_serving:serve_envoy"


def envoy(
    *,
    policy: Annotated[Path, Parameter(help="The policy (TOML); read anew when it changes.")],
    state: Annotated[Path, Parameter(help="Folder of the gateway's memory, journal and ledger.")],
    listen: Annotated[str, Parameter(help="Where Envoy asks: HOST:PORT (0 takes a free one) or unix:PATH.")] = (
        "127.0.0.1:9002"
    ),
    admin: Annotated[str, Parameter(help="Address for health, readiness, metrics; '' for none.")] = "127.0.0.1:9464",
    store: Annotated[str | None, Parameter(help="redis://… where several gateways share one memory.")] = None,
    account_header: Annotated[str, Parameter(help="Header in which Envoy names the account.")] = "",
    tier_header: Annotated[str, Parameter(help="Header in which it names the kind of customer.")] = "",
    keys: Annotated[Path | None, Parameter(help="Table of keys (CSV: key_sha256, account_id, tier).")] = None,
    seal_key: Annotated[Path | None, Parameter(help="Key that seals reasoning where the policy says seal.")] = None,
    cert: Annotated[Path | None, Parameter(help="Certificate (PEM, with its chain).")] = None,
    key: Annotated[Path | None, Parameter(help="The certificate's key (PEM).")] = None,
    clients: Annotated[Path | None, Parameter(help="PEM of who vouches for Envoy's certificate; asked for then.")] = (
        None
    ),
    plain: Annotated[bool, Parameter(negative="", help="Serve others without TLS: the network does that.")] = False,
    drain: Annotated[float, Parameter(help="Seconds that running answers have when it is stopped.")] = 30.0,
    json: Annotated[bool, Parameter(negative="", help="Say where it listens as JSON.")] = False,
) -> int:
    """Answer Envoy's external processor (ext_proc) and external authorisation (ext_authz), until interrupted.

    Example: ``stillwatch gate envoy --policy policy.toml --state gateway --account-header x-account-id``
    """
    if (cert is None) != (key is None):
        raise UsageError("a certificate and its key belong together", "--cert", "give both --cert and --key")
    if clients is not None and cert is None:
        raise UsageError("needs TLS", "--clients", "give --cert and --key too")
    local = listen.startswith("unix:") or is_loopback(listen.rpartition(":")[0].strip("[]"))
    if cert is None and not plain and not local:
        raise UsageError(
            "would serve prompts without TLS", listen, "give --cert and --key, or --plain where the network does TLS"
        )
    if drain < 0:
        raise UsageError(f"{drain:g} is too small", "--drain", "give 0 or more seconds")
    try:
        serve = load(SERVING)
    except PluginError as error:
        raise PluginError(error.what, "gate envoy", "pip install 'stillwatch[gateway,envoy]'") from error

    def say(envoys: str, administration: str) -> None:
        if json:
            sys.stdout.write(msgspec.json.encode({"envoy": envoys, "administration": administration}).decode() + "\n")
        else:
            beside = f"; health and metrics at {clean(administration)}/-/" if administration else ""
            sys.stdout.write(f"answering Envoy at {clean(envoys)}{beside}\n")
        sys.stdout.flush()

    serve(
        listen=listen,
        admin=admin,
        policy=policy,
        state=state,
        store=store,
        account_header=account_header,
        tier_header=tier_header,
        keys=keys,
        seal_key=seal_key,
        certificate=cert,
        key=key,
        clients=clients,
        drain=drain,
        say=say,
    )
    return 0
