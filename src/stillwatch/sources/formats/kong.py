"""Kong's request log with the fields of its AI plugins, as http-log, file-log and their kin write it.

Written from Kong's public source (``kong/pdk/log.lua``, ``kong/llm/plugin/shared-filters/serialize-analytics.lua``) and
its AI gateway audit log reference. Choices that a reader of the log would want to know:

- A request without an ``ai`` object, or with one of MCP, A2A or guard plugins alone, is no call to a model.
- The call stands under ``ai.proxy``, in older versions under the plugin's name, with ``prompt_token`` and
  ``completion_token``, and the request sent beside it in ``ai.payload``. Both are read. What a plugin that only
  rewrites requests or answers asked of a model is not the client's call.
- The account is the consumer that Kong established, else the credential's: never a header. Without authentication
  there is no account, and the record is set aside.
- The address is Kong's own ``client_ip``, which heeds ``trusted_ips`` and ``real_ip_header``.
- Of an answer that was streamed Kong logs the text put together, without its reasoning, and may have estimated the
  tokens. What the answer's body tells of tokens goes before ``usage``, which of Anthropic's prompts leaves out what a
  cache held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.bodies import mapping
from stillwatch.sources.calls.gateway_calls import header, operation_of, sent_and_answered, whole_milliseconds
from stillwatch.sources.calls.usage import usage_values
from stillwatch.sources.containers.json_documents import begins_json
from stillwatch.sources.records.json_log import JsonLog

__all__ = ["SOURCE", "Kong"]

MARKS = (b'"latencies"', b'"started_at"', b'"request"', b'"response"')
PLUGINS = ("proxy", "ai-proxy", "ai-proxy-advanced")
NO_MODEL = "UNSPECIFIED"
OLDER = frozenset({"prompt_token", "completion_token"})


class Kong(JsonLog):
    """Kong's log entries: one per line, or arrays where http-log sends several at once."""

    info: ClassVar[Info] = Info(
        name="kong",
        summary="Kong AI Gateway's request log (http-log, file-log, tcp-log): JSON lines or arrays",
        reference="https://developer.konghq.com/ai-gateway/ai-audit-log-reference/",
        version="3.6 to 3.14",
        example=(
            b'{"started_at": 1788739388250, "client_ip": "192.0.2.7", "consumer": {"id": "a1"},'
            b' "authenticated_entity": {"id": "k1", "consumer_id": "a1"}, "latencies": {"request": 500, "kong": 2,'
            b' "proxy": 498}, "request": {"id": "r1", "uri": "/v1/chat/completions", "method": "POST",'
            b' "headers": {"user-agent": "agent/1"}}, "response": {"status": 200}, "ai": {"proxy": {"payload": {'
            b'"request": "{\\"messages\\": [{\\"role\\": \\"user\\", \\"content\\": \\"Good morning\\"}]}", '
            b'"response": "{\\"choices\\": [{\\"message\\": {\\"content\\": \\"Good morning.\\"}}]}"},'
            b' "meta": {"request_model": "m", "response_model": "m"},'
            b' "usage": {"prompt_tokens": 2, "completion_tokens": 3}}}}\n'
        ),
        carries=(
            *("exchange_id", "started_at", "account_id", "api_key_id", "model", "operation", "system_prompt"),
            *("messages", "response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature"),
            *("max_tokens", "tool_count", "client_ip", "user_agent", "status", "latency_ms"),
        ),
        switch_on=(
            "In the plugin `ai-proxy` (or each target of `ai-proxy-advanced`) set `logging.log_statistics: true`, and"
            " `logging.log_payloads: true` for the texts; write the log with `file-log` or `http-log`. An"
            " authentication plugin (`key-auth`, `jwt`, ...) gives every request its consumer; all requests that its"
            " `anonymous` consumer lets in are one account. Behind a load balancer"
            " set `trusted_ips` and `real_ip_header` in `kong.conf`, or every client has the balancer's address."
        ),
        privacy=(
            "Without `log_payloads` there are no texts: accounts are still compared by load, rhythm, settings and"
            " network, but nothing is known of what they ask. What `ai-sanitizer` replaced in a prompt is read as it"
            " was logged. A field that `custom_fields_by_lua` leaves out is null."
        ),
        trust=Trust(
            "the consumer, else the credential",
            "no: Kong's authentication plugin knows it",
            "`client_ip`, by Kong's `trusted_ips` and `real_ip_header`",
        ),
    )

    identity_keys: ClassVar[tuple[str, ...]] = ("request",)

    def recognises(self, head: bytes) -> bool:
        """Whether the file is JSON with the keys of Kong's log serializer."""
        return begins_json(head) and all(mark in head for mark in MARKS)

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: an entry is one exchange where an AI proxy handled it."""
        call = _call(mapping(document.get("ai")))
        return () if call is None else (_values(document, call),)

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        return (_identity(document),)


def _identity(entry: Mapping[str, Any]) -> Any:
    return mapping(entry.get("request")).get("id")


def _call(ai: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the plugin that proxied the call tells of it; None for no call."""
    for name in PLUGINS:
        plugin = mapping(ai.get(name))
        for part in ("meta", "usage", "payload"):
            if isinstance(plugin.get(part), dict):
                return plugin
    return None


def _values(entry: Mapping[str, Any], call: Mapping[str, Any]) -> dict[str, Any]:
    request, meta = mapping(entry.get("request")), mapping(call.get("meta"))
    payload, above = mapping(call.get("payload")), mapping(mapping(entry.get("ai")).get("payload"))
    told = sent_and_answered(payload.get("request") or above.get("request"), payload.get("response"))
    for name, value in _counts(mapping(call.get("usage"))).items():
        if told.get(name) is None:
            told[name] = value
    models = [meta.get(name) for name in ("response_model", "request_model") if meta.get(name) != NO_MODEL]
    return {
        **told,
        "exchange_id": _identity(entry),
        "started_at": entry.get("started_at"),
        "account_id": _account(entry),
        "api_key_id": mapping(entry.get("authenticated_entity")).get("id"),
        "model": next(filter(None, models), None) or told.get("model"),
        "operation": operation_of(request.get("uri")),
        "client_ip": entry.get("client_ip"),
        "user_agent": header(request.get("headers"), "user-agent"),
        "status": mapping(entry.get("response")).get("status"),
        "latency_ms": whole_milliseconds(mapping(entry.get("latencies")).get("request")),
    }


def _account(entry: Mapping[str, Any]) -> Any:
    consumer, credential = mapping(entry.get("consumer")), mapping(entry.get("authenticated_entity"))
    known = (consumer.get("id"), consumer.get("custom_id"), credential.get("consumer_id"), credential.get("id"))
    return next(filter(None, known), None)


def _counts(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Tokens by the newer names; the older ones are these without the s."""
    if OLDER.isdisjoint(usage):
        return usage_values(usage)
    return usage_values({**{f"{name}s": usage[name] for name in OLDER if name in usage}, **usage})


SOURCE = Kong()
