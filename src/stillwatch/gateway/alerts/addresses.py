"""Addresses and secrets as a policy writes them: plainly, or ``env:NAME`` where they are secret."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from stillwatch.asking.keys import from_environment
from stillwatch.errors import UsageError
from stillwatch.loopback import is_loopback

__all__ = ["secret", "shown", "split_address", "web_address"]

FROM = "env:"


def secret(value: str, where: str) -> str:
    """The secret that ``env:NAME`` names. Raises `UsageError`: not set, or written out instead of named."""
    return from_environment(value, where)


def web_address(value: str, where: str) -> str:
    """A URL, given or named by ``env:NAME`` (those of chat services are secrets). Raises `UsageError`, without
    quoting it: no URL, or neither https nor loopback."""
    text = from_environment(value, where) if value.startswith(FROM) else value
    parts = split_address(text, where, ("https", "http"))
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise UsageError("would send without TLS", where, "write https://")
    return text


def split_address(text: str, where: str, schemes: tuple[str, ...]) -> SplitResult:
    """``text`` in its parts. Raises `UsageError` where it is no address of one of ``schemes``."""
    do = f"write {schemes[0]}://HOST…"
    try:
        parts = urlsplit(text)
        known, _ = parts.scheme in schemes and bool(parts.hostname), parts.port
    except ValueError as error:
        raise UsageError("is no address", where, do) from error
    if not known or not text.isprintable() or " " in text:
        raise UsageError("is no address", where, do)
    return parts


def shown(url: str) -> str:
    """Scheme, host and port: what an error may say of an address whose path is a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
