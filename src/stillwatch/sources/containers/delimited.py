"""Records of a CSV file with the line each begins on, whatever is broken in between.

A quotation mark that is never closed would swallow all that follows; so a record that does not fit the header and
spans several lines costs its first line only, and reading goes on with the second.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from stillwatch.errors import InputError
from stillwatch.sources.containers.files import BROKEN_STREAM, LINE_BYTES, Line, file_lines
from stillwatch.sources.containers.json_documents import Document

__all__ = ["Record", "column_names", "delimited_documents", "delimited_records", "header"]

csv.field_size_limit(LINE_BYTES)


class Record(NamedTuple):
    """One record: the ``line`` it begins on (from 1), its ``cells``, or None and the ``reason`` why it is set aside."""

    line: int
    cells: list[str] | None
    reason: str = ""


class _Lines:
    """Lines as texts for `csv.reader`, remembering those of the record that is being read."""

    def __init__(self, location: str) -> None:
        self._lines = file_lines(location, blank=True)
        self._again: deque[Line] = deque()
        self.record: list[Line] = []

    def pull(self) -> Line | None:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is not None:
            self.record.append(line)
        return line

    def put_back(self) -> None:
        """All lines of the record but the first come again."""
        self._again.extendleft(reversed(self.record[1:]))

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.record and sum(len(line.data or b"") for line in self.record) > LINE_BYTES:
            raise csv.Error("record over 8 MiB")
        line = self.pull()
        if line is None:
            raise StopIteration
        if line.data is None:
            raise csv.Error(line.reason)
        if b"\0" in line.data:
            raise csv.Error("NUL byte")
        try:
            return line.data.decode() + "\n"
        except UnicodeDecodeError:
            raise csv.Error("not UTF-8") from None


def header(head: bytes) -> list[str]:
    """The column names in a file's first line; none where that line is no text."""
    line = head.partition(b"\n")[0]
    try:
        return next(csv.reader([line.decode()], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def column_names(table: Iterator[Record]) -> list[str]:
    """The header, taken from the beginning of a table's records; none of an empty file."""
    first = next(table, None)
    return [] if first is None or first.cells is None else first.cells


def delimited_records(location: str) -> Iterator[Record]:
    """The header's record first, then every other one; one whose number of cells differs from it is set aside.

    Line ends inside quotation marks are kept; blank lines between records are passed over. Raises `InputError` for
    a file without a header.
    """
    lines = _Lines(location)
    reader = csv.reader(lines, strict=True)
    width: int | None = None
    while True:
        lines.record = []
        reason = "cut line"
        cells: list[str] | None = None
        try:
            cells = next(reader, None)
        except csv.Error as error:
            reason = _reason(str(error))
        if not lines.record:
            return
        if cells is not None and not any(cells) and len(cells) <= 1:
            continue
        first = lines.record[0].number
        if width is None:
            if not cells:
                broken = reason == BROKEN_STREAM
                raise InputError(
                    reason if broken else "has a first line that is no list of column names", f"{location}:{first}"
                )
            width = len(cells)
        if cells is not None and len(cells) == width:
            yield Record(first, cells)
            continue
        if cells is not None:
            reason = "cut line" if len(cells) < width else "more cells than columns"
        lines.put_back()
        reader = csv.reader(lines, strict=True)
        yield Record(first, None, reason)


def delimited_documents(location: str, names: Mapping[str, str] | None = None) -> Iterator[Document]:
    """The rows of a table as objects, cells by their column's name, empty ones left out; broken rows with their reason.

    ``names`` has other names for some columns, their own in lower case. Raises `InputError` where two columns would
    have one name then.
    """
    table = delimited_records(location)
    columns = column_names(table)
    if names is not None:
        columns = [names.get(name.lower(), name) for name in columns]
        if len(set(columns)) < len(columns):
            raise InputError("has two columns of one name", location)
    for record in table:
        if record.cells is None:
            yield Document(record.line, None, record.reason)
        else:
            cells = zip(columns, record.cells, strict=True)
            yield Document(record.line, {name: cell for name, cell in cells if cell})


def _reason(text: str) -> str:
    known = ("NUL byte", "not UTF-8", "record over 8 MiB", "line over 8 MiB", "compressed data ends or breaks here")
    if text in known:
        return text
    return "record over 8 MiB" if "larger than field limit" in text else "broken quotation marks"
