"""The door for Envoy (plain, or Envoy AI Gateway): its external processor, over gRPC.

How Envoy is told to come here, and what happens when we do not answer, stands in ``examples/envoy/`` and
docs/gateway-envoy.md. What is answered to each message is `gateway.doors.envoy_exchange`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

import grpc
from envoy.service.auth.v3 import external_auth_pb2_grpc
from envoy.service.ext_proc.v3 import external_processor_pb2_grpc

from stillwatch.errors import StillwatchError, UsageError
from stillwatch.gateway.doors.accounts import Callers
from stillwatch.gateway.doors.batch_files import KnownFiles
from stillwatch.gateway.doors.calls import Caller, request_ids
from stillwatch.gateway.doors.envoy_authz import Authorization
from stillwatch.gateway.doors.envoy_exchange import Exchange, Front
from stillwatch.gateway.doors.marks import Marks
from stillwatch.gateway.doors.streams import Judge
from stillwatch.gateway.doors.summaries import Summaries
from stillwatch.gateway.shielding.seal import SealKeys

__all__ = ["Processor", "Tls", "front_of", "start"]

MOST_MESSAGE = 64 << 20
"""The largest message taken from Envoy, in bytes: a request's body comes in one."""


class Tls(NamedTuple):
    """PEM of the server's certificate chain and key; ``clients``: the authority whose certificates callers must show
    (Envoy's), None for any caller."""

    certificate: bytes
    key: bytes
    clients: bytes | None = None


class Processor(external_processor_pb2_grpc.ExternalProcessorServicer):  # type: ignore[misc]
    """``envoy.service.ext_proc.v3.ExternalProcessor``: one call for each HTTP exchange.

    An error of ours ends the call, and Envoy does what its ``failure_mode_allow`` says. ``added`` is told the seconds
    that each exchange spent here, waits of the policy left out.
    """

    def __init__(self, front: Front, added: Callable[[float], None] | None = None) -> None:
        self._front, self._added = front, added or (lambda seconds: None)

    async def Process(self, messages: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """The name is the protocol's."""
        exchange, spent = Exchange(self._front), 0.0
        try:
            async for message in messages:
                begun = time.perf_counter()
                async for answer in exchange.answers(message):
                    yield answer
                spent += time.perf_counter() - begun
        finally:
            await exchange.ended()
            self._added(max(spent - exchange.waited, 0.0))


def front_of(
    gate: Judge,
    callers: Callers,
    keys: SealKeys | None = None,
    summaries: Summaries | None = None,
    marks: Marks | None = None,
) -> Front:
    """What exchanges share; their ids are such that nobody can guess one.

    Envoy is believed: what ``callers`` take from a trusted front's headers is taken from its.
    """

    def who(headers: Mapping[str, str], address: str) -> Caller:
        told = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        caller = callers.caller({"headers": told, "client": None})
        return caller._replace(client_ip=address) if address else caller

    return Front(gate, who, request_ids().__next__, KnownFiles(), marks or Marks(), summaries, keys)


async def start(
    front: Front, listen: str, tls: Tls | None = None, added: Callable[[float], None] | None = None
) -> tuple[Any, int]:
    """A running server of both services (ext_proc and ext_authz), and its port (0 for a socket file).

    ``listen`` is ``HOST:PORT`` (port 0 takes a free one) or ``unix:PATH``. Raises `UsageError` where it cannot be
    listened on.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MOST_MESSAGE),
            ("grpc.max_send_message_length", MOST_MESSAGE),
            ("grpc.so_reuseport", 0),
        ]
    )
    external_processor_pb2_grpc.add_ExternalProcessorServicer_to_server(Processor(front, added), server)
    external_auth_pb2_grpc.add_AuthorizationServicer_to_server(Authorization(front), server)
    try:
        if tls is None:
            port = server.add_insecure_port(listen)
        else:
            port = server.add_secure_port(listen, _credentials(tls))
        await server.start()
    except (RuntimeError, ValueError) as error:
        raise UsageError("cannot be listened on", listen, "give HOST:PORT, with a free port, or unix:PATH") from error
    return server, (0 if listen.startswith("unix:") else port)


def _credentials(tls: Tls) -> Any:
    try:
        return grpc.ssl_server_credentials(
            [(tls.key, tls.certificate)],
            root_certificates=tls.clients,
            require_client_auth=tls.clients is not None,
        )
    except Exception as error:
        raise StillwatchError("is no certificate with its key", "--cert, --key", "give both as PEM") from error
