"""The record of a drill's trials: one line each, on the disk as soon as it is made, so that a killed drill goes on.

It holds numbers only: no text, no id of an account, nothing that leads back to a customer.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa

from stillwatch.drill.trial import Trial
from stillwatch.errors import UsageError
from stillwatch.storage.disk import disk_errors

__all__ = ["RECORD", "Record", "fingerprint", "open_record"]

RECORD = "trials.jsonl"
_VERSION = 1


class _Header(msgspec.Struct, frozen=True):
    drill: int
    log: str
    seed: int


class _Line(msgspec.Struct, frozen=True):
    seconds: float
    trial: Trial


class Record:
    """Trials made so far, by number, and the seconds that each took."""

    def __init__(self, path: Path, trials: dict[int, Trial], seconds: dict[int, float]) -> None:
        self._path, self.trials, self.seconds = path, trials, seconds

    def add(self, trial: Trial, seconds: float) -> None:
        """Keep a trial; it is on the disk when this returns. Raises `StorageError` where the disk refuses."""
        with disk_errors(self._path), self._path.open("ab") as file:
            file.write(msgspec.json.encode(_Line(round(seconds, 2), trial)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.trials[trial.number] = trial
        self.seconds[trial.number] = seconds


def fingerprint(exchanges: pa.Table, told: str) -> str:
    """16 hexadecimal digits that tell one log from another, and one set of adversaries and sizes (``told``) too."""
    digest = hashlib.blake2b(told.encode(), digest_size=8)
    for column in ("exchange_id", "started_at"):
        for chunk in exchanges.column(column).combine_chunks().buffers():
            digest.update(chunk if chunk is not None else b"")
    return digest.hexdigest()


@contextmanager
def open_record(folder: Path, log: str, seed: int, *, overwrite: bool) -> Iterator[Record]:
    """The record in ``folder``, begun anew or taken up again.

    A line that a killed drill left unfinished is cut off. Raises `UsageError` where the folder holds the record of
    another drill (``overwrite`` replaces it), `StorageError` where the disk refuses.
    """
    path = folder / RECORD
    header = _Header(_VERSION, log, seed)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and not overwrite:
            trials, seconds = _taken_up(path, header)
        else:
            trials, seconds = {}, {}
            path.write_bytes(msgspec.json.encode(header) + b"\n")
    yield Record(path, trials, seconds)


def _taken_up(path: Path, header: _Header) -> tuple[dict[int, Trial], dict[int, float]]:
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    lines = whole.splitlines()
    try:
        same = bool(lines) and msgspec.json.decode(lines[0], type=_Header) == header
        kept = [msgspec.json.decode(line, type=_Line) for line in lines[1:]] if same else []
    except msgspec.DecodeError:
        same = False
    if not same:
        raise UsageError(
            "holds the trials of another log, seed, version or other questions",
            path,
            "name another folder, or give --overwrite",
        )
    if len(whole) != len(data):
        os.truncate(path, len(whole))
    trials = {line.trial.number: line.trial for line in kept}
    return trials, {line.trial.number: line.seconds for line in kept}
