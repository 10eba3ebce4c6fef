"""Records of Azure Monitor's resource logs, and what those of language models say beside those of API Management.

One record is told in three spellings: as a diagnostic setting sends it (common fields, and the category's own under
``properties``, which may be a text of JSON), as a row of a table of its own, and as a row of ``AzureDiagnostics``,
whose columns end in their type (``correlationId_g``). `flat` makes them the same: names in lower case without such an
end.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stillwatch.errors import InputError
from stillwatch.sources.calls.bodies import items, mapping
from stillwatch.sources.calls.gateway_calls import unwrapped
from stillwatch.sources.containers.files import Beside, files_in, folder_of, open_bytes
from stillwatch.sources.containers.json_documents import Document, begins_json, decoded, json_documents
from stillwatch.sources.containers.lookup import key_digest, lookup_table

__all__ = ["Flat", "Messages", "flat", "index_beside", "is_azure", "kind", "records"]

Flat = Mapping[str, Any]

TYPE_END = re.compile(r"_[sdgbt]$")
CATEGORY = re.compile(rb'"[Cc]ategory"\s*:\s*"(?:GatewayLogs|GatewayLlmLogs|RequestResponse)"')
TABLES = re.compile(rb'"Type"\s*:\s*"ApiManagementGateway(?:Logs|LlmLog)"')
COLUMNS = (b'"ApimSubscriptionId"', b'"RequestMessages"', b'"ResponseMessages"')
KINDS = {
    "gatewaylogs": "gateway",
    "apimanagementgatewaylogs": "gateway",
    "gatewayllmlogs": "model",
    "apimanagementgatewayllmlog": "model",
    "requestresponse": "openai",
}
CONTAINERS = ("insights-logs-gatewayllmlogs", "insights-logs-gatewaylogs")
PARTS = ("requestmessages", "responsemessages")
COUNTS = ("modelname", "deploymentname", "prompttokens", "completiontokens", "promptcachedtokens")
WRITTEN = 5_000
HEAD = 65_536


def is_azure(head: bytes) -> bool:
    """Whether a file's beginning is JSON with one of the categories or tables that are read."""
    if not begins_json(head):
        return False
    if CATEGORY.search(head):
        return b'"correlationId"' in head or b'"CorrelationId"' in head
    return TABLES.search(head) is not None or (b'"CorrelationId"' in head and any(mark in head for mark in COLUMNS))


def records(location: str) -> Iterator[Document]:
    """The records of a file: one per line, in an array, in ``records``, or in the tables of a query's answer."""
    for document in json_documents(location):
        if isinstance(document.value, dict) and isinstance(document.value.get("tables"), list):
            yield from _tables(document)
        else:
            yield from unwrapped([document], "records")


def _tables(document: Document) -> Iterator[Document]:
    for table in items(document.value["tables"]):
        names = [str(column.get("name")) for column in items(table.get("columns"))]
        for row in table["rows"] if isinstance(table.get("rows"), list) else []:
            if isinstance(row, list):
                yield Document(document.line, dict(zip(names, row, strict=False)))


def flat(record: Any) -> dict[str, Any]:
    """A record's fields that are not null by their names in lower case, those of its category above the common ones."""
    fields: dict[str, Any] = {}
    for name, value in mapping(record).items():
        if value is not None:
            fields.setdefault(_name(name), value)
    own = mapping(decoded(fields.pop("properties", None)))
    return fields | {_name(name): value for name, value in own.items() if value is not None}


@functools.lru_cache(maxsize=10_000)
def _name(name: str) -> str:
    return TYPE_END.sub("", name.lower())


def kind(fields: Flat) -> str | None:
    """``gateway``, ``model`` or ``openai``; None for a record of another category."""
    for name in ("category", "type"):
        told = fields.get(name)
        if isinstance(told, str) and told.lower() in KINDS:
            return KINDS[told.lower()]
    if any(name in fields for name in PARTS):
        return "model"
    return "gateway" if "apimsubscriptionid" in fields else None


class Messages:
    """What the records of language models in some files say of each request; kept on disk, so memory stays small."""

    def __init__(self, files: tuple[str, ...]) -> None:
        """Reads the files; what cannot be read is passed over, for it is set aside where its file is read."""
        self._table = lookup_table(
            "create table part(request blob, name text, place integer, value text,"
            " primary key(request, name, place)) without rowid;"
            "create table called(request blob primary key) without rowid; begin;"
        )
        self._asked: tuple[Any, bool] = None, False
        parts: list[tuple[bytes, str, int, str]] = []
        called: list[tuple[bytes]] = []
        for file in files:
            try:
                for document in records(file):
                    self._learn(flat(document.value), parts, called)
                    if len(parts) + len(called) >= WRITTEN:
                        self._write(parts, called)
            except InputError:
                continue
        self._write(parts, called)
        self._table.execute("commit")

    @staticmethod
    def _learn(fields: Flat, parts: list[tuple[bytes, str, int, str]], called: list[tuple[bytes]]) -> None:
        request, told = _digest(fields.get("correlationid")), kind(fields)
        if request is not None and told == "gateway":
            called.append((request,))
        if request is None or told != "model":
            return
        place = fields.get("sequencenumber")
        place = place if type(place) is int and abs(place) < 2**31 else 0
        counts = {name: fields[name] for name in COUNTS if name in fields} if any(map(fields.get, COUNTS)) else {}
        for name, value in (*((name, fields.get(name)) for name in PARTS), ("counts", counts)):
            if value:
                text = value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
                parts.append((request, name, place, text.encode("utf-8", "replace").decode()))

    def _write(self, parts: list[tuple[bytes, str, int, str]], called: list[tuple[bytes]]) -> None:
        """Of several records for one place the same one stays, whatever their order."""
        self._table.executemany(
            "insert into part values(?, ?, ?, ?) on conflict do update set value = max(value, excluded.value)", parts
        )
        self._table.executemany("insert or ignore into called values(?)", called)
        parts.clear()
        called.clear()

    def called(self, correlation: Any) -> bool:
        """Whether the gateway's own record of a request is in the files."""
        if correlation != self._asked[0]:  # a request's records stand together
            request = (_digest(correlation),)
            found = self._table.execute("select 1 from called where request = ?", request).fetchone()
            self._asked = correlation, bool(found)
        return self._asked[1]

    def parts(self, correlation: Any) -> dict[str, list[str]]:
        """The pieces of the request's and the answer's messages, in order, and the records' other fields as JSON."""
        found: dict[str, list[str]] = {}
        asked = "select name, value from part where request = ? order by name, place"
        for name, value in self._table.execute(asked, (_digest(correlation),)):
            found.setdefault(name, []).append(value)
        return found


def _digest(correlation: Any) -> bytes | None:
    if not isinstance(correlation, str) or not correlation:
        return None
    return key_digest(correlation.lower())


def index_beside(location: str) -> Messages:
    """What the files beside one tell: those in its folder, and in the folder of the other category's container."""
    folders = {folder_of(location)}
    for one, other in (CONTAINERS, CONTAINERS[::-1]):
        if one in location:
            folders.add(folder_of(location.replace(one, other)))
    files = {file for folder in folders for file in _files(folder) if _is_read(file)}
    return _index(tuple(sorted(files)))


def _files(folder: str) -> tuple[Beside, ...]:
    try:
        return files_in(folder)
    except InputError:
        return ()


@functools.lru_cache(maxsize=100_000)
def _is_read(file: Beside) -> bool:
    """Looked up once for a file as it is, not once for each of its neighbours."""
    try:
        with open_bytes(file.location) as stream:
            return is_azure(stream.read(HEAD).removeprefix(b"\xef\xbb\xbf"))
    except (InputError, OSError, EOFError):
        return False


@functools.lru_cache(maxsize=2)
def _index(files: tuple[Beside, ...]) -> Messages:
    """One index serves all files of a folder, which are read one after the other."""
    return Messages(tuple(file.location for file in files))
