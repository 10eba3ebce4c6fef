"""Passwords: argon2id (RFC 9106), at least twelve characters, nothing that is the name again.

A hash costs 64 MiB and some tens of milliseconds on purpose; two are computed at a time, so that strangers cannot take
the memory. Length and the name are all that is asked: rules about signs make passwords worse (NIST SP 800-63B, 3.1.1).
"""

from __future__ import annotations

import secrets
import threading
import unicodedata

import argon2

from stillwatch.errors import UsageError

__all__ = ["FEWEST", "Passwords", "check_password"]

FEWEST, MOST = 12, 512
MOST_WAITING = 16
_AT_ONCE = 2


def check_password(password: str, name: str) -> None:
    """Raises `UsageError`, which never quotes it, for a password that is too short, too long, or too near the name."""
    plain = _plain(password)
    if len(plain) < FEWEST:
        raise UsageError(f"needs {FEWEST} characters or more", "the password", "four random words do well")
    if len(plain) > MOST:
        raise UsageError(f"may have {MOST} characters", "the password", "shorten it")
    small = plain.casefold()
    rest = small
    for known in (_plain(name).casefold(), "stillwatch", "password"):
        rest = rest.replace(known, "") if known else rest
    if len(rest) < FEWEST // 2 or len(set(small)) < 5:
        raise UsageError("is little more than the name, or one sign again and again", "the password", "take another")


class Passwords:
    """Hashes and compares. An unknown name costs as much as a known one: it is compared with a password of nobody's."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher()  # the library's defaults are RFC 9106's second choice: 64 MiB, t=3, p=4
        self._turn = threading.BoundedSemaphore(_AT_ONCE)
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with self._turn:
            return self._hasher.hash(_plain(password))

    def right(self, kept: str, password: str) -> bool:
        """Whether ``password`` is the one of which ``kept`` is kept ("": nobody's, which costs the same).

        Raises `UsageError` where too many wait for an answer.
        """
        if not self._waiting.acquire(blocking=False):
            raise UsageError("many are signing in just now", do="try again in a few seconds")
        try:
            with self._turn:
                return self._verify(kept or self._nobody, _plain(password)[: MOST + 1]) and bool(kept)
        finally:
            self._waiting.release()

    def stale(self, kept: str) -> bool:
        """Whether a hash was made with weaker settings than ours of today."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def _plain(text: str) -> str:
    # The same keys give other code points on other systems (SP 800-63B asks for a normal form).
    return unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode())
