"""What a company's log-in server says, asked over HTTP with distrust: bounded in bytes and seconds, sent nowhere else.

OpenID Connect Discovery 1.0 (its document and its keys) and the token endpoint of OAuth 2.0. Every address of it must
be TLS, or this machine's own; redirections are not followed, since what goes there is a secret.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx2
import msgspec

from stillwatch.errors import PeerError, UsageError
from stillwatch.loopback import is_loopback

__all__ = ["Provider", "check_address"]

MOST_BYTES = 2**20
SECONDS = 10.0
KEPT_FOR, ASKED_AGAIN_AFTER, FAILED_FOR = 3600.0, 30.0, 5.0
_WELL_KNOWN = "/.well-known/openid-configuration"


class _Document(msgspec.Struct, frozen=True):
    """What we use of a provider's document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Answer(msgspec.Struct, frozen=True):
    id_token: str


def check_address(url: str, where: str) -> None:
    """Raise `UsageError` for what is no address to which a secret may go."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    right = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not right or parts.username is not None or not url.isprintable() or " " in url:
        raise UsageError("is no https address", where, "write it as the provider tells it")


class Provider:
    """One provider, by its issuer's address. Its document and its keys are kept for an hour; ``clock`` counts seconds.

    Raises `PeerError` where it does not answer, or not as it should.
    """

    def __init__(self, issuer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer, self._clock = issuer, clock
        self._lock = threading.Lock()
        self._document: tuple[float, _Document] | None = None
        self._failed: tuple[float, PeerError] | None = None
        self._keys: tuple[float, tuple[dict[str, Any], ...]] | None = None

    def document(self) -> _Document:
        """What the provider says of itself. Where it failed a moment ago it is not asked again at once: strangers may
        come to the log-in as often as they like."""
        with self._lock:
            if self._failed is not None and self._failed[0] > self._clock() - FAILED_FOR:
                raise self._failed[1]
            try:
                return self._known()
            except PeerError as error:
                self._failed = (self._clock(), error)
                raise

    def _known(self) -> _Document:
        if self._document is None or self._document[0] <= self._clock() - KEPT_FOR:
            found: _Document = self._read(self.issuer.rstrip("/") + _WELL_KNOWN, _Document)
            if found.issuer != self.issuer:
                raise PeerError("says that it is another issuer", self.issuer, "write `issuer` as it writes it")
            try:
                for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                    check_address(url, "an address that it names")
            except UsageError as error:
                raise PeerError(str(error), self.issuer) from error
            self._document = (self._clock(), found)
        return self._document[1]

    def keys(self, *, anew: bool = False) -> tuple[dict[str, Any], ...]:
        """The provider's public keys (JWK). ``anew``: a token names one that is not among them, so ask again, at most
        every half minute."""
        document = self.document()
        with self._lock:
            age = KEPT_FOR if self._keys is None else self._clock() - self._keys[0]
            if age >= KEPT_FOR or (anew and age >= ASKED_AGAIN_AFTER):
                found = self._read(document.jwks_uri, dict[str, Any]).get("keys")
                if not isinstance(found, list):
                    raise PeerError("gives no keys", self.issuer)
                self._keys = (self._clock(), tuple(key for key in found if isinstance(key, dict)))
            return () if self._keys is None else self._keys[1]

    def exchange(self, form: Mapping[str, str], client: str, secret: str) -> str:
        """The ID token for an authorization code; ``secret`` is "" for a client that has none (PKCE proves it)."""
        document = self.document()
        fields, headers = dict(form), {}
        if not secret:
            fields["client_id"] = client
        elif "client_secret_basic" in document.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(client)}:{quote_plus(secret)}"  # RFC 6749, 2.3.1
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields |= {"client_id": client, "client_secret": secret}
        answer: _Answer = self._read(document.token_endpoint, _Answer, fields, headers)
        return answer.id_token

    def _read(
        self,
        url: str,
        kind: Any,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        try:
            with httpx2.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
                method = "GET" if fields is None else "POST"
                asked = {"accept": "application/json", "accept-encoding": "identity", **(headers or {})}
                with client.stream(method, url, data=fields, headers=asked) as answer:
                    body = _within(answer, time.monotonic() + SECONDS)
                    if answer.status_code != 200:
                        raise PeerError(
                            f"answers {answer.status_code}", urlsplit(url).netloc, status=answer.status_code
                        )
        except httpx2.HTTPError as error:
            raise PeerError(f"cannot be reached: {type(error).__name__}", urlsplit(url).netloc, again=True) from error
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise PeerError("does not answer as OpenID Connect asks", urlsplit(url).netloc) from error


def _within(answer: httpx2.Response, until: float) -> bytes:
    held = bytearray()
    for piece in answer.iter_raw():
        held += piece
        if len(held) > MOST_BYTES or time.monotonic() > until:
            raise PeerError("answers too much or too slowly", answer.url.host)
    return bytes(held)
