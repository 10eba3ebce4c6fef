"""Calls to a model over HTTP as doors see them: which dialect, what is asked, and the exchange as a row of a log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from stillwatch.responses.traffic import API, Operation, Request

__all__ = ["Call", "Caller", "read_call", "request_of", "row_of"]


class Call(NamedTuple):
    """``body`` is the request's JSON object; None where it is none (it then passes untouched)."""

    api: API
    operation: Operation
    body: dict[str, Any] | None


class Caller(NamedTuple):
    """Who calls, as the door knows it; "" for what it does not."""

    account_id: str
    api_key_id: str = ""
    tier: str = ""
    client_ip: str = ""
    user_agent: str = ""
    ja4: str = ""


def read_call(method: str, path: str, body: bytes) -> Call:
    """The dialect and operation that ``path`` names, and the request's body. Hostile bytes never raise."""
    raise NotImplementedError


def request_of(call: Call, caller: Caller, request_id: str, at: int) -> Request:
    """The request that the gate decides on; ``at`` in microseconds by the gateway's clock."""
    raise NotImplementedError


def row_of(
    call: Call,
    request: Request,
    caller: Caller,
    *,
    status: int,
    answer: bytes,
    ended_at: int,
    headers: Mapping[str, str],
) -> dict[str, object]:
    """The exchange as a row of `stillwatch.exchange.EXCHANGE`. ``answer`` is the whole body or stream, as the model
    sent it.

    The readers of `stillwatch.sources.calls` do the reading, so that a journal and a log say the same.
    """
    raise NotImplementedError
