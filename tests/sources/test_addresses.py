"""Addresses, networks and names of clients, from files that the user has."""

from __future__ import annotations

import ipaddress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.exchange import EXCHANGE, NETWORK_KINDS
from stillwatch.sources.enrichment.addresses import client_address, client_name, enriched
from stillwatch.sources.enrichment.networks import Networks, RangeTable
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


def test_a_network_that_the_log_knows_is_kept() -> None:
    rows = [
        {"exchange_id": "r1", "client_ip": "8.8.8.8, 1.1.1.7", "user_agent": "x%20y", "client_asn": None},
        {"exchange_id": "r2", "client_ip": "1.1.1.7", "client_asn": 5, "client_network": "ISP"},
        {"exchange_id": "r3"},
        {"exchange_id": "r4", "client_asn": 7, "client_network": "<b>no kind</b>"},
        {"exchange_id": "r5", "client_asn": 5},
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=EXCHANGE)
    v4 = (0xFFFF << 32) + int(ipaddress.ip_address("1.1.1.0"))
    hosting = NETWORK_KINDS.index("hosting") + 1
    table = RangeTable([(v4, v4 + 255, 13335)], [(v4, v4 + 255, hosting)])
    told = enriched(batch, networks=Networks([table], {5: "mobile", 13335: "business"}))
    assert told.column("client_ip").to_pylist() == ["1.1.1.7", "1.1.1.7", None, None, None]
    assert told.column("client_asn").to_pylist() == [13335, 5, None, 7, 5]
    assert told.column("client_network").to_pylist() == ["hosting", "residential", None, None, "mobile"]
    assert told.column("user_agent").to_pylist() == ["x y", None, None, None, None]
    assert told.schema.equals(EXCHANGE)
    assert enriched(empty_batch(), 1, Networks([])).num_rows == 0


def test_an_address_of_no_known_kind_has_that_of_its_as_number() -> None:
    v4 = (0xFFFF << 32) + int(ipaddress.ip_address("1.1.1.0"))
    networks = Networks([RangeTable([(v4, v4 + 255, 13335)])], {13335: "hosting"})
    batch = pa.RecordBatch.from_pylist([{"exchange_id": "r1", "client_ip": "1.1.1.7"}], schema=EXCHANGE)
    assert enriched(batch, networks=networks).column("client_network").to_pylist() == ["hosting"]


def test_without_a_table_a_kind_is_one_of_ours_or_null() -> None:
    said = ["Hosting", "Cable/DSL/ISP", "vpn", "no such kind", None, "x" * 10_000]
    rows = [{"exchange_id": str(i), "client_network": word} for i, word in enumerate(said)]
    told = enriched(pa.RecordBatch.from_pylist(rows, schema=EXCHANGE))
    assert told.column("client_network").to_pylist() == ["hosting", "residential", "vpn", None, None, None]
