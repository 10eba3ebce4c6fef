"""JSON objects of a file, whether they stand one per line, in one array, or alone and spread over lines."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypedDict

import msgspec

from stillwatch.sources.containers.files import Line, file_lines, head, whole
from stillwatch.sources.containers.hostile_json import lenient

__all__ = [
    "Decode",
    "Document",
    "begins_json",
    "decode_reason",
    "decode_whole",
    "decoded",
    "documents_of",
    "is_one_document",
    "json_documents",
    "objects_at",
    "some_keys",
    "told_keys",
]

TIME = re.compile(rb"\A\s*\d{4}-\d\d-\d\dT[\d:.]+Z\s+(?=[{\[])")
# A text without an end reaches to the end of the file: looked for anew at each of its quotes, it would take for ever.
TEXT = rb'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)'
TOKEN = re.compile(TEXT + rb"|[\[\]{}]", re.DOTALL)
Decode = Callable[[bytes], Any]
_WHOLE = msgspec.json.Decoder().decode
KEY = re.compile(b"(" + TEXT + rb")(\s*+:)?|[\[\]{}]", re.DOTALL)


class Document(NamedTuple):
    """One object and the line it begins on (from 1); a ``reason`` where it is set aside."""

    line: int
    value: Any
    reason: str = ""


_document: Callable[[tuple[int, Any, str]], Document] = functools.partial(tuple.__new__, Document)  # as in `files`


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


def some_keys(keys: Sequence[str]) -> Decode:
    """A decoder that keeps some keys of an object and passes over the others without making anything of them.

    It checks less than a decoder of whole objects: what one decodes, it decodes, and more.
    """
    kind: Any = TypedDict  # a type made of names that are not known before
    strict = msgspec.json.Decoder(kind("Kept", dict.fromkeys(keys, Any), total=False)).decode

    def kept(data: bytes) -> Any:
        try:
            return strict(data)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            value = lenient(data, error)
            if not isinstance(value, dict):
                raise
            return {key: value[key] for key in keys if key in value}

    return kept


def json_documents(location: str, *, after_time: bool = False, decode: Decode | None = None) -> Iterator[Document]:
    """The objects in a file, in order; broken ones with their reason.

    Lines are read one at a time; with ``after_time``, a line may have a time in front of its object. An array, or an
    object over several lines, is read whole: `InputError` over 256 MiB. With ``decode``, that decodes what stands on a
    line, such as `some_keys`: enough for a quick look.
    """
    start = head(location)
    decode = decode or decode_whole
    if after_time and TIME.match(start):
        lines = file_lines(location)
        untimed = (
            line if line.data is None else line._replace(data=TIME.sub(b"", line.data, count=1)) for line in lines
        )
        return documents_of(untimed, decode)
    if is_one_document(start):
        data = whole(location)
        return objects_at(data, 1 if data.lstrip().startswith(b"[") else 0)
    return documents_of(file_lines(location), decode)


def begins_json(start: bytes) -> bool:
    """Whether a file's beginning may be JSON objects: one per line, in an array, or alone."""
    return start.lstrip()[:1] in (b"{", b"[")


def decoded(value: Any, otherwise: Any = None) -> Any:
    """The value that a text of JSON holds; ``otherwise`` where it is none. What is no text stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return _WHOLE(value)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        try:
            return lenient(value, error)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return otherwise


def is_one_document(start: bytes) -> bool:
    """Whether the file is one array, or one object whose first line does not end it."""
    text = start.lstrip()
    if text.startswith(b"["):
        return True
    first = text.partition(b"\n")[0].strip()
    return len(first) < 2 or (first.startswith(b"{") and first.endswith((b"{", b",", b"[")))


def documents_of(lines: Iterable[Line], decode: Decode) -> Iterator[Document]:
    """What stands on some lines; of broken ones the reason."""
    for number, data, reason in lines:
        if data is None:
            yield Document(number, None, reason)
            continue
        try:
            value = decode(data)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            yield Document(number, None, decode_reason(data, error))
        else:
            yield _document((number, value, ""))


def decode_whole(data: bytes) -> Any:
    """The value of some JSON, of which every text is checked to be UTF-8; see `hostile_json` for what is not."""
    try:
        if not data.isascii():
            data.decode()
        return _WHOLE(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return lenient(data, error)


def _decoded(number: int, data: bytes) -> Document:
    try:
        return Document(number, decode_whole(data))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return Document(number, None, decode_reason(data, error))


def objects_at(data: bytes, outer: int) -> Iterator[Document]:
    """What stands ``outer`` brackets deep in a document, found by its brackets: a broken one spoils no other."""
    line, counted, start, depth = 1, 0, 0, 0
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


def told_keys(start: bytes) -> tuple[dict[str, set[str]], bool]:
    """The keys of the objects in ``start``, and of each object in those; whether not even the first of them ends."""
    found: dict[str, set[str]] = {}
    first = start.lstrip()[:1]
    if first not in (b"{", b"["):
        return found, False
    parent, depth, outer, cut = "", 0, 1 if first == b"[" else 0, True
    for token in KEY.finditer(start):
        if token[1] is None:
            depth += 1 if token[0] in (b"{", b"[") else -1
            cut = cut and depth > outer
        elif token[2] and depth == outer + 1:
            parent = token[1][1:-1].decode(errors="replace")
            found.setdefault(parent, set())
        elif token[2] and depth == outer + 2:
            found.setdefault(parent, set()).add(token[1][1:-1].decode(errors="replace"))
    return found, cut
