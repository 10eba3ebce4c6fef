"""Ranges of addresses, each with a number: of those that hold an address the smallest counts.

IPv4 stands among IPv6 as ``::ffff:a.b.c.d``, so that an address is found however it is written.
"""

from __future__ import annotations

import heapq
import ipaddress
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["Range", "Ranges", "position", "range_of"]

_V4 = 0xFFFF << 32
_TOP = 2**128

Range = tuple[int, int, int]  # first address, last address, number (0: none)


class Ranges:
    """Numbers by address. Ranges may lie in each other, overlap and come in any order; of two as small as each other
    the one with the larger number counts."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        starts, numbers = _flattened(sorted(ranges))
        self._starts: npt.NDArray[np.bytes_] = np.array([start.to_bytes(16, "big") for start in starts], dtype="S16")
        self._numbers = np.array(numbers, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._starts)

    def number(self, address: str) -> int | None:
        """The number of an address; None for what is no address, lies in no range, or in one without a number."""
        try:
            packed = position(ipaddress.ip_address(address)).to_bytes(16, "big")
        except ValueError:
            return None
        place = int(np.searchsorted(self._starts, np.bytes_(packed), side="right")) - 1
        return int(self._numbers[place]) or None if place >= 0 else None


def position(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    """Where an address stands among all, those of IPv4 as mapped into IPv6."""
    return int(address) + _V4 if address.version == 4 else int(address)


def range_of(first: str, last: str = "") -> tuple[int, int] | None:
    """The first and last position of ``first`` (an address or prefix) or of all from ``first`` to ``last``; None where
    this is no range."""
    try:
        if last:
            low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
        else:
            network = ipaddress.ip_network(first.strip(), strict=False)
            low, high = network.network_address, network.broadcast_address
    except ValueError:
        return None
    if low.version != high.version or int(low) > int(high):
        return None
    return position(low), position(high)


def _flattened(ranges: list[Range]) -> tuple[list[int], list[int]]:
    """Where the number changes, and to which (0: none): ranges, sorted, cut into pieces that do not overlap."""
    starts: list[int] = []
    numbers: list[int] = []
    within: list[tuple[int, int, int]] = []  # size, number below 0, and last address of ranges begun; some are over
    begun = 0
    for at in sorted({first for first, _, _ in ranges} | {last + 1 for _, last, _ in ranges}):
        while begun < len(ranges) and ranges[begun][0] == at:
            first, last, number = ranges[begun]
            heapq.heappush(within, (last - first, -number, last))
            begun += 1
        while within and within[0][2] < at:
            heapq.heappop(within)
        number = -within[0][1] if within else 0
        if at < _TOP and number != (numbers[-1] if numbers else 0):
            starts.append(at)
            numbers.append(number)
    return starts, numbers
