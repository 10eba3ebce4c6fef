"""A refusal as the caller's client library expects it, whole or in the middle of a stream.

Sources: the error objects in the API references of OpenAI and Anthropic, and what their SDKs (3.57, 2.14) make of them:
429 becomes ``RateLimitError``, 403 ``PermissionDeniedError``, an error event ``APIError`` or ``APIStatusError``.
"""

from __future__ import annotations

import math

from stillwatch.gateway.shielding.documents import write
from stillwatch.responses.traffic import API, Refusal

__all__ = ["error_event", "refusal_response", "unreadable_body"]

_KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_BROKEN = "The model's answer could not be passed on."


def refusal_response(api: API, refusal: Refusal, reference: str, appeal: str = "") -> tuple[int, dict[str, str], bytes]:
    """HTTP status, headers (content-type, retry-after) and body: the error object of that API, with the reference and
    the address at which whoever is touched is heard (``appeal``, the policy's; "" for none)."""
    headers = {"content-type": "application/json"}
    if refusal.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(refusal.retry_after)))
    kind = _KINDS.get(refusal.status, "api_error" if refusal.status >= 500 else "invalid_request_error")
    message = _message(refusal.message, reference, appeal)
    return refusal.status, headers, write(_error(api, kind, message, refusal.code, reference))


def _message(message: str, reference: str, appeal: str) -> str:
    """The reason, and how to be heard: client libraries show the message and little else."""
    parts = [message.strip()]
    if reference:
        parts.append(f"Reference: {reference}.")
    if appeal:
        parts.append(f"If this is wrong, you will be heard at {appeal}")
    return " ".join(filter(None, parts))


def _error(api: API, kind: str, message: str, code: str, reference: str) -> dict[str, object]:
    if api == "anthropic_messages":
        error: dict[str, object] = {"type": "error", "error": {"type": kind, "message": message}}
        return {**error, "request_id": reference} if reference else error
    told = {"message": message, "type": kind, "param": None, "code": code}
    return {"error": {**told, "reference": reference} if reference else told}


def error_event(api: API, message: str, code: str = "stream_cut_off", reference: str = "", sequence: int = 0) -> bytes:
    """An error in the middle of a stream, after which no more of the answer comes; ``sequence`` is the number that the
    Responses API gives its events."""
    text = _message(message, reference, "")
    if api == "anthropic_messages":
        return b"event: error\ndata: " + write(_error(api, "api_error", text, code, reference)) + b"\n\n"
    if api == "openai_responses":
        event = {"type": "error", "code": code, "message": text, "param": None, "sequence_number": sequence}
        return b"event: error\ndata: " + write(event) + b"\n\n"
    return b"data: " + write(_error(api, "server_error", text, code, reference)) + b"\n\n"


def unreadable_body(api: API) -> bytes:
    """What stands in the place of an answer that cannot be read, and so could hold anything."""
    return write(_error(api, "api_error", _BROKEN, "unreadable_answer", ""))
