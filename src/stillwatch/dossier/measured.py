"""How well the method does, in plain words: from a drill in the log at hand, else as published, and it says which."""

from __future__ import annotations

from stillwatch.campaigns import wording
from stillwatch.dossier.published import PUBLISHED
from stillwatch.dossier.record import Measured, Performance
from stillwatch.drill import words
from stillwatch.drill.report import DrillReport

__all__ = ["performance_of"]

_MOST_KINDS = 12


def performance_of(drill: DrillReport | None, exchanges: int, accounts: int) -> Performance:
    """The performance; ``exchanges`` and ``accounts`` are those of the run, so that a drill of another log is told."""
    if drill is None:
        return PUBLISHED
    same = (drill.traffic.exchanges, drill.traffic.accounts) == (exchanges, accounts)
    log = (
        "this very log (as far as numbers of exchanges and accounts tell)"
        if same
        else f"another log than the one scanned: {wording.counted(drill.traffic.exchanges, 'exchange')} of "
        f"{wording.counted(drill.traffic.accounts, 'account')}"
    )
    said = (
        f"Measured by a drill: {wording.counted(drill.plantings, 'planting')} of made-up campaigns in {log}, seed "
        f"{drill.seed}, Stillwatch {wording.visible(drill.version, limit=40)}. Intervals hold at 95% whenever one "
        "looks.",
        words.headline(drill),
        *words.answers(drill),
        *words.openness(drill),
    )
    return Performance("drill", said, (*_found(drill), *_wronged(drill)))


def _found(drill: DrillReport) -> tuple[Measured, ...]:
    """The least found first, at a size that was fixed beforehand."""
    return tuple(
        Measured(
            f"Probability that a campaign like {words.name(cell.adversary)} is found",
            words.bounded(cell.found),
            f"{words.campaign(cell)}; {wording.counted(cell.trials, 'trial')}",
        )
        for cell in words.usual(drill)
    )


def _wronged(drill: DrillReport) -> tuple[Measured, ...]:
    ranked = sorted(drill.innocents, key=lambda row: (row.kind != "all", -row.per_million.high, row.kind))
    return tuple(
        Measured(
            f"Innocent accounts accused, per million: {wording.visible(row.title, limit=80)}",
            words.per_million(row.per_million),
            f"{wording.counted(row.accounts, 'innocent account')} in {wording.counted(row.logs, 'log')}",
        )
        for row in ranked[:_MOST_KINDS]
    )
