"""LiteLLM's table of spend logs: rows exported as CSV, JSON or JSON lines, or read from PostgreSQL itself.

Verified in LiteLLM 1.110.2 (``schema.prisma``, model LiteLLM_SpendLogs; ``spend_tracking_utils.py``, which fills it).
Choices that a reader of the log would want to know:

- The account is the first of user, team, organisation and hash of the key that the proxy itself established. The
  caller's own ``end_user`` is never the account: whoever calls can claim to be anyone.
- What was asked stands in ``proxy_server_request`` (the request's body) and what was answered in ``response``; the
  column ``messages`` stays empty but for realtime calls. All three are ``{}`` unless prompts are stored.
- A text over 2,048 characters (``MAX_STRING_LENGTH_PROMPT_IN_DB``) has lost its middle: its two ends are read, without
  the note between them. Redacted text is null.
- A caller that names no session gets a random one, so a session of one exchange means nothing.
- Calls of tools (``mcp_namespaced_tool_name``) are no calls of a model and are passed over.
- A key that the proxy refused is nobody's: its hash is of whatever the caller sent, and such a call is set aside.
- A failure whose code is unknown has status 500.
- In a database, rows that arrive during a scan may be read or not; none is read twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from stillwatch.exchange import EXCHANGE
from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.bodies import first_of, mapping, request_values, response_values
from stillwatch.sources.calls.usage import usage_values
from stillwatch.sources.containers.delimited import delimited_documents, header
from stillwatch.sources.containers.files import head
from stillwatch.sources.containers.json_documents import Document, begins_json, decoded, json_documents
from stillwatch.sources.containers.postgres import table_rows
from stillwatch.sources.formats.litellm import is_redacted, refused_key
from stillwatch.sources.records.conversation import Remnant
from stillwatch.sources.records.json_log import JsonLog
from stillwatch.sources.records.values import BadValueError, time_us

__all__ = ["SOURCE", "LiteLLMSpend", "SpendTable"]

TABLE = "LiteLLM_SpendLogs"
ORDER = ("startTime", "request_id")
COLUMNS = (
    *ORDER,
    "call_type",
    "api_key",
    "prompt_tokens",
    "completion_tokens",
    "endTime",
    "request_duration_ms",
    "model",
    "user",
    "metadata",
    "team_id",
    "organization_id",
    "requester_ip_address",
    "messages",
    "response",
    "session_id",
    "status",
    "mcp_namespaced_tool_name",
    "proxy_server_request",
)
NAMES: Mapping[str, str] = {name.lower(): name for name in COLUMNS}
MARKS = ("request_id", "startTime", "call_type", "spend")
OWNER_COLUMNS = ("user", "team_id", "organization_id")
CUT_MARK = "truncated "
CUT = re.compile(
    r"\.\.\. \(litellm_truncated skipped \d+ chars[^\n]{0,400}?\) \.\.\.|\.\.\. \((?:litellm_)?truncated \d+ chars\)"
)


class LiteLLMSpend(JsonLog):
    """LiteLLM_SpendLogs as a database's tools, the proxy's API and its dashboard export it."""

    info: ClassVar[Info] = Info(
        name="litellm_spend",
        summary="LiteLLM's spend logs: CSV, JSON, JSON lines, or PostgreSQL by its address",
        reference="litellm/proxy/schema.prisma, model LiteLLM_SpendLogs",
        version="1.110",
        example=(
            b'{"request_id": "r1", "call_type": "acompletion", "api_key": "k1", "spend": 0.01, "prompt_tokens": 2,'
            b' "completion_tokens": 3, "startTime": "2026-09-07T00:03:08.250Z", "endTime": "2026-09-07T00:03:08.750Z",'
            b' "model": "m", "user": "a1", "metadata": {"user_agent": "agent/1"}, "requester_ip_address": "192.0.2.7",'
            b' "status": "success", "proxy_server_request": {"messages": [{"role": "user", "content": "Good morning"}],'
            b' "temperature": 0.2}, "response": {"choices": [{"message": {"role": "assistant", "content":'
            b' "Good morning."}}]}}\n'
        ),
        carries=tuple(name for name in EXCHANGE.names if name not in ("client_asn", "client_network", "ja4")),
        switch_on=(
            "The proxy writes the table where it has a database. Prompts and answers are in it only with"
            " `general_settings: {store_prompts_in_spend_logs: true}` (or `STORE_PROMPTS_IN_SPEND_LOGS=true`); raise"
            " `MAX_STRING_LENGTH_PROMPT_IN_DB` above 2048 to keep long texts whole. Behind a load balancer set"
            " `general_settings: {use_x_forwarded_for: true}`, or every client has the balancer's address. To read the"
            " database itself, `pip install 'stillwatch[postgres]'` and name it as the log:"
            " `stillwatch scan postgresql://reader@host/litellm --out run`; a user that may only read is enough, and a"
            " password is better kept in `~/.pgpass` than in the address."
        ),
        privacy=(
            "Without `store_prompts_in_spend_logs`, and with `turn_off_message_logging`, there are no texts: accounts"
            " are still compared by load, rhythm and network, but nothing is known of what they ask, nor of"
            " temperature, limits and tools. `spend_logs_prompt_storage: latest_turn` leaves the last turn only."
            " `disable_requester_ip_address_logging` leaves out addresses."
        ),
        trust=Trust(
            "user of the key, else its team, organisation or hash",
            "no: the proxy knows it from the key; `end_user`, which a caller sends, is never read",
            "the peer, or with `use_x_forwarded_for` the whole forwarded list",
        ),
    )

    identity_keys: ClassVar[tuple[str, ...]] = ("request_id",)

    def recognises(self, head: bytes) -> bool:
        """Whether the file is JSON with the table's own keys, or a CSV table with its columns."""
        if begins_json(head):
            return all(b'"%b"' % mark.encode() in head for mark in MARKS)
        return _is_table(head)

    def documents(self, location: str) -> Iterator[Document]:
        """See `JsonLog.documents`; a row of a CSV table is a document."""
        return delimited_documents(location, NAMES) if _is_table(head(location)) else json_documents(location)

    def heads(self, location: str) -> Iterator[Document]:
        """See `JsonLog.heads`."""
        return self.documents(location) if _is_table(head(location)) else super().heads(location)

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: a row is one exchange, unless it is a call of a tool."""
        return () if document.get("mcp_namespaced_tool_name") else (_values(document),)

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        return (document.get("request_id"),)


class SpendTable(LiteLLMSpend):
    """The table itself, in the database at ``address``; the location that is read only names it, without a password."""

    def __init__(self, address: str) -> None:
        self._address = address

    def documents(self, location: str) -> Iterator[Document]:
        """See `JsonLog.documents`; rows come by time, and a row's number stands for its line."""
        for number, row in enumerate(table_rows(self._address, TABLE, COLUMNS, ORDER), 1):
            yield Document(number, row)

    def heads(self, location: str) -> Iterator[Document]:
        """See `JsonLog.heads`: rows as they are."""
        return self.documents(location)


def _is_table(start: bytes) -> bool:
    names = {name.lower() for name in header(start)}
    return all(mark.lower() in names for mark in MARKS)


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns, still loose."""
    metadata, response = mapping(_opened(row.get("metadata"))), _opened(row.get("response"))
    request = mapping(_opened(row.get("proxy_server_request")))
    asked = request_values(request) if request else _spoken(_opened(row.get("messages")))
    answered = response_values(mapping(response))
    usage = usage_values(mapping(metadata.get("usage_object")))["reasoning_tokens"]
    owner = first_of(row, OWNER_COLUMNS)
    refused = owner is None and refused_key(mapping(metadata.get("error_information")))
    key = None if refused else row.get("api_key")
    return {
        **asked,
        "exchange_id": row.get("request_id"),
        "started_at": row.get("startTime"),
        "account_id": owner or key or None,
        "api_key_id": key,
        "session_id": row.get("session_id"),
        "model": row.get("model") or asked.get("model"),
        "operation": row.get("call_type"),
        "system_prompt": _clean(asked.get("system_prompt")),
        "messages": _clean_messages(asked.get("messages")),
        "response": _clean(response if isinstance(response, str) else answered["response"]),
        "reasoning": _clean(answered["reasoning"]),
        "input_tokens": row.get("prompt_tokens"),
        "output_tokens": row.get("completion_tokens"),
        "reasoning_tokens": usage if answered["reasoning_tokens"] is None else answered["reasoning_tokens"],
        "client_ip": row.get("requester_ip_address") or metadata.get("requester_ip_address"),
        "user_agent": metadata.get("user_agent"),
        "status": _status(row, metadata),
        "latency_ms": _latency(row),
    }


def _opened(value: Any) -> Any:
    """A column of JSON, whether it came as JSON, as its text, or as a text in JSON; other text as it is."""
    for _ in range(2):
        if not isinstance(value, str) or value[:1] not in ("{", "[", '"'):
            return value
        value = decoded(value, value)
    return value


def _spoken(messages: Any) -> dict[str, Any]:
    """The conversation of a realtime call, which has no request of its own."""
    spoken = request_values({"messages": messages}) if isinstance(messages, list) and messages else {}
    return {name: spoken.get(name) for name in ("system_prompt", "messages")}


def _clean(text: Any) -> Any:
    """A text without the note in place of its middle; null where it was redacted."""
    if not isinstance(text, str):
        return text
    if CUT_MARK in text:
        return None if is_redacted(text) else CUT.sub("\n", text) or None
    return None if is_redacted(text) else text or None


def _clean_messages(messages: Any) -> Any:
    if not isinstance(messages, list):
        return messages
    contents = [_clean(message["content"]) for message in messages]
    if any(told is not message["content"] for told, message in zip(contents, messages, strict=True)):
        messages = type(messages)(m | {"content": told} for m, told in zip(messages, contents, strict=True))
    return messages if type(messages) is Remnant or any(contents) else None


def _status(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> int | None:
    status = row.get("status") or metadata.get("status")
    if status == "failure":
        code = str(mapping(metadata.get("error_information")).get("error_code") or "")
        return int(code) if code.isascii() and code.isdigit() and len(code) == 3 else 500
    return 200 if status == "success" else None


def _latency(row: Mapping[str, Any]) -> Any:
    """The duration in milliseconds; older tables tell only when the call ended."""
    if row.get("request_duration_ms") not in (None, ""):
        return row["request_duration_ms"]
    try:
        start, end = time_us(row.get("startTime")), time_us(row.get("endTime"))
    except BadValueError:
        return None
    return None if start is None or end is None or end < start else round((end - start) / 1000)


SOURCE = LiteLLMSpend()
