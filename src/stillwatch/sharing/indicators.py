"""Indicators of a campaign, each with the share of its accounts and of all others that show it, and what is left out.

What k accounts of the campaign show and few others (`coarse.hidden_in_few`) may leave; everything else is counted and
said to the user, who alone sees it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import InputError
from stillwatch.progress import Progress
from stillwatch.sharing.bulletin import (
    Client,
    Indicator,
    KeyedArtefact,
    Life,
    ModelMove,
    Network,
    Tls,
)
from stillwatch.sharing.clients import family_of
from stillwatch.sharing.coarse import hidden_in_few, kth_period, rung, rungs, share_down, share_up
from stillwatch.sharing.keys import SharingKey, guessable
from stillwatch.sharing.run import DAY, Run
from stillwatch.sources.log import Log

__all__ = ["LIFETIMES", "LeftOut", "Told", "day_of", "indicators_of", "read_log"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LIFETIMES: Mapping[str, int] = {
    "network": 30,
    "tls": 60,
    "client": 90,
    "keyed": 180,
    "life": 180,
    "model_move": 180,
}
"""Days for which each kind of indicator is worth acting on after it was last seen; docs/sharing.md says why."""
_DISTINCT = 2
"""A thing is an indicator where the campaign's accounts show it so many times as often as all others, or more."""
_NEW_AFTER = 2
"""Days that a log must have gone on before a model that appears in it counts as a new one."""
_COLUMNS = ("exchange_id", "account_id", "started_at", "model", "client_asn", "user_agent", "ja4")
_RARE = "fewer than one in twenty of the campaign's accounts show it"
_COMMON = "other accounts show it more than half as often, so it tells nobody anything"
_STALE = "it was last seen too long ago to be acted on"
_EPOCH = dt.date(1970, 1, 1)


class LeftOut(NamedTuple):
    """What did not leave: so many of a kind of thing ("networks"; 0: the kind as a whole), and why. No value of any."""

    what: str
    number: int
    why: str


@dataclass(frozen=True)
class Told:
    """How an indicator is told: k, until when a bulletin is good, how long each kind is, and today."""

    k: int
    today: dt.date
    expires: dt.date
    lifetimes: Mapping[str, int]
    key: SharingKey | None


class _Uses(NamedTuple):
    """Who showed which values: (pairs,) account and value numbers, first and last day of each pair; the values."""

    account: Ints
    value: Ints
    first: Ints
    last: Ints
    values: list[Any]


def day_of(days: int) -> dt.date:
    """Days since 1970 as a date."""
    return _EPOCH + dt.timedelta(days=days)


def read_log(log: Log, run: Run, progress: Progress) -> pa.Table:
    """The columns of a log that indicators need, with ``account`` as the place in ``run.ids`` and ``day`` since 1970.

    No text of any exchange is kept. Raises `InputError` where it is another log than the run was made from.
    """
    batches = [batch.select(_COLUMNS) for batch in log.batches(progress)]
    table = pa.Table.from_batches(batches)
    ids = pa.array(run.ids, pa.large_string())
    account = pc.index_in(table.column("account_id"), value_set=ids)
    where = str(log.files[0]) if log.files else None
    do = "name the log that the run was made from, read with the same options"
    if account.null_count:
        raise InputError("has accounts that the run does not have", where, do)
    numbers = account.combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)
    if not np.array_equal(np.bincount(numbers, minlength=len(run.ids)), run.exchanges):
        raise InputError("has other numbers of exchanges than the run has", where, do)
    day = pc.divide(table.column("started_at").cast(pa.int64()), DAY)
    return table.drop_columns(["account_id"]).append_column("account", pa.array(numbers)).append_column("day", day)


def indicators_of(
    run: Run, told: Told, log: pa.Table | None, customers: pa.Table | None
) -> tuple[tuple[Indicator, ...], tuple[LeftOut, ...]]:
    """All indicators that may leave, in a fixed order, and what was left out.

    ``log`` as `read_log` gives it; without it nothing is known of networks, clients and models. ``customers`` in the
    schema `CUSTOMER`.
    """
    found: list[Indicator] = []
    left: list[LeftOut] = []
    parts = [_life(run, told)]
    if log is None:
        left.append(LeftOut("networks, TLS fingerprints, clients, moves to a new model", 0, "no log was given"))
    else:
        parts += [_networks(run, told, log), _fingerprints(run, told, log), _clients(run, told, log)]
        parts.append(_moves(run, told, log))
    if told.key is None:
        left.append(LeftOut("means of payment, organisations", 0, "no key was given to hash them with (--key)"))
    elif customers is None:
        left.append(LeftOut("means of payment, organisations", 0, "no table of accounts was given (--accounts)"))
    else:
        parts.append(_keyed(run, told, customers, told.key))
    for indicators, without in parts:
        found += indicators
        left += without
    return tuple(sorted(found, key=_place)), tuple(left)


_Part = tuple[list[Indicator], list[LeftOut]]
_ORDER = (Network, Tls, Client, KeyedArtefact, Life, ModelMove)


def _place(indicator: Indicator) -> tuple[int, float, bytes]:
    return _ORDER.index(type(indicator)), -indicator.members, msgspec.json.encode(indicator)


def _networks(run: Run, told: Told, log: pa.Table) -> _Part:
    column = log.column("client_asn")
    if column.null_count == len(column):
        return [], [LeftOut("networks", 0, "the log does not tell their numbers")]
    known = pc.if_else(pc.and_(pc.greater_equal(column, 1), pc.less_equal(column, 2**32 - 1)), column, None)
    uses = _uses(log, known)
    return _chosen(run, told, uses, "network", "networks", lambda asn, rest: Network(asn=asn, **rest))


def _fingerprints(run: Run, told: Told, log: pa.Table) -> _Part:
    column = log.column("ja4")
    if column.null_count == len(column):
        return [], [LeftOut("TLS fingerprints", 0, "the log does not tell them")]
    uses = _uses(log, column)
    whole = np.array([_is_ja4(value) for value in uses.values], dtype=bool)
    mine = run.member[uses.account] & ~whole[uses.value]
    broken = len(np.unique(uses.value[mine]))
    keep = whole[uses.value]
    uses = uses._replace(**{name: getattr(uses, name)[keep] for name in ("account", "value", "first", "last")})
    found, left = _chosen(run, told, uses, "tls", "TLS fingerprints", lambda ja4, rest: Tls(ja4=ja4, **rest))
    if broken:
        left.append(LeftOut("TLS fingerprints", broken, "the text in the log is no JA4 fingerprint"))
    return found, left


def _is_ja4(value: str) -> bool:
    example = {"kind": "tls", "ja4": value, "valid_from": "2026-01-01", "valid_until": "2026-01-01"}
    try:
        msgspec.convert(example | {"members": 1.0, "others": 0.0}, Tls)
    except msgspec.ValidationError:
        return False
    return True


def _clients(run: Run, told: Told, log: pa.Table) -> _Part:
    column = log.column("user_agent")
    if column.null_count == len(column):
        return [], [LeftOut("clients", 0, "the log does not tell what they call themselves")]
    encoded = column.combine_chunks().dictionary_encode()
    families = [family_of(agent) for agent in encoded.dictionary.to_pylist()]
    known = pa.array([None if family == "other" else family for family in families], pa.large_string())
    uses = _uses(log, pa.chunked_array([known.take(encoded.indices)]))
    return _chosen(run, told, uses, "client", "families of clients", lambda name, rest: Client(family=name, **rest))


def _keyed(run: Run, told: Told, customers: pa.Table, key: SharingKey) -> _Part:
    """Means of payment and organisations; whoever has no row in the table of accounts shows none."""
    found: list[Indicator] = []
    left: list[LeftOut] = []
    rows = pc.index_in(pa.array(run.ids, pa.large_string()), value_set=customers.column("account_id"))
    for artefact, column, name in (
        ("payment", "payment_id", "means of payment"),
        ("organization", "organization_id", "organisations"),
    ):
        values = customers.column(column).combine_chunks().take(rows).dictionary_encode()
        raw = values.dictionary.to_pylist()
        code = values.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        told_of = np.flatnonzero(code >= 0)
        first, last = run.first[told_of] // DAY, run.last[told_of] // DAY
        uses = _Uses(told_of, code[told_of], first, last, raw)

        def keyed(value: str, rest: dict[str, Any], artefact: Any = artefact) -> Indicator:
            return KeyedArtefact(artefact=artefact, key_id=key.key_id, digest=key.digest(artefact, value), **rest)

        indicators, without = _chosen(run, told, uses, "keyed", name, keyed, guessable)
        found += indicators
        left += without
    return found, left


def _uses(log: pa.Table, column: pa.ChunkedArray) -> _Uses:
    """Distinct pairs of account and value, null left out, with the first and the last day of each."""
    encoded = column.combine_chunks().dictionary_encode()
    code = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    known = code >= 0
    account, day = log.column("account").to_numpy()[known], log.column("day").to_numpy()[known]
    pairs, at = np.unique(account * len(encoded.dictionary) + code[known], return_inverse=True)
    first, last = np.full(len(pairs), np.iinfo(np.int64).max), np.full(len(pairs), np.iinfo(np.int64).min)
    np.minimum.at(first, at, day)
    np.maximum.at(last, at, day)
    size = max(len(encoded.dictionary), 1)
    return _Uses(pairs // size, pairs % size, first, last, encoded.dictionary.to_pylist())


def _chosen(
    run: Run,
    told: Told,
    uses: _Uses,
    kind: str,
    name: str,
    make: Callable[[Any, dict[str, Any]], Indicator],
    refused: Callable[[Any], str | None] = lambda value: None,
) -> _Part:
    """The values that may leave, each made an indicator, and how many may not, by reason."""
    others, everyone_else = run.others, int(run.others.sum())
    members = int(run.member.sum())
    found: list[Indicator] = []
    reasons: dict[str, int] = {}
    for value, mine, elsewhere, first, last in _by_value(uses, run.member, others):
        why = refused(uses.values[value]) or hidden_in_few(len(first), elsewhere, everyone_else, told.k)
        why = why or (_RARE if share_down(mine, members) == 0 else None)
        why = why or (_COMMON if mine * everyone_else < _DISTINCT * elsewhere * members else None)
        period = None if why else _validity(first, last, kind, told)
        if period is None:
            reasons[why or _STALE] = reasons.get(why or _STALE, 0) + 1
            continue
        shares: dict[str, Any] = {"members": share_down(mine, members), "others": share_up(elsewhere, everyone_else)}
        found.append(make(uses.values[value], shares | {"valid_from": period[0], "valid_until": period[1]}))
    return found, [LeftOut(name, number, why) for why, number in sorted(reasons.items())]


def _by_value(uses: _Uses, member: Bools, others: Bools) -> Iterator[tuple[int, int, int, Ints, Ints]]:
    """Of each value that an account of the campaign shows: its number, how many of the campaign and of the others show
    it, and the first and last days of the campaign's."""
    mine = member[uses.account]
    size = len(uses.values)
    elsewhere = np.bincount(uses.value[others[uses.account]], minlength=size)
    order = np.argsort(uses.value[mine], kind="stable")
    value, first, last = uses.value[mine][order], uses.first[mine][order], uses.last[mine][order]
    codes, starts, counts = np.unique(value, return_index=True, return_counts=True)
    for code, start, count in zip(codes.tolist(), starts.tolist(), counts.tolist(), strict=True):
        end = start + count
        yield code, count, int(elsewhere[code]), first[start:end], last[start:end]


def _validity(first: Ints, last: Ints, kind: str, told: Told) -> tuple[dt.date, dt.date] | None:
    """From when until when an indicator is good; None for one that is so no longer."""
    begun, ended = kth_period(first, last, told.k)
    until = min(day_of(ended) + dt.timedelta(days=told.lifetimes[kind]), told.expires)
    return None if until < max(told.today, day_of(begun)) else (day_of(begun), until)


def _behaviour(run: Run, told: Told, shows: Bools, kind: str, name: str, make: Callable[..., Indicator]) -> _Part:
    """A behaviour as an indicator: ``shows`` (n,) says which accounts show it."""
    where = np.flatnonzero(shows)
    uses = _Uses(where, np.zeros(len(where), np.int64), run.first[where] // DAY, run.last[where] // DAY, [None])
    found, left = _chosen(run, told, uses, kind, name, lambda _, rest: make(**rest))
    if not found and not left:
        left = [LeftOut(name, 0, f"fewer than {told.k} of the campaign's accounts show it")]
    return found, left


def _life(run: Run, told: Told) -> _Part:
    """How long accounts work and how much on a day, as rungs of the ladder; an account shows it that is on the same."""
    name = "the life of its accounts"
    if run.active is None:
        return [], [LeftOut(name, 0, "the run holds no profiles.parquet")]
    span, daily = (run.last - run.first) // DAY, run.exchanges / run.active
    days, busy = rung(float(np.median(span[run.member]))), rung(float(np.median(daily[run.member])))
    alike = (rungs(span) == days) & (rungs(daily) == busy)
    return _behaviour(run, told, alike, "life", name, partial(Life, days=days, daily=busy))


def _moves(run: Run, told: Told, log: pa.Table) -> _Part:
    """For each model that is new in the log: after how many days most of the campaign's exchanges went to it."""
    column = log.column("model")
    name = "moves to a new model"
    if column.null_count == len(column):
        return [], [LeftOut(name, 0, "the log does not tell the models")]
    encoded = column.combine_chunks().dictionary_encode()
    model = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    day, account = log.column("day").to_numpy(), log.column("account").to_numpy()
    mine = run.member[account]
    found: dict[bytes, Indicator] = {}
    left: list[LeftOut] = []
    for number in range(len(encoded.dictionary)):
        began = int(day[model == number].min())
        moved = _moved(day[mine], model[mine] == number) if began >= day.min() + _NEW_AFTER else None
        if moved is None:
            continue
        after = day >= moved
        on_it = np.bincount(account[after & (model == number)], minlength=len(run.ids))
        shows = 2 * on_it > np.bincount(account[after], minlength=len(run.ids))
        move = partial(ModelMove, days=rung(moved - began))
        indicators, without = _behaviour(run, told, shows, "model_move", name, move)
        found |= {msgspec.json.encode(indicator): indicator for indicator in indicators}
        left += without
    return list(found.values()), left


def _moved(day: Ints, on_it: Bools) -> int | None:
    """The first day from which on more than half of the exchanges are on the model, that day and altogether."""
    days, at = np.unique(day, return_inverse=True)
    every, new = np.bincount(at), np.bincount(at, weights=on_it)
    since = 2 * np.cumsum(new[::-1])[::-1] > np.cumsum(every[::-1])[::-1]
    moved = np.flatnonzero(since & (2 * new > every))
    return int(days[moved[0]]) if len(moved) else None
