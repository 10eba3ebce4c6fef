"""Who calls: the account that a request is billed to, the key's hash, the address. Never what a caller claims.

In this order: a header that the provider's own front sets, believed only from the front's addresses; a table of keys;
else the key itself stands for the account, by its hash (`stillwatch.sources.calls.http_bodies.key_id`, the same that
scans of HTTP logs use, so that the claims of a scan hold here). Requests without any key are one account,
``anonymous``.
"""

from __future__ import annotations

import csv
import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from stillwatch.errors import InputError, UsageError
from stillwatch.gateway.doors.calls import Caller
from stillwatch.gateway.doors.departure import Scope
from stillwatch.gateway.marking.claims import HEADER
from stillwatch.sources.calls.http_bodies import KEY_HEADERS, credential

__all__ = ["ANONYMOUS", "LOOPBACK", "Callers", "Holder", "callers_of", "read_keys"]

ANONYMOUS = "anonymous"
LOOPBACK = ("127.0.0.0/8", "::1/128")
MARK = frozenset((HEADER.encode(),))
_HASH = re.compile(r"[0-9a-f]{64}")
_LONGEST = 256
_REMEMBERED, _LONGEST_REMEMBERED = 4096, 1000
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Holder(NamedTuple):
    """Whose key it is."""

    account_id: str
    tier: str = ""


def read_keys(path: Path) -> dict[str, Holder]:
    """A table of keys (CSV with a header): ``key_sha256`` (64 hexadecimal digits of the key's SHA-256), ``account_id``,
    and ``tier`` where wanted. The keys themselves never stand in it. Raises `InputError` with the line."""
    found: dict[str, Holder] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            if not {"key_sha256", "account_id"} <= set(table.fieldnames or ()):
                raise InputError("has no columns key_sha256 and account_id", path, "see docs/gateway-proxy.md")
            for row in table:
                where = f"{path}:{table.line_num}"
                digest, account = (row["key_sha256"] or "").strip().lower(), (row["account_id"] or "").strip()
                if not _HASH.fullmatch(digest):
                    raise InputError("is no SHA-256 of a key", where, "write 64 hexadecimal digits")
                if not account:
                    raise InputError("names no account", where)
                if digest in found:
                    raise InputError("names a key that stands above", where)
                found[digest] = Holder(account, (row.get("tier") or "").strip())
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"cannot be read: {error}", path) from error
    return found


def callers_of(
    *, account_header: str, tier_header: str, keys: Path | None, fronts: Iterable[str], trust_hops: int
) -> Callers:
    """`Callers` as a command names them. Raises `InputError` for a table that cannot be read, and as `Callers` does."""
    return Callers(
        header=account_header,
        tier_header=tier_header,
        keys=None if keys is None else read_keys(keys),
        fronts=tuple(fronts) or LOOPBACK,
        hops=trust_hops,
    )


class Callers:
    """Tells who calls.

    ``header`` (and ``tier_header``) is believed from ``fronts`` (networks) only, and so is ``X-Forwarded-For``, of
    which the last ``hops`` places are the provider's own: the client is that many places from the end. Raises
    `UsageError` for a network that is none, or hops below 1.
    """

    def __init__(
        self,
        *,
        header: str = "",
        tier_header: str = "",
        keys: Mapping[str, Holder] | None = None,
        fronts: Iterable[str] = LOOPBACK,
        hops: int = 0,
    ) -> None:
        if hops < 0:
            raise UsageError(f"{hops} is too small", "--trust-hops", "give 0 or more")
        self._header, self._tier_header = header.lower(), tier_header.lower()
        self.keys = keys
        self._fronts = [_network(front) for front in fronts]
        self._hops = hops
        self._known: dict[str, bool] = {}
        own = (*KEY_HEADERS, "authorization", "x-forwarded-for", "user-agent", "x-ja4", self._header, self._tier_header)
        self._read = frozenset(name.encode() for name in own if name)
        self._own = MARK | {name.encode() for name in (self._header, self._tier_header) if name}
        self._callers: dict[tuple[tuple[tuple[bytes, bytes], ...], str], Caller] = {}

    def caller(self, scope: Scope) -> Caller:
        """Who sent the request of an ASGI ``scope``. Hostile headers never raise."""
        given = tuple([header for header in scope["headers"] if header[0] in self._read])
        client = scope.get("client")
        peer = client[0] if client else ""
        known = self._callers.get((given, peer))
        if known is None:
            known = self._caller(given, peer)
            if len(self._callers) >= _REMEMBERED:
                self._callers.clear()
            if sum(len(value) for _, value in given) <= _LONGEST_REMEMBERED:
                self._callers[given, peer] = known
        return known

    def _caller(self, given: Iterable[tuple[bytes, bytes]], peer: str) -> Caller:
        headers: dict[str, str] = {}
        for name, value in given:
            key = name.decode("latin-1")
            headers[key] = f"{headers[key]}, {value.decode('latin-1')}" if key in headers else value.decode("latin-1")
        front = self._is_front(peer)
        key_id = credential(headers, "") or ""
        holder = Holder("")
        if front and self._header and (told := headers.get(self._header, "").strip()):
            holder = Holder(told[:_LONGEST], headers.get(self._tier_header, "")[:_LONGEST] if self._tier_header else "")
        elif self.keys is not None:
            holder = self.keys.get(_digest(headers), holder)
        return Caller(
            holder.account_id or key_id or ANONYMOUS,
            key_id,
            holder.tier,
            self._address(headers.get("x-forwarded-for", ""), peer, front),
            headers.get("user-agent", "")[:1000],
            headers.get("x-ja4", "")[:64] if front else "",
        )

    def spoofed(self, scope: Scope) -> list[tuple[bytes, bytes]] | None:
        """The headers of a request without the provider's own where a stranger sent these, and without the name of a
        mark's key whoever sent it; None: there are none such."""
        sent = [name for name, _ in scope["headers"] if name in self._own]
        if not sent:
            return None
        client = scope.get("client")
        taken = MARK if self._is_front(client[0] if client else "") else self._own
        return [header for header in scope["headers"] if header[0] not in taken] if taken.intersection(sent) else None

    def _address(self, forwarded: str, peer: str, front: bool) -> str:
        if not front or not self._hops or not forwarded or len(forwarded) > 1000:
            return peer
        hops = [hop.strip() for hop in forwarded.split(",")]
        found = hops[max(len(hops) - self._hops, 0)].strip("[]")
        try:
            return str(ipaddress.ip_address(found))
        except ValueError:
            return peer

    def _is_front(self, peer: str) -> bool:
        known = self._known.get(peer)
        if known is None:
            try:
                address = ipaddress.ip_address(peer)
                known = any(address in network for network in self._fronts)
            except ValueError:
                known = not peer  # a socket in the file system has no address: who may open it is trusted
            if len(self._known) < 10_000:
                self._known[peer] = known
        return known


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise UsageError(f"{text!r} is no address or network", "--front", "write one like 10.0.0.0/8") from error


def _digest(headers: Mapping[str, str]) -> str:
    key = next((headers[name] for name in KEY_HEADERS if headers.get(name)), None)
    key = headers.get("authorization", "").rpartition(" ")[2] if key is None else key
    return hashlib.sha256(key.encode("latin-1")).hexdigest()
