"""Addresses of our own, into which any id fits: one with slashes, dots, nothing at all, or half a character."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlencode

__all__ = ["is_own", "link", "read_part"]

_PARAMETER = re.compile(r"\{(\w+)\}")
_ESCAPE = "~"


def link(path: str, parts: Mapping[str, object] | None = None, **query: object) -> str:
    """The address of a page: ``path`` with ``parts`` in the place of its parameters, and a query without what is None.

    >>> link("/accounts/{account}", {"account": "../a b"}, page=2)
    '/accounts/..%2Fa%20b?page=2'
    """
    filled = _PARAMETER.sub(lambda found: _part(str((parts or {})[found[1]])), path)
    asked = {name: str(value).encode("utf-8", "surrogateescape") for name, value in query.items() if value is not None}
    return f"{filled}?{urlencode(asked)}" if asked else filled


def _part(text: str) -> str:
    # A browser takes "." and ".." out of a path, spelt in whatever way, and an empty part is none.
    if text in ("", ".", "..") or text.startswith(_ESCAPE):
        text = _ESCAPE + text
    return quote(text.encode("utf-8", "surrogateescape"), safe="")


def read_part(raw: str) -> str:
    """What `link` wrote into a path, as it was.

    >>> read_part("..%2Fa%20b"), read_part("~.."), read_part("~~x")
    ('../a b', '..', '~x')
    """
    return unquote(raw, errors="surrogateescape").removeprefix(_ESCAPE)


def is_own(url: str) -> bool:
    """Whether an address is a path of ours and nothing else: no other host, in whatever way browsers read it.

    >>> [is_own(url) for url in ("/campaigns?page=2", "//evil.example", "/\\\\evil.example", "https://evil.example")]
    [True, False, False, False]
    """
    return (
        url.startswith("/")
        and not url.startswith(("//", "/\\"))
        and not any(ord(character) <= 32 or ord(character) == 127 for character in url)
    )
