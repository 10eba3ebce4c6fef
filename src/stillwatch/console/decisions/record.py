"""The detector's own record: of those whom people judged, how many were innocent, beside what had been stated of them.

Who is judged is not drawn at random, so this is a record, not an estimate of the rate among all accused.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from stillwatch.calibration import clopper_pearson
from stillwatch.campaigns.explanations import rival_words
from stillwatch.campaigns.judgements import Judgement
from stillwatch.console.decisions.derived import Derived
from stillwatch.console.decisions.entry import Faced

__all__ = ["EDGES", "Calibration", "Rate", "calibration"]

EDGES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Where one bin of stated probabilities of innocence ends and the next begins; a bin holds its upper end."""
_VERDICTS = {"campaign": "accused", "review": "under review", "clear": "in no campaign"}


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts of one kind: ``judged`` by people, ``cleared`` of them; the ``share`` cleared with its exact 95 %
    interval (Clopper and Pearson 1934; nobody judged: 0 to 1). A probability of innocence had been stated of
    ``measured`` of them; these sum to ``stated``, and ``stated_share`` is their mean (0 where there are none)."""

    name: str
    title: str
    judged: int
    cleared: int
    share: float
    low: float
    high: float
    measured: int
    stated: float

    @property
    def stated_share(self) -> float:
        """The mean probability of innocence that had been stated."""
        return self.stated / self.measured if self.measured else 0.0

    @property
    def kept(self) -> bool:
        """Whether what was stated lies within the interval of what people found, or below nothing that they found."""
        return self.measured == 0 or self.stated_share >= self.low


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The record as a whole, and by what had been stated (bins of `EDGES`; empty ones are left out), by the scan's
    verdict, by the innocent explanation that had come closest, and by how the judgement came about. ``explanations``
    counts the cleared by the explanation that people found true."""

    overall: Rate
    by_stated: tuple[Rate, ...]
    by_verdict: tuple[Rate, ...]
    by_nearest: tuple[Rate, ...]
    by_way: tuple[Rate, ...]
    explanations: tuple[tuple[str, int], ...]


class _Judged(NamedTuple):
    innocent: bool
    stated: float | None
    verdict: str
    nearest: str
    way: str
    explanation: str


def calibration(derived: Derived, now: int, judgements: Sequence[Judgement] = ()) -> Calibration:
    """The record at ``now`` (microseconds): each account once, by what stands of it. ``judgements`` are a gateway's;
    one about an account that was decided about here is left out, for the console wrote it there."""
    found: list[_Judged] = []
    known: set[str] = set()
    faced: dict[int, Mapping[str, Faced]] = {}
    for account in derived.decided_accounts():
        one = _judged(derived, account, now, faced)
        if one is not None:
            found.append(one)
            known.add(account)
    for judgement in judgements:
        if judgement.account_id not in known:
            way = "appeal" if judgement.reference else "gateway"
            found.append(_Judged(judgement.verdict == "cleared", judgement.innocent, "", "", way, ""))
    explained: dict[str, int] = {}
    for one in found:
        if one.innocent:
            explained[one.explanation] = explained.get(one.explanation, 0) + 1
    return Calibration(
        overall=_rate("overall", "all who were judged", found),
        by_stated=_by_stated(found),
        by_verdict=_by(found, lambda one: one.verdict, lambda name: _VERDICTS.get(name, "not known")),
        by_nearest=_by(found, lambda one: one.nearest, _title),
        by_way=_by(found, lambda one: one.way, lambda name: name),
        explanations=tuple(sorted(explained.items(), key=lambda item: (-item[1], item[0]))),
    )


def _judged(derived: Derived, account: str, now: int, known: dict[int, Mapping[str, Faced]]) -> _Judged | None:
    """``known`` holds what each decision faced, by account: filled here."""
    standing = derived.standing(account, now)
    suspended = standing.suspension is not None and standing.suspension.approved is not None
    by = standing.by if standing.state in ("confirmed", "dismissed") else None
    if by is None and suspended and standing.suspension is not None:
        by = standing.suspension.proposed
    if by is None:
        return None
    if by.line not in known:
        known[by.line] = {one.account_id: one for one in by.faced}
    one = known[by.line][account]
    way = "appeal" if by.reference else "analyst"
    return _Judged(by.kind == "dismiss", one.innocent, one.verdict, one.nearest, way, by.explanation)


def _by_stated(found: Sequence[_Judged]) -> tuple[Rate, ...]:
    rates = []
    for low, high in itertools.pairwise(EDGES):
        inside = [one for one in found if one.stated is not None and _within(one.stated, low, high)]
        if inside:
            rates.append(_rate(f"{high:g}", f"{low:g} to {high:g}", inside))
    return tuple(rates)


def _within(stated: float, low: float, high: float) -> bool:
    return low < stated <= high or stated == low == 0


def _by(found: Sequence[_Judged], key: Callable[[_Judged], str], title: Callable[[str], str]) -> tuple[Rate, ...]:
    groups: dict[str, list[_Judged]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    return tuple(_rate(name, title(name), groups[name]) for name in sorted(groups))


def _title(name: str) -> str:
    return rival_words(name).title if name else "not known"


def _rate(name: str, title: str, among: Sequence[_Judged]) -> Rate:
    cleared = sum(one.innocent for one in among)
    stated = [one.stated for one in among if one.stated is not None]
    interval = clopper_pearson(cleared, len(among)) if among else None
    return Rate(
        name=name,
        title=title,
        judged=len(among),
        cleared=cleared,
        share=cleared / len(among) if among else 0.0,
        low=interval.low if interval else 0.0,
        high=interval.high if interval else 1.0,
        measured=len(stated),
        stated=float(sum(stated)),
    )
