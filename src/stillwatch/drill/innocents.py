"""What finding costs the innocent: accounts wrongly accused in planted and shuffled logs, and what bounds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from stillwatch.calibration import bounded_mean
from stillwatch.campaigns.explanations import look_alike_title
from stillwatch.drill.material import Material
from stillwatch.drill.planting import giving_up
from stillwatch.drill.report import Bounded, Innocents, Recommendation
from stillwatch.drill.trial import Trial, accused_by
from stillwatch.linkage.activity import Bools, Floats
from stillwatch.linkage.certainty import FIRM

__all__ = ["innocents_accused", "present", "recommend", "shuffled_accused"]

_LOWEST, _HIGHEST = 6.0, 16.0
"""Bars between which a recommendation is looked for, in nats."""
_MILLION = 1e6


def present(material: Material, trial: Trial) -> Bools:
    """Which accounts of the log were there as innocents in a trial, (n,)."""
    if trial.kind == "shuffled":
        return np.ones(material.activity.accounts, dtype=bool)
    here: Bools = ~giving_up(material, trial.seed, trial.given_up) & ~material.suspected
    return here


def innocents_accused(material: Material, trials: Sequence[Trial], firm: float) -> tuple[Innocents, ...]:
    """Innocents accused in planted logs: all of them, then by kind of look-alike. No trial: nothing."""
    planted = [trial for trial in trials if trial.planted]
    if not planted:
        return ()
    share, times = _shares(material, planted, firm)
    rows = [_everybody(share, times, len(planted))]
    for kind, accounts in sorted(material.kinds.items()):
        chosen = np.zeros(len(share), dtype=bool)
        chosen[accounts] = True
        if (chosen & (times > 0)).any():
            rows.append(_row(kind, look_alike_title(kind), chosen, share, times, len(planted)))
    return tuple(rows)


def shuffled_accused(material: Material, trials: Sequence[Trial], firm: float) -> tuple[Innocents, ...]:
    """Accounts accused where nobody works with anybody. No such trial: nothing."""
    dealt = [trial for trial in trials if trial.kind == "shuffled"]
    if not dealt:
        return ()
    share, times = _shares(material, dealt, firm)
    title = "Accounts of the shuffled log"
    return (_row("shuffled", title, np.ones(len(share), dtype=bool), share, times, len(dealt)),)


def _shares(material: Material, trials: Iterable[Trial], firm: float) -> tuple[Floats, Floats]:
    """Of the logs that an account was in as an innocent, the share in which it was accused, and how many, (n,) each."""
    n = material.activity.accounts
    accused, times = np.zeros(n), np.zeros(n)
    for trial in trials:
        times += present(material, trial)
        accused[list(accused_by(trial, trial.groups, firm, material.activity.sees).innocent)] += 1
    return accused / np.maximum(times, 1), times


def _everybody(share: Floats, times: Floats, logs: int) -> Innocents:
    return _row("all", "All innocent accounts", np.ones(len(share), dtype=bool), share, times, logs)


def _row(kind: str, title: str, chosen: Bools, share: Floats, times: Floats, logs: int) -> Innocents:
    chosen = chosen & (times > 0)
    number, ever = int(chosen.sum()), int((share[chosen] > 0).sum())
    # Accounts are the units: one in many plantings is one value, the share of them in which it was accused.
    ends = bounded_mean(share[chosen])
    return Innocents(
        kind=kind,
        title=title,
        logs=logs,
        accounts=number,
        accused=float((share * times)[chosen].sum() / logs),
        ever=ever,
        per_million=Bounded(ends.value * _MILLION, ends.low * _MILLION, ends.high * _MILLION),
    )


def recommend(material: Material, trials: Sequence[Trial], allowed: float) -> Recommendation | None:
    """The lowest bar at which at most ``allowed`` innocents per million are accused; None without a planted trial.

    The lowest at which the interval's upper end says so. Where no bar can show that much with so few innocents, the
    lowest from the usual one on at which the rate itself does, and the recommendation says that it could not be shown:
    what was not shown is no ground to accuse more.
    """
    planted = [trial for trial in trials if trial.planted]
    if not planted:
        return None
    bars = _bars(planted)
    rows = [(bar, _everybody(*_shares(material, planted, bar), len(planted)).per_million) for bar in bars]
    shown = next((row for row in rows if row[1].high <= allowed), None)
    told = next((row for row in rows if row[0] >= FIRM and (row[1].value or 0.0) <= allowed), rows[-1])
    bar, rate = shown or told
    sees = material.activity.sees
    return Recommendation(
        allowed=allowed,
        firm=bar,
        firm_default=FIRM,
        per_million=rate,
        found=_found(planted, bar, sees),
        found_default=_found(planted, FIRM, sees),
        reachable=shown is not None,
        words=_words(bar, rate, allowed, shown is not None, material.activity.accounts),
    )


def _bars(trials: Sequence[Trial]) -> list[float]:
    """Bars between which nothing changes, ascending: just above each standing that was seen, and the default."""
    seen = {np.ceil(group.standing * 100) / 100 for trial in trials for group in trial.groups}
    return sorted({_LOWEST, FIRM, *(float(bar) for bar in seen if _LOWEST <= bar <= _HIGHEST)})


def _found(trials: Sequence[Trial], bar: float, sees: frozenset[str]) -> float:
    hits = [hit for trial in trials for hit in accused_by(trial, trial.groups, bar, sees).found]
    return float(np.mean(hits)) if hits else 0.0


def _words(bar: float, rate: Bounded, allowed: float, shown: bool, accounts: int) -> str:
    if shown:
        return f"With --firm {bar:g} at most {rate.high:,.0f} innocents per million are accused in this traffic."
    return (
        f"With --firm {bar:g} the drill saw {rate.value or 0:,.0f} innocents accused per million, but {accounts:,} "
        f"accounts cannot show that it is at most {allowed:,.0f}: the upper end is {rate.high:,.0f}. More accounts can."
    )
