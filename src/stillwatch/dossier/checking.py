"""Checking a dossier from its folder alone, on any machine: every byte, the signature, the stamp, and plainly what not.

Whoever may rewrite everything can make another dossier. Against that stand a signature by a key that the reader knows
from elsewhere, and a timestamp; without them this tells only that the folder is whole.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch import __version__
from stillwatch.dossier.manifest import (
    AFTER,
    ENVELOPE,
    MANIFEST,
    PUBLIC,
    STAMP,
    SUMS,
    Statement,
    files_in,
    read_statement,
    sha256_of,
    sums_of,
)
from stillwatch.dossier.page import render_page
from stillwatch.dossier.record import Dossier
from stillwatch.errors import InputError, PluginError, StillwatchError
from stillwatch.progress import Progress, Silent
from stillwatch.registry import load

__all__ = ["Checked", "Read", "check", "open_record"]

LARGEST = 512 * 2**20


class Checked(msgspec.Struct, frozen=True):
    """What of a dossier ``holds``, what does not (``problems``), and what was ``unchecked``, in words; ``stamped`` is
    when an authority saw it."""

    holds: tuple[str, ...]
    problems: tuple[str, ...]
    unchecked: tuple[str, ...]
    stamped: dt.datetime | None = None


class Read(NamedTuple):
    """A dossier's manifest, as far as it can be believed, and its record (None: spoilt)."""

    statement: Statement
    record: Dossier | None


class _Found:
    """What is found on the way."""

    def __init__(self) -> None:
        self.holds: list[str] = []
        self.problems: list[str] = []
        self.unchecked: list[str] = []
        self.stamped: dt.datetime | None = None


def check(
    folder: Path,
    *,
    key: Path | None = None,
    stamp: Path | None = None,
    authorities: Sequence[Path] = (),
    progress: Progress | None = None,
) -> tuple[Checked, Read | None]:
    """Check the dossier in ``folder``. Nothing is written, nothing is asked of a network.

    Args:
        folder: what `stillwatch dossier` made.
        key: a file with the public key of who is said to have signed, known from elsewhere.
        stamp: an authority's answer (RFC 3161); left out: ``manifest.tsr`` in the folder, where it is there.
        authorities: PEM certificates of the authorities that are believed.
        progress: told of each step.

    Returns:
        What was found; and the manifest and record, where they can be read, for a re-run.

    Raises:
        InputError: the folder is no dossier at all, or ``key`` or ``stamp`` cannot be read.
    """
    if not folder.is_dir() or not any((folder / name).exists() for name in (MANIFEST, ENVELOPE, SUMS)):
        raise InputError("is no dossier", folder, "name a folder that `stillwatch dossier` made")
    files, strange = files_in(folder)
    (progress or Silent()).step("hashing the dossier", len(files))
    hashes = {name: sha256_of(path) for name, path in files.items()}
    found = _Found()
    found.problems += [f"{name} is a link or no plain file" for name in strange]
    manifest = _bytes(files[MANIFEST]) if MANIFEST in files else None
    signed = _signature(files, manifest, key, found)
    believed = manifest if signed is None else signed
    statement: Statement | None = None
    if manifest is None:
        found.problems.append(f"{MANIFEST} is missing")
    if believed is not None:
        try:
            statement = read_statement(believed, MANIFEST)
        except InputError as error:
            found.problems.append(f"{MANIFEST} was changed: {error.what}")
    sums = _sums(files, hashes, found)
    if statement is not None:
        _files(statement, hashes, sums, signed is not None, found)
        _signing(statement, files, found)
        _inputs(statement, folder, found)
    _summed(statement, hashes, sums, files, found)
    _stamp(files, manifest, stamp, authorities, found)
    record = _record(files, statement, hashes, found)
    told = Checked(tuple(found.holds), tuple(dict.fromkeys(found.problems)), tuple(found.unchecked), found.stamped)
    return told, None if statement is None else Read(statement, record)


def _signature(files: Mapping[str, Path], manifest: bytes | None, key: Path | None, found: _Found) -> bytes | None:
    """The manifest that was signed, where the signature holds; None: there is none, or it does not."""
    if ENVELOPE not in files:
        if key is not None:
            found.problems.append(f"{ENVELOPE} is missing: the dossier bears no signature")
        else:
            found.unchecked.append(
                "it bears no signature: who made it, and whether somebody rewrote all of it, cannot be told"
            )
        return None
    try:
        keys, envelopes = load("stillwatch.dossier.keys:read_public"), load("stillwatch.dossier.envelope:open_envelope")
        parsed, verified = load("stillwatch.dossier.keys:public_key"), load("stillwatch.dossier.keys:verified")
        name_of = load("stillwatch.dossier.keys:key_id")
    except PluginError as error:
        found.unchecked.append(f"the signature: {error.what} (pip install 'stillwatch[dossier]')")
        return None
    public = None if key is None else keys(key)
    try:
        if public is None:
            if PUBLIC not in files:
                found.problems.append(f"{PUBLIC} is missing, and no --key was given to check the signature with")
                return None
            public = parsed(_bytes(files[PUBLIC]), PUBLIC)
        opened = envelopes(_bytes(files[ENVELOPE]), ENVELOPE)
    except InputError as error:
        found.problems.append(f"{error.where} {error.what}")
        return None
    if not any(verified(public, signature, opened.signed) for _, signature in opened.signatures):
        whose = "the key that was given" if key is not None else f"the key in {PUBLIC}"
        found.problems.append(f"{ENVELOPE}: the signature is not by {whose}, or what it signs was changed")
        return None
    if key is not None:
        found.holds.append(f"the signature is by the key that was given ({name_of(public)})")
    else:
        found.holds.append(f"the signature is by the key in {PUBLIC} ({name_of(public)})")
        found.unchecked.append(
            f"whose key that is: compare {name_of(public)} with what the maker published, or give it with --key"
        )
    if manifest is not None and opened.payload != manifest:
        found.problems.append(f"{MANIFEST} was changed: it is not what was signed")
    payload: bytes = opened.payload
    return payload


def _sums(files: Mapping[str, Path], hashes: Mapping[str, str], found: _Found) -> dict[str, str]:
    """What SHA256SUMS says, as far as it can be read."""
    if SUMS not in files:
        found.problems.append(f"{SUMS} is missing")
        return {}
    lines = _bytes(files[SUMS]).decode("utf-8", "replace").split("\n")
    return {name: digest for digest, mark, name in (line.partition("  ") for line in lines) if mark}


def _files(
    statement: Statement, hashes: Mapping[str, str], sums: Mapping[str, str], signed: bool, found: _Found
) -> None:
    """Every file that the manifest names, and every file that it does not."""
    held = 0
    # Whether the manifest itself is as it was: only then does a file that differs from it stand accused.
    sound = signed or sums.get(MANIFEST) == hashes.get(MANIFEST)
    for subject in statement.subject:
        actual = hashes.get(subject.name)
        if actual is None:
            found.problems.append(f"{subject.name} is missing")
        elif actual == subject.sha256:
            held += 1
        elif sound or sums.get(subject.name) != actual:
            found.problems.append(f"{subject.name} was changed")
        else:
            found.problems.append(f"{MANIFEST} was changed: it has another SHA-256 for {subject.name} than {SUMS}")
    known = {subject.name for subject in statement.subject} | set(AFTER)
    found.problems += [f"{name} was added" for name in hashes if name not in known]
    found.holds.append(f"{held:,} of {len(statement.subject):,} files have the SHA-256 that {MANIFEST} gives")


def _signing(statement: Statement, files: Mapping[str, Path], found: _Found) -> None:
    if statement.predicate.signed_by and ENVELOPE not in files:
        found.problems.append(
            f"{ENVELOPE} is missing: {MANIFEST} says that key {statement.predicate.signed_by} signed it"
        )


def _inputs(statement: Statement, folder: Path, found: _Found) -> None:
    """What the dossier rests on and does not hold itself."""
    sealed = statement.predicate.sealed
    outside = [file for file in statement.predicate.inputs if not file.sealed]
    if sealed is not None and sealed.where == "beside":
        archive = folder.parent / Path(sealed.name).name
        if not archive.is_file():
            found.unchecked.append(f"the sealed inputs: {archive.name} is not beside the dossier")
        elif sha256_of(archive) == sealed.sha256:
            found.holds.append(f"{archive.name} beside it is as it was made")
        else:
            found.problems.append(f"{archive.name} beside it was changed")
    if outside:
        found.unchecked.append(
            f"{len(outside):,} inputs that are not sealed with it, of which it has the hashes only (the run, and what "
            "else was read)"
        )


def _summed(
    statement: Statement | None,
    hashes: Mapping[str, str],
    sums: Mapping[str, str],
    files: Mapping[str, Path],
    found: _Found,
) -> None:
    """Hold SHA256SUMS against the files: its every byte follows from them."""
    if SUMS not in files:
        return
    listed = {name: digest for name, digest in hashes.items() if name not in (SUMS, STAMP)}
    if statement is not None:
        named = {subject.name: subject.sha256 for subject in statement.subject}
        listed = {name: named.get(name, digest) for name, digest in listed.items() if name in named or name in AFTER}
        listed |= named
    data = _bytes(files[SUMS])
    if data == sums_of(listed):
        found.holds.append(f"{SUMS} says the same")
        return
    for name in AFTER:
        if name in (SUMS, STAMP):
            continue
        if (name in hashes) != (name in sums):
            found.problems.append(f"{name} is {'missing' if name in sums else 'not in ' + SUMS}")
        elif name in hashes and hashes[name] != sums[name]:
            found.problems.append(f"{name} or {SUMS} was changed: they do not agree")
    rest = {name: digest for name, digest in listed.items() if name not in AFTER}
    told = {name: digest for name, digest in sums.items() if name not in AFTER}
    agreed = listed | {name: sums[name] for name in AFTER if name in sums and name in listed}
    if rest != told or data != sums_of(agreed):
        found.problems.append(f"{SUMS} was changed")


def _stamp(
    files: Mapping[str, Path], manifest: bytes | None, stamp: Path | None, authorities: Sequence[Path], found: _Found
) -> None:
    """An authority's word on since when the manifest, or its signed envelope, exists."""
    path = stamp if stamp is not None else files.get(STAMP)
    if path is None:
        found.unchecked.append("since when it exists: no timestamp was given, so its date is its maker's word")
        return
    if not authorities:
        found.unchecked.append(
            "the timestamp: give the certificates of the authority that you believe with --authority"
        )
        return
    stamped = _bytes(files[ENVELOPE]) if ENVELOPE in files else manifest
    if stamped is None:
        return
    try:
        judge = load("stillwatch.marks.timestamps:verify")
    except PluginError as error:
        found.unchecked.append(f"the timestamp: {error.what} (pip install 'stillwatch[dossier]')")
        return
    answer, roots = _bytes(path), [_bytes(each) for each in authorities]
    try:
        found.stamped = judge(answer, stamped, roots, path.name)
    except InputError as error:
        found.problems.append(f"{path.name}: {error.what}")
        return
    said = found.stamped.astimezone(dt.UTC).isoformat(timespec="seconds") if found.stamped is not None else ""
    found.holds.append(f"it existed at {said}: a timestamping authority that you believe says so")


def _record(
    files: Mapping[str, Path], statement: Statement | None, hashes: Mapping[str, str], found: _Found
) -> Dossier | None:
    """The record, where it is as it was made; and whether the page is a rendering of it."""
    record = open_record(files.get("dossier.json"))
    if record is None or statement is None:
        return None
    named = {subject.name: subject.sha256 for subject in statement.subject}
    if hashes.get("dossier.json") != named.get("dossier.json"):
        return None
    if record.stillwatch != __version__:
        found.unchecked.append(
            f"that the page says what dossier.json says: it was made by Stillwatch {record.stillwatch}, this is "
            f"{__version__}"
        )
    elif "dossier.html" in files and hashes["dossier.html"] == named.get("dossier.html"):
        try:
            same = hashlib.sha256(render_page(record).encode()).hexdigest() == hashes["dossier.html"]
        except Exception:  # a record that nobody of ours wrote may hold what cannot be drawn
            same = False
        told = "says what dossier.json says" if same else "does not say what dossier.json says"
        (found.holds if same else found.problems).append(f"dossier.html {told}")
    return record


def open_record(path: Path | None) -> Dossier | None:
    """A dossier's record; None where it cannot be read."""
    if path is None:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Dossier)
    except (OSError, ValueError, RecursionError, StillwatchError):
        return None


def _bytes(path: Path) -> bytes:
    """A file that is read whole: none of these is large in a dossier that we made."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError("is too large to be what it says", path, "do not trust this dossier")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
