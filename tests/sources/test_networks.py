"""Tables of networks that a user has: numbers and kinds by address and by AS number, and never a country."""

from __future__ import annotations

import gzip
import ipaddress
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.exchange import EXCHANGE, NETWORK_KINDS
from stillwatch.signals.base import FORBIDDEN_READS
from stillwatch.sources.enrichment.addresses import enriched
from stillwatch.sources.enrichment.kinds import FIELDS, kind_of, kind_told
from stillwatch.sources.enrichment.networks import read_networks
from stillwatch.sources.enrichment.ranges import Ranges, position, range_of

MAXMIND = (
    "network,autonomous_system_number,autonomous_system_organization\n1.1.1.0/24,13335,C\n2606:4700::/32,13335,C\n"
)
IPINFO = "start_ip,end_ip,country,asn\n1.1.1.0,1.1.1.255,XX,AS13335\n2606:4700::,2606:4700:ffff::,XX,AS13335\n"
DBIP = '1.1.1.0,1.1.1.255,13335,"C, Inc."\n2606:4700::,2606:4700:ffff::,13335,C\n'
CAIDA = "1.0.0.0\t8\t1\n1.1.1.0\t24\t13335_4\n2606:4700::\t32\t13335\nbroken\tline\t{}\n"


def table(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


@pytest.mark.parametrize("content", [MAXMIND, IPINFO, DBIP, CAIDA], ids=["maxmind", "ipinfo", "dbip", "caida"])
@pytest.mark.parametrize("packed", [False, True])
def test_tables_of_every_maker(content: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "networks"
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    networks = read_networks([path])
    assert networks.of_address("1.1.1.7") == (13335, None)
    assert networks.of_address("::ffff:1.1.1.7") == (13335, None)
    assert networks.of_address("2606:4700::1") == (13335, None)
    assert networks.of_address("9.9.9.9") == (None, None)
    assert networks.of_address("a3f5") == (None, None)


ANONYMOUS = (
    "network,is_anonymous,is_anonymous_vpn,is_hosting_provider,is_public_proxy,is_residential_proxy,is_tor_exit_node\n"
    "1.1.1.0/24,1,0,1,0,0,0\n1.1.1.7/32,1,1,1,0,0,0\n1.1.1.8/32,1,0,1,0,0,1\n1.1.1.9/32,1,0,0,0,1,0\n"
)
PRIVACY = (
    "start_ip,end_ip,join_key,hosting,proxy,tor,vpn,relay,service\n"
    "1.1.1.0,1.1.1.6,1.1.0.0,true,,,,,\n1.1.1.7,1.1.1.7,1.1.0.0,True,,,True,,N\n"
    "1.1.1.8,1.1.1.8,1.1.0.0,true,,true,,,\n1.1.1.9,1.1.1.9,1.1.0.0,,true,,,,\n"
)
COMPANY = (
    "start_ip,end_ip,name,domain,type,asn,as_name,as_domain,as_type,country\n"
    "1.1.1.0,1.1.1.6,C,c.example,hosting,AS1,N,n.example,isp,XX\n1.1.1.7,1.1.1.7,V,v.example,vpn,AS1,N,n,isp,XX\n"
    "1.1.1.8,1.1.1.8,T,t.example,tor,AS1,N,n,isp,XX\n1.1.1.9,1.1.1.9,P,p.example,proxy,AS1,N,n,isp,XX\n"
)


@pytest.mark.parametrize("content", [ANONYMOUS, PRIVACY, COMPANY], ids=["anonymous-ip", "privacy", "company"])
def test_kinds_by_address_and_who_hides_before_whose_cable_it_is(content: str, tmp_path: Path) -> None:
    networks = read_networks([table(tmp_path / "kinds.csv", content)])
    kinds = {last: networks.of_address(f"1.1.1.{last}").kind for last in (6, 7, 8, 9)}
    assert kinds == {6: "hosting", 7: "vpn", 8: "tor", 9: "proxy"}
    assert networks.of_address("2.2.2.2").kind is None


CLASSES = (
    "# format: as|source|type\n# types: Content|Enterpise|Transit/Access\n"
    "1|CAIDA_class|Transit/Access\n2|CAIDA_class|Content\n2|peerDB_class|Enterpise\n3|peerDB_class|Enterpise\n4|x\n"
)
PEERINGDB = 'asn,info_type\n1,"Cable/DSL/ISP"\n2,Content\n3,Enterprise\n4,Route Server\nAS?,NSP\n'
IPINFO_AS = "asn,name,country,type\nAS1,A,XX,isp\nAS2,B,XX,hosting\nAS3,C,XX,business\nAS4,D,XX,\n"


@pytest.mark.parametrize("content", [CLASSES, PEERINGDB, IPINFO_AS], ids=["caida", "peeringdb", "ipinfo"])
def test_kinds_by_as_number(content: str, tmp_path: Path) -> None:
    networks = read_networks([table(tmp_path / "classes", content)])
    told = {number: networks.of_number(number) for number in (1, 2, 3, 4, 5)}
    assert told == {1: "residential", 2: "hosting", 3: "business", 4: None, 5: None}
    assert networks.of_address("1.1.1.1") == (None, None)


def test_of_several_tables_the_first_that_knows_tells(tmp_path: Path) -> None:
    numbers = table(tmp_path / "numbers.csv", MAXMIND)
    first = table(tmp_path / "first.csv", "network,type\n1.1.1.7/32,vpn\n")
    second = table(tmp_path / "second.csv", "network,type,asn\n1.1.1.0/24,hosting,9\n9.9.9.0/24,education,9\n")
    classes = table(tmp_path / "classes.txt", "13335|CAIDA_class|Content\n")
    networks = read_networks([first, classes, numbers, second])
    assert networks.of_address("1.1.1.7") == (13335, "vpn")
    assert networks.of_address("1.1.1.8") == (13335, "hosting")
    assert networks.of_address("9.9.9.9") == (9, "education")
    assert networks.of_number(13335) == "hosting"
    networks.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("country,city\nX,Y\n", "has no columns network"),
        ("network,country\n1.1.1.0/24,XX\n", "has no columns network"),
        ("network,asn\nnowhere,AS1\n", "holds no network that can be read"),
        ("network,asn\n1.1.1.0/24\n", "holds no network that can be read"),
        ("network,type\n1.1.1.0/24,of a kind of its own\n", "holds no network that can be read"),
        ("start_ip,end_ip,asn\n1.1.1.9,1.1.1.1,7\n1.1.1.1,::1,7\n", "holds no network that can be read"),
        ("asn,type\n7,of a kind of its own\nx,isp\n", "holds no AS number with a kind of network that is known"),
        ("1|CAIDA_class|what\nx|y|Content\n", "holds no kind of network that is known"),
        ("1.1.1.0 24 x\n", "holds no network that can be read"),
        ("", "has no columns network"),
        ("\0\1\2\n", "is no text and no whole MaxMind database"),
    ],
)
def test_a_table_that_tells_nothing_is_one_clear_line(content: str, said: str, tmp_path: Path) -> None:
    path = table(tmp_path / "networks.csv", content)
    with pytest.raises(InputError) as raised:
        read_networks([path])
    line = str(raised.value)
    assert line.startswith(f"{path}: {said}")
    assert "\n" not in line
    assert raised.value.do


def test_a_table_that_is_not_there_or_breaks_off_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_networks([tmp_path / "none"])
    numbers = [str(Random(seed).getrandbits(32)) for seed in range(50_000)]
    for name, head, between in (("numbers.csv", "network,asn\n", ","), ("prefixes.txt", CAIDA, " 24 ")):
        packed = gzip.compress((head + "".join(f"1.1.1.0{between}{number}\n" for number in numbers)).encode())
        path = tmp_path / name
        path.write_bytes(packed[: len(packed) // 2])
        with pytest.raises(InputError, match="compressed data ends or breaks here"):
            read_networks([path])


def _ranges(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, int, int]]]:
    edges = st.integers(0, 40) | st.sampled_from([0, 2**128 - 1]) | st.integers(0, 2**128 - 1)
    return st.lists(st.builds(lambda a, b, n: (min(a, b), max(a, b), n), edges, edges, numbers), max_size=12)


@given(_ranges(st.integers(0, 9)), st.lists(st.integers(0, 2**128 - 1), max_size=10))
def test_of_ranges_that_overlap_the_smallest_counts(ranges: list[tuple[int, int, int]], asked: list[int]) -> None:
    found = Ranges(ranges)
    edges = [bound + step for low, high, _ in ranges for bound in (low, high) for step in (-1, 0, 1)]
    for value in (v for v in [*asked, *edges, *range(42)] if 0 <= v < 2**128):
        within = [(high - low, -number) for low, high, number in ranges if low <= value <= high]
        expected = -min(within)[1] if within else 0
        assert found.number(str(ipaddress.IPv6Address(value))) == (expected or None)


PREFIXES = st.builds(
    lambda base, length, number: (ipaddress.ip_network((base, length), strict=False), number),
    st.integers(0, 2**16 - 1).map(lambda n: n << 16),
    st.integers(8, 32),
    st.integers(1, 9),
)


@given(st.lists(PREFIXES, max_size=12, unique_by=lambda p: p[0]), st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_the_longest_prefix_counts_however_an_address_is_written(
    prefixes: list[tuple[ipaddress.IPv4Network, int]], asked: list[int]
) -> None:
    table = Ranges([(*(range_of(str(prefix)) or ()), number) for prefix, number in prefixes])  # type: ignore[misc]
    for value in [*asked, *(int(p[0]) for p, _ in prefixes), *(int(p[-1]) for p, _ in prefixes)]:
        address = ipaddress.IPv4Address(value)
        within = [(p.prefixlen, number) for p, number in prefixes if address in p]
        expected = max(within)[1] if within else None
        assert table.number(str(address)) == expected
        assert table.number(f"::ffff:{address}") == expected


def test_addresses_of_both_kinds_have_one_order() -> None:
    assert position(ipaddress.ip_address("::ffff:1.2.3.4")) == position(ipaddress.ip_address("1.2.3.4"))
    assert range_of("1.2.3.4") == (position(ipaddress.ip_address("1.2.3.4")),) * 2


@given(st.text(max_size=60))
def test_a_word_for_a_kind_becomes_one_of_ours_or_none(word: str) -> None:
    assert kind_of(word) in {None, *NETWORK_KINDS}
    assert kind_of(word.upper()) == kind_of(word.lower()) or kind_of(word) is None


@given(
    st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text(max_size=9) | st.booleans() | st.none() | st.integers())
)
def test_whatever_a_record_says_its_kind_is_one_of_ours_or_none(record: dict[str, object]) -> None:
    assert kind_told(record) in {None, *NETWORK_KINDS}


def test_nothing_that_is_read_of_a_table_says_where_an_address_lies() -> None:
    words = {word for field in FIELDS for word in (field, *field.split("_"))}
    assert not words & {*FORBIDDEN_READS, "continent", "region", "city", "latitude", "longitude", "postal", "mcc"}


def test_a_table_with_countries_leaves_no_country_anywhere(tmp_path: Path) -> None:
    content = (
        "network,country,country_code,continent,timezone,asn,as_type\n"
        "1.1.1.0/24,Ruritania,RZ,Zenda,Zenda/Strelsau,AS13335,hosting\n"
    )
    networks = read_networks([table(tmp_path / "plus.csv", content)])
    batch = pa.RecordBatch.from_pylist([{"exchange_id": "r1", "client_ip": "1.1.1.7"}], schema=EXCHANGE)
    told = enriched(batch, networks=networks)
    assert (told.column("client_asn")[0].as_py(), told.column("client_network")[0].as_py()) == (13335, "hosting")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, told.schema) as stream:
        stream.write_batch(told)
    kept = sink.getvalue().to_pybytes() + repr([vars(part) for part in _parts(networks)]).encode()
    assert not [word for word in (b"Ruritania", b"RZ", b"Zenda", b"Strelsau") if word in kept]


def _parts(thing: object) -> list[object]:
    """A table and all that it is made of."""
    inner = [part for value in vars(thing).values() for part in (value if isinstance(value, tuple) else [value])]
    return [thing, *(found for part in inner if hasattr(part, "__dict__") for found in _parts(part))]
