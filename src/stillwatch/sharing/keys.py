"""The key under which peers hash what identifies, and what is too easily guessed to be hashed at all."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from pathlib import Path
from typing import Literal, NamedTuple

from stillwatch.storage.whole import read_key as secret_in
from stillwatch.storage.whole import write_key

__all__ = ["KEY_BYTES", "SharingKey", "guessable", "make_key", "read_key"]

KEY_BYTES = 32
_FEW = "of which there are few enough to try them all; match it privately (share psi)"
_LEAST_LENGTH = 12
_LONGEST = 512
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_OF_NUMBERS = frozenset("0123456789+-()./ \t#*xX")


class SharingKey(NamedTuple):
    """A secret that peers hold in common: 32 random bytes."""

    secret: bytes

    @property
    def key_id(self) -> str:
        """Its public name: who holds the key recognises it, and nobody learns the key (the hash of 256 random bits)."""
        return hashlib.sha256(b"stillwatch sharing key\0" + self.secret).hexdigest()[:16]

    def digest(self, artefact: Literal["payment", "organization", "wording"], value: str) -> str:
        """HMAC-SHA-256 (RFC 2104) of a value, 64 hexadecimal digits; different for each kind of artefact."""
        said = f"stillwatch keyed artefact 1\0{artefact}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, said, hashlib.sha256).hexdigest()


def guessable(value: str) -> str | None:
    """Why a value has too few possibilities, or too much of a person, to be told even as a keyed hash; None: it may be.

    Every peer holds the key, so every peer can try all addresses, telephone and card numbers, or a list of names.
    """
    text = value.strip()
    if len(text) > _LONGEST:
        return "too long to be an identifier"
    if _is_address(text):
        return f"a network address, {_FEW}"
    if "@" in text:
        return "a mail address"
    if set(text) <= _OF_NUMBERS or _is_iban(text):
        return f"a number (telephone, card, bank account), {_FEW}"
    if _is_hardware(text):
        return f"a hardware address, {_FEW}"
    if len(text) < _LEAST_LENGTH:
        return f"shorter than {_LEAST_LENGTH} characters"
    return None


def _is_address(text: str) -> bool:
    """IPv4 or IPv6, with or without a port, a zone, a length of prefix."""
    for candidate in (text, text.rpartition(":")[0]):
        try:
            ipaddress.ip_network(candidate.strip("[]").partition("%")[0], strict=False)
        except ValueError:
            continue
        return True
    return False


def _is_hardware(text: str) -> bool:
    """A MAC address (IEEE 802): six or eight pairs of hexadecimal digits."""
    pairs = text.replace("-", ":").split(":")
    return len(pairs) in (6, 8) and all(len(pair) == 2 and set(pair) <= _HEXADECIMAL for pair in pairs)


def _is_iban(text: str) -> bool:
    """An international bank account number by its form and check digits (ISO 13616, ISO 7064 mod 97-10)."""
    joined = "".join(text.split()).upper()
    if not (15 <= len(joined) <= 34 and joined.isascii() and joined.isalnum()):
        return False
    if not (joined[:2].isalpha() and joined[2:4].isdigit()):
        return False
    return int("".join(str(int(character, 36)) for character in joined[4:] + joined[:4])) % 97 == 1


def make_key(path: Path) -> SharingKey:
    """A new key in a new file that only its owner can read. Raises `UsageError` for a file that exists (a key that is
    overwritten cannot be had back), `StorageError` where none can be made."""
    key = SharingKey(secrets.token_bytes(KEY_BYTES))
    write_key(path, key.secret)
    return key


def read_key(path: Path) -> SharingKey:
    """The key in a file. Raises `InputError` for one that cannot be read, holds none, or that others may read."""
    return SharingKey(secret_in(path, KEY_BYTES, kind="sharing key", made_by="stillwatch share key"))
