"""What was read of a suspect, sealed: a file that is only added to, each line bound to the one before it.

The first line (`Head`) fixes the case and what is read of which files, before anything is; each other one holds what
one text or one candidate gave (`storage.chain` says how lines hold one another). Whole distributions are not kept: of a
window the likeliest token and those that are scored, with their weights; of a candidate one number. A line that a
killed process began is cut off, and reading goes on there.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from stillwatch import __version__
from stillwatch.asking.web import now
from stillwatch.errors import InputError, UsageError
from stillwatch.proving.radioactivity.base import Tokens
from stillwatch.proving.radioactivity.choices import Beside
from stillwatch.proving.radioactivity.reading import TextRead, Weighed
from stillwatch.proving.report import ReadingPlan
from stillwatch.storage import chain
from stillwatch.storage.disk import disk_errors

if sys.platform != "win32":
    import fcntl

__all__ = [
    "Candidate",
    "Choice",
    "Head",
    "Line",
    "ReadingFile",
    "Text",
    "open_readings",
    "packed",
    "packed_choice",
    "read_readings",
    "unpacked",
    "unpacked_choice",
]

_VERSION = 1
_LONGEST = 2**30
_WHAT = "file of readings"
_KEPT = "what was read before is kept"
_SMALL = 2.0**-10
"""Weights below this share of the greatest in their window are not kept: they cannot be seen in any sum."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is settled before reading: the ``case`` (its SHA-256), the ``plan`` of a suspect that is read (None: it is
    not), what the tests settle, or what is read in its place (``about``)."""

    readings: int = _VERSION
    stillwatch: str
    made_at: str
    case: str
    plan: ReadingPlan | None
    about: dict[str, Any]


class Text(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text as a suspect was read along it: of n ``windows`` the likeliest tokens (``best``), how many tokens of each
    are scored (``counts``), which (``tokens``) and their ``weights``; ``reference``: the reference's likeliest tokens.

    Each is compressed (zlib): whole numbers of 4 bytes, weights in single precision, little end first.
    """

    windows: int
    best: bytes
    counts: bytes
    tokens: bytes
    weights: bytes
    reference: bytes | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An unmarked text as suspect and reference were read along it: `Beside` of n ``windows``, compressed as a text
    is."""

    windows: int
    counts: bytes
    tokens: bytes
    p: bytes
    q: bytes


class Candidate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a suspect gives to one answer: as `twins.base.LogProbability`; of 0 ``tokens``: it has none."""

    total: float
    tokens: int
    reference: float | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line: a ``head``, a ``text``, a ``choice`` or a ``candidate``; ``item`` names what was read."""

    line: int = 0
    hash: str = ""
    item: str = ""
    head: Head | None = None
    text: Text | None = None
    choice: Choice | None = None
    candidate: Candidate | None = None


class Kept(msgspec.Struct, frozen=True):
    """A sealed file that was read and found whole; ``seal`` is the hash of its last line."""

    head: Head
    items: Mapping[str, Line]
    seal: str


class ReadingFile:
    """A file of readings that is being added to; ``items`` are the names of what it holds."""

    def __init__(self, path: Path, descriptor: int, lines: int, seal: str, items: set[str]) -> None:
        self.items, self.seal = items, seal
        self._path, self._descriptor, self._lines = path, descriptor, lines

    def add(self, item: str, read: Text | Choice | Candidate) -> None:
        """Seal what one item gave. Raises `StorageError` where the disk refuses."""
        line = Line(item=item)
        match read:
            case Text():
                self._append(msgspec.structs.replace(line, text=read))
            case Choice():
                self._append(msgspec.structs.replace(line, choice=read))
            case Candidate():
                self._append(msgspec.structs.replace(line, candidate=read))
        self.items.add(item)

    def _append(self, line: Line) -> None:
        linked = chain.link(line, self._lines + 1, self.seal)
        begin = os.lseek(self._descriptor, 0, os.SEEK_END)
        with disk_errors(self._path, _KEPT):
            try:
                chain.write_all(self._descriptor, msgspec.json.encode(linked) + b"\n")
            except OSError:
                os.ftruncate(self._descriptor, begin)
                raise
        self._lines, self.seal = self._lines + 1, linked.hash


@contextmanager
def open_readings(
    path: Path, case: str, plan: ReadingPlan | None, about: Mapping[str, Any], *, overwrite: bool = False
) -> Iterator[ReadingFile]:
    """The file at ``path``, begun or taken up again after it was checked.

    Raises `UsageError` where it was read for another case, of other files or for other tests, or another process adds
    to it; `InputError` naming the line that was changed; `StorageError` where the disk refuses.
    """
    head = Head(stillwatch=__version__, made_at=now(), case=case, plan=plan, about=dict(about))
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _only_we(descriptor, path)
        with disk_errors(path, _KEPT):
            file = _begun(path, descriptor, head, overwrite=overwrite)
        yield file
        with disk_errors(path, _KEPT):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_readings(path: Path) -> Kept:
    """What a file of readings holds. Raises `InputError` naming the line that was changed, or where there is no such
    file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "restore the file") from error
    return _checked(data[: data.rfind(b"\n") + 1], path)


def packed(read: TextRead) -> Text:
    """A text as it is sealed: weights that nothing can see are left out, the greatest of each window never."""
    tokens, weights, counts = read.weighed
    edges = np.cumsum(counts) - counts
    size = np.abs(weights)
    greatest = np.repeat(np.maximum.reduceat(size, edges), counts) if len(edges) else size
    first = np.zeros(size.size, dtype=np.bool_)
    first[edges] = True
    kept = (size > _SMALL * greatest) | first
    left = np.add.reduceat(kept.astype(np.int64), edges) if len(edges) else counts
    return Text(
        windows=len(counts),
        best=_bytes(read.best, "<u4"),
        counts=_bytes(left, "<u4"),
        tokens=_bytes(tokens[kept], "<u4"),
        weights=_bytes(weights[kept], "<f4"),
        reference=None if read.reference_best is None else _bytes(read.reference_best, "<u4"),
    )


def unpacked(text: Text, windows: int, most: int, where: str) -> TextRead:
    """A text as tests take it.

    Args:
        text: that was sealed.
        windows: how many the case says that it has.
        most: tokens of a window at most.
        where: for messages.

    Raises:
        InputError: it holds something else.
    """
    best, counts = _whole(text.best, windows), _whole(text.counts, windows)
    reference = None if text.reference is None else _whole(text.reference, windows)
    if text.windows != windows or best is None or counts is None or (text.reference is not None and reference is None):
        raise InputError(f"is no reading of {windows:,} windows, as the case has them", where, "restore the file")
    number = _tokens_in(counts, most, where)
    tokens, weights = _whole(text.tokens, number), _single(text.weights, number)
    if tokens is None or weights is None:
        raise InputError(f"is no reading of {number:,} weighed tokens", where, "restore the file")
    return TextRead(best, Weighed(tokens, weights, counts), reference)


def packed_choice(read: Beside) -> Choice:
    """An unmarked text as it is sealed; nothing of `Beside` is lost, for it is in single precision."""
    return Choice(
        windows=len(read.counts),
        counts=_bytes(read.counts, "<u4"),
        tokens=_bytes(read.tokens, "<u4"),
        p=_bytes(read.p, "<f4"),
        q=_bytes(read.q, "<f4"),
    )


def unpacked_choice(choice: Choice, windows: int, most: int, where: str) -> Beside:
    """An unmarked text as tests take it. Arguments and errors are those of `unpacked`."""
    counts = _whole(choice.counts, windows)
    if choice.windows != windows or counts is None:
        raise InputError(f"is no reading of {windows:,} windows, as the case has them", where, "restore the file")
    number = _tokens_in(counts, most, where)
    tokens, p, q = _whole(choice.tokens, number), _single(choice.p, number), _single(choice.q, number)
    if tokens is None or p is None or q is None or not bool(np.all(p > 0)):
        raise InputError(f"is no reading of {number:,} tokens with their probabilities", where, "restore the file")
    return Beside(tokens, p, q, counts)


def _tokens_in(counts: Tokens, most: int, where: str) -> int:
    if counts.size and not (counts.min() >= 1 and counts.max() <= most):
        raise InputError(f"scores a window in less than one token, or in more than {most}", where, "restore the file")
    return int(counts.sum())


def _begun(path: Path, descriptor: int, head: Head, *, overwrite: bool) -> ReadingFile:
    data = b"" if overwrite else path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    os.ftruncate(descriptor, len(whole))
    if not whole:
        file = ReadingFile(path, descriptor, 0, chain.ZEROS, set())
        file._append(Line(head=head))
        return file
    held = _checked(whole, path)
    same = msgspec.structs.replace(held.head, stillwatch=head.stillwatch, made_at=head.made_at)
    if msgspec.json.encode(same, order="deterministic") != msgspec.json.encode(head, order="deterministic"):
        raise UsageError(
            "holds what was read for another case, or of a model whose files have changed since",
            path,
            "name another folder, or give --overwrite",
        )
    return ReadingFile(path, descriptor, len(held.items) + 1, held.seal, set(held.items))


def _checked(whole: bytes, path: Path) -> Kept:
    found = chain.check(whole, Line, longest=_LONGEST, name=_WHAT)
    if found.problems:
        raise InputError(found.problems[0], path, "restore the file")
    head = found.entries[0].head if found.entries else None
    if head is None:
        raise InputError("holds no readings", path, "name a folder that `stillwatch prove` wrote")
    items = {line.item: line for line in found.entries[1:]}
    if len(items) != len(found.entries) - 1:
        raise InputError("reads something twice", path, "restore the file")
    return Kept(head, items, found.last)


def _only_we(descriptor: int, path: Path) -> None:
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError("another process is adding to it", path, "wait for it, or name another folder") from None


def _bytes(values: npt.NDArray[Any], kind: str) -> bytes:
    return zlib.compress(np.ascontiguousarray(values, dtype=kind).tobytes(), 6)


def _whole(data: bytes, number: int) -> Tokens | None:
    found = _numbers(data, number, "<u4")
    return None if found is None else found.astype(np.int64)


def _single(data: bytes, number: int) -> npt.NDArray[np.float64] | None:
    """Finite numbers of single precision."""
    found = _numbers(data, number, "<f4")
    return None if found is None or not bool(np.isfinite(found).all()) else found.astype(np.float64)


def _numbers(data: bytes, number: int, kind: str) -> npt.NDArray[Any] | None:
    """``number`` numbers; None where there are more or fewer. No more is unpacked than they take."""
    size = number * np.dtype(kind).itemsize
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(data, size + 1)
    except zlib.error:
        return None
    return np.frombuffer(plain, dtype=kind) if len(plain) == size and reader.eof else None
