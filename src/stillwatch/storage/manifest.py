"""What a run was made from: enough to repeat it, and to know when it should be gone."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stillwatch import __version__
from stillwatch.errors import InputError
from stillwatch.settings import Settings
from stillwatch.storage.names import told_name
from stillwatch.storage.run import MANIFEST, is_run

__all__ = ["File", "Manifest", "read_manifest", "write_manifest"]

CHUNK_BYTES = 2**20
RETENTION = (
    "This directory names accounts and what is held against them. Keep it as long as a decision may have to be "
    "explained or appealed, and no longer: delete it by the day named here."
)


class File(msgspec.Struct, frozen=True):
    """A file by name, with its size and the BLAKE2b hash (256 bits) of its bytes; a database has neither."""

    name: str
    bytes: int
    blake2b: str


class Manifest(msgspec.Struct, frozen=True):
    """A run: the version that made it, its settings, what it read and wrote, how long each step took (seconds)."""

    stillwatch: str
    made_at: dt.datetime
    delete_after: dt.date
    retention: str
    seed: int
    settings: dict[str, str]
    inputs: tuple[File, ...]
    outputs: tuple[File, ...]
    seconds: dict[str, float]


def describe(path: Path, name: str) -> File:
    """A file's size and hash, read in pieces of 1 MiB."""
    digest, size = hashlib.blake2b(digest_size=32), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return File(told_name(name), size, digest.hexdigest())


def write_manifest(
    run: Path, settings: Settings, inputs: Iterable[Path | str], seconds: Mapping[str, float] | None = None
) -> Manifest:
    """Writes ``manifest.json`` into ``run``, last of all: it lists every other file there. Returns it.

    Inputs are named as the user named them; a text names a database. The Parquet files of two runs with the same input
    and settings are the same bytes; the manifest is not, because it says when the run was made.
    """
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    written = sorted(p for p in run.rglob("*") if p.is_file() and p.name not in (MANIFEST, ".lock"))
    manifest = Manifest(
        stillwatch=__version__,
        made_at=now,
        delete_after=now.date() + dt.timedelta(days=settings.retention_days),
        retention=RETENTION,
        seed=settings.seed,
        settings=settings.as_text(),
        inputs=tuple(File(name, 0, "") if isinstance(name, str) else describe(name, str(name)) for name in inputs),
        outputs=tuple(describe(path, path.relative_to(run).as_posix()) for path in written),
        seconds={name: round(value, 3) for name, value in (seconds or {}).items()},
    )
    (run / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    return manifest


def read_manifest(run: Path) -> Manifest:
    """The manifest of a run. Raises `InputError` for a directory that is none, or is of another version."""
    if not is_run(run):
        raise InputError("is no run of Stillwatch", run, "name the directory that was given to --out")
    try:
        return msgspec.json.decode((run / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError("has a manifest that cannot be read", run, "scan again") from error
