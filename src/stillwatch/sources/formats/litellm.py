"""LiteLLM's StandardLoggingPayload: one object, an array of them, or one per line.

Written from the public type definitions of LiteLLM 1.109 and compared with what its proxy 1.109.3 writes
(docs/producers.md); older payloads lack some keys, which are then null.
Choices that a reader of the log would want to know:

- The account is the first of user, team, organisation and key hash that the proxy itself established. The caller's own
  ``end_user`` is never the account: whoever calls can claim to be anyone.
- A key that the proxy refused is nobody's: its hash is of whatever the caller sent, and such a call is set aside.
- The instructions of a call over the API of messages are not in the payload.
- Redacted text, and lists that a sink has cut into a piece of their printed form, are null, not evidence.
- A failure whose code is unknown has status 500, a success 200.
- A call's id is ``litellm_call_id``, which no two calls share. The table of spend logs knows a call by ``id``, which is
  the answer's (``get_standard_logging_object_payload``, ``get_spend_logs_id``); where both lie in one log the payloads
  go by that too, and a call that both tell of is one. Servers that give several answers one id would lose some, as they
  do in the table, where the id is unique. An answer from the cache has an id of its own in each: it counts twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from stillwatch.exchange import EXCHANGE
from stillwatch.sources.base import Info, Source, Trust
from stillwatch.sources.calls.bodies import answer_texts, conversation, first_of, mapping
from stillwatch.sources.calls.gateway_calls import told_id
from stillwatch.sources.calls.usage import usage_values
from stillwatch.sources.containers.json_documents import begins_json, decoded
from stillwatch.sources.records.conversation import Remnant
from stillwatch.sources.records.json_log import JsonLog

__all__ = ["SOURCE", "LiteLLM", "billed", "is_redacted", "refused_key", "sharing_ids"]

Place = TypeVar("Place", bound=Path | str)
MARK = "redacted-by-litellm"
REDACTED = re.compile(rf"\W{{0,20}}(?:\w{{1,20}}\W{{1,20}})?{MARK}\W{{0,20}}")
"""The whole text: a caller who only begins with the mark has not been redacted."""
CUT = "truncated by litellm"
NAME = "litellm"
"""Stands in all that the proxy puts in a text's place."""
MARKS = (b'"startTime"', b'"call_type"')
FURTHER_MARKS = (b'"metadata"', b'"model_parameters"', b'"hidden_params"', b'"litellm_call_id"')
SPEND = "litellm_spend"
SPEND_MARKS = (b'"request_id"', b'"spend"')
OWNER_KEYS = ("user_api_key_user_id", "user_api_key_team_id", "user_api_key_org_id")
NUMBER = (int, float)
LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


class LiteLLM(JsonLog):
    """StandardLoggingPayload as the callbacks, the S3 and GCS loggers and ``generic_api`` write it."""

    info: ClassVar[Info] = Info(
        name="litellm",
        summary="LiteLLM's StandardLoggingPayload: an object, an array, or JSON lines",
        reference="litellm/types/utils.py, class StandardLoggingPayload",
        version="1.109",
        example=(
            b'{"id": "c1", "call_type": "acompletion", "status": "success", "model": "m", "startTime": 1788739388.25,'
            b' "response_time": 0.5, "prompt_tokens": 2, "completion_tokens": 3, "requester_ip_address": "192.0.2.7",'
            b' "metadata": {"user_api_key_hash": "k1", "user_api_key_user_id": "a1"},'
            b' "messages": [{"role": "user", "content": "Good morning"}], "model_parameters": {"temperature": 0.2},'
            b' "response": {"choices": [{"message": {"role": "assistant", "content": "Good morning."}}]}}\n'
        ),
        carries=tuple(name for name in EXCHANGE.names if name not in ("client_asn", "client_network", "ja4")),
        switch_on=(
            'Switch on a callback that writes the payload: `litellm_settings: {callbacks: ["s3_v2"],'
            " s3_callback_params: {s3_bucket_name: ..., s3_region_name: ...}}` (or the callback `gcs_bucket`,"
            " `generic_api`). Behind a load balancer set `general_settings: {use_x_forwarded_for: true}`, or every"
            " client has the balancer's address."
        ),
        privacy=(
            "`turn_off_message_logging` leaves `redacted-by-litellm` in place of texts: accounts"
            " are still compared by load, rhythm, settings and network, but nothing is known of what they ask. A caller"
            " can ask for the same with the header `x-litellm-enable-message-redaction`: a proxy before LiteLLM should"
            " take it away. `disable_requester_ip_address_logging` leaves out addresses."
        ),
        trust=Trust(
            "user of the key, else its team, organisation or hash",
            "no: the proxy knows it from the key; `end_user`, which a caller sends, is never read",
            "the peer, or with `use_x_forwarded_for` the whole forwarded list",
        ),
    )

    identity_keys: ClassVar[tuple[str, ...]] = ("litellm_call_id", "id")

    def __init__(self, *, answers_id: bool = False) -> None:
        """``answers_id``: a call's id is that of its answer first, as in the table of spend logs."""
        self._ids = ("id", "litellm_call_id") if answers_id else ("litellm_call_id", "id")

    def recognises(self, head: bytes) -> bool:
        """Whether the file is JSON with the payload's own keys (inside a text they would stand behind a backslash)."""
        if not begins_json(head):
            return False
        if all(mark in head for mark in SPEND_MARKS):
            return False  # a row of the table of spend logs
        return all(mark in head for mark in MARKS) and any(mark in head for mark in FURTHER_MARKS)

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: a payload is one exchange."""
        values = _values(document)
        values["exchange_id"] = self._identity(document)
        return (values,)

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        return (self._identity(document),)

    def _identity(self, payload: Mapping[str, Any]) -> Any:
        first, second = self._ids
        return payload.get(first) or payload.get(second)


def is_redacted(text: str) -> bool:
    """Whether a text is nothing but the proxy's note that it was redacted."""
    return MARK in text and REDACTED.fullmatch(text) is not None


def refused_key(error: Mapping[str, Any]) -> bool:
    """Whether the proxy itself, and no provider behind it, refused the caller's key."""
    return str(error.get("error_code")) == "401" and not error.get("llm_provider")


def billed(metadata: Mapping[str, Any], error: Mapping[str, Any]) -> tuple[Any, Any]:
    """The account and the key of a call, as the proxy established them; null where it did not.

    ``metadata`` holds the proxy's ``user_api_key_*``, ``error`` its ``error_information`` (empty where nothing
    failed). The one rule of who is billed: the log's reader and the gateway's door (`gateway.doors.litellm`) share it.
    """
    owner = first_of(metadata, OWNER_KEYS)
    refused = owner is None and refused_key(error)
    key = None if refused else metadata.get("user_api_key_hash")
    return owner or key or None, key


def _values(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload's columns but its id, still loose."""
    metadata, parameters = mapping(payload.get("metadata")), mapping(payload.get("model_parameters"))
    answer = payload.get("response")
    system, messages = _conversation(payload.get("messages"))
    response, reasoning, reasoning_tokens = _answer(answer)
    account, key = billed(metadata, mapping(payload.get("error_information")))
    tools, seconds = parameters.get("tools"), payload.get("response_time")
    return {
        "started_at": payload.get("startTime"),
        "account_id": account,
        "api_key_id": key,
        "session_id": told_id(payload.get("session_id")) or told_id(payload.get("trace_id")),
        "model": payload.get("model"),
        "operation": payload.get("call_type"),
        "system_prompt": system or _instructions(parameters),
        "messages": messages,
        "response": response,
        "reasoning": reasoning,
        "input_tokens": payload.get("prompt_tokens"),
        "output_tokens": payload.get("completion_tokens"),
        "reasoning_tokens": _reasoning_tokens(metadata) if reasoning_tokens is None else reasoning_tokens,
        "temperature": parameters.get("temperature"),
        "max_tokens": first_of(parameters, LIMITS),
        "tool_count": len(tools) if isinstance(tools, list) else 0 if parameters else None,
        "client_ip": payload.get("requester_ip_address") or metadata.get("requester_ip_address"),
        "user_agent": payload.get("user_agent") or metadata.get("user_agent"),
        "status": _status(payload),
        "latency_ms": round(seconds * 1000) if isinstance(seconds, NUMBER) and abs(seconds) < 1e12 else None,
    }


def _conversation(value: Any) -> tuple[str | None, list[dict[str, str | None]] | None]:
    """The instructions and the conversation; (None, None) where it was not logged, redacted, or cut to pieces."""
    if isinstance(value, str):
        value = _from_text(value)
    if not value:
        return None, None
    system, messages = conversation(value if isinstance(value, dict) else {"messages": value})
    messages = [] if messages is None else messages
    spoken = type(messages) is Remnant
    for message in messages:
        content = message["content"]
        if content:
            if NAME in content and _clean(content) is None:
                messages = type(messages)(m | {"content": _clean(m["content"])} for m in messages)
                spoken = any(m["content"] for m in messages)
                break
            spoken = True
    return _clean(system), messages if spoken else []


def _instructions(parameters: Mapping[str, Any]) -> Any:
    """Those of the API of responses, which stand among the parameters."""
    told = parameters.get("instructions")
    return _clean(told) if isinstance(told, str) else told


def _from_text(value: str) -> Any:
    """A conversation that a sink has turned into text: JSON again, or the prompt of a completion call."""
    if value.lstrip()[:1] in ("[", "{"):
        told = decoded(value)
        return told.get("messages") if isinstance(told, dict) else told
    prompt = _clean(value)
    return None if prompt is None else [{"role": "user", "content": prompt}]


def _clean(value: str | None) -> str | None:
    """A text without the mark of a sink that cut it; null where it was redacted."""
    if not value or NAME not in value:
        return value or None
    if is_redacted(value):
        return None
    if CUT in value[-200:]:
        value = value[: value.rindex(CUT)].rstrip(" .(")
    return value or None


def _answer(response: Any) -> tuple[str | None, str | None, Any]:
    """The answer's text, the reasoning shown, and how many tokens that was."""
    if isinstance(response, str):
        cut = response.lstrip()[:1] in ("{", "[") and CUT in response[-200:]
        return None if cut else _clean(response), None, None
    body = mapping(response)
    text, reasoning = answer_texts(body)
    usage = body.get("usage")
    return _clean(text), _clean(reasoning), usage_values(mapping(usage))["reasoning_tokens"] if usage else None


def _reasoning_tokens(metadata: Mapping[str, Any]) -> Any:
    usage = metadata.get("usage_object")
    return usage_values(usage)["reasoning_tokens"] if isinstance(usage, dict) else None


def _status(payload: Mapping[str, Any]) -> int | None:
    status = payload.get("status")
    if status not in ("success", "failure"):
        return None
    if status == "failure":
        code = str(mapping(payload.get("error_information")).get("error_code") or "")
        return int(code) if code.isascii() and code.isdigit() and len(code) == 3 else 500
    return 200


SOURCE = LiteLLM()
BESIDE_SPEND = LiteLLM(answers_id=True)


def sharing_ids(sources: Mapping[Place, Source]) -> dict[Place, Source]:
    """The formats of a log's files; with the table of spend logs among them, payloads go by the ids that it has too."""
    both = {LiteLLM.info.name, SPEND} <= {source.info.name for source in sources.values()}
    return {place: BESIDE_SPEND if both and source is SOURCE else source for place, source in sources.items()}
