"""Reasoning as a token that only we can open, and that a client hands back with its next turn.

Method: AES-256-GCM-SIV (RFC 8452, of the library ``cryptography``): encrypted and authenticated, and safe even if a
nonce should ever repeat. A token holds the account and the dialect that it was made for: in the hands of another
account it opens nothing, so a pool of accounts cannot pass thoughts around. It shows the length of what it holds, which
the count of tokens tells too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from pathlib import Path
from typing import Any, Literal, NamedTuple

from stillwatch.errors import InputError, PluginError
from stillwatch.gateway.shielding.documents import Unreadable, read, write
from stillwatch.responses.traffic import API
from stillwatch.storage.whole import write_key

__all__ = ["PREFIX", "SealKeys", "Sealed", "Sealer", "make_keys", "open_token", "read_keys"]

PREFIX = "swseal1."
_END = "."
_KEY_BYTES = 32
_NONCE_BYTES = 12
_NAME_BYTES = 4
_MOST_KEYS = 16
_LONGEST_TOKEN = 64 * 1024 * 1024
Kind = Literal["text", "list", "block"]


class SealKeys(NamedTuple):
    """Secrets of 32 random bytes. The first seals; all open, so that a new one can be put before the old."""

    secrets: tuple[bytes, ...]


class Sealed(NamedTuple):
    """What a token holds: ``kind`` says what it took the place of (a text, a list, a whole block)."""

    api: str
    account_id: str
    kind: Kind
    value: Any


def make_keys(path: Path) -> SealKeys:
    """A new key in a new file that only its owner can read. Raises `UsageError` for a file that exists (what was sealed
    could never be opened again), `StorageError` where none can be made."""
    secret = secrets.token_bytes(_KEY_BYTES)
    write_key(path, secret)
    return SealKeys((secret,))


def read_keys(path: Path) -> SealKeys:
    """The keys in a file, one on a line. Raises `InputError` for one that cannot be read, holds none, or that others
    may read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MOST_KEYS * 4 * _KEY_BYTES)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name the gateway's file of keys") from error
    if mode & 0o077:
        raise InputError("can be read by other users of this machine", path, f"chmod 600 {path}")
    try:
        found = tuple(bytes.fromhex(line) for line in text.decode("ascii").split())
    except ValueError:
        found = ()
    if not found or any(len(secret) != _KEY_BYTES for secret in found):
        raise InputError("holds no key", path, "one key a line, 64 hexadecimal digits each")
    return SealKeys(found)


class Sealer:
    """Seals for one account."""

    def __init__(self, keys: SealKeys, account_id: str) -> None:
        self._keys = keys
        self._account_id = account_id
        self._cipher = _cipher(keys.secrets[0])

    def seal(self, api: API, kind: Kind, value: Any) -> str:
        """``value`` (of JSON) as a token: letters, digits, ``-``, ``_`` and ``.``, so that no encoder changes it."""
        plain = write({"api": api, "account": self._account_id, "kind": kind, "value": value})
        nonce, name = os.urandom(_NONCE_BYTES), _name(self._keys.secrets[0])
        sealed = self._cipher.encrypt(nonce, plain, PREFIX.encode() + name)
        return PREFIX + base64.urlsafe_b64encode(name + nonce + sealed).decode().rstrip("=") + _END


def open_token(token: str, keys: SealKeys) -> Sealed | None:
    """What a token holds; None for one that is none of ours, was changed, or whose key is gone."""
    if not (token.startswith(PREFIX) and token.endswith(_END)) or len(token) > _LONGEST_TOKEN:
        return None
    coded = token[len(PREFIX) : -len(_END)]
    try:
        data = base64.b64decode(coded.encode("ascii") + b"=" * (-len(coded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    name, nonce, sealed = data[:_NAME_BYTES], data[_NAME_BYTES : _NAME_BYTES + _NONCE_BYTES], data[16:]
    for secret in keys.secrets:
        if _name(secret) == name and len(sealed) >= 16:
            plain = _opened(secret, nonce, sealed, PREFIX.encode() + name)
            if plain is not None:
                return plain
    return None


def _opened(secret: bytes, nonce: bytes, sealed: bytes, beside: bytes) -> Sealed | None:
    cipher = _cipher(secret)
    try:
        value, _ = read(cipher.decrypt(nonce, sealed, beside))
    except (_invalid_tag(), Unreadable, ValueError):
        return None
    return Sealed(value["api"], value["account"], value["kind"], value["value"])


def _name(secret: bytes) -> bytes:
    """A key's public name: finds the right one among several; of 256 random bits a hash tells nothing."""
    return hashlib.sha256(b"stillwatch seal key\0" + secret).digest()[:_NAME_BYTES]


def _cipher(secret: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV  # noqa: PLC0415 - only where something seals
    except ImportError:
        raise PluginError(
            "sealing reasoning needs the extra gateway", None, "pip install 'stillwatch[gateway]'"
        ) from None
    return AESGCMSIV(secret)


def _invalid_tag() -> type[Exception]:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

    return InvalidTag
