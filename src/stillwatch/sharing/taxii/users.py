"""Who may log in: secrets that are made here, kept as scrypt hashes (RFC 7914), and compared in constant time.

A secret has 256 random bits, so guessing it is hopeless; scrypt is for the day that the file is stolen. It costs a
tenth of a second on purpose: a pair that was right is remembered in memory, as a keyed hash, and a caller who is often
wrong has to wait, before anything is computed for them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.storage.whole import write_whole

__all__ = [
    "MOST_WRONG",
    "USERS",
    "WINDOW",
    "Attempts",
    "Users",
    "add_user",
    "credentials",
    "is_user_name",
    "remove_user",
]

MOST_WRONG = 10
"""Wrong log-ins from one address within `WINDOW` seconds, after which it has to wait."""
WINDOW = 60.0
USERS = "users.json"
"""The file of users in a server's folder."""
_COST = {"n": 2**15, "r": 8, "p": 1}
_MOST_REMEMBERED = 10_000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_LONGEST = 512


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of users: for each name the salt and the hash, hexadecimal."""

    users: dict[str, tuple[str, str]]


def is_user_name(text: str) -> bool:
    """Whether ``text`` can be a user's name: small letters, digits, hyphens."""
    return _NAME.fullmatch(text) is not None


def add_user(path: Path, name: str) -> str:
    """Make a user, or a new secret for one; returns the secret, which is nowhere else. Raises `UsageError`."""
    if not is_user_name(name):
        raise UsageError("is no name of a user", name[:80], "use small letters, digits and -")
    secret, salt = secrets.token_urlsafe(32), secrets.token_bytes(16)
    users = dict(_read(path).users) if path.exists() else {}
    users[name] = (salt.hex(), _hash(secret, salt).hex())
    _write(path, users)
    return secret


def remove_user(path: Path, name: str) -> None:
    """Remove a user; a server that runs turns them away at once. Raises `UsageError` where there is none."""
    users = dict(_read(path).users) if path.exists() else {}
    if users.pop(name, None) is None:
        raise UsageError("there is no such user", name[:80])
    _write(path, users)


def credentials(header: str | None) -> tuple[str, str] | None:
    """Name and secret of an ``Authorization`` header: Basic (RFC 7617), or Bearer (RFC 6750) with ``NAME.SECRET``."""
    if header is None or len(header) > _LONGEST:
        return None
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(rest.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
        name, mark, secret = pair.partition(":")
    elif scheme.lower() == "bearer":
        name, mark, secret = rest.strip().partition(".")
    else:
        return None
    return (name, secret) if mark and is_user_name(name) and secret else None


class Users:
    """The users of a file, read anew when it changes."""

    def __init__(self, path: Path) -> None:
        """Raises `InputError` for a file that cannot be read."""
        self._path = path
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._seen: tuple[int, int, int] | None = None
        self._users: dict[str, tuple[str, str]] = {}
        self._refresh()

    def remembered(self, name: str, secret: str) -> bool:
        """Whether this pair was right before: no more than a hash in memory."""
        self._refresh()
        with self._lock:
            return self._tag(name, secret) in self._right

    def right(self, name: str, secret: str) -> bool:
        """Whether this pair is right. An unknown name takes as long as a known one."""
        salt, known = self._users.get(name, ("00" * 16, "00" * 32))
        same = hmac.compare_digest(_hash(secret, bytes.fromhex(salt)), bytes.fromhex(known))
        if not same or name not in self._users:
            return False
        with self._lock:
            self._right[self._tag(name, secret)] = None
            while len(self._right) > _MOST_REMEMBERED:
                self._right.popitem(last=False)
        return True

    def _tag(self, name: str, secret: str) -> bytes:
        return hmac.digest(self._key, f"{name}:{secret}".encode("utf-8", "surrogatepass"), "sha256")

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            seen = None
        with self._lock:
            if seen is not None and seen == self._seen:
                return
            self._users = dict(_read(self._path).users) if seen else {}
            self._right.clear()
            self._seen = seen


class Attempts:
    """Wrong log-ins by address (IPv6: by the /64, which is one household). ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0: now."""
        with self._lock:
            wrong = self._recent(_place(address))
            return max(wrong[-MOST_WRONG] + WINDOW - self._clock(), 0.0) if len(wrong) >= MOST_WRONG else 0.0

    def note(self, address: str) -> None:
        """A log-in from there was wrong."""
        place = _place(address)
        with self._lock:
            wrong = self._recent(place)
            self._wrong[place] = [*wrong[-MOST_WRONG:], self._clock()]
            self._wrong.move_to_end(place)
            while len(self._wrong) > _MOST_REMEMBERED:
                self._wrong.popitem(last=False)

    def _recent(self, place: str) -> list[float]:
        return [when for when in self._wrong.get(place, []) if when > self._clock() - WINDOW]


def _place(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "elsewhere"
    if found.version == 6:
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def _hash(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        secret.encode("utf-8", "surrogatepass"), salt=salt, **_COST, maxmem=64 * 1024 * 1024, dklen=32
    )


def _read(path: Path) -> _Known:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Known)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("is no file of users; `stillwatch share user NAME` makes one", path) from error


def _write(path: Path, users: dict[str, tuple[str, str]]) -> None:
    before = os.umask(0o077)
    try:
        write_whole(path, msgspec.json.encode(_Known(users)) + b"\n")
    finally:
        os.umask(before)
