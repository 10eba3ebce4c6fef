from __future__ import annotations

from collections.abc import Iterator

import pytest

from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.upstream import Upstream
from stillwatch.gateway.policy import Policy
from tests.gateway.batch_server import Batches, serving_batches
from tests.gateway.proxied import Chosen, served


@pytest.fixture(scope="module")
def batches_running() -> Iterator[Batches]:
    gate = Chosen()
    with serving_batches() as server:
        front = Upstream(server.address)
        with served(StillwatchMiddleware(front, gate=gate), front.close) as address:
            yield Batches(gate, address, server)


@pytest.fixture
def batches(batches_running: Batches) -> Batches:
    gate, server = batches_running.gate, batches_running.server
    gate.choose = lambda request: {}
    gate.policy, gate.keeps_text = Policy(version=1, name="test"), True
    for kept in (gate.told, gate.requests, server.received, server.headers):
        kept.clear()
    server.output, server.refuses = b"", False
    return batches_running
