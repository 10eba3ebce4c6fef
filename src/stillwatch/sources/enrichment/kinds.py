"""What kind of network an address belongs to: one closed vocabulary for the words of all makers of tables.

``hosting`` is a data centre, cloud or content network, ``residential`` an access provider (households, and whoever else
it connects), ``mobile`` a mobile carrier, ``business``, ``education`` and ``government`` an organisation's own network.
``vpn``, ``proxy`` (household exits for hire too), ``relay`` (a browser's or system's, such as iCloud Private Relay) and
``tor`` hide who calls, and so are said before whose cable it is. A maker's guess is no fact: see docs/log-formats.md.

Read are only the fields named here; where an address lies (country, region, city, time zone) is in none of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from stillwatch.exchange import NETWORK_KINDS

__all__ = ["FIELDS", "FLAGS", "TYPE_FIELDS", "VOCABULARIES", "Vocabulary", "kind_of", "kind_told", "plain"]

_LONGEST = 100
_PUNCTUATION = re.compile(r"[\s_/&.-]+")


class Vocabulary(NamedTuple):
    """What one maker calls the kinds of networks, in which fields, and where that is written down."""

    maker: str
    fields: tuple[str, ...]
    source: str
    words: Mapping[str, str]


VOCABULARIES = (
    Vocabulary("Stillwatch", ("client_network",), "docs/log-formats.md", {kind: kind for kind in NETWORK_KINDS}),
    Vocabulary(
        "IPinfo",
        ("type", "as_type", "asn.type", "company.type"),
        "github.com/ipinfo/sample-database: ASN Database, IP to Company",
        {
            **{"isp": "residential", "hosting": "hosting", "business": "business"},
            **{"education": "education", "government": "government"},
        },
    ),
    Vocabulary(
        "MaxMind, DB-IP",
        ("user_type",),
        "github.com/maxmind/GeoIP2-python: class Traits; db-ip.com/db/format/ip-to-isp/mmdb.html",
        {
            **{"residential": "residential", "dialup": "residential", "cellular": "mobile", "hosting": "hosting"},
            **{"content_delivery_network": "hosting", "search_engine_spider": "hosting", "business": "business"},
            **{"cafe": "business", "traveler": "business", "college": "education", "school": "education"},
            **{"library": "education", "government": "government", "military": "government"},
            "consumer_privacy_network": "relay",
        },
    ),
    Vocabulary(
        "MaxMind, DB-IP",
        ("connection_type",),
        "maxmind.github.io/GeoIP2-node/classes/ConnectionType.html; db-ip.com/db/format/ip-to-isp/mmdb.html",
        {
            **{"Cable/DSL": "residential", "Dialup": "residential", "Satellite": "residential"},
            **{"Cellular": "mobile", "Corporate": "business"},
        },
    ),
    Vocabulary(
        "PeeringDB",
        ("info_type",),
        "github.com/peeringdb/django-peeringdb: const.py",
        {
            **{"Cable/DSL/ISP": "residential", "NSP": "residential", "Content": "hosting"},
            **{"Network Services": "hosting", "Enterprise": "business", "Non-Profit": "business"},
            **{"Educational/Research": "education", "Government": "government"},
        },
    ),
    Vocabulary(
        "CAIDA",
        ("the third",),
        "caida.org/catalog/datasets/as-classification (one word as its files misspell it)",
        {
            **{"Transit/Access": "residential", "Content": "hosting", "Enterprise": "business"},
            "Enterpise": "business",
        },
    ),
)
"""The one table of makers' words. Words that say no kind (a router, a route server) are left out."""
FLAGS: tuple[tuple[str, str], ...] = (
    *(("is_tor_exit_node", "tor"), ("is_tor", "tor"), ("tor", "tor")),
    *(("is_anonymous_vpn", "vpn"), ("is_vpn", "vpn"), ("vpn", "vpn")),
    *(("is_relay", "relay"), ("relay", "relay")),
    *(("is_residential_proxy", "proxy"), ("is_public_proxy", "proxy"), ("is_proxy", "proxy"), ("proxy", "proxy")),
    ("is_mobile", "mobile"),
    *(("is_hosting_provider", "hosting"), ("is_hosting", "hosting"), ("hosting", "hosting")),
    *(("is_satellite_provider", "residential"), ("is_satellite", "residential")),
)
"""Fields that are true or false, the first that is true counts: who hides before whose cable it is. MaxMind's
Anonymous IP and Enterprise (github.com/maxmind/MaxMind-DB, source-data) and IPinfo's Privacy Detection and Plus
(github.com/ipinfo/sample-database)."""
TYPE_FIELDS = ("client_network", "user_type", "connection_type", "type", "as_type", "asn_type", "info_type")
"""Fields that hold a word for the kind, the one that is nearest to the address first."""
FIELDS = frozenset({*TYPE_FIELDS, *(name for name, _ in FLAGS)})
"""All fields that tell a kind."""
_TRUE = ("true", "t", "yes", "1")


def plain(word: str) -> str:
    """A word in lower case, with blanks for its punctuation; empty for what is too long to be one."""
    return _PUNCTUATION.sub(" ", word).strip().lower() if len(word) <= _LONGEST else ""


_WORDS = {plain(word): kind for vocabulary in VOCABULARIES for word, kind in vocabulary.words.items()}


def kind_of(word: str) -> str | None:
    """Our word for a maker's; None for a word that is not known."""
    return _WORDS.get(plain(word))


def kind_told(record: Mapping[str, Any]) -> str | None:
    """The kind that a record of a table tells by its flags, else by its words; None where it tells none."""
    for name, means in FLAGS:
        value = record.get(name)
        if value is True or (isinstance(value, str | int) and str(value).strip().lower() in _TRUE):
            return means
    words = (record.get(name) for name in TYPE_FIELDS)
    return next((kind for word in words if isinstance(word, str) and (kind := kind_of(word))), None)
