"""What our servers have in common: they say where they listen, and why they cannot.

Needs uvicorn, which comes with each extra that serves.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from stillwatch.errors import InputError, UsageError

__all__ = ["Announcing", "announced", "taken", "url_of", "with_certificate"]


class Announcing(uvicorn.Server):
    """A server that tells ``say`` its address (with ``path`` after it) once it takes connections."""

    def __init__(self, config: uvicorn.Config, say: Callable[[str], None], path: str = "") -> None:
        super().__init__(config)
        self._say, self._path = say, path

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """See uvicorn."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._say(url_of(self.servers[0], secure=self.config.is_ssl) + self._path)


def announced(config: uvicorn.Config, say: Callable[[str], None], path: str = "") -> None:
    """Serve until interrupted; ``say`` is told the address. Raises `UsageError` for one that cannot be listened on."""
    try:
        Announcing(config, say, path).run()
    except SystemExit as error:  # uvicorn's way to say so
        raise taken(config.host, config.port) from error


def taken(host: str, port: int) -> UsageError:
    """The error that says that an address cannot be listened on."""
    return UsageError("cannot be listened on", f"{host}:{port}", "is something else serving there?")


def url_of(server: Any, *, secure: bool = False) -> str:
    """The address that a server (asyncio's) listens on."""
    host, port = server.sockets[0].getsockname()[:2]
    return f"http{'s' if secure else ''}://{f'[{host}]' if ':' in host else host}:{port}"


def with_certificate(config: uvicorn.Config, certificate: Path | str | None) -> uvicorn.Config:
    """``config`` with its certificate read, for TLS 1.2 and later. Raises `InputError` for one that cannot be used."""
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"cannot be used as certificate and key: {error}", certificate) from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config
