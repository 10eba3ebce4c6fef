"""What our servers have in common: they say where they listen.

Needs uvicorn, which comes with each extra that serves.
"""

from __future__ import annotations

from collections.abc import Callable

import uvicorn

__all__ = ["Announcing"]


class Announcing(uvicorn.Server):
    """A server that tells ``say`` its address (with ``path`` after it) once it takes connections."""

    def __init__(self, config: uvicorn.Config, say: Callable[[str], None], path: str = "") -> None:
        super().__init__(config)
        self._say, self._path = say, path

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """See uvicorn."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            self._say(f"http{'s' if self.config.is_ssl else ''}://{name}:{port}{self._path}")
