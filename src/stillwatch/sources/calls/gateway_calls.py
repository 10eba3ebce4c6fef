"""What gateways log of a call in ways of their own: bodies as text or objects, headers, the path that was called."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stillwatch.sources.calls.bodies import mapping, request_values, response_values
from stillwatch.sources.calls.event_streams import assembled, is_event_stream, stream_body
from stillwatch.sources.calls.plain_bodies import plain_request, plain_response
from stillwatch.sources.containers.json_documents import Document, decoded
from stillwatch.sources.records.callers import sound_text

__all__ = [
    "header",
    "logged_body",
    "operation_of",
    "sent_and_answered",
    "told_id",
    "unwrapped",
    "whole_milliseconds",
]

_PATH_KEPT = 200
_WRAPPED = (list, dict)
_OPERATIONS = (
    ("chat/completions", "chat"),
    ("completions", "completions"),
    ("responses", "responses"),
    ("embeddings", "embeddings"),
    ("messages", "chat"),
    (":generateContent", "chat"),
    (":streamGenerateContent", "chat"),
    (":embedContent", "embeddings"),
    (":batchEmbedContents", "embeddings"),
    ("/converse", "chat"),
    ("/converse-stream", "chat"),
)


def unwrapped(documents: Iterable[Document], name: str) -> Iterator[Document]:
    """The documents of a file, and in place of one that wraps others in a list ``name``, those, so that each is kept or
    set aside on its own. An object under that name is unwrapped likewise.
    """
    for document in documents:
        inside = document.value.get(name) if isinstance(document.value, dict) else None
        if inside is not None and isinstance(inside, _WRAPPED):
            for value in inside if isinstance(inside, list) else [inside]:
                yield Document(document.line, value)
        else:
            yield document


def logged_body(value: Any) -> Mapping[str, Any]:
    """A logged body as an object: one as it is, a text of JSON, or a stream put together again; empty for no such."""
    if type(value) is dict:
        return value
    if isinstance(value, str) and value[:1] != "{" and is_event_stream(value):
        return stream_body(value) or {}
    body = decoded(value)
    if isinstance(body, list):
        return assembled(body) or {}
    return mapping(body)


def sent_and_answered(request: Any, response: Any) -> dict[str, Any]:
    """The columns that two logged bodies tell; what the answer says of the model and the tokens wins."""
    told = (plain_request(request) if type(request) is str else None) or {}
    if not told and (sent := logged_body(request)):
        told = request_values(sent)
    more = plain_response(response) if type(response) is str else None
    if more is None and (answered := logged_body(response)):
        more = response_values(answered)
    for name, value in more.items() if more else ():
        if value is not None:
            told[name] = value
    return told


def told_id(value: Any) -> str | None:
    """An id that the caller chose; null for what is none, which must not spoil the record of its call."""
    return sound_text(value)


def header(headers: Any, name: str) -> Any:
    """A header's value, whatever the case of its name; the first of several; None where it was not sent."""
    for key, value in mapping(headers).items():
        if key == name or key.lower() == name:
            return value[0] if isinstance(value, list) and value else value
    return None


def operation_of(path: Any) -> str | None:
    """The kind of call by the end of the path called; None where it tells none."""
    if not isinstance(path, str):
        return None
    return _operation_of(path) if len(path) <= _PATH_KEPT else _operation_of.__wrapped__(path)


@functools.lru_cache(maxsize=4096)
def _operation_of(path: str) -> str | None:
    path = path.partition("?")[0].rstrip("/")
    return next((operation for end, operation in _OPERATIONS if path.endswith(end)), None)


def whole_milliseconds(value: Any) -> Any:
    """A duration without its fraction, which gateways make by reckoning with seconds; all else as it is."""
    return round(value) if isinstance(value, float) and abs(value) < 1e15 else value
