"""What the endpoints over HTTP have in common: their addresses, their options, and reading what came with care."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

from stillwatch.asking.keys import Secrets, from_environment, names_a_secret
from stillwatch.errors import UsageError

__all__ = [
    "Unreadable",
    "WebAddress",
    "WebOptions",
    "as_json",
    "count",
    "headers_of",
    "now",
    "part",
    "parts",
    "path_added",
    "string",
    "web_address",
]

_URL = re.compile(r"@(?=https?://)", re.IGNORECASE)


class Unreadable(ValueError):
    """An answer is not of the agreed shape: says what is wrong with it, without quoting it."""


class WebAddress(NamedTuple):
    """``KIND:MODEL@URL#env:NAME``, apart. ``name`` is what reports call it: no key, no query."""

    model: str
    url: str
    host: str
    key: str
    name: str


class WebOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a TOML file may say of an endpoint over HTTP, beside its limits and prices (docs/asking.md)."""

    key: str = ""
    headers: Mapping[str, str] = {}
    timeout: float = 120.0
    temperature: float | None = None
    stream: bool = False
    prefix: Literal["plain", "continue", "flag"] = "plain"
    extra: Mapping[str, Any] = {}
    leave_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        reserved = {"model", "messages", "system", "tools", "stream"} & set(self.extra)
        if reserved:
            raise ValueError(f"extra cannot say {', '.join(sorted(reserved))}: that is what is asked")
        if not 0 < self.timeout <= 3600:
            raise ValueError("timeout is seconds, up to 3600")

    @classmethod
    def read(cls, options: Mapping[str, Any], where: str) -> WebOptions:
        """The options, checked. Raises `UsageError` for one that is unknown or out of range."""
        try:
            return msgspec.convert(dict(options), cls)
        except (msgspec.ValidationError, ValueError) as error:
            raise UsageError(f"has an option that cannot be: {error}", where, "docs/asking.md lists them") from error


def web_address(address: str, default: str) -> WebAddress:
    """The parts of an address; ``default`` is the URL of one that names none. Raises `UsageError`."""
    kind, _, rest = address.partition(":")
    rest, _, key = rest.partition("#")
    model, *urls = _URL.split(rest, maxsplit=1)
    url = (urls[0] if urls else default).rstrip("/")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError as error:
        raise UsageError(f"is no address: {error}", f"{kind}:{model}", "write https://HOST/PATH") from error
    shown = f"{host}:{port}" if port else host
    name = f"{kind}:{model}@{shown}"
    if "@" in model and not urls:
        raise UsageError("has an address that is neither http:// nor https://", f"{kind}:…", f"write {kind}:MODEL@URL")
    if not model or not host or any(not c.isprintable() or c.isspace() for c in rest):
        raise UsageError("names no model or no host", f"{kind}:{model}", f"write {kind}:MODEL@https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise UsageError("has a user or password in its address", name, 'write key = "env:NAME" in a TOML file')
    if any(names_a_secret(field) for field, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise UsageError("has a key in its address", name, 'write key = "env:NAME" in a TOML file')
    return WebAddress(model, url, host, key, name)


def headers_of(
    address: WebAddress, options: WebOptions, key_header: tuple[str, str], own: tuple[str, str]
) -> tuple[dict[str, str], Secrets]:
    """The headers with their keys, and the keys to hide.

    ``key_header`` is the header's name and what stands before the key; ``own`` a provider's own host and the variable
    that holds its key by custom. That key goes to no other host: a suspect would be handed the user's account.
    """
    secrets: list[str] = []
    headers: dict[str, str] = {}
    wanted = address.key or options.key
    if not wanted and address.host == own[0]:
        wanted = f"env:{own[1]}"
    if wanted:
        secrets.append(from_environment(wanted, address.name))
        headers[key_header[0]] = key_header[1] + secrets[-1]
    for name, value in options.headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", name):
            raise UsageError("has a header whose name is none", address.name, "use letters, digits and -")
        if value.startswith("env:"):
            secrets.append(from_environment(value, address.name))
            value = secrets[-1]
        elif names_a_secret(name):
            raise UsageError(f"has its key in the file, in {name}", address.name, f'write {name} = "env:NAME"')
        elif not (value.isascii() and value.isprintable()):
            raise UsageError(f"has a header that cannot be sent, {name}", address.name, "use printable ASCII")
        headers[name.lower()] = value
    return headers, Secrets(tuple(secrets))


def path_added(url: str, path: str) -> str:
    """``url`` with ``path`` before its query, where it does not end in it already."""
    base, mark, query = url.partition("?")
    base = base.rstrip("/")
    return (base if base.endswith(path) else base + path) + mark + query


def now() -> str:
    """UTC, ISO 8601."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


def part(value: Any, name: str) -> Mapping[str, Any]:
    """``value`` as an object; an absent one is empty."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is no object")
    return value


def parts(value: Any, name: str) -> list[Mapping[str, Any]]:
    """``value`` as a list of objects; an absent one is empty."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Unreadable(f"{name} is no list of objects")
    return value


def string(value: Any, name: str) -> str:
    """``value`` as a text; an absent one is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{name} is no text")
    return value


def as_json(value: Any) -> str:
    """``value`` as JSON, whatever a server put into it: numbers of any size, halves of characters."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        raise Unreadable("the arguments of a tool cannot be written") from None


def count(value: Any) -> int | None:
    """A number of tokens, where it is one."""
    return value if type(value) is int and 0 <= value < 2**31 else None
