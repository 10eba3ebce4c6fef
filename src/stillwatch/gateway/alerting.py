"""Alerts while a gate is open: look every few seconds, keep what is to be told, deliver it. In a thread of its own.

Also the way out for messages to the provider's own systems (`responses.base.Outgoing`, the step-up check): each is
sent as a webhook of the same standard, signed where the environment has ``STILLWATCH_WEBHOOK_SECRET``.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import threading
import time
from pathlib import Path

import msgspec

from stillwatch.errors import InputError, PeerError, StillwatchError, StorageError
from stillwatch.gateway.alerts.base import Alert, AlertTo
from stillwatch.gateway.alerts.opening import open_channels
from stillwatch.gateway.alerts.outbox import Outbox
from stillwatch.gateway.alerts.posting import post
from stillwatch.gateway.alerts.webhook import key_of, signed_headers
from stillwatch.gateway.appeals.record import Appeals
from stillwatch.gateway.gate import Gate
from stillwatch.gateway.stores.base import Change
from stillwatch.gateway.watching import Memory, Sight, Watcher
from stillwatch.responses.base import Outgoing
from stillwatch.storage.whole import write_whole

__all__ = ["Alerting", "sight_of"]

EVERY = 5.0
SECRET = "STILLWATCH_WEBHOOK_SECRET"
LONGEST_PAUSE = 600.0


def sight_of(gate: Gate) -> Sight:
    """What there is to see at a gate now."""
    now = gate.now()
    with gate.lock:
        campaigns, stood_down = gate.state.campaigns(now), gate.state.switches.get("stood_down")
    off = gate.figures()["off"] > 0
    return Sight(
        at=now,
        campaigns=campaigns,
        stood_down=stood_down.why or "bounds" if stood_down is not None and stood_down.on else "",
        switched_off=off,
        store_down=bool(gate.store_down),
        appeals=_appeals(gate.folder / "appeals"),
    )


class Alerting:
    """Told and delivered for one gate until `close`. ``error`` is what is wrong with the policy's ``[[alerts]]`` (the
    last good ones stay), "" for nothing.

    Several processes may watch one folder: what they tell has the same ids, and one of them delivers.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate, self._folder = gate, gate.folder / "alerts"
        self.outbox = Outbox(self._folder, [])
        self.error = ""
        self._entries: tuple[AlertTo, ...] = ()
        self._watcher = Watcher(_memory(self._folder / "told"))
        self._pauses: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ends = threading.Event()
        self._follow_policy()
        gate.alerts.append(self._hear)

    def start(self) -> None:
        """Begin; ends with `close`, or with the process."""
        self._thread = threading.Thread(target=self._run, name="stillwatch-alerts", daemon=True)
        self._thread.start()

    def round(self) -> None:
        """One look, and deliver what is due."""
        self._follow_policy()
        with self._lock:
            alerts = self._watcher.see(sight_of(self._gate))
            for alert in alerts:
                self.outbox.put(alert)
            if alerts:
                self._remember()
        asyncio.run(self._deliver())

    def close(self) -> None:
        """No more looks; what waits stays in the folder."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(15)
        if self._hear in self._gate.alerts:
            self._gate.alerts.remove(self._hear)

    def _run(self) -> None:
        while True:
            with contextlib.suppress(StillwatchError, OSError):  # a full disk, say; the next look tries again
                self.round()
            if self._ends.wait(EVERY):
                return

    def _hear(self, alert: Alert) -> None:
        """What the gate tells by itself: kept at once, and not told again by the next look."""
        with self._lock:
            self._watcher.heard(alert)
            self.outbox.put(alert)
            self._remember()

    def _remember(self) -> None:
        write_whole(self._folder / "told", msgspec.json.encode(self._watcher.memory), private=True)

    def _follow_policy(self) -> None:
        entries = self._gate.policy.alerts
        if entries == self._entries and not self.error:
            return
        try:
            channels = open_channels(entries)
        except StillwatchError as error:
            self.error = str(error)
            return
        self.outbox.set_destinations(channels)
        self._entries, self.error = entries, ""

    async def _deliver(self) -> None:
        await self.outbox.deliver()
        with self._gate.lock:
            messages = list(self._gate.state.waiting.values())
        for message in messages:
            await self._send(message)

    async def _send(self, message: Outgoing) -> None:
        pause, due = self._pauses.get(message.id, (EVERY, 0.0))
        if time.monotonic() < due:
            return
        body = msgspec.json.encode({"type": f"stillwatch.{message.kind}", "data": {"id": message.id, **message.body}})
        secret = os.environ.get(SECRET, "")
        name = "msg_" + hashlib.sha256(message.id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        headers = signed_headers(key_of(secret), name, int(time.time()), body) if secret else {"webhook-id": name}
        try:
            await post(message.url, body, headers)
        except PeerError as error:
            self.outbox.errors["outgoing"] = str(error)
            if error.again:
                self._pauses[message.id] = (min(2 * pause, LONGEST_PAUSE), time.monotonic() + pause)
                return
            self.outbox.failed += 1
        else:
            self.outbox.delivered += 1
            self.outbox.errors.pop("outgoing", None)
        self._pauses.pop(message.id, None)
        self._gate.put([Change("outgoing", message.id, None)])


def _memory(path: Path) -> Memory:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory(things={})
    except (OSError, msgspec.DecodeError):  # told again rather than never
        return Memory(things={})


def _appeals(folder: Path) -> tuple[int, ...]:
    if not folder.is_dir():
        return ()
    try:
        return tuple(int(a.opened_at.timestamp() * 1e6) for a in Appeals(folder).all() if a.status == "open")
    except (InputError, StorageError):
        return ()
