"""Signing in with the company's own log-in: OpenID Connect, authorization code with PKCE (RFC 7636), state and nonce.

What the browser must bring back (state, nonce, the code's verifier, where it wanted to go) is in a signed cookie of its
own for ten minutes, so that a link of a stranger's cannot sign somebody in as him, and nothing is kept here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from stillwatch.asking.keys import from_environment
from stillwatch.console.security.claims import Named, named_by, role_by, verified
from stillwatch.console.security.provider import Provider, check_address
from stillwatch.console.security.tokens import new_token, sign, unsign
from stillwatch.errors import InputError, UsageError

__all__ = ["BACK", "Admitted", "Company", "Settings", "read_company"]

BACK = "/company/back"
"""Where the provider sends people back to: to be registered there, behind the console's address."""
PATIENCE = 600.0
ROLES = ("viewer", "analyst", "approver", "admin")
_PURPOSE = "company"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file of the company's log-in (docs/console.md). ``roles`` maps a role to the values of ``roles_claim`` that
    give it; who has none of them gets ``otherwise`` ("": is not let in). ``require`` are claims that must be so."""

    issuer: str
    client_id: str
    client_secret: str = ""
    button: str = "Sign in with your company"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name_claim: str = "preferred_username"
    roles_claim: str = "roles"
    roles: dict[str, tuple[str, ...]] = {}
    otherwise: str = ""
    require: dict[str, str | bool | int] = {}


class Admitted(msgspec.Struct, frozen=True):
    """Who came back from the log-in, with which role, and where he wanted to go."""

    issuer: str
    named: Named
    role: int
    back: str


class _Begun(msgspec.Struct, frozen=True):
    """What the cookie holds."""

    state: str
    nonce: str
    verifier: str
    until: float
    back: str


def read_company(path: Path, clock: Callable[[], float]) -> Company:
    """The company's log-in that a TOML file names. Raises `InputError` and `UsageError` for what cannot be used."""
    try:
        settings = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"is no log-in of a company: {error}", path, "see docs/console.md") from error
    check_address(settings.issuer, f"issuer in {path}")
    for role in (*settings.roles, *([settings.otherwise] if settings.otherwise else [])):
        if role not in ROLES:
            raise InputError(f"names the role {role[:40]!r}", path, f"known: {', '.join(ROLES)}")
    if "openid" not in settings.scopes:
        raise InputError("asks for no scope openid", path, 'write scopes = ["openid", …]')
    secret = from_environment(settings.client_secret, f"client_secret in {path}") if settings.client_secret else ""
    return Company(settings, secret, clock)


class Company:
    """The log-in of one company. ``clock`` gives seconds since 1970. Raises `PeerError` where its server fails."""

    def __init__(self, settings: Settings, secret: str, clock: Callable[[], float]) -> None:
        self._settings, self._secret, self._clock = settings, secret, clock
        self._provider = Provider(settings.issuer)
        self.button = settings.button[:80]

    @property
    def issuer(self) -> str:
        """Whose log-in it is."""
        return self._settings.issuer

    def begin(self, key: bytes, origin: str, back: str) -> tuple[str, str]:
        """The address to send a browser to, and what its cookie keeps meanwhile. ``origin`` is where we are reached."""
        begun = _Begun(new_token(), new_token(), new_token(), self._clock() + PATIENCE, back[:500])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": origin + BACK,
            "scope": " ".join(self._settings.scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        there = self._provider.document().authorization_endpoint
        url = f"{there}{'&' if '?' in there else '?'}{urlencode(asked)}"
        return url, sign(key, _PURPOSE, msgspec.json.encode(begun).decode())

    def finish(self, key: bytes, origin: str, cookie: str, answer: Mapping[str, str]) -> Admitted:
        """Who came back. Raises `UsageError` where that is not the end of what this browser began, the token does not
        hold, or the claims give no role."""
        begun = self._begun(key, cookie)
        if not hmac.compare_digest(begun.state.encode(), answer.get("state", "").encode("utf-8", "replace")):
            raise UsageError("was begun elsewhere", "this log-in", "sign in again")
        if answer.get("iss", self.issuer) != self.issuer:  # RFC 9207
            raise UsageError("comes from another provider", "this log-in", "sign in again")
        code = answer.get("code", "")
        if not code:
            raise UsageError("was refused or broken off there", "this log-in", "sign in again")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": origin + BACK,
            "code_verifier": begun.verifier,
        }
        token = self._provider.exchange(form, self._settings.client_id, self._secret)
        claims = verified(
            token,
            lambda anew: self._provider.keys(anew=anew),
            issuer=self.issuer,
            client=self._settings.client_id,
            nonce=begun.nonce,
            now=self._clock(),
        )
        return Admitted(self.issuer, named_by(claims, self._settings.name_claim), self._role(claims), begun.back)

    def _begun(self, key: bytes, cookie: str) -> _Begun:
        held = unsign(key, _PURPOSE, cookie) if cookie else None
        if held is not None:
            begun = msgspec.json.decode(held, type=_Begun)
            if begun.until > self._clock():
                return begun
        raise UsageError("was not begun in this browser, or too long ago", "this log-in", "sign in again")

    def _role(self, claims: Mapping[str, Any]) -> int:
        settings = self._settings
        for name, value in settings.require.items():
            if claims.get(name) != value:
                raise UsageError("is none that may come in here", "this account", "ask who runs the console")
        ordered = {role: settings.roles[role] for role in ROLES if role in settings.roles}
        role = role_by(claims, settings.roles_claim, ordered) or settings.otherwise
        if not role:
            raise UsageError("has no role here", "this account", "ask who runs the console, or the provider")
        return ROLES.index(role) + 1
