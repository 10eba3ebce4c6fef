"""Tables of networks that the user has: which AS number an address belongs to, and what kind of network that is.

Read are, by address, the CSV files of MaxMind, IPinfo and DB-IP (``network`` with a prefix, or ``start_ip`` and
``end_ip``), MaxMind's database format (`mmdb`) and CAIDA's prefix-to-AS files (prefix, length and number, without a
header; of several origins the first); by AS number, any CSV with ``asn`` and a kind, and CAIDA's AS classification
(``as|source|type``). Gzip and zstd of texts are told by the content. What a table says of countries and cities is
never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from stillwatch.errors import InputError
from stillwatch.exchange import NETWORK_KINDS
from stillwatch.sources.containers.delimited import Record, column_names, delimited_records
from stillwatch.sources.containers.files import BROKEN_STREAM, file_lines, head
from stillwatch.sources.enrichment.kinds import FIELDS, kind_of, kind_told
from stillwatch.sources.enrichment.mmdb import Database, is_database
from stillwatch.sources.enrichment.network import KNOWN_TABLES, NUMBER_FIELDS, UNKNOWN, Network, number_in
from stillwatch.sources.enrichment.ranges import Range, Ranges, range_of

__all__ = ["Networks", "RangeTable", "read_networks"]

_PREFIX, _FIRST, _LAST = ("network", "prefix", "cidr"), ("start_ip", "first_ip"), ("end_ip", "last_ip")
_HEADLESS = ("start_ip", "end_ip", "asn")  # DB-IP's CSV files begin with their first range


class Table(Protocol):
    """Tells the network of an address."""

    def of_address(self, address: str) -> Network:
        """What the table says of one address; nothing of what is none."""

    def close(self) -> None:
        """Give back what the table holds open."""


class RangeTable:
    """Networks by ranges of addresses: the smallest range counts that tells a number, and the smallest with a kind."""

    def __init__(self, numbers: Sequence[Range], kinds: Sequence[Range] = ()) -> None:
        """``kinds`` are places in `NETWORK_KINDS`, from 1."""
        self._numbers, self._kinds = Ranges(numbers), Ranges(kinds)

    def of_address(self, address: str) -> Network:
        """See `Table.of_address`."""
        kind = self._kinds.number(address)
        return Network(self._numbers.number(address), None if kind is None else NETWORK_KINDS[kind - 1])

    def close(self) -> None:
        """Nothing is held open."""


class Networks:
    """All tables of a scan. Of an address the first table that knows a number tells it, and the first that knows a
    kind; only where none does, the kind is that of the AS number."""

    def __init__(self, tables: Sequence[Table], kinds: Mapping[int, str] | None = None) -> None:
        self._tables, self._kinds = tuple(tables), dict(kinds or {})

    def of_address(self, address: str) -> Network:
        """The network of one address."""
        told = UNKNOWN
        for table in self._tables:
            number, kind = table.of_address(address)
            told = Network(told.number if told.number is not None else number, told.kind or kind)
            if None not in told:
                break
        return told

    def of_number(self, number: int) -> str | None:
        """The kind of the network with an AS number."""
        return self._kinds.get(number)

    def close(self) -> None:
        """Close the tables."""
        for table in self._tables:
            table.close()


class _Columns(NamedTuple):
    """Places of the columns that are read; all others are passed over."""

    prefix: int | None
    bounds: tuple[int, int] | None
    number: int | None
    kinds: Mapping[str, int]

    def kind(self, cells: Sequence[str]) -> str | None:
        return kind_told({name: cells[place] for name, place in self.kinds.items()})

    def of_number(self, cells: Sequence[str]) -> int | None:
        return None if self.number is None else number_in(cells[self.number])


def read_networks(paths: Sequence[Path]) -> Networks:
    """The tables in some files, asked in this order.

    Raises `InputError` where a file is in no known shape, or tells nothing that is read.
    """
    tables: list[Table] = []
    kinds: dict[int, str] = {}
    try:
        for path in paths:
            found = _table(path)
            if isinstance(found, dict):
                kinds = found | kinds
            else:
                tables.append(found)
    except InputError:
        Networks(tables).close()
        raise
    return Networks(tables, kinds)


def _table(path: Path) -> Table | dict[int, str]:
    """A table by address, or the kinds by AS number."""
    if not path.is_file():
        raise InputError("no such file", path, "give a CSV or .mmdb of MaxMind, IPinfo or DB-IP, or a file of CAIDA's")
    if is_database(path):
        return Database(path)
    start = head(str(path))
    if b"\0" in start:
        raise InputError("is no text and no whole MaxMind database", path, "unpack it with gunzip, or fetch it again")
    first = next((line for line in start.splitlines() if line.strip() and not line.startswith(b"#")), b"")
    if b"," not in first and first.count(b"|") == 2:
        kinds = dict(_classes(path))
        if not kinds:
            raise InputError("holds no kind of network that is known", path, KNOWN_TABLES)
        return kinds
    if b"," not in first and len(first.split()) == 3:
        return _ranges(path, ((*bounds, number, None) for bounds, number in _caida(path)))
    return _delimited(path)


def _delimited(path: Path) -> Table | dict[int, str]:
    records = delimited_records(str(path))
    names = [name.strip().lower() for name in column_names(records)]
    first = Record(1, names)
    if len(names) >= 3 and names[1] and range_of(names[0], names[1]) is not None:
        names = [*_HEADLESS, *names[3:]]
    else:
        first = Record(1, None)

    def place(known: Sequence[str]) -> int | None:
        return next((names.index(name) for name in known if name in names), None)

    low, high = place(_FIRST), place(_LAST)
    bounds = None if low is None or high is None else (low, high)
    columns = _Columns(place(_PREFIX), bounds, place(NUMBER_FIELDS), {n: names.index(n) for n in names if n in FIELDS})
    by_address = columns.prefix is not None or columns.bounds is not None
    if (by_address, columns.number is not None, bool(columns.kinds)).count(True) < 2:
        raise InputError(
            f"has no columns {_PREFIX[0]} (or {_FIRST[0]} and {_LAST[0]}) and {NUMBER_FIELDS[0]} (or"
            f" {NUMBER_FIELDS[1]}, or a kind of network)",
            path,
            KNOWN_TABLES,
        )
    rows = _rows(path, first, records)
    if by_address:
        return _ranges(path, _told(columns, rows))
    kinds: dict[int, str] = {}
    for cells in rows:
        number, kind = columns.of_number(cells), columns.kind(cells)
        if number is not None and kind is not None:
            kinds.setdefault(number, kind)
    if not kinds:
        raise InputError("holds no AS number with a kind of network that is known", path, KNOWN_TABLES)
    return kinds


def _rows(path: Path, first: Record, records: Iterator[Record]) -> Iterator[list[str]]:
    """The cells of the rows that are whole. Raises `InputError` where the file breaks off: half a table is none."""
    if first.cells is not None:
        yield first.cells
    for record in records:
        if record.cells is not None:
            yield record.cells
        elif record.reason == BROKEN_STREAM:
            raise InputError(BROKEN_STREAM, f"{path}:{record.line}", "fetch the table again")


def _told(columns: _Columns, rows: Iterator[list[str]]) -> Iterator[tuple[int, int, int | None, str | None]]:
    for cells in rows:
        if columns.prefix is not None:
            bounds = range_of(cells[columns.prefix])
        else:
            low, high = columns.bounds or (0, 0)
            bounds = range_of(cells[low], cells[high])
        if bounds is not None:
            yield *bounds, columns.of_number(cells), columns.kind(cells)


def _ranges(path: Path, told: Iterator[tuple[int, int, int | None, str | None]]) -> RangeTable:
    numbers: list[Range] = []
    kinds: list[Range] = []
    for low, high, number, kind in told:
        if number is not None:
            numbers.append((low, high, number))
        if kind is not None:
            kinds.append((low, high, NETWORK_KINDS.index(kind) + 1))
    if not numbers and not kinds:
        raise InputError("holds no network that can be read", path, KNOWN_TABLES)
    return RangeTable(numbers, kinds)


def _lines(path: Path) -> Iterator[list[str]]:
    """The lines of a text that are no comment, cut at bars or else at white space."""
    for line in file_lines(str(path)):
        if line.data is None and line.reason == BROKEN_STREAM:
            raise InputError(BROKEN_STREAM, f"{path}:{line.number}", "fetch the table again")
        text = (line.data or b"").decode("ascii", "replace")
        if not text.startswith("#"):
            yield text.split("|") if "|" in text else text.split()


def _classes(path: Path) -> Iterator[tuple[int, str]]:
    """CAIDA's AS classification; where an AS has two lines, the first counts."""
    seen: set[int] = set()
    for cells in _lines(path):
        if len(cells) == 3:
            number, kind = number_in(cells[0]), kind_of(cells[2])
            if number is not None and kind is not None and number not in seen:
                seen.add(number)
                yield number, kind


def _caida(path: Path) -> Iterator[tuple[tuple[int, int], int]]:
    for cells in _lines(path):
        if len(cells) == 3:
            bounds, number = range_of(f"{cells[0]}/{cells[1]}"), number_in(cells[2])
            if bounds is not None and number is not None:
                yield bounds, number
