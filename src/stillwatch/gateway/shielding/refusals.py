"""A refusal as the caller's client library expects it."""

from __future__ import annotations

from stillwatch.responses.traffic import API, Refusal

__all__ = ["refusal_response"]


def refusal_response(api: API, refusal: Refusal, reference: str) -> tuple[int, dict[str, str], bytes]:
    """HTTP status, headers (content-type, retry-after) and body: the error object of that API, with the reference."""
    raise NotImplementedError
