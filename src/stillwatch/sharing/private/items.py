"""What may be matched, and the one spelling of each value on which both sides agree."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from stillwatch.errors import UsageError

__all__ = ["DOMAIN", "KINDS", "LONGEST", "Items", "Kind", "encoded", "items_of"]

DOMAIN = "stillwatch-psi-1"
"""Stands before every value that is hashed: no value of another kind, version or program gives the same point."""
LONGEST = 1024
"""Characters of a value; a longer one is set aside."""

_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{16,}")
_JA4 = re.compile(r"[tqd][0-9s]{2}[di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}")
_KEYED = re.compile(r"[0-9a-f]{64}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_PHONE_MARKS = dict.fromkeys(map(ord, " -./()\u00a0\u2010\u2011"))


class Kind(NamedTuple):
    """A kind of artefact: what it is, its ``spelling`` (raises `ValueError` for a value that is none), and, where all
    its values can be tried one by one, ``few``: how many there are, in words."""

    summary: str
    spelling: Callable[[str], str]
    few: str = ""


def _token(value: str) -> str:
    """Fingerprints and ids: hexadecimal ones in small letters, all others as they are (base64 tells cases apart)."""
    text = unicodedata.normalize("NFC", value.strip())
    return text.lower() if _HEXADECIMAL.fullmatch(text) else text


def _organization(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold()).split())


def _address(value: str) -> str:
    """RFC 5952 for IPv6; an IPv4 address inside an IPv6 one is the IPv4 address."""
    address = ipaddress.ip_address(value.strip())
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise ValueError("an address with a zone is of one machine only")
        address = address.ipv4_mapped or address
    return str(address)


def _phone(value: str) -> str:
    """ITU-T E.164: a plus sign, the country's code, at most 15 digits."""
    text = value.strip().translate(_PHONE_MARKS)
    text = "+" + text[2:] if text.startswith("00") else text
    return _matching(_PHONE, text, "no telephone number with its country's code")


def _ja4(value: str) -> str:
    return _matching(_JA4, value.strip().lower(), "no JA4 fingerprint")


def _keyed(value: str) -> str:
    return _matching(_KEYED, value.strip().lower(), "no HMAC-SHA-256 of 64 hexadecimal digits")


def _matching(pattern: re.Pattern[str], text: str, otherwise: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(otherwise)
    return text


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "payment": Kind("Fingerprints of means of payment.", _token),
        "organization": Kind("Ids or names of organisations, in any case and spacing.", _organization),
        "ja4": Kind("JA4 fingerprints of clients' TLS.", _ja4),
        "address": Kind("Internet addresses, IPv4 and IPv6.", _address, "4,294,967,296 IPv4 addresses"),
        "phone": Kind("Telephone numbers with their country's code.", _phone, "some ten billion telephone numbers"),
        "keyed": Kind("Artefacts hashed under a key that both sides hold.", _keyed),
    }
)
"""Every kind that may be matched; both sides must name the same one."""


class Items(NamedTuple):
    """A set to be matched: its kind, its values as they are spelt, each once and sorted; how many values were set
    aside because they are none of that kind, and why the first one was (never the value itself)."""

    kind: str
    values: tuple[str, ...]
    refused: int = 0
    reason: str = ""


def items_of(kind: str, values: Iterable[str | None]) -> Items:
    """The set of ``values``; empty ones are passed over. No values: an empty set. Raises `UsageError` for a kind that
    is not known."""
    if kind not in KINDS:
        raise UsageError(f"{kind!r} cannot be matched", "--kind", "known: " + ", ".join(KINDS))
    spelling, found, refused, reason = KINDS[kind].spelling, set(), 0, ""
    for value in values:
        if value is None or not value.strip():
            continue
        try:
            if len(value) > LONGEST:
                raise ValueError(f"longer than {LONGEST} characters")
            spelt = spelling(value)
            if any(unicodedata.category(character) == "Cc" for character in spelt if not character.isprintable()):
                raise ValueError("text with control characters")
            spelt.encode()  # half a surrogate pair has no bytes
            found.add(spelt)
        except UnicodeEncodeError:
            refused, reason = refused + 1, reason or "no whole text"
        except ValueError as error:
            refused, reason = refused + 1, reason or _why(kind, error)
    found.discard("")
    return Items(kind, tuple(sorted(found)), refused, reason)


def encoded(items: Items) -> list[str]:
    """What is hashed for each value, in the order of ``items.values``: ``stillwatch-psi-1|KIND|VALUE``."""
    return [f"{DOMAIN}|{items.kind}|{value}" for value in items.values]


def _why(kind: str, error: ValueError) -> str:
    # What `ipaddress` says quotes the value.
    return "no Internet address" if kind == "address" and "zone" not in str(error) else str(error)
