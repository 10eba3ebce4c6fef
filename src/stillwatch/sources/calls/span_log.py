"""Logs of spans: a format says which spans and log records a document holds, and the window joins what belongs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stillwatch.sources.base import Cursor, ReadBatch
from stillwatch.sources.calls.model_spans import DETAILS, is_call
from stillwatch.sources.calls.span_window import Record, Span, Window, identity
from stillwatch.sources.records.json_log import JsonLog
from stillwatch.sources.records.rows import Rows

__all__ = ["SpanLog"]


class SpanLog(JsonLog):
    """A format whose documents hold spans, in any order, and perhaps log records beside them."""

    def told(self, document: Mapping[str, Any]) -> Iterable[Span | Record]:
        """The spans, and the log records of generative AI, in one document."""
        raise NotImplementedError

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """The calls in one document, with what it tells of them itself; `read` looks farther."""
        window = Window()
        window.add(list(self.told(document)), 1, 1)
        return list(window.exchanges())

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        for told in self.told(document):
            if is_call(told.attributes) if isinstance(told, Span) else told.event.name == DETAILS:
                yield identity(told)

    def read(self, location: str, since: Cursor | None) -> Iterator[ReadBatch]:
        """See `Source.read`. A record is a document; calls are held back until what belongs to them may have come."""
        rows, window, records = Rows(location), Window(), 0
        passed = 0 if since is None else since.records
        for document in self.documents(location):
            records += 1
            if document.reason or not isinstance(document.value, dict):
                window.reject(document.reason or "not an object", records, document.line)
            else:
                window.add(list(self.told(document.value)), records, document.line)
            while window.full:
                cursor = window.release(rows, passed)
                if rows.full:
                    yield rows.take(cursor)
        while window.held:
            cursor = window.release(rows, passed)
            if rows.full:
                yield rows.take(cursor)
        if len(rows):
            yield rows.take(Cursor(records))
