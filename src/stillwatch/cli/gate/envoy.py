"""``stillwatch gate envoy``: the gateway behind Envoy."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.extras import load_for
from stillwatch.cli.gate.options import (
    ANYBODY,
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
from stillwatch.errors import UsageError
from stillwatch.gateway.policy_file import find_policy

__all__ = ["Wire", "envoy"]

SERVING = "stillwatch.gateway.doors.envoy_serving:serve_envoy"


@dataclass(frozen=True, kw_only=True)
class Wire(Tls):
    """Where Envoy asks, and how that is protected."""

    listen: Annotated[str, Parameter(help="HOST:PORT (0 takes a free one) or unix:PATH.")] = "127.0.0.1:9002"
    clients: Annotated[Path | None, Parameter(help="PEM of who vouches for Envoy's certificate; asked for then.")] = (
        None
    )

    def check(self) -> None:
        """Raise `UsageError` for what would leave prompts unprotected, or cannot be."""
        self.guard(self.listen, "prompts")
        if self.clients is not None and self.cert is None:
            raise UsageError("needs TLS", "--clients", "give --cert and --key too")


def envoy(
    *,
    policy: Policy,
    state: State,
    wire: Annotated[Wire, Parameter(name="*")] = Wire(),
    who: Annotated[Who, Parameter(name="*")] = ANYBODY,
    admin: Admin = "127.0.0.1:9464",
    store: Store = None,
    seal_keys: SealKeys = None,
    summarising: Annotated[Summarising, Parameter(name="*")] = NO_SUMMARIES,
    drain: Drain = 30.0,
    json: Annotated[bool, Parameter(negative="", help="Say where it listens as JSON.")] = False,
) -> int:
    """Answer Envoy's external processor (ext_proc) and external authorisation (ext_authz), until interrupted.

    Example: ``stillwatch gate envoy --policy policy.toml --state gateway --account-header x-account-id``
    """
    wire.check()
    check_drain(drain)
    serve = load_for("gate envoy", SERVING, "envoy")
    serve(
        listen=wire.listen,
        admin=admin,
        policy=find_policy(policy),
        state=state,
        store=store,
        account_header=who.account_header,
        tier_header=who.tier_header,
        keys=who.keys,
        seal_keys=seal_keys,
        summaries=summarising.opened(),
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
