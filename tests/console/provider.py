"""A small OpenID Connect provider on a real socket, with real keys: honest, or in one way not."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from stillwatch.listening import url_of

CLIENT, SECRET = "stillwatch-console", "the client's secret/&+%"
Forge = Callable[["Provider", dict[str, Any]], str]


def b64(data: bytes | dict[str, Any]) -> str:
    raw = json.dumps(data).encode() if isinstance(data, dict) else data
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@functools.cache
def _keys() -> tuple[RSAKey, RSAKey]:
    """The provider's key, and another's that goes by the same name."""
    own = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"}, private=True)
    return own, RSAKey.generate_key(2048, {"kid": "first"}, private=True)


class Provider:
    """``person`` are the claims of who signs in; ``forge`` makes the token where it is not to be an honest one."""

    def __init__(self) -> None:
        self.url = ""
        self.key, self.other = _keys()
        self.listed = [self.key]
        self.person: dict[str, Any] = {"sub": "24400320", "preferred_username": "jane", "roles": ["sw-analysts"]}
        self.forge: Forge | None = None
        self.claims: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked_for_keys = 0
        self.exchanged: list[str] = []

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/keys", self._keys),
        ]

    async def _configuration(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": self.url + "/authorize",
                "token_endpoint": self.url + "/token",
                "jwks_uri": self.url + "/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                **self.document,
            }
        )

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"], "iss": self.url})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        pair = base64.b64encode(f"{CLIENT}:the+client%27s+secret%2F%26%2B%25".encode()).decode()
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or not hmac.compare_digest(request.headers.get("authorization", ""), f"Basic {pair}")
            or challenge != asked["code_challenge"]
            or form.get("redirect_uri") != asked["redirect_uri"]
            or form.get("grant_type") != "authorization_code"
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            **self.person,
            **self.claims,
        }
        token = self.sign(claims) if self.forge is None else self.forge(self, claims)
        self.exchanged.append(token)
        return JSONResponse({"id_token": token, "access_token": "unused", "token_type": "Bearer"})

    async def _keys(self, request: Request) -> Response:
        self.asked_for_keys += 1
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.listed]})

    def sign(self, claims: dict[str, Any], key: RSAKey | None = None, **header: Any) -> str:
        chosen = self.key if key is None else key
        head = {"alg": "RS256", "kid": str(chosen.kid), **header}
        return jwt.encode(head, claims, chosen, algorithms=[head["alg"]])

    def public_pem(self) -> bytes:
        return self.key.as_pem(private=False)


def unsigned(provider: Provider, claims: dict[str, Any]) -> str:
    """A token that says that it needs no signature."""
    return f"{b64({'alg': 'none', 'typ': 'JWT'})}.{b64(claims)}."


def confused(provider: Provider, claims: dict[str, Any]) -> str:
    """A token whose secret is the public key, as if it were shared."""
    told = f"{b64({'alg': 'HS256', 'kid': 'first'})}.{b64(claims)}"
    return f"{told}.{b64(hmac.digest(provider.public_pem(), told.encode(), 'sha256'))}"


def by_another_key(provider: Provider, claims: dict[str, Any]) -> str:
    """Signed by whoever, under the provider's key's name."""
    return provider.sign(claims, provider.other)


def bearing_its_key(provider: Provider, claims: dict[str, Any]) -> str:
    """Signed by whoever, with that key in its own header."""
    return provider.sign(claims, provider.other, jwk=provider.other.as_dict(private=False))


def changed(provider: Provider, claims: dict[str, Any]) -> str:
    """Signed, and then made somebody else's."""
    head, _, mark = provider.sign(claims).split(".")
    return f"{head}.{b64({**claims, 'roles': ['sw-admins']})}.{mark}"


def without_mark(provider: Provider, claims: dict[str, Any]) -> str:
    """Signed, with the signature taken away."""
    return provider.sign(claims).rpartition(".")[0] + "."


@contextmanager
def providing() -> Iterator[Provider]:
    """Serve a provider on a free port while the block runs."""
    provider = Provider()
    config = uvicorn.Config(
        Starlette(routes=provider.routes()), host="127.0.0.1", port=0, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        provider.url = url_of(server.servers[0])
        yield provider
    finally:
        server.should_exit = True
        thread.join(30)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
