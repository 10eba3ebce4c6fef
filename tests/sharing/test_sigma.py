"""Sigma: rules that a SIEM takes, that say whom they touch; and what others' rules are taken for, which is little."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_BYTES, MOST_OBJECTS
from stillwatch.sharing.bulletin import Bulletin, ErrorRate, Network, Tls
from stillwatch.sharing.formats import sigma, yaml_text
from stillwatch.sharing.formats.sigma import FORMAT, LEVELS, MOST_RULES
from tests.sharing.bulletins import example_bulletin, indicators_that_come_back, many_bulletins

EXAMPLE = example_bulletin()
changed = msgspec.structs.replace
JA4 = "t13d1516h2_8daaf6152771_b186095e22b6"
TAG = re.compile(r"[a-z0-9_-]+\.[a-z0-9._-]+")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
ENUMERATED = {"status": {"experimental", "deprecated"}, "level": set(LEVELS)}


def rules_of(document: bytes) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(document))


def shown_by(bulletin: Bulletin) -> list[Network | Tls]:
    return [item for item in bulletin.indicators if isinstance(item, Network | Tls)]


# What is written


@settings(deadline=None, max_examples=30)
@given(many_bulletins())
def test_the_networks_and_tls_fingerprints_of_any_bulletins_come_back(some: tuple[Bulletin, ...]) -> None:
    written = FORMAT.encode(some)
    assert written == FORMAT.encode(some)
    assert FORMAT.recognises(written[:65536])
    read = FORMAT.decode(written)
    assert (read.bulletins, read.rejected) == ((), ())
    told = [(f.kind, f.value, f.source, f.valid_until) for f in read.foreign]
    assert told == indicators_that_come_back(some)


@settings(deadline=None, max_examples=30)
@given(many_bulletins())
def test_every_rule_keeps_sigmas_schema(some: tuple[Bulletin, ...]) -> None:
    rules = rules_of(FORMAT.encode(some))
    assert len(rules) == sum(len(shown_by(bulletin)) for bulletin in some)
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert len(rule["title"]) <= 256
        assert len(rule["description"]) <= 65_535
        for key in ("title", "description", "author", "taxonomy"):
            assert isinstance(rule[key], str)
        for key in ("date", "modified", "valid_from", "valid_until"):
            assert DAY.fullmatch(rule[key])
        for key in ("references", "tags", "falsepositives"):
            assert rule[key]
            assert all(isinstance(item, str) for item in rule[key])
            assert len(set(rule[key])) == len(rule[key])
        assert all(TAG.fullmatch(tag) for tag in rule["tags"])
        for key, allowed in ENUMERATED.items():
            assert rule[key] in allowed
        assert rule["logsource"]["product"] == "llm_api"
        assert rule["detection"]["condition"] == "selection"
        assert len(rule["detection"]["selection"]) == 1


def test_a_rule_says_how_sure_the_claim_is_and_whom_it_touches() -> None:
    first, second, third = rules_of(FORMAT.encode((EXAMPLE,)))
    assert second["detection"] == {"selection": {"client_asn": 64501}, "condition": "selection"}
    assert third["detection"]["selection"] == {"ja4": "t13d1516h2_8daaf6152771_b186095e22b6"}
    assert second["falsepositives"] == [
        "Innocent accounts: 5 % of all other accounts show it too",
        "Innocent reading: a VPN, a carrier, a campus or a cloud that thousands use",
    ]
    assert first["falsepositives"][0] == "Innocent accounts: fewer than 5 % of all other accounts show it too"
    for words in ("At most 2 %", "500 groups", "A class with the same assignments", "after 2027-03-01"):
        assert words in second["description"]
    assert second["tags"] == [
        "attack.exfiltration",
        "atlas.aml.t0024.002",
        "atlas.aml.t0040",
        "atlas.aml.t0054",
        "atlas.aml.t0065",
        "tlp.amber",
    ]
    assert (second["author"], second["valid_until"]) == ("Example Models Inc.", "2026-12-01")


@pytest.mark.parametrize(
    ("level", "draws", "others", "allowed"),
    [
        (0.01, 500, 0.0, "high"),
        (0.02, 500, 0.0, "medium"),
        (0.2, 500, 0.0, "low"),
        (0.5, 500, 0.0, "informational"),
        (0.0, 10, 0.0, "low"),  # ten draws cannot show that one in a hundred is innocent
        (0.0, 0, 0.0, "informational"),
        (0.01, 500, 0.05, "medium"),
        (0.01, 500, 0.2, "low"),
        (0.01, 500, 0.5, "informational"),
    ],
)
def test_a_rules_level_is_bounded_by_the_error_rate_and_by_whom_it_touches(
    level: float, draws: int, others: float, allowed: str
) -> None:
    facts = changed(EXAMPLE.campaign, error_rate=ErrorRate(level=level, innocent=level, draws=draws), q_value=0.0)
    network = changed(EXAMPLE.indicators[0], others=others)
    (rule,) = rules_of(FORMAT.encode((changed(EXAMPLE, campaign=facts, indicators=(network,)),)))
    assert rule["level"] == allowed


def test_what_was_taken_back_is_deprecated_under_the_same_id() -> None:
    revoked = changed(EXAMPLE, revoked=True)
    before, after = rules_of(FORMAT.encode((EXAMPLE,))), rules_of(FORMAT.encode((revoked,)))
    assert [rule["id"] for rule in before] == [rule["id"] for rule in after]
    assert {(rule["status"], rule["level"]) for rule in after} == {("deprecated", "informational")}
    read = FORMAT.decode(FORMAT.encode((revoked,)))
    assert (read.foreign, read.seen) == ((), {"rule": 3, "rule out of use": 3})


def test_no_rule_outlives_its_bulletin() -> None:
    ended = changed(EXAMPLE, expires=dt.date(2026, 10, 1))
    assert {rule["valid_until"] for rule in rules_of(FORMAT.encode((ended,)))} == {"2026-10-01"}


def test_no_alias_is_written_and_both_of_pyyamls_emitters_write_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    written = FORMAT.encode((EXAMPLE, EXAMPLE))
    assert b"&id" not in written
    slow = type("Slow", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    monkeypatch.setattr(yaml_text, "_Dumper", slow)
    assert FORMAT.encode((EXAMPLE, EXAMPLE)) == written


def test_nobody_is_given_rules_that_nobody_reads() -> None:
    valid = {"valid_from": EXAMPLE.expires, "valid_until": EXAMPLE.expires, "members": 0.5, "others": 0.0}
    long = changed(EXAMPLE, indicators=tuple(Network(asn=number, **valid) for number in range(1, MOST_RULES + 1)))
    with pytest.raises(InputError, match="write fewer bulletins"):
        FORMAT.encode((long, EXAMPLE))


@pytest.mark.slow
def test_the_longest_bulletin_is_read_again() -> None:
    valid = {"valid_from": EXAMPLE.expires, "valid_until": EXAMPLE.expires, "members": 0.5, "others": 0.0}
    long = changed(EXAMPLE, indicators=tuple(Network(asn=number, **valid) for number in range(1, MOST_RULES + 1)))
    assert len(FORMAT.decode(FORMAT.encode((long,))).foreign) == MOST_RULES


# What strangers write


def rule(detection: str, more: str = "") -> bytes:
    return f"title: theirs\nid: their-id\nlogsource:\n    category: firewall\n{more}detection:\n{detection}".encode()


@pytest.mark.parametrize(
    ("detection", "found"),
    [
        ("  s:\n    src_ip: 198.51.100.7\n  condition: s\n", [("address", "198.51.100.7")]),
        ("  s:\n    src_ip|cidr: 198.51.100.0/24\n  condition: s\n", [("network range", "198.51.100.0/24")]),
        (
            "  s:\n    SourceIp:\n    - 2001:db8::1\n    - 203.0.113.9\n  condition: s\n",
            [("address", "2001:db8::1"), ("address", "203.0.113.9")],
        ),
        ("  s:\n    source.as.number: [64500, AS64501]\n  condition: s\n", [("asn", "64500"), ("asn", "64501")]),
        ("  s:\n    tls.client.ja4: T13D1516H2_8daaf6152771_b186095e22b6\n  condition: s\n", [("ja4", JA4)]),
        ("  s1:\n    asn: 1\n  s2:\n    asn: 2\n  condition: s1 or s2\n", [("asn", "1"), ("asn", "2")]),
        ("  s1:\n    asn: 1\n  s2:\n    asn: 2\n  condition: 1 of s*\n", [("asn", "1"), ("asn", "2")]),
        ("  s:\n    asn: 1\n  _f:\n    asn: 2\n  condition: 1 of them\n", [("asn", "1")]),
        ("  s:\n  - asn: 1\n  - src_ip: 198.51.100.7\n  condition: (s)\n", [("asn", "1"), ("address", "198.51.100.7")]),
        ("  s:\n    asn: 1\n  condition: [s]\n", [("asn", "1")]),
    ],
)
def test_a_value_that_alone_fulfils_a_rule_is_an_indicator(detection: str, found: list[tuple[str, str]] | None) -> None:
    read = FORMAT.decode(rule(detection))
    assert read.rejected == ()
    assert [(f.kind, f.value) for f in read.foreign] == found
    assert {(f.source, f.valid_until) for f in read.foreign} == {("their-id", None)}


@pytest.mark.parametrize(
    "detection",
    [
        "  s:\n    asn: 1\n    user: x\n  condition: s\n",
        "  s:\n    asn: 1\n  f:\n    user: x\n  condition: s and not f\n",
        "  s:\n    asn: 1\n  f:\n    asn: 2\n  condition: s and f\n",
        "  s:\n    asn: 1\n  condition: not s\n",
        "  s1:\n    asn: 1\n  s2:\n    user: x\n  condition: all of s*\n",
        "  s:\n    asn: 1\n  condition: 1 of t*\n",
        "  s:\n    asn: 1\n  condition: 1 of *s*s*\n",
        "  s:\n    asn: 1\n  condition: s | count() > 5\n",
        "  s:\n    src_ip|startswith: 198.51.100.7\n  condition: s\n",
        "  s:\n  - 198.51.100.7\n  condition: s\n",
    ],
)
def test_a_value_that_is_a_part_of_a_rule_is_no_indicator(detection: str) -> None:
    read = FORMAT.decode(rule(detection))
    assert (read.foreign, read.rejected) == ((), ())
    assert read.seen == {"rule": 1, "rule for several things together": 1}


def test_what_is_no_indicator_here_is_counted_and_what_is_broken_is_set_aside() -> None:
    stream = b"---\n".join(
        (
            rule("  s:\n    EventID: 4625\n    \n  condition: s\n"),
            rule("  s:\n    src_ip: 10.0.0.1\n  condition: s\n"),
            rule("  s:\n    asn: many\n  condition: s\n"),
            rule("  condition:\n    a: b\n"),
            rule("  s: 1\n"),
            rule("  s:\n    asn: 1\n  condition: s\n", more="status: deprecated\n"),
            rule("  s:\n    asn: 2\n  condition: s\n", more="valid_until: 2026-12-01\n"),
            rule("  s:\n    asn: 3\n  condition: s\n", more="valid_until: never\n"),
            b"title: counts\ncorrelation:\n    type: event_count\n",
            b"title: nothing\n",
            b"just text\n",
        )
    )
    assert FORMAT.recognises(stream)
    read = FORMAT.decode(stream)
    assert [(f.kind, f.value, f.valid_until) for f in read.foreign] == [("asn", "2", dt.date(2026, 12, 1))]
    assert [reject.where for reject in read.rejected] == [f"rule {n}" for n in (2, 3, 4, 5, 8, 10, 11)]
    assert read.seen == {"rule": 8, "rule out of use": 1, "value of another field": 1, "correlation, not read": 1}


LAUGHS = b'a: &a ["lol","lol"]\n' + b"".join(
    f"{n}: &{n} [*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p}]\n".encode()
    for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"just text",
        b"{}",
        b"- a\n- b\n",
        b"\xff\xfe",
        b"a: \x07",
        b"a: b: c",
        b"? [a]\n: b\n",
        LAUGHS,
        rule("  s: &x\n    asn: 1\n  condition: s\n"),
        rule("  s: !!python/object/apply:os.system [x]\n  condition: s\n"),
        rule("  s: !mine x\n  condition: s\n"),
        b"%TAG ! tag:x,2000:\n---\na: b\n",
        b"[" * 1_000_000,
        b"- " * 1_000_000,
        b"{a: " * 1_000_000,
        b"\n".join(b" " * depth + b"a:" for depth in range(1000)),
        b"---\n" * (MOST_OBJECTS + 1),
        b"- a\n" * 1_000_001,
        b" " * (MOST_BYTES + 1),
    ],
    ids=lambda document: repr(document[:40]),
)
def test_a_hostile_stream_is_refused_with_one_line(hostile: bytes) -> None:
    with pytest.raises(InputError) as refused:
        FORMAT.decode(hostile)
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()


def test_conditions_that_would_take_long_are_set_aside() -> None:
    many = "".join(f"  s{number}:\n    asn: 1\n" for number in range(5000))
    for detection in (many + "  condition: 1 of s*\n", "  s:\n    asn: 1\n  condition: " + "s or " * 2000 + "s\n"):
        read = FORMAT.decode(rule(detection))
        assert (read.foreign, len(read.rejected)) == ((), 1)


def test_one_broken_document_in_a_stream_refuses_it_whole() -> None:
    with pytest.raises(InputError, match="is no YAML"):
        FORMAT.decode(FORMAT.encode((EXAMPLE,)) + b"---\na: [\n")


def test_only_sigma_is_recognised() -> None:
    for other in (
        b"",
        b"title: a\ndetection: b\n",
        b'{"title": 1, "logsource": 2, "detection": 3}',
        b"indicator_kind,indicator_value\n",
        b"  title: a\n  logsource: b\n  detection: c\n",
    ):
        assert not FORMAT.recognises(other)
    assert FORMAT.recognises(rule("  s:\n    asn: 1\n  condition: s\n"))
    assert FORMAT.decode(FORMAT.encode(())) == ((), (), {}, ())
    assert sigma.FORMAT.info.lossless is False
