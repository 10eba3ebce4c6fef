"""Requests and responses as they went over HTTP: HAR 1.2, mitmproxy's ``jsondump``, or pairs that middleware writes.

Written from the HAR 1.2 specification (github.com/ahmadnassri/har-spec, versions/1.2.md), mitmproxy's
``mitmproxy/addons/savehar.py`` and ``examples/contrib/jsondump.py``; paths and bodies are those of the OpenAI,
Anthropic and Gemini APIs (`stillwatch.sources.calls.bodies`). The plain pair is nobody's standard. Understood are::

    {"id": ..., "timestamp": ..., "duration_ms": ..., "account_id": ..., "client_ip": ...,
     "request": {"method": ..., "url": ..., "headers": {...}, "body": ...},
     "response": {"status": ..., "headers": {...}, "body": ...}}

- id: ``id``, ``request_id``, ``exchange_id``; else the server's ``x-request-id`` or ``request-id``, else the ``id`` in
  the answer's body, else a hash of the record, so that the same record in two files is one exchange.
- time: ``timestamp``, ``started_at``, ``start_time``, ``created_at`` (``startedDateTime`` in HAR), the first three also
  in ``request``; else the second that the answer's body calls ``created``.
- duration: ``duration_ms`` or ``latency_ms`` (``time`` in HAR); else from the time to ``ended_at`` or ``finished_at``.
- answer: ``response`` with ``status`` or ``status_code``. Bodies stand under ``body`` or ``content`` in any notation of
  `http_bodies`, base64 where ``encoding`` (``body_encoding``) says so; a stream's decoded events under ``chunks``.
  ``request`` and ``response`` may also be the bodies themselves.
- ``session_id``, ``client_asn``, ``client_network``, ``ja4`` and ``user_agent`` may stand in the record.

The account is what whoever wrote the record says beside the request: ``account_id``, ``account``, ``tenant_id``,
``organization_id``, ``team_id``, ``user_id``. Else it is the key: ``api_key_id``, or a hash of the key in the request's
headers (never the key), else the organisation that the server names in its answer. Only where all of these are missing
it is what the caller claims in the body (``safety_identifier``, ``user``, ``metadata.user_id``): a caller can claim to
be anyone. The address is ``client_ip`` or ``remote_addr``, else the forwarded list with the recorder's peer at its end.

The status of a failure that only a body tells is that of Anthropic's error types or of OpenAI's types and codes, as
others list them: the vendors' own pages were not at hand.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from stillwatch.exchange import EXCHANGE
from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.bodies import first_of, mapping, request_values, response_values
from stillwatch.sources.calls.gateway_calls import told_id
from stillwatch.sources.calls.http_bodies import body_of, bytes_of, credential, headers_of, without_key
from stillwatch.sources.containers.files import head, whole
from stillwatch.sources.containers.hostile_json import written
from stillwatch.sources.containers.json_documents import (
    Document,
    decode_whole,
    json_documents,
    objects_at,
    some_keys,
    told_keys,
)
from stillwatch.sources.records.callers import sound_text
from stillwatch.sources.records.json_log import JsonLog
from stillwatch.sources.records.values import BadValueError, time_us

__all__ = ["CALLS", "SOURCE", "HttpPairs", "call_at", "claimed_account", "failure_status", "first_told"]

HAR_ENTRY_DEPTH = 3
_TOLD = (str, int, float)
IDS = ("id", "request_id", "exchange_id")
_ID_KEYS = some_keys(IDS)
TIMES = ("timestamp", "started_at", "start_time", "created_at", "startedDateTime")
REQUEST_TIMES = ("timestamp", "started_at", "start_time", "timestamp_start")
ACCOUNTS = ("account_id", "account", "tenant_id", "organization_id", "team_id", "user_id")
ORGANISATIONS = ("openai-organization", "anthropic-organization-id")
CONVERSATIONS = frozenset({"messages", "input", "prompt", "contents"})
ASKED = CONVERSATIONS | {"content", "requests"}
HAR_BODY = frozenset({"text", "mimeType"})
HTTP = frozenset({"url", "path", "method", "headers", "body", "postData"})
"""Keys of which a request or response has one that is not the body itself."""
ADDRESS_KEPT = 200
ANSWERED = frozenset({"choices", "usage", "usageMetadata"})
"""Keys that only a model's answer has: then it was a call, under whatever names the caller put its conversation."""
BODIES = frozenset({"body", "content", "postData"})
CALLS = {
    "chat/completions": "chat",
    "completions": "completions",
    "responses": "responses",
    "embeddings": "embeddings",
    "messages": "chat",
    "generateContent": "chat",
    "streamGenerateContent": "chat",
    "rawPredict": "chat",
    "streamRawPredict": "chat",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
    "converse": "chat",
    "converse-stream": "chat",
    "invoke": "chat",
    "invoke-with-response-stream": "chat",
}
PATH = re.compile(r"(?:/|:|^)(chat/completions|[\w-]+)/?$", re.ASCII)
NO_CALL = re.compile(r"/(?:threads|conversations|assistants)/")
MODEL = re.compile(r"/(?:models?|deployments)/([^/:?]+)")
STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


OTHERS = frozenset({"latencies", "tokens_in"})
"""Keys of gateways that log whole requests too: Kong's and Cloudflare's."""


class HttpPairs(JsonLog):
    """HAR files, mitmproxy's jsondump, and JSON lines (or an array) of requests with their responses."""

    info: ClassVar[Info] = Info(
        name="http_pairs",
        summary="Requests with their responses as proxies and middleware record them: HAR 1.2 or JSON pairs",
        reference="HAR 1.2 (github.com/ahmadnassri/har-spec); mitmproxy examples/contrib/jsondump.py",
        version="1.2",
        example=(
            b'{"id": "r1", "timestamp": "2026-09-07T00:03:08.012Z", "duration_ms": 840, "account_id": "a1",'
            b' "client_ip": "192.0.2.7", "request": {"method": "POST", "url": "/v1/chat/completions",'
            b' "headers": {"user-agent": "agent/1"}, "body": {"model": "m", "temperature": 0.2,'
            b' "messages": [{"role": "user", "content": "Good morning"}]}}, "response": {"status": 200,'
            b' "body": {"choices": [{"message": {"role": "assistant", "content": "Good morning."}}],'
            b' "usage": {"prompt_tokens": 2, "completion_tokens": 3}}}}\n'
        ),
        carries=tuple(EXCHANGE.names),
        switch_on=(
            "mitmproxy as a reverse proxy: `mitmdump --mode reverse:https://api.openai.com --set hardump=log.har`, or"
            " `-s jsondump.py --set dump_encodecontent=true` for a log that grows line by line. Own middleware: one"
            " line for each call as in the example; a streamed answer's `body` may be the text of its events. Write"
            " `account_id` (whom you authenticated) and `client_ip` beside the request: HAR knows neither, and one key"
            " is then one account: a token that changes every hour (Vertex AI, OAuth) makes a new account every hour."
            " Write an `id` of your own as well: some servers (vLLM) answer with the `x-request-id` that the"
            " caller sent, and records of one id count as one."
        ),
        privacy=(
            "A key in the headers is replaced by a short hash when it is read; leave `authorization` and `x-api-key`"
            " out of the record if you write `account_id` and `api_key_id`. Without bodies, accounts are still compared"
            " by load, rhythm and network. A header that was blacked out is no key."
        ),
        trust=Trust(
            (
                "`account_id` or its like beside the request, else the hash of the key, else the organisation that the"
                " server names"
            ),
            "only where all these are missing: then `safety_identifier`, `user` or `metadata.user_id` of the request",
            "`client_ip` beside the request, else `X-Forwarded-For` with the recorder's peer at its end",
        ),
    )

    def recognises(self, head: bytes) -> bool:
        """Whether the file is HAR, or its objects have a request that holds a body and, as far as seen, a response."""
        keys, cut = told_keys(head)
        if _is_har(keys):
            return True
        request = keys.get("request", set())
        paired = ("response" in keys or cut) and not keys.keys() & OTHERS
        return paired and bool(request & BODIES or request & CONVERSATIONS)

    def documents(self, location: str) -> Iterator[Document]:
        """The entries of a HAR file (`InputError` over 256 MiB), or the file's objects. See `JsonLog.documents`."""
        if not _is_har(told_keys(head(location))[0]):
            yield from json_documents(location)
            return
        for entry in objects_at(whole(location), HAR_ENTRY_DEPTH):
            if entry.reason or "request" in mapping(entry.value):
                yield entry

    def heads(self, location: str) -> Iterator[Document]:
        """See `JsonLog.heads`: of a record that names its id, no more than that."""
        if _is_har(told_keys(head(location))[0]):
            return self.documents(location)
        return json_documents(location, decode=_head_of)

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: a pair is one exchange, or none where it is no call to a model."""
        values = _values(document)
        return () if values is None else (values,)

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        response = mapping(document.get("response"))
        return (_identity(document, headers_of(response.get("headers")), response),)


def _head_of(data: bytes) -> Any:
    """A record's keys for its id; the whole record where it has none, since then its answer tells it."""
    keys = _ID_KEYS(data)
    return keys if first_told(keys, IDS) else decode_whole(data)


def _is_har(keys: Mapping[str, set[str]]) -> bool:
    return len(keys.get("log", set()) & {"version", "creator", "entries"}) >= 2


def _values(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The columns of a pair, still loose; None where it is no call to a model."""
    request, response = mapping(record.get("request")), mapping(record.get("response"))
    url = _url(request)
    sent = _body(request, record)
    answer = _body(response, record)
    operation = _operation(str(request.get("method") or "POST"), url, sent, answer)
    if operation is None:
        return None
    asked, told = request_values(sent), response_values(answer)
    asks, answers = headers_of(request.get("headers")), headers_of(response.get("headers"))
    started = first_told(record, TIMES) or first_told(request, REQUEST_TIMES)
    key = without_key(first_told(record, ("api_key_id", "key_id"))) or credential(asks, url)
    owner = without_key(first_told(record, ACCOUNTS)) or key or first_told(answers, ORGANISATIONS)
    return {
        **asked,
        **{name: value for name, value in told.items() if name != "model"},
        "exchange_id": _identity(record, answers, response),
        "started_at": started or answer.get("created") or answer.get("created_at"),
        "account_id": owner or claimed_account(sent),
        "api_key_id": key,
        "session_id": record.get("session_id") or _session(sent),
        "model": told["model"] or asked["model"] or _model_in(url),
        "operation": operation,
        "client_ip": _address(record, asks),
        "client_asn": record.get("client_asn"),
        "client_network": record.get("client_network"),
        "user_agent": record.get("user_agent") or asks.get("user-agent"),
        "ja4": record.get("ja4"),
        "status": _status(record, response, answer),
        "latency_ms": _latency(record, response, started),
    }


def first_told(values: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first of some keys that holds a text or a number; null where none does."""
    for name in names:
        value = values.get(name)
        if value is not None and value != "" and isinstance(value, _TOLD):
            return value
    return None


def _url(request: Mapping[str, Any]) -> str:
    url = request.get("url") or request.get("path")
    return url if isinstance(url, str) else ""


def _body(side: Mapping[str, Any], record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body of a request or a response, wherever its recorder keeps it; empty where it has none."""
    kept = first_of(side, ("body", "postData", "content", "chunks"))
    encoding = side.get("encoding") or side.get("body_encoding")
    har = isinstance(kept, dict) and not HAR_BODY.isdisjoint(kept) and CONVERSATIONS.isdisjoint(kept)
    if har and kept is not side.get("body"):
        kept, encoding = mapping(kept).get("text"), mapping(kept).get("encoding")
    if isinstance(kept, str) and encoding == "base64":
        kept = bytes_of(kept)
    elif isinstance(kept, str) and "client_conn" in record:  # jsondump: base64, or Python's notation of bytes
        kept = bytes_of(kept) or _from_notation(kept)
    elif isinstance(kept, list) and kept is side.get("content"):  # Anthropic's blocks: the body itself
        kept = None
    return body_of(kept) if kept is not None or not HTTP.isdisjoint(side) else side


def _from_notation(text: str) -> bytes | None:
    try:
        return text.encode("latin-1").decode("unicode_escape").encode("latin-1")
    except UnicodeError:
        return None


def _operation(method: str, url: str, body: Mapping[str, Any], answer: Mapping[str, Any]) -> str | None:
    """The kind of call, by the path or, where that is not recorded, by the bodies; None for anything else."""
    if method.upper() != "POST":
        return None
    if body and ASKED.isdisjoint(body) and ANSWERED.isdisjoint(answer):
        return None
    if not url:
        if "input" in body:
            return "embeddings" if isinstance(answer.get("data"), list) else "responses"
        return ("completions" if "prompt" in body else "chat") if body.keys() & CONVERSATIONS else None
    path = _path_of(url)
    return None if path is None or NO_CALL.search(path) else CALLS.get(call_at(path) or "")


def _kept(told: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """A function of an address, which remembers what it said of short ones: they come again and again."""
    known = functools.lru_cache(maxsize=4096)(told)
    return lambda address: known(address) if len(address) <= ADDRESS_KEPT else told(address)


@_kept
def _path_of(url: str) -> str | None:
    """The path in a URL; null for what is none."""
    try:
        return urlsplit(url).path
    except ValueError:
        return None


@_kept
def call_at(path: str) -> str | None:
    """The end of a path, by which `CALLS` knows the kind of call; null for a path without one."""
    found = PATH.search(path)
    return found[1] if found else None


def _model_in(url: str) -> str | None:
    found = MODEL.search(url)
    return unquote(found[1]) if found else None


def _identity(record: Mapping[str, Any], headers: Mapping[str, str], response: Mapping[str, Any]) -> Any:
    told = first_told(record, IDS) or first_told(headers, ("x-request-id", "request-id"))
    told = told or first_told(_body(response, record), ("id", "responseId"))
    if told is not None:
        return told
    return hashlib.blake2b(written(record, sort=True), digest_size=16).hexdigest()


def claimed_account(body: Mapping[str, Any]) -> Any:
    """Whom the caller says it calls for: it can say anything."""
    claimed = first_told(body, ("safety_identifier", "user")) or mapping(body.get("metadata")).get("user_id")
    return without_key(sound_text(claimed))


def _session(body: Mapping[str, Any]) -> Any:
    conversation = body.get("conversation")
    return told_id(conversation.get("id") if isinstance(conversation, dict) else conversation)


def _address(record: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
    """The address that the recorder names, or all hops of the forwarded list with the recorder's peer at the end."""
    told = first_told(record, ("client_ip", "remote_addr", "clientIPAddress"))
    if isinstance(told, str):
        return told
    connection = mapping(record.get("client_conn"))
    peer = connection.get("peername") or connection.get("address")
    near = peer[0] if isinstance(peer, list) and peer else mapping(peer).get("host")
    hops = [headers.get("x-forwarded-for") or headers.get("x-real-ip"), near]
    return ", ".join(hop for hop in hops if isinstance(hop, str) and hop) or None


def failure_status(error: Any) -> int:
    """The HTTP status that an ``error`` in a body stands for; 500 where it does not say."""
    told = mapping(error)
    for code in (told.get("status_code"), told.get("code"), told.get("http_status")):
        if type(code) is int and 400 <= code < 600:
            return code
    return next((STATUS_OF[str(told[name])] for name in ("type", "code") if str(told.get(name)) in STATUS_OF), 500)


def _status(record: Mapping[str, Any], response: Mapping[str, Any], answer: Mapping[str, Any]) -> Any:
    """The response's status; of a stream that told of a failure after its 200, that; 500 for no response."""
    found = first_told(response, ("status", "status_code", "statusCode")) or first_told(
        record, ("status_code", "status")
    )
    if not found or (isinstance(found, str) and not found.isdigit()):  # a body's own "status" is a word
        found = 200 if answer and not answer.get("error") else None
    if answer.get("error") and str(found or 200) == "200":
        return failure_status(answer["error"])
    return found or 500


def _latency(record: Mapping[str, Any], response: Mapping[str, Any], started: Any) -> Any:
    told = first_told(record, ("duration_ms", "latency_ms"))
    if told is None and "startedDateTime" in record:
        taken = record.get("time")
        told = taken if isinstance(taken, int | float) and taken > 0 else None
    if told is not None:
        return round(told) if isinstance(told, float) and abs(told) < 1e12 else told
    ended = first_told(record, ("ended_at", "finished_at")) or first_told(response, ("timestamp_end",))
    try:
        begin, end = time_us(started), time_us(ended)
    except BadValueError:
        return None
    return None if begin is None or end is None else (end - begin) // 1000


SOURCE = HttpPairs()
