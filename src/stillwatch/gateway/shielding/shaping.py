"""Requests made smaller, in their own dialect."""

from __future__ import annotations

from stillwatch.responses.traffic import API, Shape

__all__ = ["shape_body", "shape_fields"]


def shape_fields(api: API, body: dict[str, object], shape: Shape) -> dict[str, object]:
    """``body`` with ``shape`` applied (a new dictionary; the same object where nothing changes)."""
    raise NotImplementedError


def shape_body(api: API, body: bytes, shape: Shape) -> bytes:
    """The request's JSON with ``shape`` applied; the very same bytes where nothing changes or where it is no JSON."""
    raise NotImplementedError
