"""Spans of calls to models as columns of THE record, whatever convention named their attributes.

Read by the formats `otlp` and `phoenix`. The conventions are told apart by their keys:

- OpenTelemetry GenAI (semantic-conventions v1.27 to v1.41, semantic-conventions-genai): ``gen_ai.*``, with the
  conversation as ``gen_ai.input.messages`` (structured or JSON text), as events ``gen_ai.user.message`` ...
  ``gen_ai.choice`` (body, attributes, or Azure's ``gen_ai.event.content``), or as ``gen_ai.prompt``;
- OpenLLMetry up to 0.4x: ``gen_ai.prompt.0.content``, ``llm.request.type``, ``llm.usage.*``;
- OpenInference: ``openinference.span.kind``, ``llm.input_messages.0.message.content``, ``llm.token_count.*``;
- Vercel's AI SDK: ``gen_ai.*`` with ``ai.prompt.messages``, ``ai.response.text`` and ``ai.telemetry.metadata.*``;
- LiteLLM's callbacks ``otel`` (``gen_ai.*`` with ``metadata.user_api_key_*`` beside it) and ``arize_phoenix``
  (OpenInference with ``metadata`` as JSON text; there ``user.id`` is what the caller sent, so the key's user, team or
  hash goes before it), in spans of its tracer or service ``litellm`` (``litellm/integrations/opentelemetry.py``).

Reasoning is the parts of the answer that say so; earlier turns' reasoning is not new. JSON text that an attribute
limit has cut is null. What tools were called with is no text; what they returned is.

Looked up in code: the role "thinking" (OpenLLMetry for Anthropic), the event ``gen_ai.content.prompt`` (Mirascope),
``ai.telemetry.metadata.userId`` (a test of Vercel's SDK). That the prompt's count includes what a cache held is what
the convention asks, and so OpenInference does for Bedrock and LiteLLM; older producers may leave it out.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stillwatch.sources.calls.attributes import Event, Lists, Names, first, first_has, flat, numbered
from stillwatch.sources.calls.bodies import joined, mapping, request_values, response_values
from stillwatch.sources.calls.span_messages import (
    ROLE,
    Message,
    clean_text,
    json_told,
    messages_listed,
    messages_of_events,
    messages_told,
    texts_listed,
)
from stillwatch.sources.records.conversation import Remnant, apart

__all__ = [
    "ANSWERED",
    "CALL",
    "CALLER",
    "CONTEXT",
    "INPUT_BODY",
    "INPUT_TYPE",
    "INVOCATION",
    "JSON",
    "KIND",
    "LITELLM",
    "OUTPUT_BODY",
    "OUTPUT_TYPE",
    "SENT",
    "answer_in",
    "asked_in",
    "call_values",
    "called_by_kind",
    "context_values",
    "is_call",
    "operation_by_kind",
]

NO_CALLS = ("execute_tool", "invoke_agent", "create_agent", "invoke_workflow", "retrieval", "tool", "agent", "workflow")
OPENINFERENCE_CALLS = {"LLM": "chat", "EMBEDDING": "embeddings"}
MODELS = (
    "gen_ai.response.model",
    "gen_ai.request.model",
    "llm.response.model_name",
    "llm.model_name",
    "llm.request.model_name",
    "embedding.model_name",
)
INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens")
OUTPUT = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
)
REASONING = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "llm.usage.reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens",
    "ai.usage.reasoningTokens",
)
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
TOOL_LISTS = ("llm.tools", "llm.request.functions", "gen_ai.request.functions")
LITELLM = "litellm"
KIND, INVOCATION = "openinference.span.kind", "llm.invocation_parameters"
SENT, ANSWERED = "llm.input_messages", "llm.output_messages"
INPUT_BODY, INPUT_TYPE, OUTPUT_BODY, OUTPUT_TYPE = "input.value", "input.mime_type", "output.value", "output.mime_type"
KEY_HASH = "metadata.user_api_key_hash"
KEY_OWNERS = (
    "metadata.user_api_key_user_id",
    "metadata.user_api_key_team_id",
    "metadata.user_api_key_org_id",
    KEY_HASH,
)
ACCOUNTS = (
    "enduser.id",
    "enduser.pseudo.id",
    "user.id",
    "user.hash",
    "traceloop.association.properties.user_id",
    "ai.telemetry.metadata.userId",
)
SESSIONS = (
    "gen_ai.conversation.id",
    "session.id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.chat_id",
    "ai.telemetry.metadata.sessionId",
)
FORWARDED = ("http.request.header.x-forwarded-for", "http.request.header.x_forwarded_for")
ADDRESSES = ("client.address", "http.client_ip")
PEERS = ("network.peer.address", "net.sock.peer.addr", "net.peer.ip")
AGENTS = ("user_agent.original", "http.user_agent")
CALL = Names(
    {
        "model": MODELS,
        "operation": ("gen_ai.operation.name", "llm.request.type"),
        "input_tokens": INPUT,
        "output_tokens": OUTPUT,
        "reasoning_tokens": REASONING,
        "temperature": ("gen_ai.request.temperature", "llm.request.temperature"),
        "max_tokens": ("gen_ai.request.max_tokens", "llm.request.max_tokens"),
    }
)
CALLER = Names(
    {
        "account": ACCOUNTS,
        "session": SESSIONS,
        "forwarded": FORWARDED,
        "address": ADDRESSES,
        "peer": PEERS,
        "agent": AGENTS,
    }
)
CONTEXT = ("account_id", "api_key_id", "session_id", "client_ip", "user_agent")
DETAILS = "gen_ai.client.inference.operation.details"
JSON = "application/json"


_CONTENT = operator.itemgetter("content")
_NOTHING: Mapping[str, Any] = {}
_NO_MESSAGES: tuple[list[Any], list[Any]] = ([], [])


def is_call(attributes: Mapping[str, Any]) -> bool:
    """Whether a span is a call to a model, rather than an agent, a tool, a search or a request to a server."""
    kind = attributes.get(KIND)
    if kind is not None:
        told = called_by_kind(kind)
        if told is not None:
            return told
        # LiteLLM's name for a call that offers tools
        return "llm.model_name" in attributes and first_has(attributes, SENT, ROLE)
    operation = attributes.get("gen_ai.operation.name")
    if operation is not None:
        return operation not in NO_CALLS
    return first(attributes, *MODELS) is not None and "traceloop.span.kind" not in attributes


def called_by_kind(kind: Any) -> bool | None:
    """Whether a span of some kind of OpenInference's is a call; None where the kind alone does not tell."""
    name = kind.upper() if isinstance(kind, str) else ""
    return None if name == "TOOL" else name in OPENINFERENCE_CALLS


def context_values(attributes: Mapping[str, Any], *, server: bool, call: bool, litellm: bool) -> dict[str, Any]:
    """What a span tells of who called: those columns of `CONTEXT` that it knows.

    Only a server's span tells its peer, and only a server's or a call's own the headers of the client: in the span of
    a client they are those that it sent on. ``metadata`` is the proxy's word where LiteLLM itself wrote the span
    (``litellm``); in any other it is what an application passed on, perhaps from its caller.
    """
    told, received = CALLER.firsts(attributes), server or call
    vouched = _vouched(attributes) if litellm else _NOTHING
    if not told and not vouched:
        return {}
    forwarded = told.get("forwarded") if received else None
    if isinstance(forwarded, list):
        forwarded = ", ".join(part for part in forwarded if isinstance(part, str))
    address = forwarded or told.get("address") or vouched.get("address")
    found: dict[str, Any] = {}
    if (account := vouched.get("owner") or told.get("account")) is not None:
        found["account_id"] = account
    if (key := vouched.get("key")) is not None:
        found["api_key_id"] = key
    if (session := told.get("session")) is not None:
        found["session_id"] = session
    if (client := address or (told.get("peer") if server else None)) is not None:
        found["client_ip"] = client
    if (agent := (told.get("agent") if received else None) or vouched.get("agent")) is not None:
        found["user_agent"] = agent
    return found


def _vouched(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What LiteLLM's proxy itself says of who called, where it wrote the span."""
    metadata = attributes.get("metadata")
    if isinstance(metadata, str) and "user_api_key_hash" in metadata:
        attributes = {**attributes, **flat(mapping(json_told(metadata)), "metadata")}
    return {
        "owner": first(attributes, *KEY_OWNERS),
        "key": first(attributes, KEY_HASH),
        "address": first(attributes, "metadata.requester_ip_address"),
        "agent": first(attributes, "metadata.user_agent"),
    }


def call_values(attributes: Mapping[str, Any], events: Sequence[Event]) -> dict[str, Any]:
    """Columns that a call's span and its events tell: model, operation, conversation, answer, counts, settings."""
    for event in events:
        if event.name == DETAILS:
            attributes = {**event.values, **attributes}
    asked = asked_in(attributes.get(INVOCATION))
    lists = numbered(attributes)
    sent, answered = messages_of_events(events) if events else _NO_MESSAGES
    system, messages = _conversation(attributes, lists, sent)
    response, reasoning = _answer(attributes, lists, answered)
    found = CALL.firsts(attributes)
    return {
        "model": found.get("model") or asked.model,
        "operation": found.get("operation") or operation_by_kind(attributes.get(KIND)),
        "system_prompt": system,
        "messages": messages,
        "response": response,
        "reasoning": reasoning,
        "input_tokens": found.get("input_tokens"),
        "output_tokens": found.get("output_tokens"),
        "reasoning_tokens": found.get("reasoning_tokens"),
        "temperature": found.get("temperature", asked.temperature),
        "max_tokens": found.get("max_tokens", asked.max_tokens),
        "tool_count": _tool_count(attributes, lists),
    }


class Asked(NamedTuple):
    """What a call's parameters tell, loosely."""

    model: Any
    temperature: Any
    max_tokens: Any


def asked_in(parameters: Any) -> Asked:
    """What the attribute of the parameters (JSON text or an object) tells; nulls where it is none."""
    told = mapping(json_told(parameters))
    return Asked(told.get("model"), first(told, "temperature"), first(told, *LIMITS)) if told else _NONE_ASKED


_NONE_ASKED = Asked(None, None, None)


def operation_by_kind(kind: Any) -> str | None:
    """The operation of a call of one of OpenInference's kinds."""
    name = kind.upper() if isinstance(kind, str) else ""
    return OPENINFERENCE_CALLS.get(name, "chat" if name == "TOOL" else None)


def _tool_count(attributes: Mapping[str, Any], lists: Lists) -> int | None:
    told = json_told(attributes.get("gen_ai.tool.definitions"))
    if not isinstance(told, list):
        told = attributes.get("ai.prompt.tools")
    if isinstance(told, list):
        return len(told)
    for name in TOOL_LISTS if lists else ():
        if name in lists:
            return len(lists[name])
    return None


def _conversation(
    attributes: Mapping[str, Any], lists: Lists, told: list[Message]
) -> tuple[str | None, list[dict[str, str | None]] | None]:
    """The instructions and the conversation; null each where they were not logged, redacted or cut."""
    sent = (
        messages_told(attributes.get("gen_ai.input.messages"), "user")
        or (lists and messages_listed(lists, "gen_ai.prompt", SENT, "user"))
        or told
        or messages_told(attributes.get("ai.prompt.messages"), "user")
        or messages_told(attributes.get("gen_ai.prompt"), "user")
        or messages_told(texts_listed(lists, "llm.prompts", "prompt.text") or attributes.get("llm.prompts"), "user")
    )
    above = messages_told(attributes.get("gen_ai.system_instructions"), "system")
    if not sent:
        return _from_body(attributes)
    inside, messages = apart([(role, text) for role, text, _ in sent])
    spoken = type(messages) is Remnant or any(map(_CONTENT, messages))
    return joined([*[text for _, text, _ in above], inside]) if above else inside, messages if spoken else None


def _from_body(attributes: Mapping[str, Any]) -> tuple[str | None, list[dict[str, str | None]] | None]:
    """The conversation in ``input.value``: the request's body, or a text."""
    value, kind = attributes.get(INPUT_BODY), attributes.get(INPUT_TYPE)
    body = json_told(value) if kind == JSON else None
    if isinstance(body, dict):
        told = request_values(body)
        if type(told["messages"]) is Remnant:  # some frameworks keep their own objects there
            return None, None
        return told["system_prompt"], told["messages"]
    text = None if kind == JSON else clean_text(value)
    return None, [{"role": "user", "content": text}] if text else None


def _answer(attributes: Mapping[str, Any], lists: Lists, told_apart: list[Message]) -> tuple[str | None, str | None]:
    """The answer's text and the reasoning shown."""
    told = (
        messages_told(attributes.get("gen_ai.output.messages"), "assistant")
        or (lists and messages_listed(lists, "gen_ai.completion", ANSWERED, "assistant"))
        or told_apart
        or messages_told(attributes.get("gen_ai.completion"), "assistant")
        or messages_told(texts_listed(lists, "llm.choices", "completion.text") or None, "assistant")
        or []
    )
    if len(told) == 1:
        _, text, shown = told[0]
    else:
        text, shown = joined([text for _, text, _ in told]), [thought for *_, shown in told for thought in shown]
    thoughts = joined(shown) if len(shown) > 1 else shown[0] if shown else None
    text = text or clean_text(first(attributes, "ai.response.text", "ai.result.text", "ai.response.object"))
    thoughts = thoughts or clean_text(attributes.get("ai.response.reasoning"))
    if attributes.get(OUTPUT_TYPE) != JSON:
        return text or clean_text(attributes.get(OUTPUT_BODY)), thoughts
    whole_text, whole_thoughts = answer_in(attributes.get(OUTPUT_BODY))
    return text or whole_text, thoughts or whole_thoughts


def answer_in(body: Any) -> tuple[str | None, str | None]:
    """The answer's text and the reasoning in a response's body, which is JSON text or an object."""
    whole = response_values(mapping(json_told(body)))
    return clean_text(whole["response"]), clean_text(whole["reasoning"])
