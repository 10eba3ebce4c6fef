"""Cloudflare AI Gateway's logs: rows of its API, and lines of Workers Logpush once they are decrypted.

Written from Cloudflare's public API schema (``List Gateway Logs``, ``Get Gateway Log Detail``) and the pages on
logging, custom metadata, Access and Logpush. Choices that a reader of the log would want to know:

- The account is ``cf.user_id`` of the metadata, where Cloudflare Access has put it there (whether a caller of a gateway
  without Access can send a ``cf.user_id`` of its own is not documented). Else it is one of
  ``account_id``, ``user_id``, ``userId`` and ``user``, which the caller sets in the header ``cf-aig-metadata``: as good
  as the application that sets it.
- A row of the list has no texts. They are read from ``request_head`` and ``response_head`` of a row's detail where
  these hold all of them, or from ``request`` and ``response``, where an export has put what the API answers for these.
- Tokens are those of the answer's body where it tells them; of ``tokens_in`` it is not documented whether it includes
  what a cache held.
- Lines of Logpush are encrypted in Metadata, RequestBody and ResponseBody. What still is counts as absent. Their other
  columns are not documented: the id and the time are those of the answer where the line has neither ``ID`` nor
  ``Datetime``.
- Not documented either: that ``duration`` is in milliseconds (as the dashboard shows it), and the name ``user_agent``
  of what logs hold since June 2026. Logs of accounts opened since September 24, 2026 lie in Workers Logs, which is not
  read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.bodies import mapping
from stillwatch.sources.calls.gateway_calls import logged_body, operation_of, sent_and_answered, told_id, unwrapped
from stillwatch.sources.containers.json_documents import Document, begins_json, decoded
from stillwatch.sources.records.json_log import JsonLog

__all__ = ["SOURCE", "Cloudflare"]

API_MARKS = (b'"created_at"', b'"tokens_in"', b'"tokens_out"', b'"provider"')
LOGPUSH_MARKS = (b'"Metadata"', b'"RequestBody"', b'"ResponseBody"', b'"StatusCode"')
ACCOUNT_KEYS = ("cf.user_id", "account_id", "user_id", "userId", "user")
SESSION_KEYS = ("session_id", "sessionId")
COUNTS = (("input_tokens", "tokens_in"), ("output_tokens", "tokens_out"))
ENCRYPTED = frozenset({"key", "iv", "data"})


class Cloudflare(JsonLog):
    """Rows of AI Gateway's logs: one per line, in an array, or in the ``result`` of an answer of the API."""

    info: ClassVar[Info] = Info(
        name="cloudflare",
        summary="Cloudflare AI Gateway's logs: rows of its API, or decrypted lines of Logpush",
        reference="https://developers.cloudflare.com/api/resources/ai_gateway/subresources/logs/",
        version="API of 2026",
        example=(
            b'{"id": "r1", "created_at": "2026-09-07T00:03:08.250Z", "provider": "openai", "model": "m",'
            b' "path": "v1/chat/completions", "duration": 500, "success": true, "status_code": 200, "cached": false,'
            b' "tokens_in": 2, "tokens_out": 3, "metadata": "{\\"cf.user_id\\": \\"a1\\"}",'
            b' "request_head": "{\\"messages\\": [{\\"role\\": \\"user\\", \\"content\\": \\"Good morning\\"}]}",'
            b' "response_head": "{\\"choices\\": [{\\"message\\": {\\"content\\": \\"Good morning.\\"}}]}"}\n'
        ),
        carries=(
            *("exchange_id", "started_at", "account_id", "session_id", "model", "operation", "system_prompt"),
            *("messages", "response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature"),
            *("max_tokens", "tool_count", "user_agent", "status", "latency_ms"),
        ),
        switch_on=(
            "Switch on `collect_logs` of the gateway. Put it behind Cloudflare Access (`cf.user_id` is then the"
            ' verified user), or let your server send `cf-aig-metadata: {"user_id": ..., "session_id": ...}` with every'
            " call. Export `GET .../ai-gateway/gateways/{id}/logs`, and for the texts each `/logs/{id}`, or its"
            " `/request` and `/response` stored in the row under these names. Lines of Logpush: decrypt them first with"
            " Cloudflare's script. The logs have no address: join it from an HTTP log."
        ),
        privacy=(
            "`cf-aig-collect-log-payload: false` leaves out the texts: accounts are still compared by load and rhythm,"
            " but nothing is known of what they ask. `cf-aig-collect-log: false` leaves out the whole call. Both are"
            " headers of the call: whoever can call the gateway directly can send them."
        ),
        trust=Trust(
            "`cf.user_id`, else `account_id`, `user_id`, `userId` or `user` of the metadata",
            "`cf.user_id` no, behind Access; the others yes, where clients reach the gateway themselves",
            "none",
        ),
    )

    identity_keys: ClassVar[tuple[str, ...]] = ("id", "result", "ID", "Id", "RequestBody", "ResponseBody")

    def recognises(self, head: bytes) -> bool:
        """Whether the file is JSON with the names of the API's rows or of Logpush's."""
        if not begins_json(head):
            return False
        return any(all(mark in head for mark in marks) for marks in (API_MARKS, LOGPUSH_MARKS))

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: a row is one exchange."""
        return (_pushed(document) if _is_pushed(document) else _row(document),)

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        if _is_pushed(document):
            return (_pushed_id(document, logged_body(_open(document.get("ResponseBody")))),)
        return (document.get("id"),)

    def documents(self, location: str) -> Iterator[Document]:
        """The rows of a file, also those in the ``result`` of an answer of the API."""
        return unwrapped(super().documents(location), "result")

    def heads(self, location: str) -> Iterator[Document]:
        """See `JsonLog.heads`."""
        return unwrapped(super().heads(location), "result")


def _is_pushed(row: Mapping[str, Any]) -> bool:
    return "RequestBody" in row or "ResponseBody" in row


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    told = sent_and_answered(
        row.get("request") or row.get("request_head"), row.get("response") or row.get("response_head")
    )
    for name, column in COUNTS:
        if told.get(name) is None:
            told[name] = row.get(column)
    metadata = mapping(decoded(row.get("metadata")))
    status = row.get("status_code")
    if not status and isinstance(row.get("success"), bool):
        status = 200 if row["success"] else 500
    return {
        **told,
        "exchange_id": row.get("id"),
        "started_at": row.get("created_at"),
        **_caller(metadata),
        "model": row.get("model") or told.get("model"),
        "operation": operation_of(row.get("path")),
        "user_agent": row.get("user_agent"),
        "status": status,
        "latency_ms": row.get("duration"),
    }


def _pushed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A line of Logpush."""
    answered = logged_body(_open(row.get("ResponseBody")))
    told = sent_and_answered(_open(row.get("RequestBody")), answered)
    return {
        **told,
        "exchange_id": _pushed_id(row, answered),
        "started_at": row.get("Datetime") or answered.get("created") or answered.get("created_at"),
        **_caller(mapping(decoded(_open(row.get("Metadata"))))),
        "model": row.get("Model") or told.get("model"),
        "operation": operation_of(row.get("Endpoint")),
        "status": row.get("StatusCode"),
    }


def _pushed_id(row: Mapping[str, Any], answered: Mapping[str, Any]) -> Any:
    return row.get("ID") or row.get("Id") or answered.get("id")


def _open(value: Any) -> Any:
    """A value of Logpush; None where it is still encrypted."""
    return None if isinstance(value, dict) and value.keys() >= ENCRYPTED and "messages" not in value else value


def _caller(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"account_id": _first_id(metadata, ACCOUNT_KEYS), "session_id": _first_id(metadata, SESSION_KEYS)}


def _first_id(metadata: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if told := told_id(metadata.get(key)):
            return told
    return None


SOURCE = Cloudflare()
