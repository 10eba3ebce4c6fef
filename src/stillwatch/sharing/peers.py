"""What a peer's word is worth here: as much as its track record earned, and never enough to accuse by itself.

A *sighting* is a bulletin that matched a group of ours. Somebody here looks into it and judges it right or wrong; that
is the peer's record. What a peer may move is the log of its odds of having been right, by Laplace's rule of succession
(1814): nothing for a peer that nobody has seen to be right, and at most `MOST` nats for one that always was. A peer
cannot earn by repeating: of all its bulletins about one case of ours one counts, while each wrong one counts.
"""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from stillwatch.errors import InputError
from stillwatch.sharing.bulletin import Count, ProviderName, Share, Uuid
from stillwatch.storage.whole import write_whole

__all__ = ["MOST", "Ledger", "Record", "Sighting", "judge", "note", "read_ledger", "record_of", "write_ledger"]

MOST = 2.0
"""Nats that any peer may move a group of ours, whatever its record (odds times 7.4). A group that a scan accuses stands
at 8.5 nats and more of its own (`linkage.certainty.FIRM`)."""
MOST_LEDGER = 64 * 1024 * 1024

CaseName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/#-]{0,63}\Z")]


class Sighting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bulletin that matched here: whose, when first, how many accounts of ours, how surely, and what became of it.

    ``case`` is our own name for what was found, given with the judgement "right".
    """

    bulletin: Uuid
    peer: Uuid
    name: ProviderName
    first_day: dt.date
    accounts: Count
    p_value: Share
    outcome: Literal["open", "right", "wrong"] = "open"
    judged_on: dt.date | None = None
    case: CaseName | None = None


class Ledger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All sightings, one for each bulletin, in the order in which they were first noted."""

    version: Annotated[int, Meta(ge=1, le=1)] = 1
    sightings: tuple[Sighting, ...] = ()


class Record(msgspec.Struct, frozen=True):
    """A peer's record: cases in which it was right, bulletins that were wrong, sightings still open, and the nats that
    this earned."""

    peer: str
    name: str
    right: int
    wrong: int
    open: int
    weight: float


def read_ledger(path: Path) -> Ledger:
    """The ledger in a file; none yet: an empty one. Raises `InputError` for a file that is no ledger."""
    try:
        if path.stat().st_size > MOST_LEDGER:
            raise InputError(f"is larger than {MOST_LEDGER >> 20} MiB", path, "is it the ledger?")
        return msgspec.json.decode(path.read_bytes(), type=Ledger)
    except FileNotFoundError:
        return Ledger()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is no ledger of this version: {error}", path) from error


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Write it, whole or not at all. Raises `StorageError`."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(ledger), indent=1) + b"\n")


def note(ledger: Ledger, sightings: tuple[Sighting, ...]) -> Ledger:
    """The ledger with new sightings; of a bulletin that is known already nothing changes, judged or not."""
    known = {sighting.bulletin for sighting in ledger.sightings}
    new = {sighting.bulletin: sighting for sighting in reversed(sightings) if sighting.bulletin not in known}
    return Ledger(ledger.version, (*ledger.sightings, *reversed(new.values())))


def judge(ledger: Ledger, bulletin: str, *, case: str | None, on: dt.date) -> Ledger:
    """The ledger with a sighting judged: right, about our ``case``; or wrong (None). A later judgement replaces it.

    Raises `InputError` for a bulletin that was never sighted, and for a case name that is none.
    """
    place = next((i for i, sighting in enumerate(ledger.sightings) if sighting.bulletin == bulletin), None)
    if place is None:
        raise InputError("was never sighted here", bulletin, "`stillwatch share peers` lists what was")
    outcome: Literal["right", "wrong"] = "wrong" if case is None else "right"
    judged = msgspec.structs.replace(ledger.sightings[place], outcome=outcome, judged_on=on, case=case)
    try:
        judged = msgspec.convert(msgspec.to_builtins(judged), Sighting)
    except msgspec.ValidationError as error:
        raise InputError(
            f"is no name of a case: {error}", case, "use up to 64 letters, digits and . _ : / # -"
        ) from error
    return Ledger(ledger.version, (*ledger.sightings[:place], judged, *ledger.sightings[place + 1 :]))


def record_of(ledger: Ledger, peer: str, name: str = "") -> Record:
    """The record of the peer with the identity ``peer``; one that was never seen has earned nothing."""
    mine = [sighting for sighting in ledger.sightings if sighting.peer == peer]
    right = len({sighting.case for sighting in mine if sighting.outcome == "right"})
    wrong = sum(sighting.outcome == "wrong" for sighting in mine)
    weight = min(max(math.log((right + 1) / (wrong + 1)), 0.0), MOST)
    waiting = sum(sighting.outcome == "open" for sighting in mine)
    return Record(peer, mine[-1].name if mine else name, right, wrong, waiting, weight)
