"""Alerts on their way: a folder that holds each until it was delivered, so that none is lost when we are killed.

At least once: an alert is taken off the disk after its receiver took it, so that a kill in between sends it twice (with
the same id). Each destination has its own pace: where one fails, it is asked again after 5 s, 10 s, 20 s … at most ten
minutes, or as long as it says, and what waits for it waits in order; the others go on. What a receiver refuses for good
and what is older than three days goes to ``failed/``. Bounded: beyond 10,000 waiting alerts the oldest are dropped and
counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.errors import PeerError, StorageError
from stillwatch.gateway.alerts.base import Alert, AlertTo, Channel
from stillwatch.storage.whole import write_whole

__all__ = ["Destination", "Outbox", "Waiting", "name_of"]

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0
OLDEST = 3 * 86400.0
MOST_WAITING, MOST_FAILED = 10_000, 1_000
POLL = 1.0
SUFFIX = ".json"


class Destination(NamedTuple):
    """A channel that was opened, and the entry of the policy that it was opened for."""

    entry: AlertTo
    channel: Channel


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One alert for one destination, as it lies in the folder."""

    to: str
    alert: Alert


class _Pace:
    """How a destination has been doing."""

    def __init__(self) -> None:
        self.failures, self.next = 0, 0.0

    def failed(self, now: float, after: float | None) -> None:
        self.failures += 1
        pause = min(FIRST_PAUSE * 2 ** min(self.failures - 1, 10), LONGEST_PAUSE) * random.uniform(1, 1.25)
        self.next = now + max(pause, after or 0.0)


def name_of(entry: AlertTo) -> str:
    """A destination's name: its channel and a short hash of its parameters, so that it stays over restarts."""
    digest = hashlib.sha256(msgspec.json.encode(entry.parameters, order="sorted")).hexdigest()[:12]
    return f"{entry.channel}-{digest}"


class Outbox:
    """The folder and who is to get what lies in it. One process delivers at a time; any may put something in.

    ``clock`` gives seconds since 1970. ``delivered``, ``failed`` and ``dropped`` count since this was opened;
    ``errors`` holds the last error of each destination that fails now.
    """

    def __init__(
        self, folder: Path, destinations: Sequence[Destination], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._clock = folder, clock
        self._paces: dict[str, _Pace] = {}
        self.delivered = self.failed = self.dropped = 0
        self.errors: dict[str, str] = {}
        self.set_destinations(destinations)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / "failed").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot be made: {error.strerror}", folder) from error

    def set_destinations(self, destinations: Sequence[Destination]) -> None:
        """From now on alerts go there; what waits for one that is no longer named is set aside."""
        self.destinations = {name_of(d.entry): d for d in destinations}

    def put(self, alert: Alert) -> None:
        """Keep ``alert`` for every destination that wants it; the same again is one. Raises `StorageError`."""
        for name, destination in self.destinations.items():
            if destination.entry.wants(alert):
                digest = hashlib.sha256(f"{name}\0{alert.id}".encode("utf-8", "surrogatepass")).hexdigest()[:20]
                path = self._folder / f"{max(alert.at, 0):020d}-{digest}{SUFFIX}"
                write_whole(path, msgspec.json.encode(Waiting(to=name, alert=alert)), private=True)
        waiting = self._files()
        for path in waiting[: max(len(waiting) - MOST_WAITING, 0)]:
            path.unlink(missing_ok=True)
            self.dropped += 1

    def waiting(self) -> int:
        """How many lie in the folder."""
        return len(self._files())

    async def deliver(self) -> None:
        """Deliver what is due, destinations side by side; nothing where another process is at it."""
        with self._alone() as alone:
            if not alone:
                return
            queues: dict[str, list[tuple[Path, Waiting]]] = {}
            for path in self._files():
                kept = self._read(path)
                if kept is not None:
                    queues.setdefault(kept.to, []).append((path, kept))
            await asyncio.gather(*(self._deliver_to(name, queue) for name, queue in queues.items()))

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop`` is set, looking each second."""
        while not stop.is_set():
            with contextlib.suppress(OSError):  # a full disk, say: what lies there stays
                await self.deliver()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL)

    async def _deliver_to(self, name: str, queue: list[tuple[Path, Waiting]]) -> None:
        destination, pace = self.destinations.get(name), self._paces.setdefault(name, _Pace())
        for path, kept in queue:
            now = self._clock()
            if destination is None or now - kept.alert.at / 1e6 > OLDEST:
                self._fail(path)  # the policy no longer names it, or it never came back
                continue
            if now < pace.next:
                return
            try:
                await destination.channel.send(kept.alert)
            except PeerError as error:
                self.errors[name] = str(error)
                if error.again:
                    pace.failed(now, error.after)
                    return
                self._fail(path)
                continue
            path.unlink(missing_ok=True)
            self.delivered += 1
            pace.failures, pace.next = 0, 0.0
            self.errors.pop(name, None)

    def _fail(self, path: Path) -> None:
        folder = self._folder / "failed"
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, folder / path.name)
            self.failed += 1
        kept = sorted(folder.glob(f"*{SUFFIX}"))
        for old in kept[: max(len(kept) - MOST_FAILED, 0)]:
            old.unlink(missing_ok=True)

    def _read(self, path: Path) -> Waiting | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Waiting)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            self._fail(path)
            return None

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        with (self._folder / ".lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
