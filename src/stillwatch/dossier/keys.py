"""The key that signs dossiers: Ed25519 (RFC 8032), its secret in a file that only its owner can read.

``KEY`` holds the secret's 32 bytes in hexadecimal digits (`stillwatch.storage.whole`), ``KEY.pub`` the public key as
PEM, which is to be published where it cannot be exchanged quietly. The project's other keys (`stillwatch.sharing.keys`,
`stillwatch.marks.keys`) are shared secrets and cannot sign for strangers.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stillwatch.errors import InputError, UsageError
from stillwatch.storage.whole import read_key as secret_in
from stillwatch.storage.whole import write_key, write_whole

__all__ = ["Signer", "key_id", "make_key", "public_key", "read_public", "read_signer", "verified"]

KEY_BYTES = 32
LARGEST = 16_384


class Signer:
    """A secret key that can sign. ``public`` is its public key as PEM, ``id`` its name: see `key_id`."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.id = key_id(self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        """64 bytes; the same for the same message."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Signer({self.id})"


def key_id(key: Ed25519PublicKey) -> str:
    """The SHA-256 of the public key's 32 bytes, in hexadecimal digits: what people compare."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()


def make_key(path: Path) -> Signer:
    """A new key in a new file, and its public key beside it. Raises `UsageError` for a file that exists: a key is never
    overwritten; `StorageError` where none can be made."""
    public = path.with_name(f"{path.name}.pub")
    if public.exists():
        raise UsageError("exists already, and a key is never overwritten", public, "name another file")
    secret = secrets.token_bytes(KEY_BYTES)
    write_key(path, secret)
    signer = Signer(secret)
    write_whole(public, signer.public)
    return signer


def read_signer(path: Path) -> Signer:
    """The key in a file. Raises `InputError` for one that cannot be read, holds none, or that others may read."""
    return Signer(secret_in(path, KEY_BYTES, kind="signing key", made_by="stillwatch dossier key"))


def read_public(path: Path) -> Ed25519PublicKey:
    """A public key in a file (PEM). Raises `InputError`."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    return public_key(data, str(path))


def public_key(data: bytes, name: str) -> Ed25519PublicKey:
    """A public key from PEM. Raises `InputError`."""
    try:
        if len(data) > LARGEST:
            raise ValueError("is too large")
        key = serialization.load_pem_public_key(data)
    except Exception as error:  # the library has errors of many kinds for what is no key
        raise InputError("holds no public key (PEM)", name, "give KEY.pub of `stillwatch dossier key`") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("holds a public key that is not Ed25519", name, "give KEY.pub of `stillwatch dossier key`")
    return key


def verified(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` on ``message`` is this key's."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
