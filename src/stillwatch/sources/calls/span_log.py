"""Logs of spans: a format says which spans and log records a document holds, and the window joins what belongs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from stillwatch.errors import InputError
from stillwatch.sources.base import Cursor, ReadBatch
from stillwatch.sources.calls.model_spans import DETAILS
from stillwatch.sources.calls.span_index import ALONE, files_beside, span_index
from stillwatch.sources.calls.span_window import Record, Span, Window, identity
from stillwatch.sources.containers.files import Beside, head, second_head
from stillwatch.sources.records.json_log import JsonLog
from stillwatch.sources.records.rows import Rows

__all__ = ["SpanLog"]


class SpanLog(JsonLog):
    """A format whose documents hold spans, in any order, and perhaps log records beside them."""

    records_apart: ClassVar[bool] = True
    """Whether log records may tell more of a span."""

    def recognises(self, head: bytes) -> bool:
        """See `Source.recognises`."""
        raise NotImplementedError

    def told(self, document: Mapping[str, Any]) -> Iterable[Span | Record]:
        """The spans, and the log records of generative AI, in one document."""
        raise NotImplementedError

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """The calls in one document, with what it tells of them itself; `read` looks farther."""
        window = Window(settled=not self.records_apart)
        window.add(self.told(document), 1, 1)
        return list(window.exchanges())

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        for told in self.told(document):
            if told.call if isinstance(told, Span) else told.event.name == DETAILS:
                yield identity(told)

    def read(self, location: str, since: Cursor | None) -> Iterator[ReadBatch]:
        """See `Source.read`. A record is a document.

        Where other files of the format lie beside this one, or this one begins with log records alone, what belongs
        together is looked up in all of them; else calls are held back until what belongs to them may have come.
        """
        files = files_beside(location, self._is_ours)
        alone = len(files) < 2 and self.holds_spans(head(location))
        passed = 0 if since is None else since.records
        return self._windowed(location, passed) if alone else self._joined(location, files, passed)

    def holds_spans(self, start: bytes) -> bool:
        """Whether a file that begins so may have the spans that its log records belong to."""
        return bool(start)

    def is_one(self, location: str) -> bool:
        """Whether a file is in this format."""
        return self.recognises(head(location)) or self.recognises(second_head(location))

    def _is_ours(self, file: Beside) -> bool:
        return _recognised(file, self.is_one)

    def _told_in(self, location: str) -> Iterator[Span | Record]:
        for document in self.documents(location):
            if isinstance(document.value, Mapping):
                yield from self.told(document.value)

    def _joined(self, location: str, files: tuple[Beside, ...], passed: int) -> Iterator[ReadBatch]:
        rows, records = Rows(location), 0
        index = span_index(files, self._told_in)
        for document in self.documents(location):
            records += 1
            if records <= passed:
                continue
            if document.reason or not isinstance(document.value, Mapping):
                rows.reject(document.reason or "not an object", document.line)
            else:
                told = list(self.told(document.value))
                calls = [row for one in told if (row := index.row(one)) is not None]
                for row in calls:
                    rows.add(row, document.line)
                if told and not calls and not any(isinstance(one, Span) or index.knows(one.key) for one in told):
                    rows.reject(ALONE, document.line)
            if rows.full:
                yield rows.take(Cursor(records))
        if len(rows):
            yield rows.take(Cursor(records))

    def _windowed(self, location: str, passed: int) -> Iterator[ReadBatch]:
        rows, window, records = Rows(location), Window(settled=not self.records_apart), 0
        for line, value, reason in self.documents(location):
            records += 1
            if reason or not isinstance(value, dict):
                window.reject(reason or "not an object", records, line)
            else:
                window.add(self.told(value), records, line)
            while window.full:
                released = window.release(rows, passed)
                if rows.full:
                    yield rows.take(Cursor(released))
        while window.held:
            released = window.release(rows, passed)
            if rows.full:
                yield rows.take(Cursor(released))
        if len(rows):
            yield rows.take(Cursor(records))


@functools.lru_cache(maxsize=100_000)
def _recognised(file: Beside, is_one: Callable[[str], bool]) -> bool:
    """Looked up once for a file as it is, not once for each of its neighbours."""
    try:
        return is_one(file.location)
    except InputError:
        return False
