"""Addresses, networks and names of clients, from files that the user has."""

from __future__ import annotations

import gzip
import ipaddress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.exchange import EXCHANGE
from stillwatch.sources.enrichment.addresses import client_address, client_name, enriched
from stillwatch.sources.enrichment.networks import Networks, read_networks
from stillwatch.sources.records.rows import empty_batch


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("8.8.8.8, 1.1.1.1", "1.1.1.1"),
        ("8.8.8.8, 10.0.0.1", "8.8.8.8"),
        ("10.0.0.1, 192.168.0.1", "192.168.0.1"),
        ("1.1.1.1:443", "1.1.1.1"),
        ("[2606:4700::1111]:443", "2606:4700::1111"),
        ("::ffff:1.1.1.1", "1.1.1.1"),
        ("unknown, 1.1.1.1, -", "1.1.1.1"),
        ("unknown", None),
        ("-", None),
        ("", None),
        ("no address", None),
        ("a3f5c09e1b", "a3f5c09e1b"),
        ("," * 2000, None),
    ],
)
def test_without_trusted_hops_the_last_public_address_counts(forwarded: str, expected: str | None) -> None:
    assert client_address(forwarded) == expected


@pytest.mark.parametrize(
    ("hops", "expected"), [(0, "9.9.9.9"), (1, "9.9.9.9"), (2, "1.1.1.1"), (3, "8.8.8.8"), (7, "8.8.8.8")]
)
def test_with_trusted_hops_the_client_is_that_many_places_from_the_end(hops: int, expected: str) -> None:
    assert client_address("8.8.8.8, 1.1.1.1, 9.9.9.9", hops) == expected


@given(st.text(), st.none() | st.integers(0, 5))
def test_an_address_is_one_word_whatever_was_written(forwarded: str, hops: int | None) -> None:
    found = client_address(forwarded, hops)
    assert found is None or ("," not in found and not any(c.isspace() for c in found))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("curl/8.5.0", "curl/8.5.0"),
        ("OpenAI/Python%201.40", "OpenAI/Python 1.40"),
        ("  a \t b  ", "a b"),
        ("100%20 sure", "100%20 sure"),
        ("-", None),
        ("", None),
    ],
)
def test_a_clients_name_is_written_one_way(name: str, expected: str | None) -> None:
    assert client_name(name) == expected


MAXMIND = (
    "network,autonomous_system_number,autonomous_system_organization\n1.1.1.0/24,13335,C\n2606:4700::/32,13335,C\n"
)
IPINFO = "start_ip,end_ip,country,asn\n1.1.1.0,1.1.1.255,XX,AS13335\n2606:4700::,2606:4700:ffff::,XX,AS13335\n"
CAIDA = "1.0.0.0\t8\t1\n1.1.1.0\t24\t13335_4\n2606:4700::\t32\t13335\nbroken\tline\t{}\n"


@pytest.mark.parametrize("content", [MAXMIND, IPINFO, CAIDA], ids=["maxmind", "ipinfo", "caida"])
@pytest.mark.parametrize("packed", [False, True])
def test_tables_of_every_maker(content: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "networks"
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    networks = read_networks(path)
    assert networks.number("1.1.1.7") == 13335
    assert networks.number("2606:4700::1") == 13335
    assert networks.number("9.9.9.9") is None
    assert networks.number("a3f5") is None


def test_a_table_of_something_else_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "networks.csv"
    path.write_text("country,city\nX,Y\n")
    with pytest.raises(InputError, match="has no columns network"):
        read_networks(path)
    path.write_text("network,asn\nnowhere,AS1\n")
    with pytest.raises(InputError, match="holds no network that can be read"):
        read_networks(path)
    with pytest.raises(InputError, match="no such file"):
        read_networks(tmp_path / "none")


PREFIXES = st.builds(
    lambda base, length, number: (ipaddress.ip_network((base, length), strict=False), number),
    st.integers(0, 2**16 - 1).map(lambda n: n << 16),
    st.integers(8, 32),
    st.integers(1, 9),
)


@given(st.lists(PREFIXES, max_size=12, unique_by=lambda p: p[0]), st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_the_longest_prefix_counts(prefixes: list[tuple[ipaddress.IPv4Network, int]], asked: list[int]) -> None:
    v4 = 0xFFFF << 32
    table = Networks([(int(p[0]) + v4, int(p[-1]) + v4, number) for p, number in prefixes])
    for value in [*asked, *(int(p[0]) for p, _ in prefixes), *(int(p[-1]) for p, _ in prefixes)]:
        address = ipaddress.ip_address(value)
        within = [(p.prefixlen, number) for p, number in prefixes if address in p]
        assert table.number(str(address)) == (max(within)[1] if within else None)


def test_a_network_that_the_log_knows_is_kept() -> None:
    rows = [
        {"exchange_id": "r1", "client_ip": "8.8.8.8, 1.1.1.7", "user_agent": "x%20y", "client_asn": None},
        {"exchange_id": "r2", "client_ip": "1.1.1.7", "client_asn": 5},
        {"exchange_id": "r3"},
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=EXCHANGE)
    v4 = (0xFFFF << 32) + int(ipaddress.ip_address("1.1.1.0"))
    told = enriched(batch, networks=Networks([(v4, v4 + 255, 13335)]))
    assert told.column("client_ip").to_pylist() == ["1.1.1.7", "1.1.1.7", None]
    assert told.column("client_asn").to_pylist() == [13335, 5, None]
    assert told.column("user_agent").to_pylist() == ["x y", None, None]
    assert told.schema.equals(EXCHANGE)
    assert enriched(empty_batch(), 1, Networks([])).num_rows == 0
