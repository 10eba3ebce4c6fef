"""How a call ended, as its span tells: the HTTP status, or an error that stands for one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stillwatch.sources.calls.attributes import Event, first

__all__ = ["SUCCESS", "status_of"]

SUCCESS = 200

ERRORS = {
    "BadRequestError": 400,
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "RequestTooLargeError": 413,
    "UnprocessableEntityError": 422,
    "RateLimitError": 429,
    "OverloadedError": 529,
}
CODE = re.compile(r"(?:^|Error code: )([1-5]\d\d)(?!\d)")
NAME = re.compile(r"(\w+)'?>?$")


def status_of(attributes: Mapping[str, Any], events: Iterable[Event], *, failed: bool, message: Any) -> Any:
    """The HTTP status: told, or told by the error's name or text; 500 for another failure, 200 for none."""
    told = first(attributes, "http.response.status_code", "http.status_code")
    if told is not None:
        return told
    error = first(attributes, "error.type")
    if not failed and error is None:
        return SUCCESS
    texts = [attributes.get("error.code"), error, message]
    for event in events:
        texts += [event.values.get("exception.type"), event.values.get("exception.message"), event.values.get("error")]
    for text in texts:
        if isinstance(text, str):
            code, name = CODE.search(text[:1000]), NAME.search(text[:1000])
            if code is not None:
                return int(code[1])
            if name is not None and name[1] in ERRORS:
                return ERRORS[name[1]]
    return 500
