"""Alerts on their way: none is lost when receiver or gateway are down, and a broken one holds up no other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.gateway.alerts import outbox as outboxes
from stillwatch.gateway.alerts.base import Alert, AlertTo
from stillwatch.gateway.alerts.outbox import Destination, Outbox
from stillwatch.gateway.alerts.slack import Parameters, Slack
from tests.gateway.receivers import Receiver, receiving

AT = 1_780_000_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now = AT / 1e6

    def __call__(self) -> float:
        return self.now


def alert(number: int, **changes: Any) -> Alert:
    told: dict[str, Any] = {
        "kind": "new_campaign",
        "at": AT + number,
        "severity": "warning",
        "summary": f"Number {number}.",
    }
    return Alert(id=f"a{number}", **(told | changes))


def to(receiver: Receiver, **changes: Any) -> Destination:
    entry = AlertTo(channel="slack", parameters={"url": receiver.url}, **changes)
    return Destination(entry, Slack(Parameters(url=receiver.url)))


def texts(receiver: Receiver) -> list[str]:
    return [msgspec.json.decode(post.body)["text"].partition(": ")[2] for post in receiver.posts]


def test_alerts_wait_for_a_receiver_that_is_down_in_order_and_each_arrives_once(tmp_path: Path) -> None:
    async def run() -> list[str]:
        clock = Clock()
        async with receiving() as receiver:
            box = Outbox(tmp_path, [to(receiver)], clock=clock)
            for number in range(3):
                box.put(alert(number))
                box.put(alert(number))  # the same again is one
            receiver.statuses = [503, 503]
            await box.deliver()
            await box.deliver()  # too early: nothing is sent
            assert len(receiver.posts) == 1
            assert "503" in next(iter(box.errors.values()))
            clock.now += 7
            await box.deliver()
            assert len(receiver.posts) == 2
            clock.now += 7  # the second pause is twice as long
            await box.deliver()
            assert len(receiver.posts) == 2
            clock.now += 7
            await box.deliver()
            assert (box.waiting(), box.delivered, box.errors) == (0, 3, {})
            return texts(receiver)[2:]

    assert asyncio.run(run()) == ["Number 0.", "Number 1.", "Number 2."]


def test_a_receiver_says_how_long_to_wait(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        async with receiving() as receiver:
            box = Outbox(tmp_path, [to(receiver)], clock=clock)
            box.put(alert(0))
            receiver.statuses, receiver.retry_after = [429], "60"
            await box.deliver()
            clock.now += 59
            await box.deliver()
            assert box.waiting() == 1
            clock.now += 2
            await box.deliver()
            assert box.waiting() == 0

    asyncio.run(run())


def test_what_is_refused_for_good_or_too_old_is_set_aside_and_holds_up_nothing(tmp_path: Path) -> None:
    async def run() -> list[str]:
        clock = Clock()
        async with receiving() as receiver:
            box = Outbox(tmp_path, [to(receiver)], clock=clock)
            for number in range(2):
                box.put(alert(number))
            box.put(alert(2, at=AT - 4 * 86_400_000_000))
            (tmp_path / "00-torn.json").write_bytes(b'{"to":"sl')
            receiver.statuses = [400]
            await box.deliver()
            assert (box.delivered, box.failed, box.waiting()) == (1, 3, 0)
            assert len(list((tmp_path / "failed").iterdir())) == 3
            return texts(receiver)

    assert asyncio.run(run()) == ["Number 0.", "Number 1."]


def test_one_broken_destination_holds_up_no_other_and_each_gets_what_it_wants(tmp_path: Path) -> None:
    async def run() -> tuple[list[str], list[str]]:
        async with receiving() as broken, receiving() as well:
            broken.statuses = [503] * 9
            box = Outbox(tmp_path, [to(broken), to(well, severity="critical", kinds=("stood_down",))], clock=Clock())
            box.put(alert(0))
            box.put(alert(1, kind="stood_down", severity="critical"))
            box.put(alert(2, kind="store_down", severity="critical"))
            await box.deliver()
            assert box.waiting() == 3
            return texts(broken), texts(well)

    assert asyncio.run(run()) == (["Number 0."], ["Number 1."])


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "MOST_WAITING", 5)

    async def run() -> None:
        async with receiving() as receiver:
            box = Outbox(tmp_path, [to(receiver)], clock=Clock())
            for number in range(8):
                box.put(alert(number))
            assert (box.waiting(), box.dropped) == (5, 3)
            await box.deliver()
            assert texts(receiver) == [f"Number {number}." for number in range(3, 8)]

    asyncio.run(run())


KILLED = """
import os, signal, sys
from pathlib import Path
from stillwatch.gateway.alerts.base import Alert, AlertTo
from stillwatch.gateway.alerts.outbox import Destination, Outbox
from stillwatch.gateway.alerts.slack import Parameters, Slack
url = sys.argv[2]
to = Destination(AlertTo(channel="slack", parameters={"url": url}), Slack(Parameters(url=url)))
box = Outbox(Path(sys.argv[1]), [to])
for number in range(int(sys.argv[3])):
    told = {"kind": "stood_down", "at": 1_780_000_000_000_000 + number, "severity": "critical"}
    box.put(Alert(id=f"a{number}", summary=f"Number {number}.", **told))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_alerts_of_a_gateway_that_was_killed_arrive_after_it_is_back(tmp_path: Path) -> None:
    async def run() -> list[str]:
        async with receiving() as receiver:
            command = [sys.executable, "-c", KILLED, str(tmp_path), receiver.url, "4"]
            done = await asyncio.to_thread(subprocess.run, command, check=False)
            assert done.returncode == -9
            assert receiver.posts == []
            await Outbox(tmp_path, [to(receiver)], clock=Clock()).deliver()
            return texts(receiver)

    assert asyncio.run(run()) == [f"Number {number}." for number in range(4)]


def test_two_processes_at_one_folder_send_nothing_twice(tmp_path: Path) -> None:
    async def run() -> list[str]:
        async with receiving() as receiver:
            first, second = (Outbox(tmp_path, [to(receiver)], clock=Clock()) for _ in range(2))
            for number in range(20):
                first.put(alert(number))
            await asyncio.gather(first.deliver(), second.deliver())
            return texts(receiver)

    assert asyncio.run(run()) == [f"Number {number}." for number in range(20)]
