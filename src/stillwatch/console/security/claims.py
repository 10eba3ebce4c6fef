"""Whom an ID token names, and with which role: believed only where the provider's own key signed it, for us, just now.

OpenID Connect Core 1.0, 3.1.3.7. Only signatures by a private key count: a token that names "none", or a method in
which our copy of the public key would be the secret, is refused before any key is looked at.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from stillwatch.errors import UsageError

__all__ = ["ALGORITHMS", "Named", "named_by", "role_by", "verified"]

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
LEEWAY = 60
"""Seconds by which clocks may differ."""
MOST_TOKEN = 64 * 1024
_KINDS = ("RSA", "EC", "OKP")
_LONGEST = 255


class Named(NamedTuple):
    """Whom a token names: ``subject`` never changes and is nobody else's at this issuer; ``name`` is for people."""

    subject: str
    name: str


def verified(
    token: str,
    keys: Callable[[bool], Sequence[Mapping[str, Any]]],
    *,
    issuer: str,
    client: str,
    nonce: str,
    now: float,
) -> dict[str, Any]:
    """The claims of a token that holds. ``keys`` gives the provider's keys, and asks for them anew when told so.

    Raises `UsageError`, which quotes nothing of it, for any other.
    """
    if len(token) > MOST_TOKEN:
        raise UsageError("is too long", "the company's token")
    claims = _signed(token, keys)
    checks = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        checks.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise UsageError("is not for this console, or not for now", "the company's token", "sign in again") from error
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode("utf-8", "replace"), nonce.encode()):
        raise UsageError("answers another log-in", "the company's token", "sign in again")
    others = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", client) != client or (len(others) > 1 and "azp" not in claims):
        raise UsageError("was given to another program", "the company's token")
    return claims


def _signed(token: str, keys: Callable[[bool], Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """What one of the provider's keys signed."""
    for anew in (False, True):
        known = _key_set(keys(anew))
        try:
            read = jwt.decode(token, known, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            if anew:
                raise UsageError(
                    "is not signed by a key of the provider's", "the company's token", "sign in again"
                ) from error
            continue
        return dict(read.claims)
    raise AssertionError("the second round returns or raises")


def _key_set(found: Sequence[Mapping[str, Any]]) -> KeySet:
    """Public keys to check signatures with; whatever else a provider lists is passed over."""
    usable = []
    for one in found:
        if one.get("kty") in _KINDS and one.get("use", "sig") == "sig":
            try:
                usable.append(import_key({name: one[name] for name in one if name not in ("key_ops", "d")}))
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    if not usable:
        raise UsageError("gives no key that signatures are checked with", "the company's log-in")
    return KeySet(usable)


def named_by(claims: Mapping[str, Any], name_claim: str) -> Named:
    """Whom verified claims name; by their subject where they have no such name."""
    subject, name = claims.get("sub"), claims.get(name_claim)
    # ASCII of at most 255 characters (OpenID Connect Core 1.0, 2).
    if not isinstance(subject, str) or not (
        subject.isascii() and subject.isprintable() and 0 < len(subject) <= _LONGEST
    ):
        raise UsageError("names nobody", "the company's token")
    return Named(subject, name.strip() if isinstance(name, str) and name.strip() else subject)


def role_by(claims: Mapping[str, Any], claim: str, roles: Mapping[str, Sequence[str]]) -> str:
    """The highest role of which ``roles`` (from the least to the highest) lists a value that the claim has; "": none.

    ``claim`` is its name, or where it lies, as in ``realm_access.roles``. An address of mail counts only where the
    provider has verified it.
    """
    if claim == "email" and claims.get("email_verified") is not True:
        return ""
    held = claims.get(claim, _inside(claims, claim))
    values = (
        {held} if isinstance(held, str) else {one for one in held if isinstance(one, str)} if _many(held) else set()
    )
    return next((role for role in reversed(list(roles)) if values & set(roles[role])), "")


def _many(held: Any) -> bool:
    return isinstance(held, list)


def _inside(claims: Mapping[str, Any], path: str) -> Any:
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
