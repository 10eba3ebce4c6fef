"""Networks from files in MaxMind's database format, written here as GeoLite2, IPinfo and DB-IP write theirs."""

from __future__ import annotations

import contextlib
import gzip
import ipaddress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from stillwatch.errors import InputError
from stillwatch.exchange import EXCHANGE, NETWORK_KINDS
from stillwatch.sources.enrichment.addresses import enriched
from stillwatch.sources.enrichment.networks import read_networks

GEOLITE = {"autonomous_system_number": 13335, "autonomous_system_organization": "C"}
ANONYMOUS = {"is_anonymous": True, "is_anonymous_vpn": True, "is_hosting_provider": True}
IPINFO_ASN = {"asn": "AS13335", "name": "C", "domain": "c.example", "type": "hosting", "country": "RZ"}
IPINFO_PLUS = {"country": "Ruritania", "asn": "AS13335", "as_type": "isp", "is_mobile": True, "is_hosting": False}
DBIP_ISP = {
    "country": {"iso_code": "RZ", "names": {"en": "Ruritania"}},
    "traits": {"autonomous_system_number": 13335, "connection_type": "Corporate", "user_type": "hosting", "isp": "C"},
}
CONNECTION = {"connection_type": "Cable/DSL"}


def database(path: Path, networks: dict[str, Any], *, version: int = 6, type: str = "Test") -> Path:
    """A database of networks by their prefixes, the longer ones laid over the shorter."""
    writer = MMDBWriter(ip_version=version, database_type=type, ipv4_compatible=version == 6)
    for prefix in sorted(networks, key=lambda prefix: ipaddress.ip_network(prefix).prefixlen):
        writer.insert_network(IPSet([prefix]), networks[prefix])
    writer.to_db_file(str(path))
    return path


@pytest.mark.parametrize(
    ("record", "number", "kind"),
    [
        (GEOLITE, 13335, None),
        (ANONYMOUS, None, "vpn"),
        (IPINFO_ASN, 13335, "hosting"),
        (IPINFO_PLUS, 13335, "mobile"),
        (DBIP_ISP, 13335, "hosting"),
        (CONNECTION, None, "residential"),
        ({"asn": {"asn": "AS13335", "type": "isp"}, "company": {"type": "business"}}, 13335, "business"),
        ({"asn": {"asn": "AS13335", "type": "isp"}, "privacy": {"vpn": False, "tor": True}}, 13335, "tor"),
    ],
    ids=["geolite", "anonymous", "ipinfo-asn", "ipinfo-plus", "dbip", "connection", "nested", "privacy"],
)
@pytest.mark.parametrize("version", [4, 6])
def test_databases_of_every_maker(
    record: dict[str, Any], number: int | None, kind: str | None, version: int, tmp_path: Path
) -> None:
    networks = {"1.1.1.0/24": record} | ({"2606:4700::/32": record} if version == 6 else {})
    found = read_networks([database(tmp_path / "networks.mmdb", networks, version=version)])
    told = (number, kind)
    assert found.of_address("1.1.1.7") == told
    assert found.of_address("::ffff:1.1.1.7") == told
    assert found.of_address("2606:4700::1") == (told if version == 6 else (None, None))
    assert found.of_address("fe80::1%eth0") == (None, None)
    assert found.of_address("9.9.9.9") == (None, None)
    assert found.of_address("a3f5") == (None, None)
    found.close()


PREFIXES = st.dictionaries(
    st.builds(
        lambda base, length: str(ipaddress.ip_network((base << 24, length), strict=False)),
        st.integers(1, 200),
        st.integers(8, 32),
    ),
    st.integers(1, 2**32 - 1),
    min_size=1,
    max_size=8,
)


@settings(max_examples=30, deadline=None)
@given(PREFIXES, st.lists(st.integers(0, 2**32 - 1), max_size=8))
def test_a_database_and_a_table_of_the_same_networks_agree(
    tmp_path_factory: pytest.TempPathFactory, prefixes: dict[str, int], asked: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("agree")
    records = {prefix: {"autonomous_system_number": number} for prefix, number in prefixes.items()}
    one = read_networks([database(folder / "networks.mmdb", records)])
    rows = "".join(f"{prefix},{number}\n" for prefix, number in prefixes.items())
    (folder / "networks.csv").write_text("network,asn\n" + rows)
    other = read_networks([folder / "networks.csv"])
    edges = [int(network[end]) for network in map(ipaddress.ip_network, prefixes) for end in (0, -1)]
    for address in map(str, map(ipaddress.IPv4Address, [*asked, *edges])):
        assert one.of_address(address) == other.of_address(address)
    one.close()


def test_a_database_with_countries_leaves_no_country_anywhere(tmp_path: Path) -> None:
    path = database(tmp_path / "networks.mmdb", {"1.1.1.0/24": DBIP_ISP | IPINFO_ASN | {"country": "Ruritania"}})
    networks = read_networks([path])
    batch = pa.RecordBatch.from_pylist([{"exchange_id": "r1", "client_ip": "1.1.1.7"}], schema=EXCHANGE)
    row = enriched(batch, networks=networks).to_pylist()[0]
    assert {name: value for name, value in row.items() if value is not None} == {
        **{"exchange_id": "r1", "client_ip": "1.1.1.7", "client_asn": 13335, "client_network": "hosting"}
    }
    networks.close()


def test_a_database_of_countries_is_refused_in_one_clear_line(tmp_path: Path) -> None:
    record = {"country": {"iso_code": "RZ"}, "city": {"names": {"en": "Strelsau"}}}
    path = database(tmp_path / "city.mmdb", {"1.1.1.0/24": record}, type="GeoLite2-City")
    with pytest.raises(InputError) as raised:
        read_networks([path])
    assert str(raised.value).startswith(f"{path}: tells neither numbers nor kinds of networks ('GeoLite2-City')")


def test_a_packed_or_broken_database_is_one_clear_line(tmp_path: Path) -> None:
    whole = database(tmp_path / "networks.mmdb", {f"1.{n}.0.0/16": GEOLITE | {"n": n} for n in range(256)}).read_bytes()
    path = tmp_path / "broken.mmdb"
    path.write_bytes(gzip.compress(whole))
    with pytest.raises(InputError, match="is no text and no whole MaxMind database; unpack it with gunzip"):
        read_networks([path])
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is no text and no whole MaxMind database"):
        read_networks([path])
    path.write_bytes(whole[len(whole) // 2 :])
    with pytest.raises(InputError, match="is a damaged MaxMind database"):
        read_networks([path])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bytes_changed_in_a_database_give_an_answer_or_one_clear_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    path = database(folder / "networks.mmdb", {"1.1.1.0/24": DBIP_ISP, "2.0.0.0/8": IPINFO_PLUS})
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    with contextlib.suppress(InputError):
        networks = read_networks([path])
        for address in ("1.1.1.7", "2.2.2.2", "::1", "9.9.9.9"):
            assert networks.of_address(address).kind in {None, *NETWORK_KINDS}
        networks.close()
