"""Azure API Management's logs of requests and of language models' messages, and Azure OpenAI's own request log.

Written from Microsoft's public references of the tables ``ApiManagementGatewayLogs`` and
``ApiManagementGatewayLlmLog``, its guide to logging prompts and completions, and observations of real payloads that
others have published. Choices that a reader of the log would want to know:

- The request log (category GatewayLogs) knows who called, when and how it ended; the model log (GatewayLlmLogs) knows
  messages and tokens, and not who. They are joined on CorrelationId: a record of the request log becomes an exchange
  with what the model log says of it. For that, the files beside the one read are looked through: all in its folder, and
  in a storage account's layout those of the same hour in the other category's container
  (``insights-logs-gatewaylogs``, ``insights-logs-gatewayllmlogs``). Both may be one file. What they say is kept in
  memory up to 256 MiB for a whole log, and beyond in a table on disk. A record of the model log without a request
  beside it has no account and is set aside.
- A request is a call to a model where the model log knows it, or where its URL is one of a model's.
- The account is ApimSubscriptionId, else UserId: the gateway establishes both. The subscription is the key as well.
- Messages over 32 KB come in pieces, put together by SequenceNumber. It is not documented whether the pieces are cut
  text or lists of their own; both are read, and a message that two pieces share is one. A missing piece leaves null.
- ``promptCachedTokens`` is added to the prompt's tokens where it is larger than these, as Anthropic counts; otherwise
  it is part of them. Reasoning, temperature and tools are known only where the request's bodies are logged (8 KB).
- Azure OpenAI's RequestResponse has no texts and no tokens; its account is the caller's ``objectId``, which is empty
  where a key was used, and its addresses are masked, which makes them none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import pyarrow as pa

from stillwatch.sources.base import Info, Source, Trust
from stillwatch.sources.calls.azure_index import KEPT_CHARACTERS, Indexes
from stillwatch.sources.calls.azure_records import (
    Flat,
    ModelRecord,
    RequestRecord,
    flat,
    glance,
    is_azure,
    kind,
    records,
    request_fields,
)
from stillwatch.sources.calls.bodies import answer_texts, conversation, items, mapping, request_values, response_values
from stillwatch.sources.calls.gateway_calls import header, logged_body, operation_of, sent_and_answered
from stillwatch.sources.calls.plain_bodies import plain_conversation, plain_text
from stillwatch.sources.containers.json_documents import Document, decoded
from stillwatch.sources.records.callers import id_array
from stillwatch.sources.records.json_log import JsonLog
from stillwatch.sources.records.rows import COLUMNS

__all__ = ["SOURCE", "AzureApim", "keeping_indexes"]

ALONE = "no request log beside it tells whose call this was"
MODEL_URL = re.compile(
    r"/openai/|chat/completions$|/v1/(?:messages|responses|completions|embeddings)$|:(?:streamG|g)enerateContent$"
)
OPERATIONS = {
    "chatcompletions": "chat",
    "responses": "responses",
    "embeddings": "embeddings",
    "completions": "completions",
}
NUMBERS = ("prompttokens", "completiontokens")
_NOTHING: dict[str, Any] = dict.fromkeys(COLUMNS)

Place = TypeVar("Place")


class _Requests(JsonLog):
    """The records of a file by themselves, for the ids of those that may be exchanges."""

    def documents(self, location: str) -> Iterator[Document]:
        return records(location)

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        fields = flat(document)
        return (fields.get("correlationid"),) if kind(fields) in ("gateway", "openai") else ()


class AzureApim(JsonLog):
    """API Management's two logs joined, and Azure OpenAI's request log."""

    info: ClassVar[Info] = Info(
        name="azure_apim",
        summary="Azure API Management's logs of requests and model messages; Azure OpenAI's request log",
        reference="https://learn.microsoft.com/azure/api-management/api-management-howto-llm-logs",
        version="tables of 2026",
        example=(
            b'{"time": "2026-09-07T00:03:08.25Z", "category": "GatewayLogs", "correlationId": "r1",'
            b' "callerIpAddress": "192.0.2.7", "properties": {"method": "POST", "responseCode": 200, "totalTime": 500,'
            b' "url": "https://g.azure-api.net/openai/deployments/m/chat/completions?api-version=1",'
            b' "apimSubscriptionId": "a1", "requestHeaders": {"User-Agent": "agent/1"},'
            b' "requestBody": "{\\"messages\\": [{\\"role\\": \\"user\\", \\"content\\": \\"Good morning\\"}]}"}}\n'
        ),
        carries=(
            *("exchange_id", "started_at", "account_id", "api_key_id", "model", "operation", "system_prompt"),
            *("messages", "response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens", "temperature"),
            *("max_tokens", "tool_count", "client_ip", "user_agent", "status", "latency_ms"),
        ),
        switch_on=(
            "In the diagnostic settings of API Management send `GatewayLogs` and `GatewayLlmLogs` to one place (a"
            " storage account, an event hub, or tables of their own). In the settings of the API, under Azure Monitor,"
            " switch on `Log LLM messages` with `Log prompts` and `Log completions`, and `Log client IP address`; set"
            " `Sampling (%)` to 100 and name the header `User-Agent` among those to log. Behind Front Door or"
            " Application Gateway join their access log for addresses (`--join`). Require a subscription, so that"
            " every call has one. Give the scan the folder with both logs."
        ),
        privacy=(
            "Without `Log LLM messages` there are no texts: accounts are still compared by load, rhythm and network,"
            " but nothing is known of what they ask. Without `Log client IP address` there are no addresses, without"
            " `User-Agent` among the headers no clients; masked addresses (Azure OpenAI's own log) are null. Sampling"
            " below 100% leaves out calls."
        ),
        trust=Trust(
            "the subscription, else the user of API Management; in Azure OpenAI's own log `objectId`",
            "no: the gateway knows it from the subscription's key, Azure from the token",
            "`CallerIpAddress`: the peer, which behind Front Door or Application Gateway is these",
        ),
        beside=(
            "All files in the folder of the one named, and in a storage account's layout in the same hour's folder of"
            " the other container: their beginnings, and those of both logs whole."
        ),
    )

    complete: ClassVar[bool] = True

    def __init__(self, indexes: Indexes | None = None) -> None:
        self._indexes = indexes or Indexes()

    def recognises(self, head: bytes) -> bool:
        """Whether the file is JSON with one of the categories or tables that are read."""
        return is_azure(head)

    def documents(self, location: str) -> Iterator[Document]:
        """The records of a file; to a request's is added what the model log says of it, under ``parts``."""
        messages = self._indexes.beside(location) if self._indexes.room else self._indexes.kept(location)
        if messages is not None and messages.silent(location):
            return
        for document in records(location, glance):
            told: str | None = "gateway"
            line, value, reason = document
            if type(value) is RequestRecord:
                fields = request_fields(value)
            elif type(value) is ModelRecord:
                fields, told = {"category": "GatewayLlmLogs", "correlationid": value.correlationId}, "model"
            elif reason or not isinstance(value, dict):
                yield document
                continue
            else:
                fields = flat(value)
                told = kind(fields)
            if told == "gateway" or told == "model":
                messages = messages or self._indexes.beside(location)
                if told == "gateway":
                    fields["parts"] = messages.parts(fields.get("correlationid"))
                elif not messages.called(fields.get("correlationid")):
                    yield Document(line, None, ALONE)
                    continue
            yield Document(line, fields)

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: a request of a model is one exchange; its messages are told with it."""
        told = kind(document)
        if told == "openai" and (document.get("modeldeploymentname") or document.get("modelname")):
            return (_openai(document),)
        if told == "gateway" and (document.get("parts") or _of_a_model(document.get("url"))):
            return (_request(document),)
        return ()

    def identities(self, location: str) -> Iterator[pa.Array]:
        """See `Source.identities`: where the index of the folder is kept for `read`, it tells them."""
        ids = self._indexes.beside(location).identities(location) if self._indexes.room else None
        if ids is None:
            yield from _Requests().identities(location)
        else:
            yield from map(id_array, ids)


def _of_a_model(url: Any) -> bool:
    return isinstance(url, str) and MODEL_URL.search(url.partition("?")[0]) is not None and bool(operation_of(url))


def _request(fields: Flat) -> dict[str, Any]:
    """A request of the gateway's log, with what the model log says of it."""
    told = _NOTHING | sent_and_answered(
        fields.get("requestbody") or fields.get("backendrequestbody"),
        fields.get("responsebody") or fields.get("backendresponsebody"),
    )
    if (parts := fields.get("parts")) and type(parts) is dict:
        _add_messages(told, parts)
        _add_counts(told, parts)
    told |= _common(fields)
    subscription = fields.get("apimsubscriptionid")
    told["account_id"] = subscription or fields.get("userid")
    told["api_key_id"] = subscription
    told["operation"] = operation_of(fields.get("url"))
    told["user_agent"] = _agent(fields.get("requestheaders")) or _agent(fields.get("backendrequestheaders"))
    told["status"] = fields.get("responsecode")
    return told


def _agent(headers: Any) -> Any:
    return None if headers is None else header(decoded(headers), "user-agent") or None


def _common(fields: Flat) -> dict[str, Any]:
    address, latency = fields.get("calleripaddress"), fields.get("totaltime")
    return {
        "exchange_id": fields.get("correlationid"),
        "started_at": fields.get("time") or fields.get("timegenerated"),
        "client_ip": None if isinstance(address, str) and "*" in address else address,
        "latency_ms": fields.get("durationms") if latency is None else latency,
    }


def _openai(fields: Flat) -> dict[str, Any]:
    """A request of Azure OpenAI's own log."""
    named = fields.get("operationname")
    known = named.lower() if isinstance(named, str) else ""
    return _NOTHING | {
        **_common(fields),
        "account_id": fields.get("objectid"),
        "model": fields.get("modelname") or fields.get("modeldeploymentname"),
        "operation": next((told for name, told in OPERATIONS.items() if name in known), named),
        "status": fields.get("resultsignature"),
    }


def _add_messages(told: dict[str, Any], parts: Mapping[str, Any]) -> None:
    """Adds the conversation and the answer in the pieces of the model log, where these tell them."""
    sent, answered = parts.get("requestmessages"), parts.get("responsemessages")
    plain = plain_conversation(sent[0]) if sent and len(sent) == 1 else None
    if plain is not None:
        _add(told, (("system_prompt", plain[0]), ("messages", plain[1])))
    elif sent:
        _add(told, _sent(_joined(sent)))
    text = plain_text(answered[0]) if answered and len(answered) == 1 else None
    if text is not None:
        told["response"] = text
    elif answered:
        _add(told, _answered(_joined(answered)))


def _sent(sent: Any) -> Iterable[tuple[str, Any]]:
    """What the pieces of a request, put together, tell."""
    if isinstance(sent, list):
        return zip(("system_prompt", "messages"), conversation({"messages": sent}), strict=True)
    asked = request_values(mapping(sent)) if sent else {}
    return (asked | {"tool_count": asked["tool_count"] or None} if asked else asked).items()


def _answered(answered: Any) -> Iterable[tuple[str, Any]]:
    """What the pieces of an answer, put together, tell."""
    if isinstance(answered, list):
        told = answer_texts({"choices": [{"message": message} for message in items(answered)]})
        return zip(("response", "reasoning"), told, strict=True)
    return response_values(answered).items() if isinstance(answered, dict) else ()


def _add(told: dict[str, Any], values: Iterable[tuple[str, Any]]) -> None:
    for name, value in values:
        if value is not None:
            told[name] = value


def _joined(pieces: Any) -> Any:
    """The value that pieces of text make: cut anywhere, or lists of messages each; None where that cannot be read."""
    if not pieces:
        return None
    whole = decoded(pieces[0] if len(pieces) == 1 else "".join(pieces))
    if whole is not None:
        return whole
    messages: list[dict[str, Any]] = []
    for piece in pieces:
        found = items(decoded(piece))
        if not found:
            return logged_body("".join(pieces)) or None
        first = dict(found[0])
        if messages and messages[-1].get("role") == first.get("role"):
            before, after = messages[-1].get("content"), first.get("content")
            if isinstance(before, str) and isinstance(after, str):
                messages[-1]["content"] = before + after
                found = found[1:]
        messages += [dict(message) for message in found]
    return messages


def _add_counts(told: dict[str, Any], parts: Mapping[str, Any]) -> None:
    """Adds model and tokens: the record that tells most of these."""
    rows = [mapping(decoded(text)) for text in parts.get("counts") or ()]
    if not rows:
        return
    best = rows[0] if len(rows) == 1 else max(rows, key=_telling)
    prompt, cached, answer = best.get("prompttokens"), best.get("promptcachedtokens"), best.get("completiontokens")
    if type(prompt) is int and type(cached) is int and cached > prompt:
        prompt += cached
    named = best.get("modelname") or next(
        filter(None, [row.get(name) for name in ("modelname", "deploymentname") for row in (best, *rows)]), None
    )
    if named is not None:
        told["model"] = named
    if prompt is not None:
        told["input_tokens"] = prompt
    if answer is not None:
        told["output_tokens"] = answer


def _telling(row: Mapping[str, Any]) -> tuple[int, bool]:
    return sum(_number(row.get(name)) for name in NUMBERS), bool(row.get("modelname"))


def _number(value: Any) -> int:
    return value if type(value) is int else 0


SOURCE = AzureApim()


def keeping_indexes(sources: Mapping[Place, Source]) -> dict[Place, Source]:
    """The formats of a log's files; those of this format keep, as long as the log is read, what they told already."""
    own = AzureApim(Indexes(KEPT_CHARACTERS))
    return {place: own if source is SOURCE else source for place, source in sources.items()}
