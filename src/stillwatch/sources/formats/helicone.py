"""Helicone's requests as its API answers them (``HeliconeRequest``) and its export tool writes them.

Written from Helicone's public source (``packages/llm-mapper/types.ts``, the queries of the request store, the usage and
body processors, ``examples/export``). Choices that a reader of the log would want to know:

- The account is ``request_user_id``, which whoever calls Helicone sets in the header ``Helicone-User-Id``: as good as
  the application that sets it. Helicone knows no better one (``helicone_user`` is the operator's own login).
- Bodies that lie elsewhere (``signed_body_url``), or were too large, leave a message of Helicone's in their place; they
  are null then, and so is the number of tools. ``llmSchema``, Helicone's own form of both bodies, is read instead where
  a row has it.
- Tokens are those of the answer's body where it tells them: the row's ``prompt_tokens`` leave out what a cache held and
  ``completion_tokens`` leave out reasoning in newer versions. Without a body the cached ones are added, and reasoning
  cannot be. -1 means that Helicone could not count.
- A streamed answer is put together from ``streamed_data``, which the export tool leaves out; then from what Helicone
  made of it, which for Anthropic has no reasoning.
- Status 0 is unknown; those below are Helicone's own for calls that never ended well, read as 500.
- Logged tools, vector databases and data (``_type`` in the request) are no calls to a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.bodies import items, joined, mapping
from stillwatch.sources.calls.gateway_calls import logged_body, operation_of, sent_and_answered, told_id, unwrapped
from stillwatch.sources.containers.json_documents import Document, begins_json
from stillwatch.sources.records.json_log import JsonLog

__all__ = ["SOURCE", "Helicone"]

MARKS = (b'"request_created_at"', b'"response_status"')
NOT_STORED = frozenset({"helicone_message", "heliconeMessage"})
OTHER_EVENTS = ("tool", "vector_db", "data")
CALLED = frozenset({"model", "messages", "contents", "prompt"})
SPOKEN = CALLED | {"input", "choices", "output", "content", "candidates", "streamed_data"}
"""Keys of a call, and of what was said in it: a caller that adds Helicone's own keys to its request hides nothing."""
SESSION = "Helicone-Session-Id"


class Helicone(JsonLog):
    """Rows of Helicone's requests: one per line, in an array, or in the ``data`` of an answer of its API."""

    info: ClassVar[Info] = Info(
        name="helicone",
        summary="Helicone's requests from its export tool or API: JSON lines, an array, or an answer's data",
        reference="https://docs.helicone.ai/rest/request/post-v1requestquery-clickhouse",
        version="2026",
        example=(
            b'{"request_id": "r1", "request_created_at": "2026-09-07 00:03:08.250", "request_user_id": "a1",'
            b' "request_path": "https://api.openai.com/v1/chat/completions", "request_model": "m", "delay_ms": 500,'
            b' "request_properties": {"Helicone-Session-Id": "s1"}, "prompt_tokens": 2, "completion_tokens": 3,'
            b' "request_body": {"messages": [{"role": "user", "content": "Good morning"}]},'
            b' "response_body": {"choices": [{"message": {"role": "assistant", "content": "Good morning."}}]},'
            b' "response_id": "p1", "response_status": 200}\n'
        ),
        carries=(
            *("exchange_id", "started_at", "account_id", "session_id", "model", "operation", "system_prompt"),
            *("messages", "response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature"),
            *("max_tokens", "tool_count", "status", "latency_ms"),
        ),
        switch_on=(
            "Send `Helicone-User-Id` (your account's id, set by your server and never by its client) and"
            " `Helicone-Session-Id` with every call, and export with `npx @helicone/export --format jsonl"
            " --include-body`. Its CSV has neither the id of the request nor the answer. Helicone keeps no"
            " addresses, keys or names of clients: join them from the log of what stands before it."
        ),
        privacy=(
            "`Helicone-Omit-Request` and `Helicone-Omit-Response` leave out the texts: accounts are still compared by"
            " load and rhythm, but nothing is known of what they ask. They are headers of the call: whoever can call"
            " Helicone directly can send them, and choose the id of the request (`Helicone-Request-Id`) as well. An"
            " export without `--include-body` has no texts either."
        ),
        trust=Trust(
            "`request_user_id`, from the header `Helicone-User-Id`",
            "as your server lets it, which sends the header; yes, where clients reach Helicone themselves",
            "none",
        ),
    )

    identity_keys: ClassVar[tuple[str, ...]] = ("request_id", "data")

    def recognises(self, head: bytes) -> bool:
        """Whether the file is JSON with the columns of Helicone's rows."""
        return begins_json(head) and all(mark in head for mark in MARKS)

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: a row is one exchange, unless it logs something else than a call."""
        values = _values(document)
        return () if values is None else (values,)

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        return (document.get("request_id"),)

    def documents(self, location: str) -> Iterator[Document]:
        """The rows of a file, also those in the ``data`` of an answer of the API."""
        return unwrapped(super().documents(location), "data")

    def heads(self, location: str) -> Iterator[Document]:
        """See `JsonLog.heads`."""
        return unwrapped(super().heads(location), "data")


def _values(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """A row's columns, still loose; None for what is no call to a model."""
    request, response = _stored(row.get("request_body")), _stored(row.get("response_body"))
    if request.get("_type") in OTHER_EVENTS and not request.keys() & CALLED:
        return None
    schema = mapping(row.get("llmSchema"))
    told = sent_and_answered(
        request or _schema_request(mapping(schema.get("request"))),
        _answer(response) or _schema_response(mapping(schema.get("response"))),
    )
    if told.get("input_tokens") is None:
        told["input_tokens"] = _prompt_tokens(row)
    if told.get("output_tokens") is None:
        told["output_tokens"] = _count(row.get("completion_tokens"))
    models = (row.get("response_model"), told.get("model"), row.get("model"), row.get("request_model"))
    status = row.get("response_status")
    return {
        **told,
        "exchange_id": row.get("request_id"),
        "started_at": row.get("request_created_at"),
        "account_id": row.get("request_user_id"),
        "session_id": told_id(mapping(row.get("request_properties") or row.get("properties")).get(SESSION)),
        "model": next(filter(None, models), None),
        "operation": operation_of(row.get("request_path")),
        "status": (None if status == 0 else 500) if type(status) is int and status <= 0 else status,
        "latency_ms": row.get("delay_ms"),
    }


def _stored(value: Any) -> Mapping[str, Any]:
    """A body; an empty one where Helicone left a message in its place."""
    body = logged_body(value)
    return body if NOT_STORED.isdisjoint(body) or body.keys() & (SPOKEN - {"model"}) else {}


def _answer(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer's body, by the chunks of a streamed one where these are kept."""
    streamed = body.get("streamed_data")
    return {**body, **logged_body(streamed)} if isinstance(streamed, str | list) else body


def _count(value: Any) -> Any:
    return None if value == -1 else value


def _prompt_tokens(row: Mapping[str, Any]) -> Any:
    """The prompt's tokens with those that a cache held or took in."""
    prompt = _count(row.get("prompt_tokens"))
    cached = [row.get(name) for name in ("prompt_cache_write_tokens", "prompt_cache_read_tokens")]
    return (
        prompt + sum(count for count in cached if type(count) is int and count > 0) if type(prompt) is int else prompt
    )


def _schema_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Helicone's own form of a request as a body in OpenAI's."""
    names = ("model", "instructions", "prompt", "input", "temperature", "max_tokens", "tools")
    body = {name: request[name] for name in names if request.get(name) is not None}
    if items(request.get("messages")):
        body["messages"] = [_message(message) for message in items(request["messages"])]
    return body


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    role = message.get("role") or ("tool" if message.get("_type") == "function" else "assistant")
    parts = [part.get("content") for part in items(message.get("contentArray"))]
    text = message.get("content") or joined(part for part in parts if isinstance(part, str))
    return {"role": role, "content": text, "reasoning": message.get("reasoning")}


def _schema_response(response: Mapping[str, Any]) -> dict[str, Any]:
    """Helicone's own form of an answer as a body in OpenAI's."""
    choices = [{"message": _message(message)} for message in items(response.get("messages"))]
    return {"model": response.get("model"), "choices": choices} if choices else {}


SOURCE = Helicone()
