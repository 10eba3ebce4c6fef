"""Secrets of marks: one master in a file, a key of its own for each mark and purpose, and the keys that are never used.

Method: HKDF with SHA-256 (RFC 5869), of the library ``cryptography``. A key says nothing of the master nor of any other
key, so one can be laid before a court while the others go on. The keys that a test compares with ("decoys") follow from
the key itself by HMAC-SHA-256: whoever fixes the key has fixed them, and whoever is shown the key can make them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from stillwatch.errors import PluginError, UsageError
from stillwatch.marks.base import MarkKey, Scope
from stillwatch.storage.whole import read_key, write_key

__all__ = ["DECOYS_BY", "KEY_BYTES", "Master", "decoys", "derive", "is_scheme", "key_id", "make_master", "read_master"]

KEY_BYTES: Final = 32
DECOYS_BY: Final = "hmac-sha256-1"
"""The name of the way from a key to its decoys: the i-th (from 1) is HMAC-SHA-256, under the secret, of the ASCII text
``stillwatch mark decoy 1 i``."""
_SALT = b"stillwatch marks 1"
_LONGEST_NAME = 64
_LONGEST_ABOUT = 200
_SCHEME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?::[a-z_]+=[0-9.e+-]+(?:,[a-z_]+=[0-9.e+-]+)*)?")
"""A kind, and its settings where they are not as usual (`marks.sampling.naming`)."""


class Master:
    """The master secret, 32 random bytes; it is never shown, and nothing but `derive` reads it."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Master(...)"

    def expand(self, info: bytes) -> bytes:
        """32 bytes that belong to ``info``. Raises `PluginError` without ``cryptography``."""
        hkdf, sha256 = _hkdf()
        made: bytes = hkdf(algorithm=sha256(), length=KEY_BYTES, salt=_SALT, info=info).derive(self._secret)
        return made


def make_master(path: Path) -> Master:
    """A new master in a new file that only its owner can read. Raises `UsageError` for a file that exists (marks made
    under a master that is gone can never be shown), `StorageError` where none can be made."""
    secret = secrets.token_bytes(KEY_BYTES)
    write_key(path, secret)
    return Master(secret)


def read_master(path: Path) -> Master:
    """The master in a file. Raises `InputError` for one that cannot be read, holds none, or that others may read."""
    return Master(read_key(path, KEY_BYTES, kind="master of marks", made_by="stillwatch marks init"))


def derive(master: Master, *, scheme: str, scope: Scope, about: str = "", epoch: int = 0) -> MarkKey:
    """The key for a mark (``scheme``), whose answers it marks (``scope``, ``about``) and how often it was rotated.

    Deterministic: the same five always give the same key. Raises `UsageError` for a name that a register cannot hold
    or an ``about`` that does not fit its scope.
    """
    _check(scheme, scope, about, epoch)
    info = b"stillwatch mark key 1\n" + msgspec.json.encode([scheme, scope, about, epoch])
    secret = master.expand(info)
    return MarkKey(id=key_id(secret), secret=secret, scheme=scheme, scope=scope, about=about, epoch=epoch)


def key_id(secret: bytes) -> str:
    """A key's public name: the first 16 hexadecimal digits of its SHA-256, with which its commitment begins."""
    return hashlib.sha256(secret).hexdigest()[:16]


def is_scheme(name: str) -> bool:
    """Whether ``name`` can name a scheme; whether there is one of that name is not asked."""
    return len(name) <= _LONGEST_NAME and _SCHEME.fullmatch(name) is not None


def decoys(key: MarkKey, number: int) -> Iterator[MarkKey]:
    """The first ``number`` keys that were never used, as `DECOYS_BY` says; for tests of ``key`` to compare with.

    To whoever made a text without knowing ``key``, it and its decoys are alike: 32 bytes that look drawn at random
    (HMAC is a pseudo-random function). None can be used for marking, because none is committed.
    """
    for i in range(1, number + 1):
        secret = hmac.new(key.secret, f"stillwatch mark decoy 1 {i}".encode(), hashlib.sha256).digest()
        yield msgspec.structs.replace(key, id=f"{key.id}-decoy-{i}", secret=secret)


def _check(scheme: str, scope: Scope, about: str, epoch: int) -> None:
    if not is_scheme(scheme):
        raise UsageError(f"{scheme!r} is no name of a scheme", "scheme", "write one like gumbel or red_green:gamma=0.5")
    if scope not in get_args(Scope):
        raise UsageError(f"{scope!r} is no scope", "scope", f"known: {', '.join(get_args(Scope))}")
    if (scope == "all") == bool(about):
        need = "takes no name: it marks everybody's answers" if scope == "all" else f"needs the name of its {scope}"
        raise UsageError(f"a key of scope {scope} {need}", "about")
    if len(about) > _LONGEST_ABOUT or not about.isprintable():
        raise UsageError("has more than 200 characters, or some that do not print", "about", "use a plain name")
    if epoch < 0:
        raise UsageError(f"{epoch} is no epoch", "epoch", "they count from 0")


def _hkdf() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - of an extra
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above
    except ImportError:
        raise PluginError("deriving keys needs the extra marks", None, "pip install 'stillwatch[marks]'") from None
    return HKDF, SHA256
