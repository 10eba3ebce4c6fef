"""Of a stranger's pattern only what is understood is used, and no pattern costs more than its length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stix2patterns.validator import validate as is_pattern

from stillwatch.sharing.formats.stix_parts.patterns import MOST_CHARACTERS, PatternError, found_in

JA4 = "t13d1516h2_8daaf6152771_b186095e22b6"
UNDERSTOOD = {
    "[autonomous-system:number = 64500]": [("asn", "64500")],
    "[autonomous-system:number = '64500']": [("asn", "64500")],
    "[autonomous-system:number = 'AS64500']": [("asn", "64500")],
    "[autonomous-system:number IN (64500, 64501)]": [("asn", "64500"), ("asn", "64501")],
    "[autonomous-system:number = 64500 AND autonomous-system:name = 'Example']": [("asn", "64500")],
    "[ipv4-addr:value = '198.51.100.7']": [("address", "198.51.100.7")],
    "[ipv4-addr:value = '198.51.100.7/32']": [("address", "198.51.100.7")],
    "[ipv4-addr:value = '198.51.100.0/24']": [("network range", "198.51.100.0/24")],
    "[ipv4-addr:value ISSUBSET '198.51.100.0/24']": [("network range", "198.51.100.0/24")],
    "[ipv6-addr:value = '2001:DB8::1']": [("address", "2001:db8::1")],
    "[ipv4-addr:belongs_to_refs[*].number = 64500]": [("asn", "64500")],
    "[network-traffic:dst_ref.value = '198.51.100.7']": [("address", "198.51.100.7")],
    "[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '198.51.100.7']": [
        ("address", "198.51.100.7")
    ],
    f"[network-traffic:extensions.'tls-ext'.ja4 = '{JA4}']": [("ja4", JA4)],
    f"[x-tls-client:ja4_fingerprint = '{JA4}']": [("ja4", JA4)],
    "[ipv4-addr:value = '198.51.100.7' OR ipv4-addr:value = '198.51.100.8']": [
        ("address", "198.51.100.7"),
        ("address", "198.51.100.8"),
    ],
    "[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'example.com']": [("address", "198.51.100.7")],
    "[ipv4-addr:value = '198.51.100.7'] OR [autonomous-system:number = 64500]": [
        ("address", "198.51.100.7"),
        ("asn", "64500"),
    ],
    "([ipv4-addr:value = '198.51.100.7'] OR [ipv4-addr:value = '198.51.100.7'])": [("address", "198.51.100.7")],
    "[(ipv4-addr:value = '198.51.100.7')]": [("address", "198.51.100.7")],
}
LEFT_ALONE = [
    "[domain-name:value = 'example.com']",
    "[file:hashes.'SHA-256' = 'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f']",
    "[ipv4-addr:value != '198.51.100.7']",
    "[NOT-A-TYPE:value = 1]",
    "[ipv4-addr:value NOT = '198.51.100.7']",
    "[ipv4-addr:value LIKE '198.51.%']",
    "[ipv4-addr:value MATCHES '^198']",
    "[autonomous-system:number > 5]",
    "[autonomous-system:name = 'Example']",
    "[EXISTS ipv4-addr:value]",
    "[ipv4-addr:value = '198.51.100.7' AND ipv4-addr:value = '198.51.100.8']",
    "[network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:dst_port = 443]",
    "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '198.51.100.7']",
    "[network-traffic:dst_ref.value = 'example.com']",
    "[domain-name:value = 'example.com' AND domain-name:resolves_to_refs[*].value = '198.51.100.7']",
    "[ipv4-addr:value = '198.51.100.7'] AND [autonomous-system:number = 64500]",
    "[ipv4-addr:value = '198.51.100.7'] FOLLOWEDBY [autonomous-system:number = 64500]",
    "[ipv4-addr:value = '198.51.100.7'] REPEATS 5 TIMES",
    "([ipv4-addr:value = '198.51.100.7'] AND [autonomous-system:number = 64500]) WITHIN 5 SECONDS",
    "[x-a:b = t'2026-01-01T00:00:00Z' OR x-a:c = true OR x-a:d = 1.5 OR x-a:e = 'it\\'s']",
]
BROKEN = {
    "": "lacks a",
    "[": "cannot be read",
    "[]": "cannot be read",
    "[ipv4-addr:value]": "compares with nothing",
    "[ipv4-addr:value = ]": "no constant",
    "[ipv4-addr:value = 'never closed": "cannot be read from character 20",
    "[ipv4-addr:value = '198.51.100.7'": "lacks a ]",
    "[ipv4-addr:value = 'example.com']": "is no address",
    "[ipv4-addr:value = '10.0.0.1']": "public internet",
    "[ipv4-addr:value = '0.0.0.0/0']": "too many",
    "[autonomous-system:number = 0]": "is no AS number",
    "[autonomous-system:number = 4294967296]": "is no AS number",
    f"[autonomous-system:number = {'9' * 5000}]": "is no AS number",
    "[x:ja4 = 'nothing']": "is no JA4",
    "[ipv4-addr:value = '198.51.100.7' \x1b[2J]": "cannot be read from character 35",
    "[\u202eipv4-addr:value = '198.51.100.7']": "cannot be read from character 2",
    "[" + "(" * 100: "nested deeper",
    "(" * 100 + "[": "nested deeper",
    "[" + "(" * 10_000_000: "is longer than",
    "[" + "((" * 5_000: "more than 2048 parts",
    "[x:y IN (" + "1," * 2_000 + "1)]": "more than 2048 parts",
}


@pytest.mark.parametrize("pattern", UNDERSTOOD)
def test_what_is_understood(pattern: str) -> None:
    assert [tuple(value) for value in found_in(pattern)] == UNDERSTOOD[pattern]
    assert is_pattern(pattern, stix_version="2.1"), "the example itself"


@pytest.mark.parametrize("pattern", LEFT_ALONE)
def test_half_of_a_pattern_is_never_used(pattern: str) -> None:
    assert found_in(pattern) == ()


@pytest.mark.parametrize("pattern", BROKEN, ids=lambda pattern: repr(pattern[:40]))
def test_what_is_broken_is_said_in_words_of_ours(pattern: str) -> None:
    with pytest.raises(PatternError, match=BROKEN[pattern]) as refused:
        found_in(pattern)
    assert str(refused.value).isprintable()


MARKS = ("[", "]", "(", ")", ",", "=", "!=", ">", "'", "\\")
KEYWORDS = (
    "AND",
    "OR",
    "NOT",
    "IN",
    "EXISTS",
    "FOLLOWEDBY",
    "WITHIN",
    "true",
    "5",
    "-1.5",
    "'x'",
    "t'x'",
    "'198.51.100.7'",
)
PATHS = ("ipv4-addr:value", "autonomous-system:number", "a:b.'c d'[*]")
WORDS = st.sampled_from(MARKS + KEYWORDS + PATHS)


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=25).map(" ".join)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(pattern: str) -> None:
    try:
        found, refusal = found_in(pattern), ""
    except PatternError as error:
        found, refusal = (), str(error)
    assert refusal.isprintable()
    assert len(found) <= len(pattern) <= MOST_CHARACTERS
