"""People's decisions as a scan heeded them: the file of decisions up to the line that the scan's notes name.

A file of decisions only grows, so what was decided after the scan is cut off, and the rest is what the scan saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stillwatch.campaigns.decided import Decided
from stillwatch.dossier.people import NAME, chained
from stillwatch.errors import InputError
from stillwatch.registry import load

__all__ = ["decided_then", "heeded"]

_TOLD = "People's decisions were heeded"
_READ = "stillwatch.console.decisions.scanning:decided_in"


def heeded(notes: Sequence[str]) -> bool:
    """Whether the notes of a scan say that it heeded decisions."""
    return any(note.startswith(_TOLD) for note in notes)


def decided_then(path: Path, notes: Sequence[str], scratch: Path) -> Decided:
    """What stood when the scan was made, by the file ``path``; a copy of it is written into ``scratch``.

    Raises `InputError` for a file that is broken, or does not hold the line that the scan names in its ``notes``.
    """
    told = " ".join(note for note in notes if note.startswith(_TOLD))
    end = 0
    for _, digest, size in chained(path):
        end += size
        if digest in told:
            folder = scratch / "decisions"
            folder.mkdir()
            (folder / NAME).write_bytes(path.read_bytes()[:end])
            then: Decided = load(_READ)(folder)
            return then
    raise InputError("is not the file of decisions that the scan heeded", path, "give the one that the scan was given")
