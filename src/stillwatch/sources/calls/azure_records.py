"""Records of Azure Monitor's resource logs, in whatever spelling they are found.

One record is told in three spellings: as a diagnostic setting sends it (common fields, and the category's own under
``properties``, which may be a text of JSON), as a row of a table of its own, and as a row of ``AzureDiagnostics``,
whose columns end in their type (``correlationId_g``). `flat` makes them the same: names in lower case without such an
end.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from stillwatch.sources.calls.bodies import items, mapping
from stillwatch.sources.calls.gateway_calls import unwrapped
from stillwatch.sources.containers.json_documents import (
    Decode,
    Document,
    begins_json,
    decode_whole,
    decoded,
    json_documents,
)

__all__ = [
    "COUNTS",
    "PARTS",
    "Flat",
    "ModelRecord",
    "RequestRecord",
    "flat",
    "glance",
    "is_azure",
    "kind",
    "records",
    "records_in",
    "request_fields",
]

Flat = Mapping[str, Any]

TYPE_END = re.compile(r"_[sdgbt]$")
CATEGORY = re.compile(rb'"[Cc]ategory"\s*:\s*"(?:GatewayLogs|GatewayLlmLogs|RequestResponse)"')
TABLES = re.compile(rb'"Type"\s*:\s*"ApiManagementGateway(?:Logs|LlmLog)"')
COLUMNS = (b'"ApimSubscriptionId"', b'"RequestMessages"', b'"ResponseMessages"')
KINDS = {
    "gatewaylogs": "gateway",
    "apimanagementgatewaylogs": "gateway",
    "gatewayllmlogs": "model",
    "apimanagementgatewayllmlog": "model",
    "requestresponse": "openai",
    "GatewayLogs": "gateway",  # as they are written nearly always
    "GatewayLlmLogs": "model",
}
PARTS = ("requestmessages", "responsemessages")
COUNTS = {
    name.lower(): name
    for name in ("modelName", "deploymentName", "promptTokens", "completionTokens", "promptCachedTokens")
}
"""The names of what a model's record tells beside messages, as they are in `flat` and as they are spelled."""
# The names in records of the two categories as diagnostic settings send them: Microsoft's references of the tables.
_COMMON = (
    *("time", "resourceId", "operationName", "resultType", "resultSignature", "durationMs", "callerIpAddress"),
    *("level", "location", "Level", "isRequestSuccess", "DeploymentVersion", "tenantId", "truncated"),
)
_OF_MODELS = (
    *("sequenceNumber", "requestMessages", "responseMessages", "modelName", "deploymentName", "promptTokens"),
    *("completionTokens", "promptCachedTokens", "totalTokens", "apiId", "operationId", "operationName", "region"),
    *("correlationId", "requestId", "apiVersion", "streaming", "isStreamCompletion"),
)
_OF_REQUESTS = (
    *("method", "url", "responseCode", "responseSize", "requestSize", "cache", "cacheTime", "totalTime", "clientTime"),
    *("apiId", "apiRevision", "operationId", "productId", "userId", "apimSubscriptionId", "clientProtocol"),
    *("clientTlsVersion", "clientCipherSuite", "backendMethod", "backendUrl", "backendResponseCode", "backendProtocol"),
    *("backendTime", "backendId", "requestHeaders", "requestBody", "responseHeaders", "responseBody", "errors"),
    *("backendRequestHeaders", "backendRequestBody", "backendResponseHeaders", "backendResponseBody", "traceRecords"),
    *("lastErrorElapsed", "lastErrorSource", "lastErrorScope", "lastErrorSection", "lastErrorReason"),
    *(
        "lastErrorMessage",
        "correlationId",
        "isRequestSuccess",
        "isTraceAllowed",
        "isTraceExpired",
        "isMasterTrace",
        "workspaceId",
    ),
)


def _record(category: str, names: tuple[str, ...]) -> Any:
    """A record of a category with no other names than these: any other might mean the same as one that is read."""
    own: list[Any] = [(name, Any, None) for name in names]
    fields: list[Any] = [("correlationId", str), ("properties", _struct("Properties", own))]
    return _struct(category, fields + [(name, Any, None) for name in _COMMON], tag_field="category", tag=category)


def _struct(name: str, fields: list[Any], **tag: Any) -> Any:
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True, gc=False, **tag)


ModelRecord = _record("GatewayLlmLogs", _OF_MODELS)
RequestRecord = _record("GatewayLogs", _OF_REQUESTS)
_GLANCE = msgspec.json.Decoder(ModelRecord | RequestRecord).decode


def glance(data: bytes) -> Any:
    """A record as nearly all are spelled, with what an index reads of it; any other as what the JSON says."""
    try:
        if not data.isascii():
            data.decode()
        record = _GLANCE(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return decode_whole(data)
    own = record.properties.correlationId  # which would be believed before the common one
    return record if own is None or own == record.correlationId else decode_whole(data)


_SHARED = ("correlationId", "time", "callerIpAddress", "durationMs")
_TOLD = (
    *("url", "responseCode", "totalTime", "apimSubscriptionId", "userId", "requestHeaders", "requestBody"),
    *("responseBody", "backendRequestHeaders", "backendRequestBody", "backendResponseBody"),
)
_NAMES = ("category", *map(str.lower, _SHARED + _TOLD))
_shared, _told = operator.attrgetter(*_SHARED), operator.attrgetter(*_TOLD)


def request_fields(record: Any) -> dict[str, Any]:
    """What `flat` would tell of a `RequestRecord`, as far as an exchange is told by it; nulls are kept."""
    return dict(zip(_NAMES, ("GatewayLogs", *_shared(record), *_told(record.properties)), strict=True))


def is_azure(head: bytes) -> bool:
    """Whether a file's beginning is JSON with one of the categories or tables that are read."""
    if not begins_json(head):
        return False
    if CATEGORY.search(head):
        return b'"correlationId"' in head or b'"CorrelationId"' in head
    return TABLES.search(head) is not None or (b'"CorrelationId"' in head and any(mark in head for mark in COLUMNS))


def records(location: str, decode: Decode | None = None) -> Iterator[Document]:
    """The records of a file: one per line, in an array, in ``records``, or in the tables of a query's answer.

    With ``decode``, such as `glance`, that decodes what stands on a line.
    """
    for document in json_documents(location, decode=decode):
        if type(document.value) is dict:
            yield from records_in(document)
        else:
            yield document


def records_in(document: Document) -> Iterable[Document]:
    """The records of a document that is an object: itself, or those that it wraps."""
    value = document.value
    if "tables" in value or "records" in value:
        return _tables(document) if isinstance(value.get("tables"), list) else unwrapped([document], "records")
    return (document,)


def _tables(document: Document) -> Iterator[Document]:
    for table in items(document.value["tables"]):
        names = [str(column.get("name")) for column in items(table.get("columns"))]
        for row in table["rows"] if isinstance(table.get("rows"), list) else []:
            if isinstance(row, list):
                yield Document(document.line, dict(zip(names, row, strict=False)))


def flat(record: Any) -> dict[str, Any]:
    """A record's fields that are not null by their names in lower case, those of its category above the common ones."""
    # Of two names that are one the first counts among the common ones, and the last among the category's own.
    told = record.items() if isinstance(record, dict) else {}.items()
    fields = {_name(name): value for name, value in reversed(told) if value is not None}
    own = fields.pop("properties", None)
    for name, value in (own if type(own) is dict else mapping(decoded(own))).items():
        if value is not None:
            fields[_name(name)] = value
    return fields


@functools.lru_cache(maxsize=10_000)
def _name(name: str) -> str:
    return TYPE_END.sub("", name.lower())


def kind(fields: Flat) -> str | None:
    """``gateway``, ``model`` or ``openai``; None for a record of another category."""
    for name in ("category", "type"):
        told = fields.get(name)
        if type(told) is str and (found := KINDS.get(told) or KINDS.get(told.lower())):
            return found
    if any(name in fields for name in PARTS):
        return "model"
    return "gateway" if "apimsubscriptionid" in fields else None
