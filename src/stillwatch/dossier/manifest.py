"""``manifest.json``: an in-toto statement of what is in a dossier and what it was made from, and ``SHA256SUMS`` beside
it.

::

    DIR/dossier.html, dossier.pdf, dossier.json, accounts.csv
    DIR/inputs/…             where they were sealed
    DIR/public-key.pem       where it was signed
    DIR/manifest.json        the SHA-256 of every file above (``subject``) and of every input (``predicate``)
    DIR/manifest.dsse.json   the same, signed
    DIR/manifest.tsq         a request for a timestamp, where one was wanted
    DIR/SHA256SUMS           of every file above, for ``sha256sum -c``
    DIR/manifest.tsr         an authority's stamp, if somebody puts it there later
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from stillwatch.dossier.record import InputFile
from stillwatch.errors import InputError

__all__ = ["AFTER", "ENVELOPE", "MANIFEST", "PUBLIC", "REQUEST", "STAMP", "SUMS", "Archive", "Predicate", "Statement"]

MANIFEST, ENVELOPE, PUBLIC, SUMS = "manifest.json", "manifest.dsse.json", "public-key.pem", "SHA256SUMS"
REQUEST, STAMP = "manifest.tsq", "manifest.tsr"
AFTER = (MANIFEST, ENVELOPE, REQUEST, SUMS, STAMP)
"""Files that are made after the manifest and so cannot stand in it."""
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:x-stillwatch:dossier:1"
LARGEST = 128 * 2**20


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the dossier by its path within, with its SHA-256 as in-toto writes it."""

    name: str
    digest: dict[str, str]

    @property
    def sha256(self) -> str:
        """The digest."""
        return self.digest.get("sha256", "")


class Archive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the inputs were sealed: ``inside`` the dossier, or ``beside`` it in the file ``name`` with this SHA-256."""

    where: str
    name: str = ""
    sha256: str = ""


class Predicate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the dossier was made from and with.

    ``seeds`` are those of the scan, and of a drill and an audit; ``signed_by`` is the id of the key that signs, "" for
    none; ``paper`` how the PDF was made, with its fonts.
    """

    version: int
    campaign: str
    dated: dt.datetime
    by: str
    seeds: dict[str, int]
    settings: dict[str, str]
    reading: dict[str, str]
    choices: dict[str, str]
    inputs: tuple[InputFile, ...]
    sealed: Archive | None
    software: dict[str, str]
    paper: dict[str, str]
    signed_by: str


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"type": "_type"}):
    """The in-toto statement (in-toto.io/Statement/v1)."""

    type: str
    subject: tuple[Subject, ...]
    predicateType: str
    predicate: Predicate


def statement_of(files: Mapping[str, str], predicate: Predicate) -> bytes:
    """The manifest of ``files`` (path within: SHA-256), as it is written."""
    subject = tuple(Subject(name, {"sha256": files[name]}) for name in sorted(files))
    statement = Statement(STATEMENT_TYPE, subject, PREDICATE_TYPE, predicate)
    return msgspec.json.format(msgspec.json.encode(statement, order="deterministic"), indent=2) + b"\n"


def read_statement(data: bytes, name: str) -> Statement:
    """A manifest. Raises `InputError` for one that is none."""
    do = "name a folder that `stillwatch dossier` made"
    try:
        if len(data) > LARGEST:
            raise ValueError("is too large")
        statement = msgspec.json.decode(data, type=Statement)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no manifest of a dossier ({error})", name, do) from None
    if (statement.type, statement.predicateType) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise InputError("is a statement on something else, or of another version", name, do)
    return statement


def sums_of(hashes: Mapping[str, str]) -> bytes:
    """``SHA256SUMS``: what ``sha256sum -c`` reads, sorted by name."""
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes)).encode()


def files_in(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The files of a folder by their path within, and what is no plain file (links, sockets): nothing of it is "
    "followed."""
    files: dict[str, Path] = {}
    strange: list[str] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            strange.append(name)
        elif path.is_file():
            files[name] = path
    return files, strange


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, read in pieces. Raises `InputError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
