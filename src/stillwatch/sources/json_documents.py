"""JSON objects of a file, whether they stand one per line, in one array, or alone and spread over lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from stillwatch.sources.files import Line, file_lines, head, whole

__all__ = ["Document", "decode_reason", "json_documents"]

TIME = re.compile(rb"\A\s*\d{4}-\d\d-\d\dT[\d:.]+Z\s+(?=[{\[])")
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)


class Document(NamedTuple):
    """One object and the line it begins on (from 1); a ``reason`` where it is set aside."""

    line: int
    value: Any
    reason: str = ""


def decode_reason(data: bytes, error: BaseException) -> str:
    """Why some bytes are no JSON, in a few words that do not quote them."""
    if b"\0" in data:
        return "NUL byte"
    if isinstance(error, UnicodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return "number out of range" if "range" in str(error) else "not an object"
    return "cut line" if "truncated" in str(error) else "not JSON"


def json_documents(location: str, *, after_time: bool = False) -> Iterator[Document]:
    """The objects in a file, in order; broken ones with their reason.

    Lines are read one at a time; with ``after_time``, a line may have a time in front of its object. An array, or an
    object over several lines, is read whole: `InputError` over 256 MiB.
    """
    start = head(location)
    if after_time and TIME.match(start):
        for line in file_lines(location):
            yield _of_line(line if line.data is None else line._replace(data=TIME.sub(b"", line.data, count=1)))
    elif _one_document(start):
        yield from _inside(whole(location))
    else:
        yield from map(_of_line, file_lines(location))


def _one_document(start: bytes) -> bool:
    """Whether the file is one array, or one object whose first line does not end it."""
    text = start.lstrip()
    if text.startswith(b"["):
        return True
    first = text.partition(b"\n")[0].strip()
    return len(first) < 2 or (first.startswith(b"{") and first.endswith((b"{", b",", b"[")))


def _of_line(line: Line) -> Document:
    if line.data is None:
        return Document(line.number, None, line.reason)
    return _decoded(line.number, line.data)


def _decoded(number: int, data: bytes) -> Document:
    try:
        if not data.isascii():
            data.decode()
        return Document(number, msgspec.json.decode(data))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return Document(number, None, decode_reason(data, error))


def _inside(data: bytes) -> Iterator[Document]:
    """The outermost objects of a document, found by their brackets, so that a broken one spoils no other."""
    line, counted, start, depth = 1, 0, 0, 0
    outer = 1 if data.lstrip().startswith(b"[") else 0
    for token in TOKEN.finditer(data):
        sign = token[0]
        if sign in (b"{", b"["):
            if depth == outer:
                start = token.start()
            depth += 1
        elif sign in (b"}", b"]"):
            depth -= 1
            if depth == outer:
                line, counted = line + data.count(b"\n", counted, start), start
                yield _decoded(line, data[start : token.end()])
    if depth > outer:
        yield Document(line + data.count(b"\n", counted, start), None, "cut line")
