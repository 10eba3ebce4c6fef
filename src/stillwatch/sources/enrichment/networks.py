"""A table of networks that the user has: which AS number an address belongs to.

Read are MaxMind's and IPinfo's CSV files (``network`` with a prefix, or ``start_ip`` and ``end_ip``; the number under
``autonomous_system_number`` or ``asn``) and CAIDA's prefix-to-AS files (prefix, length and number, without a header;
of several origins the first). Gzip and zstd are told by the content. Columns with countries are never opened.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stillwatch.errors import InputError
from stillwatch.sources.containers.delimited import column_names, delimited_records
from stillwatch.sources.containers.files import file_lines, head

__all__ = ["Networks", "read_networks"]

_PREFIX, _FIRST, _LAST = ("network", "prefix", "cidr"), ("start_ip", "first_ip"), ("end_ip", "last_ip")
_NUMBER = ("autonomous_system_number", "asn", "as_number")
_V4 = 0xFFFF << 32  # IPv4 stands among IPv6 as ::ffff:a.b.c.d
_TOP = 2**128

Range = tuple[int, int, int]  # first address, last address, AS number


class Networks:
    """Ranges of addresses, each with its AS number; where ranges lie in each other the smallest counts."""

    def __init__(self, ranges: list[Range]) -> None:
        starts, numbers = _flattened(ranges)
        self._starts: npt.NDArray[np.bytes_] = np.array([start.to_bytes(16, "big") for start in starts], dtype="S16")
        self._numbers = np.array(numbers, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._starts)

    def number(self, address: str) -> int | None:
        """The AS number of an address; None for what is no address, or lies in no range."""
        try:
            packed = _value(ipaddress.ip_address(address)).to_bytes(16, "big")
        except ValueError:
            return None
        place = int(np.searchsorted(self._starts, np.bytes_(packed), side="right")) - 1
        return int(self._numbers[place]) or None if place >= 0 else None


def _value(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    return int(address) + _V4 if address.version == 4 else int(address)


def _flattened(ranges: list[Range]) -> tuple[list[int], list[int]]:
    """Where the network changes, and to which (0: none): nested ranges cut into pieces that do not overlap."""
    starts: list[int] = []
    numbers: list[int] = []
    open_ranges: list[tuple[int, int]] = []  # last address and number of the ranges that we are inside of

    def change(at: int, number: int) -> None:
        if starts and starts[-1] == at:
            numbers[-1] = number
        elif not numbers or numbers[-1] != number:
            starts.append(at)
            numbers.append(number)

    def close(before: int) -> None:
        while open_ranges and open_ranges[-1][0] < before:
            last, _ = open_ranges.pop()
            if last + 1 < _TOP:
                change(last + 1, open_ranges[-1][1] if open_ranges else 0)

    for first, last, number in sorted(ranges, key=lambda r: (r[0], -r[1], r[2])):
        close(first)
        inside = min(last, open_ranges[-1][0]) if open_ranges else last  # a range that sticks out of another is cut
        open_ranges.append((inside, number))
        change(first, number)
    close(_TOP)
    return starts, numbers


def read_networks(path: Path) -> Networks:
    """The table in a file. Raises `InputError` where the file is in no known shape or holds no range."""
    if not path.is_file():
        raise InputError("no such file", path, "give a CSV of MaxMind or IPinfo, or a prefix-to-AS file of CAIDA")
    start = head(str(path))
    first = start.split(b"\n", 1)[0]
    ranges = list(_caida(path) if b"," not in first and len(first.split()) == 3 else _table(path))
    if not ranges:
        raise InputError("holds no network that can be read", path, "see docs/log-formats.md for the tables known")
    return Networks(ranges)


def _table(path: Path) -> Iterator[Range]:
    records = delimited_records(str(path))
    names = [name.strip().lower() for name in column_names(records)]

    def place(known: tuple[str, ...]) -> int | None:
        return next((names.index(name) for name in known if name in names), None)

    prefix, first, last, number = place(_PREFIX), place(_FIRST), place(_LAST), place(_NUMBER)
    if number is None or (prefix is None and (first is None or last is None)):
        raise InputError(
            f"has no columns {_PREFIX[0]} (or {_FIRST[0]} and {_LAST[0]}) and {_NUMBER[0]} (or {_NUMBER[1]})", path
        )
    for record in records:
        if record.cells is None:
            continue
        bounds = (
            (record.cells[prefix], "") if prefix is not None else (record.cells[first or 0], record.cells[last or 0])
        )
        yield from _range(*bounds, record.cells[number])


def _caida(path: Path) -> Iterator[Range]:
    for line in file_lines(str(path)):
        cells = (line.data or b"").decode("ascii", "replace").split()
        if len(cells) == 3:
            yield from _range(f"{cells[0]}/{cells[1]}", "", cells[2])


def _range(first: str, last: str, number: str) -> Iterator[Range]:
    """One range, or none where it cannot be read."""
    digits = number.upper().removeprefix("AS").replace("_", ",").split(",")[0].strip("{} ")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
        return
    try:
        if last:
            low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
        else:
            network = ipaddress.ip_network(first, strict=False)
            low, high = network.network_address, network.broadcast_address
    except ValueError:
        return
    if low.version == high.version and int(low) <= int(high):
        yield _value(low), _value(high), int(digits)
