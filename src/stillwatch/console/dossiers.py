"""Dossiers made from the console: each in a process beside it, its steps and its end kept as files in one folder.

What a thread or a process knows goes with it; a page reads the files, so that a console that is started again tells of
a dossier that was cut off, and the finished ones are still there.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from stillwatch.beside import beside
from stillwatch.console.places import MOST_DOSSIERS
from stillwatch.dossier.choices import Choices, Exhibiting, GivenLog
from stillwatch.dossier.making import make
from stillwatch.errors import StillwatchError, StorageError, UsageError
from stillwatch.storage.disk import disk_errors
from stillwatch.storage.whole import write_whole

__all__ = ["Dossiers", "Order", "Told"]

ORDER, TOLD, ZIP = "order.json", "told.json", "dossier.zip"
_NAME = re.compile(r"[0-9a-f]{16}")
_FIRST_OF_ALL = (1980, 1, 1, 0, 0, 0)

State = Literal["begun", "made", "failed"]


class Order(msgspec.Struct, frozen=True):
    """What is to be made, by whom, when (seconds since 1970)."""

    run: str
    campaign: str
    by: str
    at: float
    exhibits: Exhibiting = "redacted"
    reason: str = ""
    log: tuple[str, ...] = ()
    drill: str = ""
    decisions: str = ""
    paper: bool = True

    def choices(self) -> Choices:
        """The same for whoever makes it. Raises `UsageError` for what contradicts itself."""
        return Choices(
            drill=Path(self.drill) if self.drill else None,
            decisions=Path(self.decisions) if self.decisions else None,
            log=GivenLog(locations=self.log) if self.log else None,
            exhibits=self.exhibits,
            reason=self.reason,
            by=self.by,
            paper=self.paper,
        )


class Told(msgspec.Struct, frozen=True):
    """How far it is: the ``steps`` begun so far, and how it ended (``said``: why it failed)."""

    state: State = "begun"
    steps: tuple[str, ...] = ()
    said: str = ""
    digest: str = ""
    bytes: int = 0


@dataclass(frozen=True)
class _Telling:
    """A `Progress` that keeps its steps in a file."""

    path: Path
    steps: list[str]

    def step(self, title: str, total: int | None = None) -> None:
        self.steps.append(title)
        write_whole(self.path, msgspec.json.encode(Told("begun", tuple(self.steps))), private=True)

    def advance(self, amount: int = 1) -> None:
        """A page that is loaded every two seconds needs no more than the steps."""


def _made(folder: Path) -> Told:
    """Make what stands in ``folder``'s order, and leave it as one file. In a process of its own."""
    order = msgspec.json.decode((folder / ORDER).read_bytes(), type=Order)
    progress = _Telling(folder / TOLD, [])
    with disk_errors(folder):
        made = make(Path(order.run), order.campaign, folder / "dossier", order.choices(), progress)
        progress.step("packing")
        staging = folder / ".zip"
        with zipfile.ZipFile(staging, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in made.files:
                told = zipfile.ZipInfo(f"dossier-{folder.name}/{name}", _FIRST_OF_ALL)
                packed.writestr(told, (made.folder / name).read_bytes(), zipfile.ZIP_DEFLATED)
        staging.chmod(0o600)
        staging.replace(folder / ZIP)
        shutil.rmtree(made.folder)
    return Told("made", tuple(progress.steps), digest=made.digest, bytes=(folder / ZIP).stat().st_size)


class Dossiers:
    """The dossiers of one console, in ``folder``. One is made at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._at_work = ""

    def begin(self, order: Order) -> str:
        """Begin one; its name. Raises `UsageError` for choices that contradict themselves or while one is being made,
        `StorageError` where nothing can be written."""
        order.choices()
        with self._lock:
            if self._at_work:
                raise UsageError("is being made just now", "another dossier", "wait until it is there")
            name = secrets.token_hex(8)
            place = self.folder / name
            with disk_errors(self.folder):
                place.mkdir(parents=True, mode=0o700)
                write_whole(place / ORDER, msgspec.json.encode(order), private=True)
                write_whole(place / TOLD, msgspec.json.encode(Told()), private=True)
            self._at_work = name
        self._forget_the_oldest()
        threading.Thread(target=self._work, args=(place,), name=f"dossier {name}", daemon=True).start()
        return name

    def _work(self, place: Path) -> None:
        try:
            with beside(_made, place, apart=True) as result:
                told = result()
        except StillwatchError as error:
            told = Told("failed", self.told(place.name).steps, str(error)[:1_000])
        except Exception as error:  # a defect: the page says so, and the console goes on
            told = Told("failed", self.told(place.name).steps, f"a defect: {type(error).__name__}")
        with suppress(StorageError):
            write_whole(place / TOLD, msgspec.json.encode(told), private=True)
        with self._lock:
            self._at_work = ""

    def _forget_the_oldest(self) -> None:
        for name, _, _ in self.all()[MOST_DOSSIERS:]:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def all(self) -> list[tuple[str, Order, Told]]:
        """Those that are kept, the newest first."""
        if not self.folder.is_dir():
            return []
        found = [(path.name, self.order(path.name), self.told(path.name)) for path in self.folder.iterdir()]
        kept = [(name, order, told) for name, order, told in found if order is not None]
        return sorted(kept, key=lambda one: (-one[1].at, one[0]))

    def order(self, name: str) -> Order | None:
        """What was ordered under a name; None: there is no such dossier."""
        if not _NAME.fullmatch(name):
            return None
        try:
            return msgspec.json.decode((self.folder / name / ORDER).read_bytes(), type=Order)
        except (OSError, msgspec.DecodeError):
            return None

    def told(self, name: str) -> Told:
        """How far one is. One that nobody works on any more was cut off with its console."""
        try:
            told = msgspec.json.decode((self.folder / name / TOLD).read_bytes(), type=Told)
        except (OSError, msgspec.DecodeError):
            told = Told()
        if told.state == "begun" and name != self._at_work:
            return Told("failed", told.steps, "the console was stopped while it was made; make it again")
        return told

    def packed(self, name: str) -> bytes | None:
        """A finished one as a zip; None: there is none."""
        if self.order(name) is None:
            return None
        try:
            return (self.folder / name / ZIP).read_bytes()
        except OSError:
            return None
