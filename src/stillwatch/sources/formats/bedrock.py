"""Amazon Bedrock's model invocation log, as it lies in S3 and as CloudWatch Logs hands it on.

Verified against the public documentation ("Monitor model invocation using CloudWatch Logs and Amazon S3"), the service
description of ``bedrock-runtime`` in botocore (bodies, usage, errors with their HTTP status), and records that others
published: bodies come before ``schemaType``, a failed call has empty bodies and an ``errorCode``, a stream is an array
of the model's own chunks, counts of a cache stand beside ``inputTokenCount``. Choices and limits:

- The account is ``identity.arn``, the principal that AWS authenticated, with the session's name after a role. Whoever
  assumes the role names the session, unless its trust policy fixes ``sts:RoleSessionName``; where the arn is missing,
  the account is the AWS account. ``requestMetadata`` is the caller's own word and is not read.
- ``timestamp`` has whole seconds; the log does not say whether a call began or ended then. Latency is known of Converse
  and of streams that end with ``amazon-bedrock-invocationMetrics``.
- Bodies over 100 KB are moved to S3 (``inputBodyS3Path``): their texts are null, counts are not.
- CloudWatch: a message per event in a subscription's envelope (``logEvents``, as AWS's Powertools describe it), in the
  answer of ``get-log-events`` (``events``, as the SDKs describe it), alone with its ``message``, or, from an export to
  S3, behind the event's time on each line. That Bedrock's record is the whole message of an event, the shape of the
  export, and the field ``status``, which is not read, could not be verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from stillwatch.exchange import EXCHANGE
from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.bodies import items, mapping, request_values, response_values
from stillwatch.sources.calls.event_streams import assembled
from stillwatch.sources.containers.json_documents import Document, decoded, json_documents, some_keys
from stillwatch.sources.records.json_log import JsonLog

__all__ = ["SOURCE", "Bedrock"]

ABSENT = ("api_key_id", "session_id", "client_ip", "client_asn", "client_network", "user_agent", "ja4")
RECORD_KEYS = (b'"requestId"', b'"modelId"', b'"accountId"')
ERRORS = {
    "AccessDeniedException": 403,
    "ConflictException": 400,
    "InternalServerException": 500,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ModelStreamErrorException": 424,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "ValidationException": 400,
}
INPUT_COUNTS = ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
LIMITS = ("maxTokenCount", "max_new_tokens", "max_gen_len", "max_tokens_to_sample", "maxTokens", "max_tokens")
DEEPER = frozenset({"guardContent", "citationsContent"})
METRICS = "amazon-bedrock-invocationMetrics"
OPAQUE_MODELS = ("application-inference-profile/", "provisioned-model/", "imported-model/", "custom-model-deployment/")
_COHERE_ROLES = {"CHATBOT": "assistant", "USER": "user", "SYSTEM": "system", "TOOL": "tool"}


class Bedrock(JsonLog):
    """ModelInvocationLog records: JSON lines, an array or alone, plain or wrapped by CloudWatch Logs."""

    info: ClassVar[Info] = Info(
        name="bedrock",
        summary="Amazon Bedrock's model invocation log, from S3 or CloudWatch Logs",
        reference="https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html",
        version="1.0",
        example=(
            b'{"timestamp": "2026-09-07T00:03:08Z", "accountId": "111122223333",'
            b' "identity": {"arn": "arn:aws:iam::111122223333:user/a1"}, "region": "us-east-1", "requestId": "r1",'
            b' "operation": "Converse", "modelId": "amazon.nova-lite-v1:0", "input": {"inputContentType":'
            b' "application/json", "inputBodyJson": {"messages": [{"role": "user", "content": [{"text":'
            b' "Good morning"}]}], "inferenceConfig": {"temperature": 0.2}}, "inputTokenCount": 2}, "output":'
            b' {"outputContentType": "application/json", "outputBodyJson": {"output": {"message": {"role": "assistant",'
            b' "content": [{"text": "Good morning."}]}}, "metrics": {"latencyMs": 302}}, "outputTokenCount": 3},'
            b' "schemaType": "ModelInvocationLog", "schemaVersion": "1.0"}\n'
        ),
        carries=tuple(name for name in EXCHANGE.names if name not in ABSENT),
        switch_on=(
            "Logging is off until `aws bedrock put-model-invocation-logging-configuration` sets a `loggingConfig` with"
            " `s3Config` (or `cloudWatchConfig`) and `textDataDeliveryEnabled: true`, in each region. Fetch it with"
            ' `aws s3 sync --exclude "*/data/*" --exclude "*permission-check*"`: what is left out is no record. The log'
            " holds no addresses; CloudTrail has them under the same request id. Calls to the endpoint `bedrock-mantle`"
            " are not logged. Give each user a principal of their own, or fix `sts:RoleSessionName` to who they are:"
            " the principal is the account that a verdict is about."
        ),
        privacy=(
            "`textDataDeliveryEnabled: false` leaves out the texts and keeps principals, models and counts: accounts"
            " are still compared by load and rhythm, but nothing is known of what they ask. Bodies over 100 KB lie in"
            " files of their own and count as not logged."
        ),
        trust=Trust(
            "`identity.arn`, else the AWS account",
            "no; but whoever assumes a role names its session, unless `sts:RoleSessionName` is fixed",
            "none: join CloudTrail",
        ),
    )

    identity_keys: ClassVar[tuple[str, ...]] = ("requestId", "modelId", "logEvents", "events", "message")

    def recognises(self, head: bytes) -> bool:
        """Whether the file holds invocation records, or CloudWatch events whose messages are such."""
        start = head.lstrip()[:1]
        if start.isdigit():
            head = head.lstrip()
            head = head[head.find(b" ") + 1 :]
            start = head[:1]
        if start not in (b"{", b"["):
            return False
        if b'"schemaType"' in head and b'"ModelInvocationLog"' in head:
            return True
        if b'"inputContentType"' in head and all(key in head for key in RECORD_KEYS):
            return True  # the type stands behind the bodies, which may be longer than the head
        wrapped = b'\\"ModelInvocationLog\\"' in head or b'\\"inputContentType\\"' in head
        return wrapped and b'"message"' in head and b'"timestamp"' in head and b'\\"requestId\\"' in head

    def documents(self, location: str) -> Iterator[Document]:
        """See `JsonLog.documents`; of a line from an export, what stands behind the event's time."""
        return json_documents(location, after_time=True)

    def heads(self, location: str) -> Iterator[Document]:
        """See `JsonLog.heads`."""
        return json_documents(location, after_time=True, decode=some_keys(self.identity_keys))

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: a record is one exchange, an envelope holds any number of them."""
        return [_values(record) for record in _records(document)]

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        return [record.get("requestId") for record in _records(document)]


def _records(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The invocation records in a document; a message that is none, or is cut, is passed over."""
    if "modelId" in document or "requestId" in document:
        yield document
        return
    events = items(document.get("logEvents")) or items(document.get("events")) or [document]
    for event in events:
        message = decoded(event.get("message"))
        if isinstance(message, dict) and "modelId" in message:
            yield message


def _values(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record's columns, still loose."""
    given, told = mapping(record.get("input")), mapping(record.get("output"))
    request, body = decoded(given.get("inputBodyJson")), _answer(decoded(told.get("outputBodyJson")))
    asked = request_values(_request(request)) if isinstance(request, dict) else {}
    answered = response_values(body)
    metrics = mapping(body.get(METRICS)) or mapping(body.get("metrics"))
    sent = [count for count in map(given.get, INPUT_COUNTS) if count is not None]
    wrong = next((count for count in sent if type(count) is not int or count < 0), None)
    return {
        **asked,
        "exchange_id": record.get("requestId"),
        "started_at": record.get("timestamp"),
        "account_id": mapping(record.get("identity")).get("arn") or record.get("accountId"),
        "model": _model(record.get("modelId"), answered["model"]),
        "operation": record.get("operation"),
        "response": answered["response"] or _native_answer(body),
        "reasoning": answered["reasoning"],
        "input_tokens": answered["input_tokens"] if not sent else sum(sent) if wrong is None else wrong,
        "output_tokens": _first(told.get("outputTokenCount"), answered["output_tokens"]),
        "reasoning_tokens": answered["reasoning_tokens"],
        "status": ERRORS.get(str(record["errorCode"]), 500) if record.get("errorCode") else 200,
        "latency_ms": _first(metrics.get("latencyMs"), metrics.get("invocationLatency")),
    }


def _first(*values: Any) -> Any:
    for value in values:
        if value is not None:
            return value
    return None


def _model(name: Any, answered: Any) -> Any:
    """The model's id without the arn around it; what the answer says where the arn names only a customer's alias."""
    if not isinstance(name, str):
        return name
    return answered if answered and any(kind in name for kind in OPAQUE_MODELS) else name.rpartition("/")[2]


def _request(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request's body with the names that the models of Bedrock do not share made the common ones."""
    settings = {**body, **mapping(body.get("textGenerationConfig")), **mapping(body.get("inferenceConfig"))}
    settings["max_tokens"] = _first(*map(settings.get, LIMITS))
    common: dict[str, Any] = {**body, "inferenceConfig": settings}
    tools = mapping(body.get("toolConfig")).get("tools")
    if isinstance(tools, list):
        common["tools"] = [tool for tool in items(tools) if "cachePoint" not in tool]
        common["toolConfig"] = None
    if isinstance(body.get("inputText"), str):
        common["prompt"] = body["inputText"]
    elif isinstance(body.get("message"), str):
        history = [
            {"role": _COHERE_ROLES.get(str(turn.get("role")), "user"), "content": turn.get("message")}
            for turn in items(body.get("chat_history"))
        ]
        common["messages"] = [*history, {"role": "user", "content": body["message"]}]
        common["system"] = body.get("preamble")
    elif isinstance(body.get("messages"), list):
        common["messages"] = [_message(message) for message in body["messages"]]
    common.pop("model", None)
    return common


def _message(message: Any) -> Any:
    """A message of Converse whose parts that hold text deeper down are those texts."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    if all(type(part) is dict and DEEPER.isdisjoint(part) for part in message["content"]):
        return message
    return {**message, "content": [_part(part) for part in message["content"]]}


def _part(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    guarded = mapping(mapping(part.get("guardContent")).get("text"))
    cited = mapping(part.get("citationsContent"))
    return guarded or cited or part


def _answer(body: Any) -> dict[str, Any]:
    """The body of the whole answer: as it is, or put together from the array of a stream's chunks."""
    if isinstance(body, dict):
        message = mapping(mapping(body.get("output")).get("message"))
        plain = _message(message)
        return body if plain is message else {**body, "output": {"message": plain}}
    chunks = items(body)
    metrics = next((chunk[METRICS] for chunk in reversed(chunks) if METRICS in chunk), None)
    whole = assembled(chunks)
    if whole is None:
        texts = [text for chunk in chunks if (text := _native_answer(chunk)) is not None]
        whole = {"completion": "".join(texts)}
    return {**whole, METRICS: metrics}


def _native_answer(body: Mapping[str, Any]) -> str | None:
    """The text of an answer of Claude's completions, Llama, Titan, Mistral and Cohere."""
    for name in ("completion", "generation", "outputText", "text"):
        if isinstance(body.get(name), str):
            return str(body[name])
    for name in ("results", "outputs", "generations"):
        texts = [part.get("outputText", part.get("text")) for part in items(body.get(name))]
        if texts:
            return "".join(text for text in texts if isinstance(text, str))
    return None


SOURCE = Bedrock()
