"""The client's address in what a log has of it, its network from tables of the user's, and clients' names tidied.

Nothing is looked up anywhere: a log is enriched from files that the user has. Of such a file only the ranges, numbers
and kinds of networks are taken; nothing in it on countries and cities is.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable
from urllib.parse import unquote

import pyarrow as pa

from stillwatch.sources.enrichment.kinds import kind_of
from stillwatch.sources.enrichment.networks import Networks

__all__ = ["client_address", "client_name", "enriched"]

_NOTHING = ("", "-", "unknown", "null", "none")
_LONGEST = 1000
_SPACE = re.compile(r"\s+")


@functools.lru_cache(maxsize=100_000)
def _hop(part: str) -> tuple[str | None, bool]:
    """An address in its shortest form, without a port, and whether it is public."""
    part = part.strip().strip('"')
    if part.startswith("["):
        part = part[1:].partition("]")[0]
    elif part.count(":") == 1:
        part = part.partition(":")[0]
    try:
        address = ipaddress.ip_address(part)
    except ValueError:
        return None, False
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address), not (mapped or address).is_private


def client_address(value: str, trusted_hops: int | None = None) -> str | None:
    """The client's address in an address or a forwarded list ("client, proxy, proxy"); null where there is none.

    Each proxy adds whom it was called by at the end; what stands before the first of your own is a claim of the client.
    With ``trusted_hops`` proxies of yours in front, the client is that many places from the end (the first place of a
    shorter list); without, it is the last public address, else the last one. A single word that is no address, such as
    a keyed hash of one, is kept as it is.
    """
    if len(value) > _LONGEST:
        return None
    if "," not in value and _hop(value)[0] is None:
        return None if value.strip().lower() in _NOTHING or _SPACE.search(value.strip()) else value.strip()
    hops = [hop for hop in map(_hop, value.split(",")) if hop[0] is not None]
    if not hops:
        return None
    if trusted_hops is not None:
        return hops[max(len(hops) - max(trusted_hops, 1), 0)][0]
    public = [address for address, is_public in hops if is_public]
    return public[-1] if public else hops[-1][0]


def client_name(value: str) -> str | None:
    """What a client calls itself, written one way: spaces instead of %20 and of runs of white space; "-" is null."""
    if "%20" in value and " " not in value:
        value = unquote(value)
    name = _SPACE.sub(" ", value[:_LONGEST]).strip()
    return None if name.lower() in _NOTHING else name


def enriched(
    batch: pa.RecordBatch, trusted_hops: int | None = None, networks: Networks | None = None
) -> pa.RecordBatch:
    """The batch with addresses resolved, names of clients tidied, and networks filled in where the log has none.

    A kind of network that the log tells is one of `NETWORK_KINDS` after this, whatever its maker calls it; an unknown
    one is null. Each different text is worked on once per batch. A batch without rows is as it was.
    """

    def address(value: str) -> str | None:
        return client_address(value, trusted_hops)

    addresses = _each(batch.column("client_ip"), address)
    batch = _with(batch, "client_ip", addresses)
    batch = _with(batch, "user_agent", _each(batch.column("user_agent"), client_name))
    kinds = batch.column("client_network")
    kinds = kinds if kinds.null_count == len(kinds) else _each(kinds, kind_of)
    if networks is None:
        return _with(batch, "client_network", kinds)
    coded = addresses.dictionary_encode()
    found = [networks.of_address(text) for text in coded.dictionary.to_pylist()]
    told = pa.array([network.number for network in found], pa.int64()).take(coded.indices)
    numbers = batch.column("client_asn").fill_null(told)
    kinds = kinds.fill_null(pa.array([network.kind for network in found], kinds.type).take(coded.indices))
    coded = numbers.dictionary_encode()
    by_number = pa.array([networks.of_number(number) for number in coded.dictionary.to_pylist()], kinds.type)
    kinds = kinds.fill_null(by_number.take(coded.indices))
    return _with(_with(batch, "client_asn", numbers), "client_network", kinds)


def _each(column: pa.Array, change: Callable[[str], str | None]) -> pa.Array:
    """A text column with each different value changed."""
    coded = column.dictionary_encode()
    changed = [change(text) for text in coded.dictionary.to_pylist()]
    return pa.array(changed, column.type).take(coded.indices)


def _with(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), column)
