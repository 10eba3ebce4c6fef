"""``stillwatch gate guardrail``: LiteLLM's guardrail API, beside its proxy."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from stillwatch.cli.terminal import clean
from stillwatch.errors import PluginError, UsageError
from stillwatch.registry import load

__all__ = ["guardrail"]

SERVE = "stillwatch.gateway.doors.guardrail_serving:serve_guardrail"
PORT = 8433


def guardrail(
    *,
    policy: Annotated[Path, Parameter(help="The policy's TOML file.")],
    state: Annotated[Path, Parameter(help="Folder of the gateway's memory; made where missing.")],
    store: Annotated[str | None, Parameter(help="redis://... where several gateways share one memory.")] = None,
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
    try:
        serve: Any = load(SERVE)
    except PluginError as error:
        raise PluginError(error.what, "gate guardrail", "pip install 'stillwatch[gateway]'") from error
    with contextlib.suppress(KeyboardInterrupt):  # that is how it is stopped
        serve(policy, state, store=store, host=host, port=port, key=_secret(key), say=_say)
    return 0


def _secret(key: str | None) -> str | None:
    if key is None:
        return None
    if not key.startswith("env:"):
        raise UsageError("a key on the command line is seen by others", "--key", "give env:NAME")
    secret = os.environ.get(key.removeprefix("env:"))
    if not secret:
        raise UsageError(f"the variable {key.removeprefix('env:')} is not set", "--key")
    return secret


def _say(address: str) -> None:
    sys.stdout.write(f"serving {clean(address)}\n")
    sys.stdout.flush()
