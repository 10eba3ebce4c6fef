"""When a group worked: its days, and what of them is worth a sentence (waves, replacements, moves to another model)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.campaigns import wording
from stillwatch.campaigns.case import Case
from stillwatch.campaigns.plots.timeline import model_switches
from stillwatch.campaigns.report import ArtefactLink, Day

Ints = npt.NDArray[np.int64]

DAY = 86_400_000_000
UNKNOWN_MODEL = "model not logged"
LONGEST = 4_000
_WAVE_DAYS = 3
_WAVE_SHARE = 0.25
_WAVE_FEWEST = 5
_SILENT_DAYS = 3
_EPOCH = dt.date(1970, 1, 1)
_NAMES = {"payment": "means of payment", "organization": "declared organisation", "address": "address"}


def timeline(case: Case, place: int) -> tuple[Day, ...]:
    """The days of group ``place`` (UTC), from its first exchange or sign-up within the log to its last, gaps included.

    Sign-ups before the log begins are not among them (`story` counts them). Above `LONGEST` days, only days with
    something are listed. A group without exchanges has no days.
    """
    rows = case.rows[place]
    if not len(rows):
        return ()
    day = case.started[rows] // DAY
    first, last = _lives(case, place)
    opened = _opened(case, place)
    opened = opened[(opened >= case.started.min() // DAY) & (opened <= case.started.max() // DAY)]
    days = np.concatenate([day, opened])
    listed = np.unique(days) if days.max() - days.min() >= LONGEST else np.arange(days.min(), days.max() + 1)
    at = np.searchsorted(listed, day)
    taken = np.bincount(at, weights=case.findings.taken[rows], minlength=len(listed)).tolist()
    used = _models(case, rows, at, len(listed))
    counts = [np.bincount(np.searchsorted(listed, d), minlength=len(listed)).tolist() for d in (opened, first, last)]
    return tuple(
        Day(_date(d), used[i], taken[i], counts[0][i], counts[1][i], counts[2][i])
        for i, d in enumerate(listed.tolist())
    )


def story(case: Case, place: int, days: Sequence[Day], links: Sequence[ArtefactLink]) -> tuple[str, ...]:
    """What happened, one sentence each: sign-up waves, accounts that fell silent while others came, moves to another
    model, artefacts that many of the accounts share and few others use. Nothing notable: empty."""
    size = len(case.groups[place].accounts)
    opened = _opened(case, place)
    begun = int(case.started.min()) // DAY
    said = _waves("Sign-ups", opened, size)
    if len(opened):
        before = int((opened < begun).sum())
        if before:
            said.append(f"{before:,} of {size:,} accounts were opened before the log begins")
    else:
        first = _lives(case, place)[0]
        said += _waves("First exchanges", first[first >= begun + _WAVE_DAYS], size)  # before, the log's begin decides
    said += _replaced(case, place)
    for date, model in model_switches([(day.date, day.exchanges) for day in days])[:2]:
        if model != UNKNOWN_MODEL:
            said.append(
                f"From {wording.date(date)} on most of their exchanges go to {wording.visible(model, limit=40)}"
            )
    return (*said, *_shared(links, size))


def _date(day: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=day)


def _lives(case: Case, place: int) -> tuple[Ints, Ints]:
    """The first and the last day of each account of the group that has exchanges, in days since 1970."""
    rows = case.rows[place]
    _, who = np.unique(case.account[rows], return_inverse=True)
    day = case.started[rows] // DAY
    accounts = int(who.max()) + 1
    first, last = np.full(accounts, day.max()), np.full(accounts, day.min())
    np.minimum.at(first, who, day)
    np.maximum.at(last, who, day)
    return first.astype(np.int64), last


def _opened(case: Case, place: int) -> Ints:
    """The days on which accounts of the group were opened, where the provider's table says; days since 1970."""
    if case.customers is None:
        return np.zeros(0, np.int64)
    created = case.customers.column("created_at").take(pa.array(case.groups[place].accounts)).drop_null()
    opened: Ints = created.cast(pa.int64()).to_numpy() // DAY
    return opened


def _models(case: Case, rows: Ints, at: Ints, days: int) -> list[dict[str, int]]:
    encoded = case.exchanges.column("model").take(pa.array(rows)).combine_chunks().dictionary_encode()
    names = [*encoded.dictionary.to_pylist(), UNKNOWN_MODEL]
    model = encoded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(at * len(names) + model, minlength=days * len(names)).reshape(days, len(names))
    order = sorted(range(len(names)), key=lambda m: names[m])
    return [{names[m]: int(row[m]) for m in order if row[m]} for row in counts]


def _waves(what: str, days: Ints, size: int) -> list[str]:
    """Up to two windows of three days that each hold a quarter of the accounts (five at least)."""
    said: list[str] = []
    left = np.sort(days)
    for _ in range(2):
        if not len(left):
            break
        held = np.searchsorted(left, left + _WAVE_DAYS) - np.arange(len(left))
        start = int(held.argmax())
        count = int(held[start])
        if count < max(_WAVE_FEWEST, _WAVE_SHARE * size):
            break
        first, last = _date(int(left[start])), _date(int(left[start + count - 1]))
        again = f"{what} came in a wave" if not said else "And in another"
        said.append(f"{again}: {count:,} of {size:,} accounts, {wording.period(first, last)}")
        left = np.delete(left, slice(start, start + count))
    return said


def _replaced(case: Case, place: int) -> list[str]:
    first, last = _lives(case, place)
    begun, ended = int(case.started.min()) // DAY, int(case.started.max()) // DAY
    silent = last < ended - _SILENT_DAYS
    if int(silent.sum()) < _WAVE_FEWEST:
        return []
    late = int(((first > begun + _SILENT_DAYS) & (first > last[silent].min())).sum())
    gone = f"{int(silent.sum()):,} of {len(first):,} accounts fell silent before the log ends"
    return [f"{gone}, while {late:,} began after the first of them had stopped" if late >= _WAVE_FEWEST else gone]


def _shared(links: Sequence[ArtefactLink], size: int) -> list[str]:
    """Kinds of artefact that tie a quarter of the accounts and that outsiders hardly use."""
    said: list[str] = []
    for kind, name in _NAMES.items():
        own = [link for link in links if link.kind == kind and link.outsiders <= len(link.accounts) // 4]
        tied = {account for link in own for account in link.accounts}
        if len(tied) >= max(_WAVE_FEWEST, _WAVE_SHARE * size):
            plural = "addresses" if kind == "address" else "means of payment" if kind == "payment" else f"{name}s"
            count = wording.counted(len(own), name, plural)
            said.append(f"{len(tied):,} of {size:,} accounts share {count} that hardly anyone else uses")
    return said
