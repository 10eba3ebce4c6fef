"""Answers, sealed as they come: a file that is only added to, each line bound to the one before it.

A line is ``{"after":A,…,"seal":S}``: A is the seal of the line before, S the SHA-256 of the line's own bytes up to
``,"seal"``. Whoever changes, removes or inserts a line breaks the chain there; whoever makes the whole chain anew ends
with another last seal, which is what a report quotes. The first line says whom was asked: no key is in it.

A line is handed to the system when it is added, so that a killed process loses none, and forced to the disk in small
groups, so that a power cut loses at most one group. A last line without its end is what a killed writer leaves: it is
cut off. The text of an answer to a harmful question is not in the file: only its SHA-256 and its length.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import msgspec

from stillwatch import __version__
from stillwatch.asking.base import Answer, Question
from stillwatch.asking.web import now
from stillwatch.errors import InputError, UsageError
from stillwatch.storage.disk import disk_errors

if sys.platform != "win32":
    import fcntl

__all__ = [
    "Entry",
    "Head",
    "Sealed",
    "SealedFile",
    "Spent",
    "Withheld",
    "fingerprint",
    "open_sealed",
    "read_sealed",
    "verify",
]

_SEAL = b',"seal":"'
_END = b'"}'
_TORN = b'{"after":""'
"""How a sealed file begins: one that ends before its first line does is a beginning that a killed writer left."""
_KEPT = "what was sealed before is kept"
_VERSION = 1
_GROUP, _SECONDS = 16, 1.0
"""Lines, and seconds, after which what was added is forced to the disk."""


class Head(msgspec.Struct, frozen=True):
    """Whom the answers are from: the model's name, the seed of the asking, the software; ``about`` is the caller's."""

    sealed: int
    model: str
    seed: int
    stillwatch: str
    made_at: str
    about: dict[str, Any]


class Withheld(msgspec.Struct, frozen=True):
    """What is kept of a text that is not: the SHA-256 of its UTF-8, and how many characters it has."""

    sha256: str
    length: int


class Spent(NamedTuple):
    """Requests, and tokens as the endpoint counted them or, where it did not, as we estimate them."""

    requests: int
    tokens_in: int
    tokens_out: int


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One question's answer, and what the caller made of it (``data``).

    ``asked`` is the `fingerprint` of the question. Of a withheld answer ``answer`` has neither text, reasoning nor
    calls of tools; ``withheld`` names each that is not empty. ``spent`` is on all its tries.
    """

    asked: str
    answer: Answer
    spent: Spent = Spent(1, 0, 0)
    withheld: dict[str, Withheld] = {}
    data: dict[str, Any] = {}


class _First(msgspec.Struct, frozen=True):
    after: str
    head: Head


class _Line(msgspec.Struct, frozen=True):
    after: str
    entry: Entry


_Any = TypeVar("_Any", _First, _Line)


class Sealed(NamedTuple):
    """A sealed file that was read and found whole: its head, its entries in order, and the seal of its last line."""

    head: Head
    entries: tuple[Entry, ...]
    seal: str
    torn: int
    """Bytes after the last whole line: what a killed writer left."""


def fingerprint(question: Question) -> str:
    """16 hexadecimal digits that tell one question from another, whatever they are called."""
    asked = (question.messages, question.tools, question.max_tokens, question.temperature)
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()[:16]


def withhold(answer: Answer) -> tuple[Answer, dict[str, Withheld]]:
    """``answer`` without what it says, and what is kept of each part."""
    said = {
        "text": answer.text,
        "reasoning": answer.reasoning,
        "tool_calls": msgspec.json.encode(answer.tool_calls).decode() if answer.tool_calls else "",
    }
    kept = {
        name: Withheld(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), len(text))
        for name, text in said.items()
        if text
    }
    return msgspec.structs.replace(answer, text="", reasoning="", tool_calls=()), kept


class SealedFile:
    """A sealed file that is being added to. ``answered`` and ``failures`` are what it holds of each question."""

    def __init__(self, path: Path, file: BinaryIO, held: Sealed) -> None:
        self.path, self._file, self.seal = path, file, held.seal
        self.head = held.head
        self.entries: list[Entry] = []
        self._answered: dict[tuple[str, int], Entry] = {}
        self._failures: dict[tuple[str, int, str], int] = {}
        self._unforced, self._forced_at = 0, time.monotonic()
        for entry in held.entries:
            self._note(entry)

    def answered(self, question: Question) -> Entry | None:
        """The entry with this question's answer; None where it has none yet, or to other words of that name."""
        entry = self._answered.get((question.id, question.sample))
        return entry if entry is not None and entry.asked == fingerprint(question) else None

    def failures(self, question: Question) -> int:
        """How many times this question was given up."""
        return self._failures.get((question.id, question.sample, fingerprint(question)), 0)

    def add(
        self,
        question: Question,
        answer: Answer,
        *,
        data: Mapping[str, Any] | None = None,
        with_text: bool = True,
        spent: Spent | None = None,
    ) -> Entry:
        """Seal an answer. Raises `StorageError` where the disk refuses."""
        withheld: dict[str, Withheld] = {}
        if not with_text:
            answer, withheld = withhold(answer)
        entry = Entry(fingerprint(question), answer, spent or Spent(1, 0, 0), withheld, dict(data or {}))
        line, seal = _sealed(_Line(self.seal, entry))
        with disk_errors(self.path, _KEPT):
            _written(self._file, line)
        self.seal = seal
        # As it is read again, so that a run that is taken up goes on from the same values to the last digit.
        entry = _read(line, _Line).entry
        self._note(entry)
        self._unforced += 1
        if self._unforced >= _GROUP or time.monotonic() - self._forced_at > _SECONDS:
            self.force()
        return entry

    def force(self) -> None:
        """Have all that was added on the disk when this returns."""
        with disk_errors(self.path, _KEPT):
            os.fsync(self._file.fileno())
        self._unforced, self._forced_at = 0, time.monotonic()

    def _note(self, entry: Entry) -> None:
        self.entries.append(entry)
        key = (entry.answer.question, entry.answer.sample)
        if entry.answer.finish == "failed":
            failed = (*key, entry.asked)
            self._failures[failed] = self._failures.get(failed, 0) + 1
        else:
            self._answered[key] = entry


@contextmanager
def open_sealed(
    path: Path, *, model: str, seed: int, about: Mapping[str, Any] | None = None, overwrite: bool = False
) -> Iterator[SealedFile]:
    """The sealed file at ``path``, begun or taken up again after its chain was checked.

    Raises `UsageError` where it holds answers of another model, seed or ``about``, or another process adds to it;
    `InputError` naming the line that was changed; `StorageError` where the disk refuses.
    """
    head = Head(_VERSION, model, seed, __version__, now(), dict(about or {}))
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    # Without a buffer, which would try again to write what a full disk has refused.
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        _only_we(file, path)
        with disk_errors(path):
            held = _begun(path, file, head, overwrite=overwrite)
        sealed = SealedFile(path, file, held)
        try:
            yield sealed
        finally:
            sealed.force()


def _written(file: BinaryIO, line: bytes) -> None:
    """Hand a whole line to the system, or none of it."""
    begin = file.tell()
    try:
        rest = memoryview(line)
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        file.truncate(begin)
        file.seek(begin)
        raise


def _only_we(file: BinaryIO, path: Path) -> None:
    if sys.platform != "win32":
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError("another process is adding to it", path, "wait for it, or name another folder") from None


def _begun(path: Path, file: BinaryIO, head: Head, *, overwrite: bool) -> Sealed:
    data = b"" if overwrite else file.read()
    if data and not data.startswith(_TORN[: len(data)]):
        raise InputError("holds no sealed answers", path, "name another file")
    if b"\n" in data:
        held = _checked(data, path)
        same = msgspec.structs.replace(held.head, stillwatch=head.stillwatch, made_at=head.made_at)
        if msgspec.json.encode(same) != msgspec.json.encode(head):
            raise UsageError(
                f"holds the answers of another model, seed or other questions ({held.head.model})",
                path,
                "name another folder, or give --overwrite",
            )
    else:
        first, seal = _sealed(_First("", head))
        held = Sealed(head, (), seal, 0)
        file.seek(0)
        file.truncate()
        _written(file, first)
        data = first
    file.truncate(len(data) - held.torn)
    file.seek(0, os.SEEK_END)
    os.fsync(file.fileno())
    return held


def _sealed(line: _First | _Line) -> tuple[bytes, str]:
    body = msgspec.json.encode(line)[:-1]
    seal = hashlib.sha256(body).hexdigest()
    return body + _SEAL + seal.encode() + _END + b"\n", seal


def _read(line: bytes, kind: type[_Any]) -> _Any:
    return msgspec.json.decode(line, type=kind)


def read_sealed(path: Path) -> Sealed:
    """What a sealed file holds. Raises `InputError` naming the line that was changed, or where it is no such file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name a file of sealed answers") from error
    return _checked(data, path)


def verify(path: Path, seal: str | None = None) -> Sealed:
    """`read_sealed`, and that the last line is the one whose ``seal`` a report quotes. Raises `InputError`."""
    held = read_sealed(path)
    if seal is not None and held.seal != seal:
        raise InputError(
            f"is whole, but ends with the seal {held.seal[:16]}…, not {seal[:16]}…",
            path,
            "it was sealed anew, cut short or added to since that report",
        )
    return held


def _checked(data: bytes, path: Path) -> Sealed:
    whole = data[: data.rfind(b"\n") + 1]
    head: Head | None = None
    entries: list[Entry] = []
    before = ""
    for number, line in enumerate(whole.split(b"\n")[:-1], 1):
        where = f"{path}:{number}"
        body, mark, rest = line.rpartition(_SEAL)
        if not mark or not rest.endswith(_END):
            raise InputError("this line was changed: it has no seal", where, "restore the file")
        seal = rest[: -len(_END)].decode("ascii", "replace")
        if hashlib.sha256(body).hexdigest() != seal:
            raise InputError("this line was changed after it was sealed", where, "restore the file")
        try:
            told: _First | _Line
            if head is None:
                told = _read(body + b"}", _First)
                head = told.head
            else:
                told = _read(body + b"}", _Line)
                entries.append(told.entry)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InputError(f"holds no sealed answer: {error}", where, "name a file of sealed answers") from error
        if told.after != before:
            raise InputError(
                f"does not follow line {number - 1}: that one was changed and sealed anew, or lines between were "
                "removed, added or moved",
                where,
                "restore the file",
            )
        before = seal
    if head is None:
        raise InputError("holds no sealed answers", path, "name a file of sealed answers")
    return Sealed(head, tuple(entries), before, len(data) - len(whole))
