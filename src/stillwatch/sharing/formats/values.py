"""Whether a stranger's text is an indicator that means something here: an AS number, a JA4, an address, a range."""

from __future__ import annotations

import ipaddress

import msgspec

from stillwatch.sharing.bulletin import Ja4

__all__ = ["address_value", "asn_value", "ja4_value"]

HIGHEST_ASN = 2**32 - 1
LONGEST = 64
WIDEST = {4: 8, 6: 16}
"""The shortest prefix of a range that is read: a wider one would touch a share of the whole internet."""
NOT_OF_THE_INTERNET = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
"""Addresses that are everybody's own, or nobody's (RFC 6890): they say nothing about who is meant."""


def asn_value(text: str) -> str:
    """The digits of an AS number, from ``64500``, ``AS64500`` or ``1.10`` (RFC 5396). Raises ValueError."""
    number = text.strip()[:LONGEST].upper().removeprefix("ASN").removeprefix("AS").strip()
    high, dot, low = number.partition(".")
    parts = (high, low) if dot else (high,)
    if not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts):
        raise ValueError("is no AS number")
    if dot and max(int(high), int(low)) > 0xFFFF:
        raise ValueError("is no AS number")
    value = int(high) * 0x10000 + int(low) if dot else int(high)
    if not 0 < value <= HIGHEST_ASN:
        raise ValueError("is no AS number")
    return str(value)


def ja4_value(text: str) -> str:
    """A JA4 fingerprint in small letters. Raises ValueError."""
    try:
        return str(msgspec.convert(text.strip()[:LONGEST].lower(), Ja4))
    except msgspec.ValidationError as error:
        raise ValueError("is no JA4 fingerprint") from error


def address_value(text: str) -> tuple[str, str]:
    """``("address", …)`` or ``("network range", …)`` from an IP address or CIDR range. Raises ValueError.

    What is nobody's or everybody's own (loopback, private, multicast) is refused, and so is a range wider than /8
    (IPv6: /16), which would touch millions of innocent people.
    """
    stripped = text.strip()
    if len(stripped) > LONGEST or "%" in stripped:
        raise ValueError("is no address")
    try:
        network = ipaddress.ip_network(stripped, strict=False)
    except ValueError as error:
        raise ValueError("is no address") from error
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen == 128:
        mapped = network.network_address.ipv4_mapped
        network = ipaddress.ip_network(mapped) if mapped is not None else network
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(f"is wider than /{WIDEST[network.version]} and would touch too many")
    if any(_inside(network, own) for own in NOT_OF_THE_INTERNET):
        raise ValueError("is no address of the public internet")
    if network.num_addresses == 1:
        return "address", str(network.network_address)
    return "network range", str(network)


def _inside(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return (
        network.version == other.version and network.prefixlen >= other.prefixlen and network.network_address in other
    )
