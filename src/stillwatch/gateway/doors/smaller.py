"""A request made smaller as decided, on its way to the model; what is not read must not be a way around."""

from __future__ import annotations

import msgspec

from stillwatch.gateway.doors.calls import Call
from stillwatch.gateway.shielding.shaping import shape_body, shape_fields
from stillwatch.responses.traffic import Refusal, Shape
from stillwatch.sources.calls.bodies import items, mapping

__all__ = ["made_smaller", "unreadable"]

_TOO_LONG = Refusal(status=413, code="request_too_large", message="The request is too large.")
_UNREADABLE = Refusal(status=415, code="unsupported_encoding", message="Send the request as plain JSON.")


def made_smaller(call: Call, shape: Shape, data: bytes, plain: bytes, *, whole: bool) -> tuple[bytes, Refusal | None]:
    """The body of ``call`` with ``shape`` applied (``plain`` itself where nothing changes), or why it cannot be.

    ``data`` is the body as it came, ``plain`` without its coding; not ``whole``: more of it follows. Of a batch each
    request is made smaller.
    """
    if not whole:
        return plain, unreadable(whole=False)
    if call.body is None:
        return plain, unreadable(whole=True) if data else None
    parts = items(call.body.get("requests"))
    if call.operation != "batch" or not parts:
        return shape_body(call.api, plain, shape), None
    asked = [dict(mapping(part.get("params"))) for part in parts]
    shaped = [shape_fields(call.api, params, shape) for params in asked]
    if all(now is before for now, before in zip(shaped, asked, strict=True)):
        return plain, None
    requests = [{**part, "params": params} for part, params in zip(parts, shaped, strict=True)]
    return msgspec.json.encode({**call.body, "requests": requests}), None


def unreadable(*, whole: bool) -> Refusal:
    """Why a request is not passed on that cannot be read; not ``whole``: it is too long."""
    return _UNREADABLE if whole else _TOO_LONG
