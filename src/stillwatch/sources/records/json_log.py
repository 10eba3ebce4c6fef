"""Logs that are JSON documents: one per line, in an array, or alone. A format says what each document holds."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa

from stillwatch.sources.base import BATCH_ROWS, Cursor, ReadBatch
from stillwatch.sources.containers.json_documents import Document, json_documents, some_keys
from stillwatch.sources.records.callers import id_array
from stillwatch.sources.records.conversation import BadConversationError
from stillwatch.sources.records.cycles import no_cycles_sought
from stillwatch.sources.records.rows import COLUMNS, Rows

__all__ = ["JsonLog"]

_EVERY = operator.itemgetter(*COLUMNS)


class JsonLog:
    """A format whose files are JSON documents: a subclass says which exchanges a document holds.

    A document may hold none (what is no call to a model is passed over), one, or many.
    """

    identity_keys: ClassVar[tuple[str, ...]] = ()
    """The keys at the top of a document that `identity` looks at; none where it needs whole documents."""

    complete: ClassVar[bool] = False
    """Whether `exchanges` tells all columns of each, null where there is nothing: then they are read faster."""

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """The exchanges of one document: columns of `EXCHANGE` with loose values (`stillwatch.sources.records.values`).

        Raises `BadConversationError`, whose text is the reason, for a document that is set aside as a whole.
        """
        raise NotImplementedError

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """The exchange ids that `exchanges` may yield: a quick look; more may come, none may be missing."""
        raise NotImplementedError

    def documents(self, location: str) -> Iterator[Document]:
        """The documents of a file, in order, broken ones with their reason."""
        return json_documents(location)

    def heads(self, location: str) -> Iterator[Document]:
        """What `identity` looks at: the documents of a file, of those on lines no more than ``identity_keys``."""
        keys = self.identity_keys
        return json_documents(location, decode=some_keys(keys)) if keys else self.documents(location)

    def read(self, location: str, since: Cursor | None) -> Iterator[ReadBatch]:
        """See `Source.read`. A record is a document."""
        rows, passed = Rows(location), 0 if since is None else since.records
        documents = enumerate(self.documents(location), 1)
        records, more = 0, True
        while more:
            with no_cycles_sought():
                more = False
                for records, document in documents:
                    if records > passed:
                        self._take(rows, document)
                    if rows.full:
                        more = True
                        break
                batch = rows.take(Cursor(records)) if len(rows) else None
            if batch is not None:
                yield batch

    def _take(self, rows: Rows, document: Document) -> None:
        line, value, reason = document
        if reason:
            rows.reject(reason, line)
        elif not isinstance(value, dict):
            rows.reject("not an object", line)
        else:
            self._add(rows, value, line)

    def identities(self, location: str) -> Iterator[pa.Array]:
        """See `Source.identities`."""
        ids: list[str] = []
        for document in self.heads(location):
            if isinstance(document.value, dict):
                for found in self.identity(document.value):
                    if type(found) is str:
                        ids.append(found)
                    elif isinstance(found, str | int):
                        ids.append(str(found))
            if len(ids) >= BATCH_ROWS:
                yield id_array(ids)
                ids = []
        yield id_array(ids)

    def _add(self, rows: Rows, document: Mapping[str, Any], line: int) -> None:
        try:
            found = tuple(self.exchanges(document))
        except BadConversationError as error:
            rows.reject(str(error), line)
            return
        for values in found:
            rows.add(_EVERY(values) if self.complete else map(values.get, COLUMNS), line)
