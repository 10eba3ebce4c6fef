"""What pages read: the run that is shown and what people decided, each opened once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from stillwatch.console.places import Places
from stillwatch.registry import load
from stillwatch.storage.run import MANIFEST

__all__ = ["Material"]

# Imported on first use: pages without a run start without Arrow and DuckDB.
RUN = "stillwatch.console.reading:open_run"
DOSSIERS = "stillwatch.console.dossiers:Dossiers"
DECISIONS = "stillwatch.console.decisions:open_decisions"


class Material:
    """Opens what `Places` names. A run that a scan replaced, or a newer one of the gateway, is opened anew."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._run: tuple[tuple[Path, int, int], Any] | None = None
        self._decisions: Any = None
        self._dossiers: Any = None

    def run(self) -> Any:
        """The newest run. Raises `InputError` where there is none that can be read."""
        folder = self._places.newest_run()
        found = (folder / MANIFEST).stat()
        key = (folder, found.st_mtime_ns, found.st_ino)
        with self._lock:
            if self._run is None or self._run[0] != key:
                self._run = (key, load(RUN)(folder, before=self._places.before))
            return self._run[1]

    def decisions(self) -> Any:
        """What people decided, which is kept in a folder of its own."""
        with self._lock:
            if self._decisions is None:
                self._decisions = load(DECISIONS)(self._places.decisions, self._places.proposal_hours)
            return self._decisions

    def dossiers(self) -> Any:
        """The dossiers that were made here, in a folder beside that of people's names."""
        with self._lock:
            if self._dossiers is None:
                self._dossiers = load(DOSSIERS)(self._places.people / "dossiers")
            return self._dossiers
