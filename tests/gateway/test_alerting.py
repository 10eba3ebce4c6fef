"""Alerts and messages of a gate at work: from what happens to what a receiver gets."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.errors import InputError
from stillwatch.gateway.alerting import Alerting, sight_of
from stillwatch.gateway.alerts.base import AlertTo
from stillwatch.gateway.alerts.opening import check_alerts
from stillwatch.gateway.appeals.record import Appeals
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.state import Switch
from stillwatch.gateway.stores.base import change
from stillwatch.responses.base import Outgoing
from tests.gateway.claims import NOW, claim, write_policy
from tests.gateway.receivers import Receiver, receiving

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver in a thread of its own, since the rounds have loops of their own."""
    loop, ready, stop, found = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), list[Receiver]()

    async def run() -> None:
        async with receiving() as opened:
            found.append(opened)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    ready.wait(10)
    yield found[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def opened(folder: Path, receiver: Receiver, more: str = "") -> Gate:
    to = f'[[alerts]]\nchannel = "slack"\n{more}parameters = {{ url = "{receiver.url}" }}\n'
    return open_gate(folder / "state", write_policy(folder / "policy.toml", to))


def told(receiver: Receiver) -> list[str]:
    return [msgspec.json.decode(post.body)["text"].split(": ", 1)[1] for post in receiver.posts]


def test_a_campaign_a_stand_down_and_an_appeal_reach_the_room_once_and_not_again_after_a_restart(
    tmp_path: Path, receiver: Receiver
) -> None:
    for _ in range(2):
        gate = opened(tmp_path, receiver)
        alerting = Alerting(gate)
        gate.put([change(claim(f"a{number}")) for number in range(12)])
        gate.put([change(Switch(name="stood_down", on=True, why="too many were touched", at=NOW))])
        appeals = Appeals(gate.folder / "appeals")
        if not appeals.all():
            appeals.open("ABCDEFGHIJ", "a1", "c", "It is my class.", now=dt.datetime.now(dt.UTC))
        for _ in range(2):
            alerting.round()
        alerting.close()
        gate.close()
    assert sorted(told(receiver)) == [
        "1 appeal waits for a person to look.",
        "A scan accuses a campaign of 12 accounts. Campaign `c`.",
        "The gateway stood down: it only watches until a person says otherwise.",
    ]


def test_what_the_gate_tells_by_itself_is_told_once(tmp_path: Path, receiver: Receiver) -> None:
    gate = opened(tmp_path, receiver)
    alerting = Alerting(gate)
    (tmp_path / "policy.toml").write_text("version = ")
    for _ in range(2):
        gate.refresh()
        alerting.round()
    assert len(told(receiver)) == 1
    assert "policy" in told(receiver)[0].lower()
    alerting.close()
    gate.close()


def test_the_policys_alerts_are_followed_as_its_file_changes_and_a_broken_entry_leaves_the_last_good(
    tmp_path: Path, receiver: Receiver
) -> None:
    gate = opened(tmp_path, receiver, 'severity = "critical"\n')
    alerting = Alerting(gate)
    gate.put([change(claim("a", campaign_id="first"))])
    alerting.round()
    assert told(receiver) == []  # a warning is not critical
    gate.set_policy(msgspec.structs.replace(gate.policy, alerts=(AlertTo(channel="pigeon"),)))
    alerting.round()
    assert "no channel 'pigeon'" in alerting.error
    slack = AlertTo(channel="slack", parameters={"url": receiver.url})
    gate.set_policy(msgspec.structs.replace(gate.policy, alerts=(slack,)))
    gate.put([change(claim("b", campaign_id="second"))])
    alerting.round()
    assert alerting.error == ""
    assert [line for line in told(receiver) if "second" in line]
    alerting.close()
    gate.close()


def test_a_message_to_the_providers_systems_is_signed_sent_until_it_arrives_and_then_forgotten(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLWATCH_WEBHOOK_SECRET", KEY)
    gate = opened(tmp_path, receiver)
    alerting = Alerting(gate)
    message = Outgoing(id="m1", kind="step_up", url=receiver.url, body={"account_id": "a", "check": "verify"})
    gate.put([change(message)])
    receiver.statuses = [503]
    alerting.round()
    alerting.round()  # too early
    assert len(receiver.posts) == 1
    monkeypatch.setattr(time, "monotonic", lambda begun=time.monotonic: begun() + 10)
    alerting.round()
    alerting.round()
    assert len(receiver.posts) == 2
    first, second = receiver.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.headers["webhook-signature"].startswith("v1,")
    body: Any = msgspec.json.decode(second.body)
    assert body == {"type": "stillwatch.step_up", "data": {"id": "m1", "account_id": "a", "check": "verify"}}
    assert gate.state.waiting == {}
    alerting.close()
    gate.close()


def test_it_looks_and_delivers_by_itself(tmp_path: Path, receiver: Receiver) -> None:
    gate = opened(tmp_path, receiver)
    gate.put([change(claim("a"))])
    alerting = Alerting(gate)
    alerting.start()
    until = time.monotonic() + 20
    while not receiver.posts and time.monotonic() < until:
        time.sleep(0.05)
    alerting.close()
    gate.close()
    assert told(receiver) == ["A scan accuses a campaign of 1 account. Campaign `c`."]


def test_a_gate_of_which_there_is_nothing_to_tell_tells_nothing(tmp_path: Path, receiver: Receiver) -> None:
    gate = opened(tmp_path, receiver)
    seen = sight_of(gate)
    assert (seen.campaigns, seen.stood_down, seen.switched_off, seen.store_down, seen.appeals) == (
        {},
        "",
        False,
        False,
        (),
    )
    alerting = Alerting(gate)
    alerting.round()
    alerting.close()
    gate.close()
    assert receiver.posts == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (AlertTo(channel="pigeon"), r"alerts\[1\]: no channel 'pigeon'; known: webhook, slack"),
        (AlertTo(channel="slack"), r"alerts\[1\]: slack: Object missing required field `url`"),
        (AlertTo(channel="slack", parameters={"url": "x", "colour": 1}), "unknown field `colour`"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_when_the_policy_is_checked(entry: AlertTo, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_alerts([entry])
    check_alerts([AlertTo(channel="webhook", parameters={"url": "https://x.example", "secret": "env:NOT_SET_HERE"})])
