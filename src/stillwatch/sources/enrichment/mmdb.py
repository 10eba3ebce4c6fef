"""Networks from a file in MaxMind's database format (.mmdb): GeoLite2-ASN and Anonymous IP, IPinfo's, DB-IP's.

The file is mapped, not read: an address costs a few steps down a tree, whatever the file's size. Of a record only the
fields with the network's number and kind are taken; the reader decodes the others with it, and they are dropped at
once. The reader is the library's in Python: of damaged files, the one in C has been seen to overwrite memory.
"""

from __future__ import annotations

import functools
import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import maxminddb

from stillwatch.errors import InputError, one_line
from stillwatch.sources.enrichment.kinds import FIELDS, kind_told
from stillwatch.sources.enrichment.network import KNOWN_TABLES, NUMBER_FIELDS, UNKNOWN, Network, number_in

__all__ = ["Database", "is_database"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MARK = b"\xab\xcd\xefMaxMind.com"
_END_BYTES = 128 * 1024  # the format's specification: the metadata begins in the last 128 KiB
_LOOKED_AT = 10_000
_REMEMBERED = 100_000
# Where makers nest what is read: (part, its field, what the field is called elsewhere)
_NESTED = (("asn", "asn", "asn"), ("asn", "type", "asn_type"), ("company", "type", "type"))
_PARTS = ("traits", "privacy")


def is_database(path: Path) -> bool:
    """Whether a file ends as a database in this format does."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _END_BYTES, 0), os.SEEK_SET)
            return _MARK in file.read(_END_BYTES)
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", path) from error


class Database:
    """A database of networks. Raises `InputError` for one that is damaged, or that tells no number and no kind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._reader = maxminddb.open_database(path, maxminddb.MODE_MMAP)
        except Exception as error:  # whatever a reader stumbles over, the file is damaged
            raise self._damaged(error) from error
        self._versions = (4, 6) if self._reader.metadata().ip_version == 6 else (4,)
        self._asked = functools.lru_cache(_REMEMBERED)(self._ask)
        try:
            if all(network == UNKNOWN for network in self._first()):
                kind = one_line(self._reader.metadata().database_type)[:60]
                raise InputError(f"tells neither numbers nor kinds of networks ({kind!r})", path, KNOWN_TABLES)
        except InputError:
            self.close()
            raise

    def of_address(self, address: str) -> Network:
        """See `networks.Table.of_address`."""
        return self._asked(address)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _ask(self, address: str) -> Network:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return UNKNOWN
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return self._record(parsed)[0] if parsed.version in self._versions else UNKNOWN

    def _record(self, address: Address) -> tuple[Network, int]:
        """What is said of an address, and the length of the prefix of which that is said."""
        try:
            record, length = self._reader.get_with_prefix_len(address)
            return _network(record), length
        except Exception as error:  # as above: a record's bytes are decoded only here
            raise self._damaged(error) from error

    def _first(self) -> Iterator[Network]:
        """The first networks of IPv4 and of what is handed out of IPv6, in order, empty ones too."""
        for start in map(ipaddress.ip_address, ("0.0.0.0", "2000::")):
            at: Address | None = start if start.version in self._versions else None
            for _ in range(_LOOKED_AT):
                if at is None:
                    break
                network, length = self._record(at)
                yield network
                size = 1 << (at.max_prefixlen - min(length, at.max_prefixlen))
                following = (int(at) // size + 1) * size
                at = type(at)(following) if following < 1 << at.max_prefixlen else None

    def _damaged(self, error: Exception) -> InputError:
        return InputError(f"is a damaged MaxMind database ({one_line(error)[:120]})", self._path, "fetch it again")


def _network(record: object) -> Network:
    """The number and kind in one record, whichever maker's it is."""
    if not isinstance(record, Mapping):
        return UNKNOWN
    told: dict[str, Any] = {}
    for part in (record, *(record.get(name) for name in _PARTS)):
        if isinstance(part, Mapping):
            told |= {name: part[name] for name in (*NUMBER_FIELDS, *FIELDS) if name in part}
    for name, field, called in _NESTED:
        part = record.get(name)
        if isinstance(part, Mapping):
            told[called] = part.get(field)
    number = next((told[name] for name in NUMBER_FIELDS if isinstance(told.get(name), str | int)), None)
    return Network(None if number is None else number_in(str(number)) or None, kind_told(told))
