"""``stillwatch gate guardrail``: LiteLLM's guardrail API, beside its proxy."""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated

from cyclopts import Parameter

from stillwatch.asking.keys import from_environment
from stillwatch.cli.extras import load_for
from stillwatch.cli.gate.options import Policy, State, Store
from stillwatch.cli.terminal import clean
from stillwatch.errors import UsageError
from stillwatch.gateway.policy_file import find_policy

__all__ = ["guardrail"]

SERVE = "stillwatch.gateway.doors.guardrail_serving:serve_guardrail"
PORT = 8433


def guardrail(
    *,
    policy: Policy,
    state: State,
    store: Store = None,
    host: Annotated[str, Parameter(help="Address to listen on; anything but loopback needs --key.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = PORT,
    key: Annotated[
        str | None, Parameter(help="env:NAME of the variable with the key that LiteLLM sends as x-api-key.")
    ] = None,
) -> int:
    """Answer LiteLLM's guardrail API and take its logs, until interrupted.

    Example: stillwatch gate guardrail --policy policy.toml --state gate --key env:GUARDRAIL_KEY
    """
    if not 0 <= port <= 65535:
        raise UsageError("is no port", "--port", "give 0 to 65535")
    serve = load_for("gate guardrail", SERVE, "gateway")
    secret = None if key is None else from_environment(key, "--key")
    with contextlib.suppress(KeyboardInterrupt):  # that is how it is stopped
        serve(
            find_policy(policy),
            state,
            store=store,
            host=host,
            port=port,
            key=secret,
            say=_say,
        )
    return 0


def _say(address: str) -> None:
    sys.stdout.write(f"serving {clean(address)}\n")
    sys.stdout.flush()
