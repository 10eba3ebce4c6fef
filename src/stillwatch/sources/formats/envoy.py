"""Envoy AI Gateway's access log as JSON lines: metadata only, no texts.

The keys of an Envoy access log are the operator's to choose. Read are those that the gateway's guide recommends
(``gen_ai.*``; in versions 0.4 and 0.5 ``genai_*``), and these of ours, which an operator adds: ``account.id``,
``api_key.id`` and ``ja4``. Other keys: a field map. Choices that a reader of the log would want to know:

- The account is the first of ``account.id``, ``tenant.id`` and ``user.id``. Envoy logs whatever header the operator
  puts there, so it must be one that Envoy itself has set (``switch_on`` says how); a log without any has no accounts.
- The address is that of ``x-forwarded-for``, to which Envoy itself adds whom it was called by; where that is not
  logged, ``downstream_remote_address``.
- A request without a model and without tokens (MCP, a health check) is no call to a model.
- ``gen_ai.usage.input_tokens`` includes cached tokens (`InputToken` of ``llmRequestCosts``).
- ``response_code`` 0 means that the client went away before an answer came; it is read as 499.
- Envoy writes ``-`` or null for what it does not know; both are null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.gateway_calls import operation_of
from stillwatch.sources.calls.http_bodies import without_key
from stillwatch.sources.containers.json_documents import begins_json
from stillwatch.sources.records.json_log import JsonLog

__all__ = ["SOURCE", "Envoy"]

MARKS = (b'"start_time"', b'"response_code"')
MODEL_MARKS = (b'"gen_ai.', b'"genai_')
CLIENT_GONE = 499

_KEYS: Mapping[str, tuple[str, ...]] = {
    "exchange_id": ("x-request-id",),
    "started_at": ("start_time",),
    "account_id": ("account.id", "tenant.id", "user.id"),
    "api_key_id": ("api_key.id",),
    "session_id": ("session.id",),
    "model": (
        *("gen_ai.response.model", "gen_ai.request.model_override", "gen_ai.request.model"),
        *("genai_model_name_override", "genai_model_name"),
    ),
    "input_tokens": ("gen_ai.usage.input_tokens", "genai_tokens_input"),
    "output_tokens": ("gen_ai.usage.output_tokens", "genai_tokens_output"),
    "reasoning_tokens": ("gen_ai.usage.reasoning_tokens",),
    "user_agent": ("user-agent",),
    "ja4": ("ja4", "tls_ja4_fingerprint"),
    "status": ("response_code",),
    "latency_ms": ("duration",),
}
_PAIRS = tuple(_KEYS.items())


class Envoy(JsonLog):
    """The access log of Envoy AI Gateway in its recommended keys."""

    info: ClassVar[Info] = Info(
        name="envoy",
        summary="Envoy AI Gateway's access log in the recommended keys: JSON lines, metadata only",
        reference="https://aigateway.envoyproxy.io/docs/capabilities/observability/accesslogs",
        version="0.4 to 1.1",
        example=(
            b'{"start_time": "2026-09-07T00:03:08.250Z", "x-request-id": "r1", "account.id": "a1", "api_key.id": "k1",'
            b' "session.id": "s1", "gen_ai.request.model": "m", "gen_ai.response.model": "m",'
            b' "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 3, "gen_ai.usage.reasoning_tokens": 0,'
            b' "x-envoy-origin-path": "/v1/chat/completions", "response_code": 200, "duration": 500,'
            b' "x-forwarded-for": "192.0.2.7", "user-agent": "agent/1", "downstream_remote_address": "10.0.0.9:6448"}\n'
        ),
        carries=(*_KEYS, "operation", "client_ip"),
        switch_on=(
            "In the `EnvoyProxy` resource log as JSON with the keys of `examples/access-log/basic.yaml`, and in the"
            " `AIGatewayRoute` set `llmRequestCosts` of types `InputToken`, `OutputToken` and `ReasoningToken`. Add the"
            ' account: `account.id: "%REQ(X-CLIENT-ID)%"`, where a `SecurityPolicy` fills the header'
            " (`apiKeyAuth.forwardClientIDHeader: x-client-id`, or `claimToHeaders` of a JWT provider), so that no"
            ' client can choose it. Add `ja4: "%TLS_JA4_FINGERPRINT%"` where Envoy ends TLS and its TLS inspector has'
            " `enable_ja4_fingerprinting`. Behind a load balancer set `clientIPDetection` in a `ClientTrafficPolicy`."
        ),
        privacy=(
            "There are no texts in an access log: accounts are compared by load, rhythm and network. The gateway's"
            " traces have texts; the reader of OTLP reads them."
        ),
        trust=Trust(
            "`account.id`, `tenant.id` or `user.id`, as you log them",
            "yes, unless Envoy itself sets the header that is logged, as its page says",
            "`x-forwarded-for`, else `downstream_remote_address`",
        ),
    )

    identity_keys: ClassVar[tuple[str, ...]] = _KEYS["exchange_id"]

    def recognises(self, head: bytes) -> bool:
        """Whether the file is JSON with Envoy's usual keys and one of a model."""
        if not begins_json(head) or not all(mark in head for mark in MARKS):
            return False
        return any(mark in head for mark in MODEL_MARKS)

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: a line is one exchange where a model was called."""
        values = {name: _first(document, keys) for name, keys in _PAIRS}
        if values["model"] is None and not values["input_tokens"] and not values["output_tokens"]:
            return ()
        for name in ("account_id", "api_key_id"):  # an operator may have logged the header with the key itself
            values[name] = without_key(values[name])
        values["client_ip"] = _first(document, ("x-forwarded-for", "downstream_remote_address"))
        values["operation"] = operation_of(_first(document, ("x-envoy-origin-path", "request.path")))
        if values["status"] in (0, "0"):
            values["status"] = CLIENT_GONE
        return (values,)

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        return (_first(document, _KEYS["exchange_id"]),)


def _first(line: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """The first value that Envoy knew."""
    for key in keys:
        value = line.get(key)
        if value is not None and value != "-" and value != "":
            return value
    return None


SOURCE = Envoy()
