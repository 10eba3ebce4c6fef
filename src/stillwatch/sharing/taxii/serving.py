"""A TAXII server behind a socket: loopback unless told otherwise, TLS from a certificate's files. Needs uvicorn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import uvicorn

from stillwatch.errors import StorageError, UsageError
from stillwatch.listening import announced, with_certificate
from stillwatch.loopback import is_loopback
from stillwatch.sharing.taxii.configuration import Offer, read_offer
from stillwatch.sharing.taxii.server import application
from stillwatch.sharing.taxii.store import Store
from stillwatch.sharing.taxii.users import USERS, Users

__all__ = ["STORE", "prepared", "serve"]

STORE = "collections.sqlite"
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; none of those that RFC 7540, appendix A forbids. TLS 1.3 has its own, and OpenSSL as Python uses it
accepts no early data (0-RTT)."""
_MOST_CONNECTIONS = 256


def serve(
    folder: Path,
    configuration: Path,
    *,
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    plain: bool,
    say: Callable[[str], None],
) -> None:
    """Serve until interrupted; ``say`` is told the address once connections are taken. ``port`` 0 takes a free one.

    Raises `UsageError` where an address that others reach would be served without TLS and ``plain`` is not given,
    `InputError` and `StorageError` for files that cannot be used.
    """
    if (certificate is None) != (key is None):
        raise UsageError("a certificate and its key belong together", "--cert", "give both --cert and --key")
    if certificate is None and not plain and not is_loopback(host):
        raise UsageError(
            "would serve secrets without TLS", host, "give --cert and --key, or --plain where a proxy does TLS"
        )
    announced(prepared(folder, read_offer(configuration), host, port, certificate, key), say, "/taxii2/")


def prepared(
    folder: Path, offer: Offer, host: str, port: int, certificate: Path | None = None, key: Path | None = None
) -> uvicorn.Config:
    """The server's configuration, its store opened."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot be made: {error.strerror}", folder, "name another --store") from error
    store = Store(folder / STORE)
    config = uvicorn.Config(
        application(offer, store, Users(folder / USERS)),
        host=host,
        port=port,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # an address that a caller claims must not reset the count of wrong log-ins
        lifespan="off",
        ws="none",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ciphers=_CIPHERS,
    )
    return with_certificate(config, certificate)
