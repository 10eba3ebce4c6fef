"""``stillwatch share serve``: a TAXII 2.1 server."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.cli.extras import load_for
from stillwatch.cli.terminal import clean
from stillwatch.errors import UsageError

__all__ = ["serve"]

SERVER = "stillwatch.sharing.taxii.serving:serve"
PORT = 8431


def serve(
    *,
    store: Annotated[Path, Parameter(help="Folder of the collections and of the users (share user).")],
    config: Annotated[Path, Parameter(help="TOML file: roots, collections, who reads and writes.")],
    host: Annotated[str, Parameter(help="Address to listen on; anything but loopback needs --cert and --key.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = PORT,
    cert: Annotated[Path | None, Parameter(help="Certificate (PEM, with its chain).")] = None,
    key: Annotated[Path | None, Parameter(help="The certificate's key (PEM).")] = None,
    plain: Annotated[bool, Parameter(negative="", help="Serve others without TLS: a proxy before it does that.")] = (
        False
    ),
) -> int:
    """Serve collections of STIX objects over TAXII 2.1 until interrupted.

    Example: stillwatch share serve --store exchange --config share.toml
    """
    if not 0 <= port <= 65535:
        raise UsageError("is no port", "--port", "give 0 to 65535")
    run = load_for("share serve", SERVER, "sharing")
    with contextlib.suppress(KeyboardInterrupt):  # that is how it is stopped
        run(store, config, host=host, port=port, certificate=cert, key=key, plain=plain, say=_say)
    return 0


def _say(address: str) -> None:
    sys.stdout.write(f"serving {clean(address)}\n")
    sys.stdout.flush()
