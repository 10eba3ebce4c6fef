"""The files that a dossier rests on: named without folders, hashed, held against the run's manifest, and sealed.

A sealed input is a copy under a number, because names in a log's folder were given by strangers; the manifest has the
name that it had.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from stillwatch.campaigns.wording import visible
from stillwatch.dossier.choices import GivenLog
from stillwatch.dossier.record import InputFile, Role
from stillwatch.errors import InputError
from stillwatch.progress import Progress
from stillwatch.storage.manifest import Manifest

__all__ = [
    "Held",
    "beside_the_log",
    "hashed",
    "held_files",
    "log_inputs",
    "numbered",
    "portable",
    "seal_beside",
    "seal_inside",
]

CHUNK = 1 << 20
SEALED = "inputs"
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,10}){1,2}\Z")


class Held(NamedTuple):
    """An input and where it lies now (None: not at hand)."""

    file: InputFile
    path: Path | None


class Hashes(NamedTuple):
    """The size of a file and both hashes of its bytes, in hexadecimal digits."""

    bytes: int
    sha256: str
    blake2b: str


def hashed(path: Path) -> Hashes:
    """Read a file once. Raises `InputError` where it cannot be read."""
    sha, blake, size = hashlib.sha256(), hashlib.blake2b(digest_size=32), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                sha.update(chunk)
                blake.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    return Hashes(size, sha.hexdigest(), blake.hexdigest())


def portable(names: Sequence[str]) -> tuple[str, ...]:
    """Names without the folders that all have in common, nor of the machine; an address in object storage stays."""
    local = [name for name in names if "://" not in name]
    absolute = [PurePosixPath(os.path.normpath(os.path.abspath(name))) for name in local]
    parts = [path.parts for path in absolute]
    folders = [each[:-1] for each in parts]
    common = 0
    while folders and all(len(each) > common and each[common] == folders[0][common] for each in folders):
        common += 1
    common = common if common > 1 or not parts else max(len(each) for each in parts)  # on different disks: names alone
    cut = dict(zip(local, ("/".join(each[min(common, len(each) - 1) :]) for each in parts), strict=True))
    return tuple(visible(cut.get(name, name), limit=200) for name in names)


def held_files(role: Role, paths: Iterable[Path]) -> list[Held]:
    """Files of one role, sorted by name. Raises `InputError` for one that cannot be read."""
    chosen = sorted(paths, key=str)
    names = portable([str(path) for path in chosen])
    found = []
    for path, name in zip(chosen, names, strict=True):
        size, sha256, _ = hashed(path)
        found.append(Held(InputFile(role, name, size, sha256), path))
    return found


def log_inputs(manifest: Manifest, files: Sequence[Path | str] | None, progress: Progress) -> list[Held]:
    """The log as the run's manifest names it, each file with its SHA-256 where it is at hand and is still the same.

    ``files`` are those of the log that was given (None: none was; files that still lie where the scan read them are
    looked at). Raises `InputError` for a given log that is not the one that was scanned.
    """
    names = portable([file.name for file in manifest.inputs])
    progress.step("hashing the log", len(manifest.inputs))
    at_hand: dict[tuple[int, str], tuple[Path, Hashes]] = {}
    wanted = {(file.bytes, file.blake2b) for file in manifest.inputs}
    places = (
        [Path(f.name) for f in manifest.inputs if f.blake2b]
        if files is None
        else [f for f in files if isinstance(f, Path)]
    )
    for path in places:
        if files is None and not path.is_file():
            continue
        found = hashed(path)
        key = (found.bytes, found.blake2b)
        if key in wanted:
            at_hand[key] = (path, found)
        elif files is not None:
            raise InputError("is no file of the log that was scanned", path, "give the log that the run was made from")
        progress.advance()
    held = []
    for file, name in zip(manifest.inputs, names, strict=True):
        known = at_hand.get((file.bytes, file.blake2b))
        if known is None and files is not None and file.blake2b:
            raise InputError(f"lacks {name}, which was scanned", "--log", "give the log that the run was made from")
        sha256 = known[1].sha256 if known else ""
        held.append(Held(InputFile("log", name, file.bytes, sha256, file.blake2b), known[0] if known else None))
    return held


def beside_the_log(log: GivenLog | None) -> list[Held]:
    """What else the scan read: tables of accounts, networks and prices, judgements, a second log, a map of fields."""
    if log is None:
        return []
    one: Mapping[Role, Path | None] = {
        "accounts": log.accounts, "judgements": log.judgements, "prices": log.prices, "map": log.map,
        "join": None if log.join is None else Path(log.join),
    }  # fmt: skip
    found = [held for role, path in one.items() if path is not None for held in held_files(role, [path])]
    return found + held_files("networks", log.networks)


def numbered(held: Sequence[Held]) -> list[Held]:
    """The inputs that a scan reads, each with the name that its copy gets. Raises `InputError` for one not at hand."""
    numbers: dict[str, int] = {}
    named = []
    for file, path in held:
        if path is None:
            raise InputError(
                "lies in a database or elsewhere and cannot be copied", file.name, "leave --seal-inputs out"
            )
        numbers[file.role] = numbers.get(file.role, 0) + 1
        suffix = _SUFFIX.search(path.name)
        sealed = f"{SEALED}/{file.role}-{numbers[file.role]:04d}{suffix.group().lower() if suffix else ''}"
        copy = InputFile(file.role, file.name, file.bytes, file.sha256, file.blake2b, sealed)
        named.append(Held(copy, path))
    return named


def seal_inside(held: Sequence[Held], folder: Path, progress: Progress) -> None:
    """Copy numbered inputs into ``folder``, readable by their owner only.

    Raises `InputError` for one that changed since it was hashed.
    """
    progress.step("sealing inputs", len(held))
    (folder / SEALED).mkdir(exist_ok=True)
    for file, path in held:
        if path is None:
            continue
        digest = hashlib.sha256()
        private = os.open(folder / file.sealed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with path.open("rb") as source, os.fdopen(private, "wb") as copy:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                copy.write(chunk)
        _unchanged(file, digest.hexdigest())
        progress.advance()


def seal_beside(held: Sequence[Held], tar: Path, progress: Progress) -> None:
    """Copy numbered inputs into an archive (POSIX tar) that names no owner and no time, so the same inputs give the
    same bytes. Raises `InputError` for one that changed since it was hashed."""
    progress.step("sealing inputs", len(held))
    private = os.open(tar, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(private, "wb") as written,
        tarfile.open(fileobj=written, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for file, path in held:
            if path is None:
                continue
            entry = tarfile.TarInfo(file.sealed)
            entry.size, entry.mode = file.bytes, 0o644
            with path.open("rb") as source:
                archive.addfile(entry, source)
            _unchanged(file, hashed(path).sha256)
            progress.advance()


def _unchanged(file: InputFile, sha256: str) -> None:
    if sha256 != file.sha256:
        raise InputError("changed while the dossier was made", file.name, "make it again when nothing writes there")
