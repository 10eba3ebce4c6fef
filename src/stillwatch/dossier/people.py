"""What people decided about a campaign, read from the console's file of decisions without the console.

The file is a chain (`stillwatch.storage.chain`): each line has the hash of the one before it. A line that was changed
stops the dossier: what a person decided must not be passed over, nor told otherwise.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.campaigns.report import Campaign
from stillwatch.dossier.inputs import Held, held_files
from stillwatch.dossier.record import Decided
from stillwatch.errors import InputError
from stillwatch.storage.chain import ZEROS

__all__ = ["NAME", "chained", "read_decided"]

NAME = "decisions.jsonl"
LONGEST = 64 * 2**20
_WORDS = {
    "confirm": "confirmed as part of the campaign",
    "dismiss": "cleared",
    "split": "said to be several operators",
    "merge": "said to be one operator",
    "hold": "to be left alone while somebody looks",
    "suspend": "suspension proposed",
    "approve": "suspension approved",
    "reject": "appeal not upheld",
    "undo": "an earlier decision undone",
    "note": "note",
}
"""Other kinds are the console's own bookkeeping and no person's decision."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def read_decided(folder: Path, campaign: Campaign) -> tuple[tuple[Decided, ...], list[Held]]:
    """The decisions about ``campaign`` or its accounts, the oldest first, and the file. Raises `InputError`."""
    path = folder / NAME
    members = frozenset(campaign.members)
    about: dict[int, str] = {}
    found: list[Decided] = []
    for line, _, _ in chained(path):
        whom = about.get(_whole(line.get("about")), "") or _about(line, campaign, members)
        if whom:
            about[_whole(line.get("line"))] = whom
        if whom and line.get("kind") in _WORDS:
            at = (_EPOCH + dt.timedelta(microseconds=_whole(line.get("at")))).isoformat(timespec="seconds")
            what = _WORDS[str(line["kind"])]
            found.append(Decided(at, str(line.get("by", "")), what, whom, str(line.get("why", ""))))
    return tuple(found), held_files("decisions", [path])


def chained(path: Path) -> Iterator[tuple[dict[str, Any], str, int]]:
    """The lines as objects, each with its hash and how many bytes it takes; each holds the one before it.

    A last line that is cut short is being written, and is passed over. Raises `InputError` where the chain breaks.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name the console's folder of decisions") from error
    before = ZEROS
    whole = data[: data.rfind(b"\n") + 1]
    for number, raw in enumerate(whole.split(b"\n")[:-1], 1):
        try:
            if len(raw) > LONGEST:
                raise ValueError("is too long")
            line = msgspec.json.decode(raw)
            told = line.pop("hash")
            bare = msgspec.json.encode(line)
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            raise InputError(
                "is no line of a file of decisions", f"{path}:{number}", "restore it from a copy"
            ) from None
        if hashlib.sha256(before.encode() + b"\n" + bare).hexdigest() != told or line.get("line") != number:
            raise InputError(
                "was changed, or one before it was taken out or put in", f"{path}:{number}", "restore it from a copy"
            )
        before = told
        yield line, told, len(raw) + 1


def _about(line: dict[str, Any], campaign: Campaign, members: frozenset[str]) -> str:
    """Whom a line is about, where that is this campaign: its id, one account's, or how many accounts; else ""."""
    faced = line.get("faced")
    named = [one[0] for one in faced if isinstance(one, list) and one] if isinstance(faced, list) else []
    mine = [account for account in named if account in members]
    if len(mine) == 1:
        return str(mine[0])
    if mine:
        return f"{len(mine):,} accounts of {campaign.campaign_id}"
    return campaign.campaign_id if line.get("campaign") == campaign.campaign_id and not named else ""


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**62 else -1
