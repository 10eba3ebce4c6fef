"""Random ids, what is kept of them, and text that a browser keeps for us and cannot change."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

__all__ = ["digest", "new_token", "sign", "tag", "unsign"]


def new_token() -> str:
    """256 random bits, as text for a cookie or an address."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a token: its SHA-256. A token has 256 random bits, so that nothing slower is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def tag(key: bytes, purpose: str, text: str) -> str:
    """A keyed hash of ``text``, of use for one ``purpose`` only (HMAC-SHA-256)."""
    said = f"{purpose}\n{text}".encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(hmac.digest(key, said, "sha256")).decode().rstrip("=")


def sign(key: bytes, purpose: str, text: str) -> str:
    """``text`` with its tag, as a cookie may hold it."""
    held = base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode().rstrip("=")
    return f"{held}.{tag(key, purpose, held)}"


def unsign(key: bytes, purpose: str, signed: str) -> str | None:
    """What `sign` was given; None for anything else."""
    held, _, mark = signed.partition(".")
    if not hmac.compare_digest(tag(key, purpose, held).encode(), mark.encode("utf-8", "replace")):
        return None
    try:
        return base64.urlsafe_b64decode(held + "=" * (-len(held) % 4)).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return None
