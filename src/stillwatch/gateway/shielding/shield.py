"""One way in: the shield of an answer, whole or as a stream, for each dialect and mode."""

from __future__ import annotations

from stillwatch.gateway.shielding.base import StreamShield, Summarise
from stillwatch.responses.traffic import API, ShieldMode

__all__ = ["shield_body", "shield_stream"]


def shield_body(api: API, body: bytes, mode: ShieldMode, summary: str | None = None) -> bytes | Summarise:
    """An answer's JSON without its reasoning text (tokens are still counted); the same bytes where it holds none.

    In mode "summarise" a `Summarise` asks for words first; call again with ``summary``.
    """
    raise NotImplementedError


def shield_stream(api: API, mode: ShieldMode) -> StreamShield:
    """The shield of one stream."""
    raise NotImplementedError
