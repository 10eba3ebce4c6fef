"""``stillwatch marks init``, ``key``, ``list`` and ``rotate``: the life of a key."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from stillwatch.cli.marks.options import PURPOSE, TEXT, Json, Keys, Purpose, opened, write
from stillwatch.marks.commitments import LEAST_DECOYS
from stillwatch.marks.keyring import Keyring, Period
from stillwatch.marks.statements import moment
from stillwatch.marks.text import SCHEME

_PUBLISH = "Publish or timestamp the statement before the key is used: stillwatch marks commitment"


def init(*, keys: Keys) -> int:
    """Make the master secret that all keys follow from. It is never printed; back it up where nobody else can read it.

    Without it no mark can be shown, and whoever holds it can forge every mark.

    Example: stillwatch marks init --keys marks
    """
    Keyring.make(keys)
    write(f"Wrote a new master to {keys}; only you can read it. Back it up.")
    return 0


def key(
    *,
    keys: Keys,
    purpose: Purpose = PURPOSE,
    decoys: Annotated[int, Parameter(help="Keys that are never used, with which tests compare.")] = LEAST_DECOYS,
    json: Json = False,
) -> int:
    """Commit to a key for a campaign, a tier or all traffic; from then on it may be used.

    The commitment fixes the key and the keys that tests compare it with. It counts from the day on which somebody else
    can say that it existed.

    Example: stillwatch marks key --keys marks --campaign C1
    """
    ring = opened(keys)
    scheme, scope, about = purpose.name()
    made = ring.commit(scheme, scope, about, decoys=decoys)
    _told(_facts(ring.detect(made.id)[1]), json, f"Committed to the key {made.id}. {_PUBLISH}")
    return 0


def rotate(
    *,
    keys: Keys,
    purpose: Purpose = PURPOSE,
    why: Annotated[str, Parameter(help="Why, for the register.")] = "",
    json: Json = False,
) -> int:
    """Retire a key and commit to its successor; tests of the old one go on.

    Example: stillwatch marks rotate --keys marks --campaign C1 --why leaked
    """
    ring = opened(keys)
    scheme, scope, about = purpose.name()
    old, new = ring.rotate(scheme, scope, about, why=why)
    said = f"Retired the key {old.id} and committed to {new.id}. {_PUBLISH}"
    _told(_facts(ring.detect(new.id)[1]) | {"retired": old.id}, json, said)
    return 0


def list_keys(*, keys: Keys, json: Json = False) -> int:
    """List the keys and the days on which each was used, and check that nothing in the register was changed.

    Example: stillwatch marks list --keys marks
    """
    periods = opened(keys).periods()
    if json:
        sys.stdout.write(msgspec.json.encode([_facts(period) for period in periods]).decode() + "\n")
        return 0
    for period in periods:
        entry = period.entry
        until = "in use          " if period.until is None else _short(period.until)
        scheme = TEXT if entry.scheme == SCHEME else entry.scheme
        what = f"{entry.scope} {entry.about}".strip()
        write(f"{entry.key_id}  {_short(period.since)}  {until}  epoch {entry.epoch}  {scheme} for {what}")
    if not periods:
        write("No key is committed yet: stillwatch marks key")
    return 0


def _short(at: int) -> str:
    return moment(at)[:16].replace("T", " ")


def _facts(period: Period) -> dict[str, Any]:
    entry = period.entry
    return {
        "key": entry.key_id,
        "scheme": entry.scheme,
        "scope": entry.scope,
        "about": entry.about,
        "epoch": entry.epoch,
        "since": moment(period.since),
        "until": None if period.until is None else moment(period.until),
        "why": period.why,
        "decoys": entry.decoys,
        "commitment": entry.commitment,
    }


def _told(facts: dict[str, Any], as_json: bool, said: str) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
    else:
        write(said, f"Commitment: {facts['commitment']}")
