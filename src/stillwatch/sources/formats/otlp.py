"""OpenTelemetry's OTLP JSON, as the collector's ``file`` exporter writes it: lines of spans and lines of log records.

Written from opentelemetry-proto's specification (JSON encoding), the semantic conventions for generative AI and those
of OpenInference; `calls.model_spans` says which names are known. Choices that a reader would want to know:

- An exchange is a span that calls a model. A framework's span around a client's span of the same call is passed over.
  Its id is the span's: the provider's ``gen_ai.response.id`` is not unique with every server.
- Who called is told by the span itself, else by the nearest span above it that knows: mostly the HTTP server's, which
  knows ``user.id`` or ``enduser.id``, ``client.address`` and ``user_agent.original``; address and user agent are those
  of the outermost server, since an inner one's client is another server. In LiteLLM's own spans (scope or service
  ``litellm``) its key, user and team are believed first; in any other such names are what an application passed on.
  Else ``enduser.id``, ``user.id`` and ``user.hash``, which the application sets. ``gen_ai.user`` and ``llm.user`` are
  the caller's own claim and never the account.
- Spans above, and log records that belong to a span (``gen_ai.client.inference.operation.details``, or one for each
  message) are looked for in all files of the folder (`calls.span_index`). In a file that is alone there, within the
  limits of `calls.span_window`: 50,000 spans, 5,000 calls, 32 Mi characters; what is farther apart is not joined.
- A log record of the details without its span is an exchange of its own, without a duration.
- Metrics, agents, tools and all other spans are passed over. Ids in base64 instead of hexadecimal are accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypedDict

import msgspec

from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.attributes import Event, first
from stillwatch.sources.calls.bodies import items, mapping
from stillwatch.sources.calls.model_spans import LITELLM, is_call
from stillwatch.sources.calls.span_log import SpanLog
from stillwatch.sources.calls.span_window import Key, Record, Span
from stillwatch.sources.containers.json_documents import Document, begins_json, decode_whole, decoded, json_documents
from stillwatch.sources.records.rows import COLUMNS

__all__ = ["SOURCE", "Otlp"]

DEPTH = 64
SERVER = (2, "2", "SPAN_KIND_SERVER")
FAILED = (2, "2", "STATUS_CODE_ERROR")
SCOPES = {
    "resourceSpans": ("scopeSpans", "instrumentationLibrarySpans", "spans"),
    "resourceLogs": ("scopeLogs", "instrumentationLibraryLogs", "logRecords"),
}


class Otlp(SpanLog):
    """Spans and log records of OpenTelemetry GenAI, OpenLLMetry and OpenInference."""

    info: ClassVar[Info] = Info(
        name="otlp",
        summary="OpenTelemetry GenAI and OpenInference spans and events, as OTLP JSON lines",
        reference="opentelemetry-proto docs/specification.md, semantic-conventions-genai, openinference spec",
        version="OTLP 1.9, GenAI conventions 1.27 to 1.41, OpenInference 0.1",
        example=(
            b'{"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "s"}, "spans": ['
            b'{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "r1", "name": "chat m", "kind": 3,'
            b' "startTimeUnixNano": "1788739388250000000", "endTimeUnixNano": "1788739388750000000", "attributes": ['
            b'{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},'
            b' {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},'
            b' {"key": "user.id", "value": {"stringValue": "a1"}},'
            b' {"key": "client.address", "value": {"stringValue": "192.0.2.7"}},'
            b' {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "2"}},'
            b' {"key": "gen_ai.input.messages", "value": {"stringValue":'
            b' "[{\\"role\\": \\"user\\", \\"parts\\": [{\\"type\\": \\"text\\", \\"content\\": \\"Good morning\\"}]}]"'
            b'}}], "status": {}}]}]}]}\n'
        ),
        carries=tuple(name for name in COLUMNS if name not in ("client_asn", "client_network", "ja4")),
        switch_on=(
            "Send traces and logs of the application or gateway to a collector whose pipelines for both name the same"
            " `file` exporter (`exporters: {file: {path: calls.jsonl}}`), or two that write into one folder;"
            " with a `batch` processor set"
            " `send_batch_size` and `send_batch_max_size` to 500, since a line over 8 MiB is set aside. Sample no"
            " traces away. Texts: OpenTelemetry's instrumentations want"
            " `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental` and"
            " `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY`; OpenInference and OpenLLMetry write them"
            " unless told not to. No convention names the account: let the HTTP server's span, or the call's own, carry"
            " `user.id` (or `enduser.id`), and `client.address` and `user_agent.original`, as HTTP server"
            " instrumentations do."
        ),
        privacy=(
            "Without `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` (the default), with"
            " `TRACELOOP_TRACE_CONTENT=false`, or with `OPENINFERENCE_HIDE_INPUTS` and `OPENINFERENCE_HIDE_OUTPUTS`"
            " (which leave `__REDACTED__`), or with `recordInputs: false` of Vercel's AI SDK there are no texts:"
            " accounts are still compared by load, rhythm, settings"
            " and network. `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` cuts long conversations, which are then null. Calls that"
            " sampling leaves out are missing from the load."
        ),
        beside=(
            "Where several files of OTLP lie in a folder, all of them, whole: a call's messages or the request above it"
            " may stand in another. Of a folder called `traces` or `logs` also those in the other one beside it."
        ),
        trust=Trust(
            (
                "in spans of LiteLLM's own (scope or `service.name` `litellm`) user, team, organisation or hash of the"
                " key; else `enduser.id`, `enduser.pseudo.id`, `user.id`, `user.hash`; else the metadata of OpenLLMetry"
                " or Vercel's AI SDK"
            ),
            (
                "of LiteLLM's proxy no, of LiteLLM inside an application only as that passes metadata on; all others"
                " as your application lets it, which sets them; `gen_ai.user`, `llm.user` and the metadata of spans"
                " that are not LiteLLM's are never read"
            ),
            "a server's forwarded header, else `client.address`, else the server's peer",
        ),
    )

    def recognises(self, head: bytes) -> bool:
        """Whether the file is JSON with OTLP's envelope of spans or log records."""
        if not begins_json(head):
            return False
        return any(
            b'"%s"' % kind.encode() in head and any(b'"%s"' % name.encode() in head for name in names)
            for kind, names in SCOPES.items()
        )

    def heads(self, location: str) -> Iterator[Document]:
        """See `JsonLog.heads`: of spans no more than their ids."""
        return json_documents(location, decode=_head_of)

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`: the ids of all spans, calls or not, since to tell calls takes their attributes."""
        keys = [_key(span, "spanId") for span, _ in _told_of(document, "resourceSpans")]
        ids = [key[1] for key in keys if key is not None]
        return ids if len(ids) == len(keys) and "resourceLogs" not in document else super().identity(document)

    def holds_spans(self, start: bytes) -> bool:
        """See `SpanLog.holds_spans`: a collector may write its pipelines' traces and logs into two files."""
        return b'"resourceSpans"' in start

    def told(self, document: Mapping[str, Any]) -> Iterable[Span | Record]:
        """See `SpanLog.told`."""
        return _told(document)


class _SpanHead(TypedDict, total=False):
    traceId: str
    spanId: str


class _ScopeHead(TypedDict, total=False):
    spans: list[_SpanHead]


class _ResourceHead(TypedDict, total=False):
    scopeSpans: list[_ScopeHead]
    instrumentationLibrarySpans: Any


class _Head(TypedDict, total=False):
    resourceSpans: list[_ResourceHead]
    resourceLogs: Any


_HEAD = msgspec.json.Decoder(_Head)


def _head_of(data: bytes) -> Any:
    """What tells the ids of a line's spans; the whole line where it holds anything else, or other shapes."""
    try:
        head = _HEAD.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return decode_whole(data)
    if "resourceLogs" in head:
        return decode_whole(data)
    for resource in head.get("resourceSpans", ()):
        if "instrumentationLibrarySpans" in resource:
            return decode_whole(data)
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                if not span.get("spanId", "").strip("0"):  # its identity is another attribute's
                    return decode_whole(data)
    return head


def _told(document: Mapping[str, Any]) -> Iterator[Span | Record]:
    """The spans and the log records of generative AI in a line."""
    for span, attributes, litellm in _entries(document, "resourceSpans"):
        status = mapping(span.get("status"))
        call = is_call(attributes)
        yield Span(
            key=_key(span, "spanId"),
            parent=_key(span, "parentSpanId"),
            server=span.get("kind") in SERVER,
            call=call,
            start=_number(span.get("startTimeUnixNano")) if call else None,
            end=_number(span.get("endTimeUnixNano")) if call else None,
            failed=status.get("code") in FAILED,
            message=status.get("message"),
            attributes=attributes,
            events=[_event(event, event.get("name")) for event in items(span.get("events"))],
            litellm=litellm,
        )
    for record, attributes, litellm in _entries(document, "resourceLogs"):
        name = first(record, "eventName") or first(attributes, "event.name")
        if isinstance(name, str) and name.startswith("gen_ai."):
            time = _number(record.get("timeUnixNano")) or _number(record.get("observedTimeUnixNano"))
            yield Record(_key(record, "spanId"), time, _event(record, name), litellm)


def _entries(document: Mapping[str, Any], kind: str) -> Iterator[tuple[Mapping[str, Any], dict[str, Any], bool]]:
    """The spans or log records of a line, each with its attributes, and whether LiteLLM wrote it."""
    for told, litellm in _told_of(document, kind):
        yield told, _attributes(told.get("attributes")), litellm


def _told_of(document: Mapping[str, Any], kind: str) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """The spans or log records of a line, each with whether LiteLLM wrote it."""
    current, older, entries = SCOPES[kind]
    for resource in items(document.get(kind)):
        for scope in items(resource.get(current) or resource.get(older)):
            litellm = _is_litellm(scope, resource)
            for told in items(scope.get(entries)):
                yield told, litellm


def _is_litellm(scope: Mapping[str, Any], resource: Mapping[str, Any]) -> bool:
    """Whether a scope, or the service that it is of, is LiteLLM's own."""
    named = mapping(scope.get("scope") or scope.get("instrumentationLibrary")).get("name")
    if named == LITELLM:
        return True
    service = items(mapping(resource.get("resource")).get("attributes"))
    return any(pair.get("key") == "service.name" and _value(pair.get("value")) == LITELLM for pair in service)


def _key(told: Mapping[str, Any], name: str) -> Key | None:
    """The ids of a trace and a span, None where there is no span's; hexadecimal ones in small letters."""
    trace, span = told.get("traceId"), told.get(name)
    if not isinstance(span, str) or not span.strip("0"):
        return None
    trace = trace if isinstance(trace, str) else ""
    return (trace.lower() if len(trace) == 32 else trace, span.lower() if len(span) == 16 else span)


def _number(value: Any) -> Any:
    """A 64-bit number, which JSON holds as text; anything else as it is."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value


def _attributes(pairs: Any, depth: int = 0) -> dict[str, Any]:
    """A list of keys and values as one object."""
    if not isinstance(pairs, list):
        return {}
    found: dict[str, Any] = {}
    for pair in pairs:
        key = pair.get("key") if type(pair) is dict else None
        if type(key) is not str:
            continue
        value = pair.get("value")
        # Nearly every value is a text.
        text = value.get("stringValue") if type(value) is dict and depth <= DEPTH else None
        found[key] = _value(value, depth) if text is None else text
    return found


def _value(value: Any, depth: int = 0) -> Any:
    """OTLP's AnyValue as what it holds; bytes are null."""
    if not isinstance(value, dict) or depth > DEPTH:
        return None
    if "stringValue" in value:
        return value["stringValue"]
    if "intValue" in value:
        return _number(value["intValue"])
    if "arrayValue" in value:
        inner = mapping(value["arrayValue"]).get("values")
        return [_value(item, depth + 1) for item in inner] if isinstance(inner, list) else []
    if "kvlistValue" in value:
        return _attributes(mapping(value["kvlistValue"]).get("values"), depth + 1)
    return value.get("boolValue", value.get("doubleValue"))


def _event(told: Mapping[str, Any], name: Any) -> Event:
    """A span's event or a log record: what its attributes say, and what its body adds (an object, or a text)."""
    body = _value(told.get("body"))
    if isinstance(body, str):
        told_within = decoded(body)
        body = told_within if isinstance(told_within, dict) else {"content": body}
    return Event(str(name), {**(body if isinstance(body, dict) else {}), **_attributes(told.get("attributes"))})


SOURCE = Otlp()
