"""A store on any server that speaks Redis's protocol (Redis, Valkey, KeyDB, Dragonfly), for gateways that share it.

Every key begins with ``{stillwatch}:`` and so lies in one slot of a cluster. What changes together is changed by one
script, which the server runs alone: no two gateways get one version number. Totals of a gateway that was not heard of
for `KEPT_DAYS` days are forgotten. A server that is asked in vain costs `PATIENCE` seconds, of the upkeep's thread.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import redis

from stillwatch.errors import InputError, StorageError
from stillwatch.gateway.profiles import Profile
from stillwatch.gateway.stores.base import SCHEMA, Change, Counts, Elsewhere, News, Totals, check_schema

__all__ = ["RedisStore"]

PATIENCE = 2.0
PAGE = 2000
KEPT_DAYS = 15
SHARDS = 256
SEPARATOR = b"\x1f"
META, CHANGES, ORDER, GATEWAYS = (f"{{stillwatch}}:{name}" for name in ("meta", "changes", "order", "gateways"))
PROFILE = struct.Struct("<6q")

_MADE = """
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
redis.call('HSETNX', KEYS[1], 'schema', ARGV[2])
local schema = redis.call('HGET', KEYS[1], 'schema')
if schema ~= ARGV[2] then return {schema} end
"""
PUT = (
    _MADE
    + """
for i = 3, #ARGV, 3 do
  local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
  if ARGV[i + 1] == '1' then redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 2])
  else redis.call('HDEL', KEYS[2], ARGV[i]) end
  redis.call('ZADD', KEYS[3], version, ARGV[i])
end
return {schema}
"""
)
SINCE = (
    _MADE
    + """
local found = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
local answer = {schema, redis.call('HGET', KEYS[1], 'epoch'), redis.call('HGET', KEYS[1], 'version') or '0'}
for i = 1, #found, 2 do
  answer[#answer + 1] = found[i]
  answer[#answer + 1] = found[i + 1]
  answer[#answer + 1] = redis.call('HGET', KEYS[2], found[i])
end
return answer
"""
)


class RedisStore:
    """``url`` is ``redis://``, ``rediss://`` (TLS) or ``unix://``; ``gateway`` the name of this one's totals. Nothing
    is asked of the server yet. Raises `InputError` for a URL that cannot be read."""

    def __init__(self, url: str, gateway: str) -> None:
        self.gateway = gateway
        try:
            parts = urlsplit(url)
            self._where = parts.hostname or parts.path
            self._server: Any = redis.Redis.from_url(
                url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=None
            )
        except ValueError as error:
            raise InputError("is no address of a store", "--store", "give one such as redis://host:6379/0") from error
        self._put, self._since = self._server.register_script(PUT), self._server.register_script(SINCE)
        self._totals = Totals()

    def put(self, changes: Sequence[Change]) -> None:
        """See `Store.put`. More than `PAGE` changes are kept by so many at once."""
        for first in range(0, len(changes), PAGE):
            arguments: list[bytes | str] = [secrets.token_hex(16), str(SCHEMA)]
            for kind, key, body in changes[first : first + PAGE]:
                arguments += [_member(kind, key), "0" if body is None else "1", body or b""]
            with self._errors():
                answer = self._put(keys=[META, CHANGES, ORDER], args=arguments)
            self._check(answer)

    def since(self, version: int) -> News:
        """See `Store.since`."""
        found: dict[bytes, Change] = {}
        after = version
        while True:
            arguments = [secrets.token_hex(16), str(SCHEMA), str(after), str(PAGE)]
            with self._errors():
                answer = self._since(keys=[META, CHANGES, ORDER], args=arguments)
            self._check(answer)
            epoch, last = answer[1].decode(), int(answer[2])
            for member, score, body in _threes(answer[3:]):
                after = int(float(score))
                kind, _, key = member.partition(SEPARATOR)
                found.pop(member, None)
                found[member] = Change(kind.decode(), key.decode("utf-8", "surrogatepass"), body)
            if len(answer) < 3 + 3 * PAGE:
                changes = [one for one in found.values() if one.body is not None or version > 0]
                return News(changes, last, epoch)

    def count(self, counts: Counts) -> Elsewhere:
        """See `Store.count`."""
        with self._errors():
            pipe = self._server.pipeline(transaction=True)
            pipe.sadd(GATEWAYS, self.gateway)
            for account, profile in counts.profiles:
                pipe.hset(self._profiles_key(account % SHARDS), str(account), PROFILE.pack(*profile))
                pipe.expire(self._profiles_key(account % SHARDS), KEPT_DAYS * 86400)
            for kind, bodies in (("budget", counts.budgets), ("campaign", counts.campaigns)):
                if bodies:
                    pipe.hset(_totals_key(kind, self.gateway), mapping=dict(bodies))
                pipe.expire(_totals_key(kind, self.gateway), KEPT_DAYS * 86400)
            pipe.smembers(GATEWAYS)
            others = sorted(name.decode() for name in pipe.execute()[-1] if name.decode() != self.gateway)
            pipe = self._server.pipeline(transaction=False)
            for name in others:
                pipe.hgetall(_totals_key("budget", name))
                pipe.hgetall(_totals_key("campaign", name))
            answers = pipe.execute() if others else []
            gone = [name for place, name in enumerate(others) if not (answers[2 * place] or answers[2 * place + 1])]
            if gone:
                self._server.srem(GATEWAYS, *gone)
        rows = []
        for place, name in enumerate(others):
            for kind, bodies in zip(("budget", "campaign"), answers[2 * place : 2 * place + 2], strict=True):
                rows += [(name, kind, field.decode(), body) for field, body in bodies.items()]
        return self._totals.elsewhere(rows)

    def kept(self) -> Counts:
        """See `Store.kept`."""
        with self._errors():
            budgets = self._server.hgetall(_totals_key("budget", self.gateway))
            campaigns = self._server.hgetall(_totals_key("campaign", self.gateway))
        return Counts(
            self._profiles(),
            {name.decode(): body for name, body in budgets.items()},
            {name.decode(): body for name, body in campaigns.items()},
        )

    def close(self) -> None:
        """See `Store.close`."""
        self._server.close()

    def _profiles(self) -> Iterator[tuple[int, Profile]]:
        for shard in range(SHARDS):
            with self._errors():
                rows = self._server.hgetall(self._profiles_key(shard))
            for account, packed in rows.items():
                if len(packed) == PROFILE.size:
                    yield int(account), Profile(*PROFILE.unpack(packed))

    def _profiles_key(self, shard: int) -> str:
        return f"{{stillwatch}}:profiles:{self.gateway}:{shard}"

    def _check(self, answer: list[bytes]) -> None:
        check_schema(answer[0].decode(), self._where)

    def _errors(self) -> _Errors:
        return _Errors(self._where)


class _Errors:
    """Errors of the server and of the way to it become one line; a password in the address is not shown."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, redis.RedisError | OSError):
            raise StorageError(f"the store cannot be used: {error}", self._where) from error


def _member(kind: str, key: str) -> bytes:
    return kind.encode() + SEPARATOR + key.encode("utf-8", "surrogatepass")


def _totals_key(kind: str, gateway: str) -> str:
    return f"{{stillwatch}}:{kind}s:{gateway}"


def _threes(answer: list[Any]) -> Iterator[tuple[bytes, bytes, bytes | None]]:
    yield from zip(answer[::3], answer[1::3], answer[2::3], strict=True)
