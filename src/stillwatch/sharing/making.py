"""A run's campaign, and the log where it is given, made into a bulletin: the one place where something may leave.

Everything passes three gates: it has a place in the bulletin's types, at least k accounts stand behind it
(`stillwatch.sharing.coarse`), and the finished bulletin is decoded once more, so that a value which is no number, date,
hash or word of a closed list stops it. The same run, log, key, secret and time give the same bytes.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.errors import InputError, UsageError
from stillwatch.progress import Progress, Silent
from stillwatch.sharing.bulletin import Bulletin, Fingerprint, Producer, Response, Tlp
from stillwatch.sharing.facts import facts_of
from stillwatch.sharing.fingerprint import make_fingerprint, secret_seed
from stillwatch.sharing.indicators import LIFETIMES, LeftOut, Told, indicators_of, read_log
from stillwatch.sharing.keys import SharingKey
from stillwatch.sharing.run import Run, open_run
from stillwatch.sources.log import Log

__all__ = ["EXPIRES_AFTER", "K", "Prepared", "Terms", "prepare", "producer_of", "revoked"]

K = 10
"""Accounts behind every figure, unless another number is asked for."""
EXPIRES_AFTER = 180
"""Days for which a bulletin is good, unless another number is asked for."""
LONGEST = 3650


class Prepared(NamedTuple):
    """A bulletin, and what stayed behind: the second part is for the user alone and never leaves."""

    bulletin: Bulletin
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Who tells it to whom, how coarse, and until when.

    From ``secret`` the fingerprint's noise is drawn (None: fresh noise that nobody can draw again); who knows it can
    take the noise off. ``expires_after`` and ``lifetimes`` (by kind of indicator) are days. ``replaces`` is an earlier
    bulletin of the same campaign, whose id the new one keeps.
    """

    producer: Producer
    tlp: Tlp
    now: dt.datetime
    k: int = K
    key: SharingKey | None = None
    responses: tuple[Response, ...] = ()
    expires_after: int = EXPIRES_AFTER
    lifetimes: Mapping[str, int] = field(default_factory=lambda: LIFETIMES)
    secret: bytes | None = None
    replaces: Bulletin | None = None


def prepare(
    run: Path,
    campaign_id: str,
    terms: Terms,
    *,
    log: Log | None = None,
    customers: pa.Table | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """A bulletin on a campaign of a run, with what was left out of it.

    ``log`` and ``customers`` (schema `CUSTOMER`) are those that the run was made from; without them it tells less.
    Raises `UsageError` for a campaign that is under review, smaller than k or not there, and for terms out of range;
    `InputError` for a run that is broken or a log that is not the run's.
    """
    _check(terms)
    progress = progress or Silent()
    progress.step("reading the run")
    told_of = open_run(run, campaign_id)
    if int(told_of.member.sum()) < terms.k:
        raise UsageError(
            f"{campaign_id} has fewer than {terms.k} accounts, so a bulletin would point at single ones",
            run,
            "tell nobody of it, or match it privately",
        )
    table = None if log is None else read_log(log, told_of, progress)
    progress.step("making the bulletin")
    today = terms.now.astimezone(dt.UTC).date()
    expires = today + dt.timedelta(days=terms.expires_after)
    facts, without = facts_of(told_of, terms.k, table)
    told = Told(terms.k, today, expires, terms.lifetimes, terms.key)
    indicators, left_out = indicators_of(told_of, told, table, customers)
    fingerprint, unmade = _fingerprint(told_of, terms.secret)
    name, created, modified = _named(told_of, terms)
    bulletin = Bulletin(
        id=name,
        created=created,
        modified=modified,
        expires=expires,
        producer=terms.producer,
        tlp=terms.tlp,
        k=terms.k,
        campaign=facts,
        indicators=indicators,
        fingerprint=fingerprint,
        responses=terms.responses,
    )
    return Prepared(checked(bulletin), (*without, *left_out, *unmade))


def revoked(earlier: Bulletin, now: dt.datetime) -> Bulletin:
    """An earlier bulletin taken back: its id, a later time, and none of what could be acted on.

    Raises `UsageError` where ``now`` is not later than the earlier one, or it is taken back already.
    """
    if earlier.revoked:
        raise UsageError("is taken back already", earlier.id)
    modified = _later(earlier, now)
    return checked(
        msgspec.structs.replace(earlier, revoked=True, modified=modified, indicators=(), fingerprint=None, responses=())
    )


def producer_of(name: str, identity: str | None = None) -> Producer:
    """Who tells it, by the name it gives itself; ``identity`` None: a UUID made from the name, always the same.

    Raises `UsageError` for a name that is not 1 to 64 plain letters, digits, blanks, dots, hyphens and ampersands,
    or an identity that is no UUID.
    """
    chosen = identity.lower() if identity is not None else str(uuid.uuid5(uuid.NAMESPACE_URL, f"stillwatch:{name}"))
    try:
        return msgspec.convert({"name": name, "identity": chosen}, Producer)
    except msgspec.ValidationError as error:
        wrong_name = str(error).endswith("`$.name`")
        where = "--as" if wrong_name else "--identity"
        do = "use letters, digits, blanks and . & - only, at most 64" if wrong_name else "give a UUID"
        raise UsageError(f"{name if wrong_name else chosen!r} cannot stand in a bulletin", where, do) from error


def checked(bulletin: Bulletin) -> Bulletin:
    """The bulletin as whoever receives it will read it. Raises `InputError` for a value that its types forbid."""
    try:
        return msgspec.json.decode(msgspec.json.encode(bulletin), type=Bulletin)
    except (msgspec.ValidationError, ValueError) as error:
        raise InputError(f"cannot be made a bulletin: {error}") from error


def _check(terms: Terms) -> None:
    days = {"--expires-after": terms.expires_after} | {f"--lasts {n}": d for n, d in terms.lifetimes.items()}
    for option, value in days.items():
        if not 1 <= value <= LONGEST:
            raise UsageError(f"{value} is out of range", option, f"give 1 to {LONGEST} days")
    if set(terms.lifetimes) != set(LIFETIMES):
        raise UsageError("is not a time for every kind of indicator", "--lasts", f"kinds: {', '.join(LIFETIMES)}")
    if not 2 <= terms.k <= 1000:
        raise UsageError(f"{terms.k} is out of range", "--k", "give 2 to 1000 accounts")
    if terms.now.tzinfo is None:
        raise UsageError("has no time zone", "now")


def _named(run: Run, terms: Terms) -> tuple[str, dt.datetime, dt.datetime]:
    """The id, and when the bulletin was first and last told.

    The id is a UUID (version 5) of who tells it, the run's verdicts and the campaign: telling the same again replaces
    what was told before, by whatever machine.
    """
    now = terms.now.astimezone(dt.UTC).replace(microsecond=0)
    earlier = terms.replaces
    if earlier is None:
        name = uuid.uuid5(uuid.UUID(terms.producer.identity), f"{run.digest}/{run.campaign.campaign_id}")
        return str(name), now, now
    if earlier.producer.identity != terms.producer.identity:
        raise UsageError("was told by somebody else", "--replaces", "give the --as and --identity of the earlier one")
    return earlier.id, earlier.created, _later(earlier, now)


def _later(earlier: Bulletin, now: dt.datetime) -> dt.datetime:
    moment = now.astimezone(dt.UTC).replace(microsecond=0)
    if moment <= earlier.modified:
        raise UsageError("was made later than now", earlier.id, "set the clock right")
    return moment


def _fingerprint(run: Run, secret: bytes | None) -> tuple[Fingerprint | None, tuple[LeftOut, ...]]:
    """The fingerprint of the campaign's behaviour, where the run holds behaviour and enough accounts to hide one in."""
    name = "the fingerprint of its behaviour"
    if run.behaviour is None:
        return None, (LeftOut(name, 0, "the run holds no behaviour.parquet"),)
    accounts = tuple(run.ids[number] for number in np.flatnonzero(run.member).tolist())
    seed = None if secret is None else secret_seed(secret, run.behaviour, accounts)
    made = make_fingerprint(run.behaviour, accounts, seed=seed)
    return made, () if made is not None else (LeftOut(name, 0, "it has too few accounts to hide one among"),)
