"""What every request passes first: is it meant for us, from whom does it come, and is it small enough to look at?

Every answer leaves through here too, so that each bears the headers that make a browser careful: pages, files, errors.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stillwatch.campaigns.wording import visible
from stillwatch.errors import UsageError

__all__ = ["HEADERS", "Front", "Guard"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with "no-referrer" browsers would send forms with the origin "null"
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer; an answer of a page bears ``Cache-Control: no-store`` too."""
_TLS_ONLY = ("Strict-Transport-Security", "max-age=31536000")
MOST_PATH = 8_000
MOST_AT_ONCE = 128
_log = logging.getLogger("stillwatch.console")


@dataclass(frozen=True, kw_only=True)
class Front:
    """Where the console is reached. ``names`` are the host names and addresses that a browser may ask for (a name that
    an attacker makes point at this machine is not among them); ``secure``: by TLS, ours or a proxy's. ``proxies`` are
    the addresses of the proxy before it ((): none): nobody else is served, and its word on who calls is believed."""

    names: frozenset[str]
    secure: bool = False
    proxies: tuple[str, ...] = ()

    @classmethod
    def behind(cls, url: str, proxies: tuple[str, ...] = ()) -> Front:
        """Behind a proxy that is reached at ``url`` and calls from ``proxies`` (this machine where none is named).
        Raises `UsageError` for what is no address."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise UsageError("is no address of a proxy", "--behind-proxy", "write https://console.example.com")
        for one in proxies:
            try:
                ipaddress.ip_network(one, strict=False)
            except ValueError:
                raise UsageError(f"{one[:80]} is no address or network", "--proxy", "write 10.0.0.5") from None
        return cls(
            names=frozenset({parts.hostname.lower()}),
            secure=parts.scheme == "https",
            proxies=proxies or ("127.0.0.0/8", "::1"),
        )

    def knows(self, host: str) -> bool:
        """Whether a ``Host`` header names us."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name is not None and name.lower().rstrip(".") in self.names

    def from_proxy(self, peer: str) -> bool:
        """Whether whoever connects may."""
        if not self.proxies:
            return True
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in ipaddress.ip_network(one, strict=False) for one in self.proxies)

    def caller(self, peer: str, forwarded: str) -> str:
        """Who calls: whoever connects, or whom the proxy names last (what stands before is the caller's own claim)."""
        said = forwarded.rpartition(",")[2].strip() if self.proxies else ""
        try:
            return str(ipaddress.ip_address(said))
        except ValueError:
            return peer


class Guard:
    """The outermost layer around the application. ``refuse`` makes the page of a status, with words of ours."""

    def __init__(self, app: ASGIApp, front: Front, refuse: Callable[[int, str], Response]) -> None:
        self._app, self._front, self._refuse, self._at_work = app, front, refuse, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        started = False

        async def out(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._dress(message)
            await send(message)

        refused = self._look(scope)
        if refused is not None:
            await refused(scope, receive, out)
            return
        self._at_work += 1
        try:
            await self._app(scope, receive, out)
        except Exception as error:
            reference = _logged(error)
            if not started:
                await self._refuse(500, f"Its trace is in the console's own log, under {reference}.")(
                    scope, receive, out
                )
        finally:
            self._at_work -= 1

    def _look(self, scope: Scope) -> Response | None:
        """The answer to a request that is not let in; for one that is, what we made of it is put into its scope."""
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        if not self._front.from_proxy(peer):
            return self._refuse(403, "The console is reached through its proxy only.")
        if len(headers.getlist("host")) != 1 or not self._front.knows(headers["host"]):
            return self._refuse(421, "The console is not reached under this name: use the address that it printed.")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return self._refuse(405, "Pages are read, and forms are sent; nothing else is done here.")
        if len(raw) > MOST_PATH or len(scope["query_string"]) > MOST_PATH:
            return self._refuse(414, "The address is too long.")
        if self._at_work >= MOST_AT_ONCE:
            return self._refuse(503, "Many pages are being made just now. Try again in a few seconds.")
        # Routes are found in the path as it was sent, so that a slash in an id is a part of it (`paths.read_part`).
        scope["path"] = raw.partition(b"?")[0].decode("ascii", "backslashreplace")
        scope["app"] = self._app  # tells the router that somebody makes pages of its errors
        state: dict[str, Any] = scope.setdefault("state", {})
        state["address"] = self._front.caller(peer, headers.get("x-forwarded-for", ""))
        state["origin"] = f"{'https' if self._front.secure else 'http'}://{headers['host']}"
        return None

    def _dress(self, message: Message) -> None:
        headers = MutableHeaders(raw=message["headers"])
        for name, value in HEADERS.items():
            headers[name] = value
        if self._front.secure:
            headers[_TLS_ONLY[0]] = _TLS_ONLY[1]
        headers.setdefault("Cache-Control", "no-store")
        message["headers"] = headers.raw


def _logged(error: Exception) -> str:
    """Write a defect's trace to the log, inert whatever text of strangers it quotes; the reference that names it."""
    reference = secrets.token_hex(4)
    _log.error("%s: %s", reference, visible("".join(traceback.format_exception(error)), limit=20_000, lines=True))
    return reference
