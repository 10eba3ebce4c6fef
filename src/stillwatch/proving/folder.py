"""The folder of a proof: the case with all its files, copied and hashed, so that whoever has the folder has everything.

::

    DIR/case/case.json           the case, and the SHA-256 of each file; its own SHA-256 is in the head of the answers
    DIR/case/twins-pairs.jsonl   … the files that it names
    DIR/readings/suspect.jsonl   what was read of its probabilities, where it lies in a folder (`readings.sealed`)
    DIR/answers/suspect.jsonl    what the suspect answered, sealed (`asking.sealed`)
    DIR/readings/beside.jsonl    what our own model gives along those answers, where one is named (`readings.beside`)
    DIR/prove.json, prove.html, statement.html
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.proving.case import FILES, Case, files_of
from stillwatch.storage.disk import disk_errors
from stillwatch.storage.whole import write_whole

__all__ = [
    "ANSWERS",
    "BESIDE",
    "CASE",
    "PAGE",
    "READINGS",
    "REPORT",
    "STATEMENT",
    "KeptCase",
    "keep",
    "read_kept",
    "spoilt",
]

CASE: Final = "case/case.json"
ANSWERS: Final = "answers/suspect.jsonl"
READINGS: Final = "readings/suspect.jsonl"
BESIDE: Final = "readings/beside.jsonl"
REPORT, PAGE, STATEMENT = "prove.json", "prove.html", "statement.html"


class _Kept(msgspec.Struct, frozen=True):
    case: Case
    files: dict[str, str]


class KeptCase(NamedTuple):
    """A case in a proof's folder: its files are named as they lie in ``folder``, with their SHA-256 in ``files``;
    ``digest`` is the SHA-256 of ``case.json``, and so of all."""

    case: Case
    folder: Path
    files: dict[str, str]
    digest: str


def keep(case: Case, base: Path, out: Path, *, overwrite: bool = False) -> KeptCase:
    """Copy a case and its files (beside ``base``) into the folder ``out``; what is there of the same case stays.

    Raises `UsageError` where the folder holds another case, `InputError` for a file that cannot be read,
    `StorageError`.
    """
    names: dict[str, str] = {}
    data: dict[str, bytes] = {}
    for table, field, name in files_of(case):
        if name not in names:
            number = sum(kept.startswith(f"{table}-{field}-") for kept in data) + 1
            names[name] = f"{table}-{field}-{number}{Path(name).suffix[:12]}"
            data[names[name]] = _read(base / name)
    digests = {name: hashlib.sha256(held).hexdigest() for name, held in data.items()}
    encoded = msgspec.json.encode(_Kept(_renamed(case, names), digests), order="deterministic")
    path = out / CASE
    if path.exists() and not overwrite:
        if _read(path) != encoded:
            do = "name another folder, or give --overwrite: what was asked for one case must not decide another"
            raise UsageError("holds another case", out, do)
        return read_kept(out)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    for name, held in data.items():
        write_whole(path.parent / name, held, private=True)
    write_whole(path, encoded, private=True)
    return read_kept(out)


def read_kept(out: Path) -> KeptCase:
    """The case in a proof's folder. Raises `InputError` where there is none."""
    data = _read(out / CASE)
    try:
        kept = msgspec.json.decode(data, type=_Kept)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no case: {error}", out / CASE, "name a folder that `stillwatch prove` wrote") from None
    return KeptCase(kept.case, (out / CASE).parent, kept.files, hashlib.sha256(data).hexdigest())


def spoilt(kept: KeptCase) -> list[str]:
    """What is not as it was when the case was begun: files that are missing, or of another content."""
    wrong = [
        f"{name} is not among the files of the case" for _, _, name in files_of(kept.case) if name not in kept.files
    ]
    for name, digest in kept.files.items():
        path = kept.folder / Path(name).name
        try:
            held = path.read_bytes()
        except OSError as error:
            wrong.append(f"{name} cannot be read: {error.strerror}")
            continue
        if hashlib.sha256(held).hexdigest() != digest:
            wrong.append(f"{name} was changed since the case was begun")
    return wrong


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error


def _renamed(case: Case, names: dict[str, str]) -> Case:
    """The case with its files called as they are kept."""
    changed: dict[str, Any] = {}
    for table, fields in FILES.items():
        part = getattr(case, table)
        if part is None:
            continue
        told = {field: getattr(part, field) for field in fields}
        new = {
            field: names[named] if isinstance(named, str) else tuple(names[name] for name in named)
            for field, named in told.items()
            if named is not None
        }
        changed[table] = msgspec.structs.replace(part, **new)
    return msgspec.structs.replace(case, **changed)
