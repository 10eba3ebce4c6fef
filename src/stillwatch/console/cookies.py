"""Cookies: which there are, and how browsers are told to keep them."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from stillwatch.console.security.tokens import tag

__all__ = ["FORM", "SAID", "SESSION", "Cookies"]

SESSION, FORM, SAID = "session", "form", "said"
_MOST_BYTES = 4096
# Seconds that a browser keeps each (None: until it is closed), and whether another site's link brings it along: only
# the one that a company's log-in must find again when it sends somebody back.
_KEPT: Mapping[str, tuple[int | None, str]] = {
    SESSION: (None, "Strict"),
    FORM: (None, "Strict"),
    SAID: (120, "Strict"),
    "theme": (365 * 86_400, "Strict"),
    "device": (180 * 86_400, "Strict"),
    "company": (600, "Lax"),
}


class Cookies:
    """Our cookies' names and headers. ``secure``: they travel by TLS only, and no other host sets them (``__Host-``).

    Names bear a mark of the folder of people: cookies know no ports, and two consoles on one machine must not sign each
    other's people out.
    """

    def __init__(self, key: bytes, *, secure: bool) -> None:
        mark = tag(key, "cookies", "").replace("_", "x").replace("-", "x")[:8]
        self._prefix, self._secure = f"{'__Host-' if secure else ''}stillwatch-{mark}-", secure

    def read(self, header: str) -> dict[str, str]:
        """Our cookies in a ``Cookie`` header, by their short names."""
        found: dict[str, str] = {}
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            short = name.removeprefix(self._prefix)
            if name != short and short in _KEPT:
                found.setdefault(short, value[:_MOST_BYTES])
        return found

    def write(self, name: str, value: str) -> str:
        """A ``Set-Cookie`` header's value; an empty ``value`` takes the cookie away.

        Raises ValueError for a cookie that is none of ours, or a value that no cookie can hold.
        """
        if name not in _KEPT:
            raise ValueError(f"no cookie is called {name!r}")
        kept, site = _KEPT[name]
        try:
            made = SimpleCookie({self._prefix + name: value})[self._prefix + name]
        except CookieError as error:
            raise ValueError(str(error)) from error
        made["path"], made["httponly"], made["samesite"] = "/", True, site
        if self._secure:
            made["secure"] = True
        if not value:
            made["max-age"] = 0
        elif kept is not None:
            made["max-age"] = kept
        return made.OutputString()
