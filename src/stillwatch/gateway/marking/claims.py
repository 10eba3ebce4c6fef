"""The field and the header by which a model's server is told a key: set by the gateway, never taken from a caller.

vLLM hands the object ``vllm_xargs`` of a request to logits processors; ours looks for ``stillwatch_mark`` in it
(`marks.sampling.engines`). A caller who could write it there would choose whose mark his answers bear.
"""

from __future__ import annotations

from typing import Any, Final

from stillwatch.gateway.shielding.documents import Unreadable, read, write

__all__ = ["ARGUMENT", "FIELD", "HEADER", "claims", "told_key", "with_key"]

FIELD: Final = "vllm_xargs"
ARGUMENT: Final = "stillwatch_mark"
HEADER: Final = "x-stillwatch-mark"


def claims(body: dict[str, Any]) -> bool:
    """Whether a request's body names a key: its own, or one of a batch's. Cheap where it has no such field."""
    if FIELD in body:
        return _names(body)
    requests = body.get("requests")
    return isinstance(requests, list) and any(
        isinstance(part, dict) and isinstance(part.get("params"), dict) and _names(part["params"]) for part in requests
    )


def with_key(body: dict[str, Any], key_id: str = "") -> dict[str, Any]:
    """``body`` with ``key_id`` in it and no other; "": with none. A new object; the same where nothing changes."""
    told = body
    if _names(body):
        kept = {name: value for name, value in body[FIELD].items() if name != ARGUMENT}
        told = {name: kept if name == FIELD else value for name, value in body.items() if name != FIELD or kept}
    requests = told.get("requests")
    if isinstance(requests, list) and claims({"requests": requests}):
        told = {**told, "requests": [_part(part) for part in requests]}
    if key_id and isinstance(told.get(FIELD, {}), dict):
        told = {**told, FIELD: {**told.get(FIELD, {}), ARGUMENT: key_id}}
    return told


def told_key(data: bytes, key_id: str = "") -> bytes:
    """`with_key` on the bytes of a request; the same where they are no JSON object, or nothing changes."""
    try:
        value, _ = read(data, careful=True)
    except Unreadable:
        return data
    if type(value) is not dict:
        return data
    told = with_key(value, key_id)
    return data if told is value else write(told)


def _names(body: dict[str, Any]) -> bool:
    given = body.get(FIELD)
    return isinstance(given, dict) and ARGUMENT in given


def _part(part: Any) -> Any:
    if isinstance(part, dict) and isinstance(part.get("params"), dict):
        return {**part, "params": with_key(part["params"])}
    return part
