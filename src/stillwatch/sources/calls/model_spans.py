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

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stillwatch.sources.calls.attributes import (
    CONTENTS,
    Event,
    Listed,
    Lists,
    Names,
    first,
    first_has,
    flat,
    numbered,
)
from stillwatch.sources.calls.bodies import joined, mapping, request_values, response_values
from stillwatch.sources.containers.json_documents import decoded
from stillwatch.sources.records.conversation import Remnant, apart, content_text

__all__ = ["CONTEXT", "LITELLM", "call_values", "context_values", "is_call"]

REDACTED = ("__REDACTED__", "redacted-by-litellm")
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
_CALL = Names(
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
_CALLER = Names(
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
STRUCTURE = re.compile(r"\s*(?:\[\s*\{|\{\s*\")")
JSON = "application/json"
BRACKETS = ("[", "{")
MESSAGE = frozenset({"role", "parts", "content"})


_NOTHING: Mapping[str, Any] = {}
_NO_MESSAGES: tuple[list[Any], list[Any]] = ([], [])


_Told = tuple[Any, str | None, Sequence[str]]
"""One message: who speaks, the text, and reasoning shown with it."""


def is_call(attributes: Mapping[str, Any]) -> bool:
    """Whether a span is a call to a model, rather than an agent, a tool, a search or a request to a server."""
    kind = attributes.get("openinference.span.kind")
    if kind is not None:
        name = kind.upper() if isinstance(kind, str) else ""
        if name != "TOOL":
            return name in OPENINFERENCE_CALLS
        # LiteLLM's name for a call that offers tools
        return "llm.model_name" in attributes and first_has(attributes, "llm.input_messages", "message.role")
    operation = attributes.get("gen_ai.operation.name")
    if operation is not None:
        return operation not in NO_CALLS
    return first(attributes, *MODELS) is not None and "traceloop.span.kind" not in attributes


def context_values(attributes: Mapping[str, Any], *, server: bool, call: bool, litellm: bool) -> dict[str, Any]:
    """What a span tells of who called: those columns of `CONTEXT` that it knows.

    Only a server's span tells its peer, and only a server's or a call's own the headers of the client: in the span of
    a client they are those that it sent on. ``metadata`` is the proxy's word where LiteLLM itself wrote the span
    (``litellm``); in any other it is what an application passed on, perhaps from its caller.
    """
    told, received = _CALLER.firsts(attributes), server or call
    vouched = _vouched(attributes) if litellm else _NOTHING
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
        attributes = {**attributes, **flat(mapping(_decoded(metadata)), "metadata")}
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
    invocation = mapping(_decoded(attributes.get("llm.invocation_parameters")))
    lists = numbered(attributes)
    sent, answered = _event_messages(events) if events else _NO_MESSAGES
    system, messages = _conversation(attributes, lists, sent)
    response, reasoning = _answer(attributes, lists, answered)
    found = _CALL.firsts(attributes)
    return {
        "model": found.get("model") or invocation.get("model"),
        "operation": found.get("operation") or _operation(attributes.get("openinference.span.kind")),
        "system_prompt": system,
        "messages": messages,
        "response": response,
        "reasoning": reasoning,
        "input_tokens": found.get("input_tokens"),
        "output_tokens": found.get("output_tokens"),
        "reasoning_tokens": found.get("reasoning_tokens"),
        "temperature": found["temperature"] if "temperature" in found else first(invocation, "temperature"),
        "max_tokens": found["max_tokens"] if "max_tokens" in found else first(invocation, *LIMITS),
        "tool_count": _tool_count(attributes, lists),
    }


def _operation(kind: Any) -> str | None:
    name = kind.upper() if isinstance(kind, str) else ""
    return OPENINFERENCE_CALLS.get(name, "chat" if name == "TOOL" else None)


def _tool_count(attributes: Mapping[str, Any], lists: Lists) -> int | None:
    told = _decoded(attributes.get("gen_ai.tool.definitions"))
    if not isinstance(told, list):
        told = attributes.get("ai.prompt.tools")
    if isinstance(told, list):
        return len(told)
    for name in TOOL_LISTS if lists else ():
        if name in lists:
            return len(lists[name])
    return None


def _decoded(value: Any) -> Any:
    """JSON text as what it says; any other value as it is."""
    if isinstance(value, str) and (value[:1] in BRACKETS or value.lstrip()[:1] in BRACKETS):
        return decoded(value, value)
    return value


def _clean(text: Any) -> str | None:
    return text if isinstance(text, str) and text and text not in REDACTED else None


def _part(part: Any) -> tuple[str | None, str | None]:
    """The text of one part of a message, and its reasoning; null each where it has none."""
    if not isinstance(part, dict):
        return content_text(part), None
    kind = part.get("type")
    if kind == "text" and type(text := part.get("text") or part.get("content")) is str:
        return text, None
    if kind in ("reasoning", "thinking"):
        return None, _clean(first(part, "content", "text", "thinking"))
    if kind in ("tool_call_response", "tool-result"):
        told = first(part, "response", "result", "output")
        told = told.get("value", told) if isinstance(told, dict) else told
        return told if isinstance(told, str) else content_text(told), None
    if kind in (None, "text", "tool_result", "input_text", "output_text"):
        return content_text(part), None
    return None, None


def _message(message: Mapping[str, Any]) -> _Told:
    """A message with parts (OpenTelemetry) or with content (OpenAI's and Anthropic's shapes)."""
    parts = message["parts"] if "parts" in message else message.get("content")
    if type(parts) is str and not (message.get("reasoning") or message.get("reasoning_content")):
        return message.get("role"), _clean(parts), ()
    texts: list[str] = []
    thoughts: list[str] = []
    for part in parts if isinstance(parts, list) else [parts]:
        text, thought = _part(part)
        if thought:
            thoughts.append(thought)
        elif text and (clean := _clean(text)):
            texts.append(clean)
    for name in ("reasoning_content", "reasoning"):
        if name in message and (clean := _clean(message[name])):
            thoughts.append(clean)
    return message.get("role"), "\n".join(texts) or None, thoughts


def _told(value: Any, role: str) -> list[_Told] | None:
    """Messages from an attribute: a list of them (JSON text or structured), or one text of ``role``; None if none."""
    if value is None:
        return None
    decoded = _decoded(value)
    if isinstance(decoded, dict):
        inner = decoded.get("messages")
        decoded = inner if isinstance(inner, list) else [decoded]
    if isinstance(decoded, list):
        objects = [item for item in decoded if isinstance(item, dict)]
        if len(objects) == len(decoded):
            known = any([not MESSAGE.isdisjoint(item) for item in objects])
        else:
            known = bool(objects)
            objects = [item if isinstance(item, dict) else {"content": item} for item in decoded]
        if known or decoded is value:
            return [_message(item if "role" in item else {"role": role, **item}) for item in objects]
    text = _clean(value)
    return [(role, text, ())] if text and (decoded is not value or not STRUCTURE.match(text)) else None


def _openllmetry(messages: Iterable[Mapping[str, Any]], role: str) -> list[_Told]:
    """``gen_ai.prompt.0.role`` and ``.content``, which may be JSON text of parts; a role "thinking" is reasoning."""
    found: list[_Told] = []
    for message in messages:
        parts = _decoded(message.get("content"))
        if isinstance(parts, list) and parts and all(isinstance(part, dict) and "type" in part for part in parts):
            message = {**message, "content": parts}
        speaker, text, _ = told = _message({"role": role, **message})
        found.append((speaker, None, [text] if text else []) if speaker == "thinking" else told)
    return found


def _openinference(messages: Iterable[Mapping[str, Any]]) -> list[_Told]:
    """``llm.input_messages.0.message.role``, ``.message.content`` and ``.message.contents.0.message_content.text``."""
    found: list[_Told] = []
    for message in messages:
        role, content = message.get("message.role"), message.get("message.content")
        if type(content) is str and role is not None and len(message) == 2:
            found.append((role, _clean(content), ()))
            continue
        contents = message.get(CONTENTS) if role is not None and len(message) == 2 else None
        if type(contents) is not Listed:
            contents = numbered(message).get("message.contents", [])
        parts = [
            {"type": part.get("message_content.type"), "text": part.get("message_content.text")} for part in contents
        ]
        reasoning = message.get("message.reasoning_summary")
        found.append(_message({"role": role, "parts": [content, *parts], "reasoning": reasoning}))
    return found


def _listed(lists: Lists, openllmetry: str, openinference: str, role: str) -> list[_Told]:
    """Messages that one of the two conventions spreads over attributes."""
    told = _openllmetry(lists[openllmetry], role) if openllmetry in lists else []
    return told or _openinference(lists.get(openinference, ()))


def _texts(lists: Lists, name: str, text: str) -> list[dict[str, Any]]:
    """Texts of OpenInference's completions, which have no roles, as messages without one."""
    return [{"content": one.get(text)} for one in lists.get(name, ())]


def _event_messages(events: Iterable[Event]) -> tuple[list[_Told], list[_Told]]:
    """Messages told one event each: those sent, and the choices answered."""
    sent: list[_Told] = []
    answered: list[_Told] = []
    for event in events:
        body = {**event.values, **mapping(_decoded(event.values.get("gen_ai.event.content")))}
        if event.name == "gen_ai.choice":
            inner = mapping(_decoded(body.get("message"))) or body
            answered.append(_message({"role": "assistant", **inner}))
        elif event.name.startswith("gen_ai.") and event.name.endswith(".message"):
            sent.append(_message({"role": event.name.split(".")[1], **body}))
        elif event.name == "gen_ai.content.prompt":
            sent += _told(event.values.get("gen_ai.prompt"), "user") or []
        elif event.name == "gen_ai.content.completion":
            answered += _told(event.values.get("gen_ai.completion"), "assistant") or []
    return sent, answered


def _conversation(
    attributes: Mapping[str, Any], lists: Lists, told: list[_Told]
) -> tuple[str | None, list[dict[str, str | None]] | None]:
    """The instructions and the conversation; null each where they were not logged, redacted or cut."""
    sent = (
        _told(attributes.get("gen_ai.input.messages"), "user")
        or (lists and _listed(lists, "gen_ai.prompt", "llm.input_messages", "user"))
        or told
        or _told(attributes.get("ai.prompt.messages"), "user")
        or _told(attributes.get("gen_ai.prompt"), "user")
        or _told(_texts(lists, "llm.prompts", "prompt.text") or attributes.get("llm.prompts"), "user")
    )
    above = _told(attributes.get("gen_ai.system_instructions"), "system")
    if not sent:
        return _from_body(attributes)
    inside, messages = apart([(role, text) for role, text, _ in sent])
    spoken = type(messages) is Remnant or any([message["content"] for message in messages])
    return joined([*[text for _, text, _ in above], inside]) if above else inside, messages if spoken else None


def _from_body(attributes: Mapping[str, Any]) -> tuple[str | None, list[dict[str, str | None]] | None]:
    """The conversation in ``input.value``: the request's body, or a text."""
    value, kind = attributes.get("input.value"), attributes.get("input.mime_type")
    body = _decoded(value) if kind == JSON else None
    if isinstance(body, dict):
        told = request_values(body)
        if type(told["messages"]) is Remnant:  # some frameworks keep their own objects there
            return None, None
        return told["system_prompt"], told["messages"]
    text = None if kind == JSON else _clean(value)
    return None, [{"role": "user", "content": text}] if text else None


def _answer(attributes: Mapping[str, Any], lists: Lists, told_apart: list[_Told]) -> tuple[str | None, str | None]:
    """The answer's text and the reasoning shown."""
    told = (
        _told(attributes.get("gen_ai.output.messages"), "assistant")
        or (lists and _listed(lists, "gen_ai.completion", "llm.output_messages", "assistant"))
        or told_apart
        or _told(attributes.get("gen_ai.completion"), "assistant")
        or _told(_texts(lists, "llm.choices", "completion.text") or None, "assistant")
        or []
    )
    if len(told) == 1:
        _, text, shown = told[0]
    else:
        text, shown = joined([text for _, text, _ in told]), [thought for *_, shown in told for thought in shown]
    thoughts = joined(shown) if len(shown) > 1 else shown[0] if shown else None
    text = text or _clean(first(attributes, "ai.response.text", "ai.result.text", "ai.response.object"))
    thoughts = thoughts or _clean(attributes.get("ai.response.reasoning"))
    if attributes.get("output.mime_type") != JSON:
        return text or _clean(attributes.get("output.value")), thoughts
    whole = response_values(mapping(_decoded(attributes.get("output.value"))))
    return text or _clean(whole["response"]), thoughts or _clean(whole["reasoning"])
