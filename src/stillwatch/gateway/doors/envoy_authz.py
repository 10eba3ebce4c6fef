"""The smaller door for Envoy: its external authorisation (ext_authz), which can only let a request pass or refuse it.

It sees no answer: nothing is shielded, shaped or counted through it, so that a decision that asks for those lets the
request pass as it is. Use ext_proc wherever Envoy offers it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from envoy.config.core.v3 import base_pb2
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from envoy.type.v3 import http_status_pb2
from google.rpc import code_pb2, status_pb2

from stillwatch.gateway.decision import Observed
from stillwatch.gateway.doors.calls import read_call, request_of, row_of
from stillwatch.gateway.doors.envoy_exchange import Front
from stillwatch.gateway.shielding.refusals import refusal_response

__all__ = ["Authorization"]


class Authorization(external_auth_pb2_grpc.AuthorizationServicer):  # type: ignore[misc]
    """``envoy.service.auth.v3.Authorization``: one call for each request, with its body where Envoy is told to send
    it (``with_request_body``)."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def Check(self, check: Any, context: Any) -> Any:
        """The name is the protocol's."""
        front, http = self._front, check.attributes.request.http
        body = http.raw_body or http.body.encode("utf-8", "surrogatepass")
        headers = dict(http.headers)
        call = read_call(http.method, http.path, body)
        caller = front.who(headers, check.attributes.source.address.socket_address.address)
        request = request_of(call, caller, front.name(), front.gate.now())
        decision = front.gate.decide(request)
        if decision.refuse is None:
            if decision.wait > 0:
                await asyncio.sleep(decision.wait)
            return external_auth_pb2.CheckResponse(
                status=status_pb2.Status(code=code_pb2.OK), ok_response=external_auth_pb2.OkHttpResponse()
            )
        status, sent, answer = refusal_response(call.api, decision.refuse, decision.reference, front.gate.policy.appeal)
        row = row_of(call, request, caller, status=status, answer=answer, ended_at=front.gate.now(), headers=sent)
        front.gate.observed(Observed(row=row, decision=decision))
        return external_auth_pb2.CheckResponse(
            status=status_pb2.Status(code=code_pb2.PERMISSION_DENIED),
            denied_response=external_auth_pb2.DeniedHttpResponse(
                status=http_status_pb2.HttpStatus(code=status),
                headers=[
                    base_pb2.HeaderValueOption(header=base_pb2.HeaderValue(key=name, value=value))
                    for name, value in sent.items()
                ],
                body=answer.decode("utf-8", "replace"),
            ),
        )
