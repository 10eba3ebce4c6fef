"""Files of a log: found, decompressed, and cut into lines, with memory bounded whatever they hold."""

from __future__ import annotations

import functools
import glob
import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import pyarrow as pa

from stillwatch.errors import InputError
from stillwatch.sources.containers.object_storage import find_objects, is_url, objects_in, open_object

__all__ = [
    "HEAD_BYTES",
    "LINE_BYTES",
    "Beside",
    "Line",
    "file_lines",
    "files_in",
    "find_files",
    "folder_of",
    "head",
    "open_bytes",
    "second_head",
    "whole",
]

LINE_BYTES = 8 * 2**20
HEAD_BYTES = 256 * 2**10
WHOLE_BYTES = 256 * 2**20
CHUNK_BYTES = 2**20
COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
TOO_LONG = "line over 8 MiB"
BROKEN_STREAM = "compressed data ends or breaks here"


class Line(NamedTuple):
    """One line without its end, counted from 1; its ``data`` is None where it is set aside for a ``reason``."""

    number: int
    data: bytes | None
    reason: str = ""


_line: Callable[[tuple[int, bytes, str]], Line] = functools.partial(tuple.__new__, Line)  # a fifth of `Line`'s time


class Beside(NamedTuple):
    """A file of a folder, with what changes when it does."""

    location: str
    size: int
    changed: int


def folder_of(location: str) -> str:
    """The folder in which a file lies, here or in object storage."""
    return location.rpartition("/")[0] if is_url(location) else str(Path(location).parent)


def files_in(folder: str) -> tuple[Beside, ...]:
    """The files in a folder, none below it and no hidden ones, sorted. Raises `InputError` where it cannot be seen."""
    if is_url(folder):
        found = [Beside(address, size, 0) for address, size in objects_in(folder)]
        return tuple(sorted(file for file in found if not file.location.rpartition("/")[2].startswith(".")))
    try:
        paths = [path for path in Path(folder).iterdir() if path.is_file() and not path.name.startswith(".")]
        facts = [(str(path), path.stat()) for path in paths]
    except OSError as error:
        raise InputError(f"cannot be searched: {error.strerror}", folder) from error
    return tuple(sorted(Beside(path, stat.st_size, stat.st_mtime_ns) for path, stat in facts))


def find_files(locations: Sequence[str | os.PathLike[str]]) -> tuple[Path | str, ...]:
    """The files that ``locations`` name, each once, sorted: files, folders (with all below them), glob patterns.

    What lies elsewhere (`object_storage`) is named by its address, a text. Hidden files, hidden folders and empty files
    inside a folder are passed over. Raises `InputError` for a location that names nothing.
    """
    found: dict[Path | str, Path | str] = {}
    for location in locations:
        text = os.fspath(location)
        if is_url(text):
            objects = find_objects(text)
            if not objects:
                raise InputError("no such file, folder or pattern", text)
            found |= {address: address for address in objects}
            continue
        paths = [Path(text)] if os.path.exists(text) else [Path(p) for p in glob.glob(text, recursive=True)]
        if not paths:
            raise InputError("no such file, folder or pattern", text)
        for path in paths:
            for file in _below(path) if path.is_dir() else [path]:
                found.setdefault(file.resolve(), file)
    if not found:
        raise InputError("holds no files", ", ".join(os.fspath(location) for location in locations))
    return tuple(sorted(found.values(), key=str))


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file() and path.stat().st_size:
                yield path


def open_bytes(location: str) -> IO[bytes]:
    """The bytes of a file, decompressed where they are gzip or zstd (told by the content, not by the name).

    Raises `InputError` where the file cannot be opened.
    """
    try:
        file = open_object(location) if is_url(location) else open(location, "rb")  # noqa: SIM115  (the caller closes it)
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", location) from error
    start = file.read(4)
    for mark, codec in COMPRESSIONS.items():
        if start.startswith(mark):
            file.seek(0)
            stream: IO[bytes] = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), codec)
            return stream
    if file.seekable():
        file.seek(0)
        return file
    file.close()
    raise InputError("is a pipe, which can be read only once", location, "write it to a file first")


def _chunks(stream: IO[bytes]) -> Iterator[bytes | None]:
    """Pieces of a stream; None as the last one where it breaks off."""
    while True:
        try:
            chunk = stream.read(CHUNK_BYTES)
        except (OSError, EOFError, pa.ArrowException):
            yield None
            return
        if not chunk:
            return
        yield chunk


def file_lines(location: str, *, blank: bool = False) -> Iterator[Line]:
    """The lines of a file, those of white space only where ``blank``; one over 8 MiB is passed over unkept.

    A line's number counts every line of the file. A byte-order mark at the start is dropped.
    """
    with open_bytes(location) as stream:
        pending: list[bytes] = []
        number, size, skipping, first = 1, 0, False, True
        for chunk in _chunks(stream):
            if chunk is None:
                yield Line(number, None, BROKEN_STREAM)
                return
            if first:
                chunk, first = chunk.removeprefix(b"\xef\xbb\xbf"), False
            ended = chunk.split(b"\n")
            rest = ended.pop()
            if ended and (pending or skipping):
                if skipping or size + len(ended[0]) > LINE_BYTES:
                    yield Line(number, None, TOO_LONG)
                    number += 1
                    del ended[0]
                else:
                    ended[0] = b"".join((*pending, ended[0]))
                pending, size, skipping = [], 0, False
            for line in ended:  # none is longer than what was read at once
                if blank or (line and not line.isspace()):
                    yield _line((number, line, ""))
                number += 1
            size += len(rest)
            if skipping or size > LINE_BYTES:
                pending, skipping = [], True
            elif rest:
                pending.append(rest)
        if skipping:
            yield Line(number, None, TOO_LONG)
        elif (line := b"".join(pending)) and not line.isspace():
            yield Line(number, line)


def head(location: str) -> bytes:
    """The first 256 KiB of a file, decompressed; fewer where it is shorter or breaks off. No byte-order mark."""
    with open_bytes(location) as stream:
        return _take(stream).removeprefix(b"\xef\xbb\xbf")


def second_head(location: str) -> bytes:
    """Up to 256 KiB from the second line on: what a log is whose first line is broken or endless. May be empty."""
    with open_bytes(location) as stream:
        for chunk in _chunks(stream):
            if chunk is None:
                return b""
            _, end, rest = chunk.partition(b"\n")
            if end:
                return (rest + _take(stream))[:HEAD_BYTES]
    return b""


def _take(stream: IO[bytes]) -> bytes:
    taken = io.BytesIO()
    while (missing := HEAD_BYTES - taken.tell()) > 0:
        try:
            piece = stream.read(missing)
        except (OSError, EOFError, pa.ArrowException):
            break
        if not piece:
            break
        taken.write(piece)
    return taken.getvalue()


def whole(location: str) -> bytes:
    """All bytes of a file that can only be read as one (a JSON document). Raises `InputError` over 256 MiB."""
    parts: list[bytes] = []
    size = 0
    with open_bytes(location) as stream:
        for chunk in _chunks(stream):
            if chunk is None:
                break
            size += len(chunk)
            if size > WHOLE_BYTES:
                raise InputError("is one JSON document over 256 MiB", location, "write one object per line instead")
            parts.append(chunk)
    return b"".join(parts).removeprefix(b"\xef\xbb\xbf")
