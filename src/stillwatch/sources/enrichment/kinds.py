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
from typing import Any

from stillwatch.exchange import NETWORK_KINDS

__all__ = ["FIELDS", "TYPE_FIELDS", "kind_of", "kind_told", "plain"]

_LONGEST = 100
_PUNCTUATION = re.compile(r"[\s_/&.-]+")

_WORDS: Mapping[str, str] = {
    **{kind: kind for kind in NETWORK_KINDS},
    # IPinfo, type of an AS or company (github.com/ipinfo/sample-database, "ASN Database", "IP to Company")
    **{"isp": "residential", "hosting": "hosting", "business": "business"},
    **{"education": "education", "government": "government"},
    # MaxMind, user_type (GeoIP2-python, class Traits); a router's or an unknown user's kind is none
    **{"cafe": "business", "traveler": "business", "cellular": "mobile", "college": "education"},
    **{"consumer privacy network": "relay", "content delivery network": "hosting", "dialup": "residential"},
    **{"library": "education", "military": "government", "school": "education", "search engine spider": "hosting"},
    # DB-IP says user_type as MaxMind does (db-ip.com/db/format/ip-to-isp/mmdb.html)
    # MaxMind, connection_type (GeoIP2-Connection-Type)
    **{"cable dsl": "residential", "corporate": "business", "satellite": "residential"},
    # PeeringDB, info_type (django-peeringdb, const.py); of route servers and collectors nobody calls
    **{"nsp": "residential", "content": "hosting", "cable dsl isp": "residential", "enterprise": "business"},
    **{"educational research": "education", "non profit": "business", "network services": "hosting"},
    # CAIDA, AS classification (caida.org/catalog/datasets/as-classification), misspelt as its files have it too
    **{"transit access": "residential", "enterpise": "business"},
}
_FLAGS: tuple[tuple[str, str], ...] = (
    # MaxMind, Anonymous IP; IPinfo, Privacy Detection and Plus (is_...). Who hides is said first, the surest first.
    *(("is_tor_exit_node", "tor"), ("is_tor", "tor"), ("tor", "tor")),
    *(("is_anonymous_vpn", "vpn"), ("is_vpn", "vpn"), ("vpn", "vpn")),
    *(("is_relay", "relay"), ("relay", "relay")),
    *(("is_residential_proxy", "proxy"), ("is_public_proxy", "proxy"), ("is_proxy", "proxy"), ("proxy", "proxy")),
    ("is_mobile", "mobile"),
    *(("is_hosting_provider", "hosting"), ("is_hosting", "hosting"), ("hosting", "hosting")),
    ("is_satellite_provider", "residential"),
    ("is_satellite", "residential"),
)
TYPE_FIELDS = ("client_network", "user_type", "connection_type", "type", "as_type", "asn_type", "info_type")
"""Fields that hold a word for the kind, the one that is nearest to the address first."""
FIELDS = frozenset({*TYPE_FIELDS, *(name for name, _ in _FLAGS)})
"""All fields that tell a kind."""
_TRUE = ("true", "t", "yes", "1")


def plain(word: str) -> str:
    """A word in lower case, with blanks for its punctuation; empty for what is too long to be one."""
    return _PUNCTUATION.sub(" ", word).strip().lower() if len(word) <= _LONGEST else ""


def kind_of(word: str) -> str | None:
    """Our word for a maker's; None for a word that is not known."""
    return _WORDS.get(plain(word))


def kind_told(record: Mapping[str, Any]) -> str | None:
    """The kind that a record of a table tells by its flags, else by its words; None where it tells none."""
    for name, means in _FLAGS:
        value = record.get(name)
        if value is True or (isinstance(value, str | int) and str(value).strip().lower() in _TRUE):
            return means
    words = (record.get(name) for name in TYPE_FIELDS)
    return next((kind for word in words if isinstance(word, str) and (kind := kind_of(word))), None)
