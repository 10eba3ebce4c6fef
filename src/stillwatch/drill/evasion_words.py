"""What an evasion gains and costs, in words: whether it works, which is the cheapest, and what its operator pays."""

from __future__ import annotations

import math
from collections.abc import Iterable

from stillwatch.campaigns.wording import count, counted, money, visible
from stillwatch.drill.report import DrillReport, Evasion
from stillwatch.drill.words import bounded, day, known, name

__all__ = ["HIDES", "MAY_HIDE", "NO_GAIN", "UNTRIED", "by_price", "cheapest", "effect", "paid"]

HIDES, MAY_HIDE, NO_GAIN, UNTRIED = "hides it", "may hide it", "not shown to help", "not tried"
_EFFECTS = (HIDES, MAY_HIDE, NO_GAIN, UNTRIED)
# An evasion that takes less than this off the probability is called no help, however surely it takes it off.
WORTH_NAMING = 0.05


def effect(evasion: Evasion) -> str:
    """Whether an evasion works: surely only where the intervals with it and without it do not touch."""
    found, without = evasion.found, evasion.found_without
    if found.value is None or without.value is None or not (known(found.value) and known(without.value)):
        return UNTRIED
    if without.value - found.value < WORTH_NAMING:
        return NO_GAIN
    return HIDES if found.high < without.low else MAY_HIDE


def by_price(evasions: Iterable[Evasion]) -> tuple[Evasion, ...]:
    """Evasions that work first, then those that may, and within each the cheapest first."""
    return tuple(sorted(evasions, key=lambda e: (_EFFECTS.index(effect(e)), *_prices(e), e.name, e.of)))


def _prices(evasion: Evasion) -> tuple[float, float, float]:
    """What the evasion adds to an operator's bill, then to its accounts, then its days; unknown stands last."""
    added = (
        evasion.cost - evasion.cost_without,
        evasion.accounts_needed - evasion.accounts_without,
        evasion.days_needed,
    )
    money_, accounts, days = (math.inf if math.isnan(price) else price for price in added)
    return money_, accounts, days


def cheapest(report: DrillReport) -> str:
    """The cheapest evasion that works, in a sentence; or that none is shown to."""
    ranked = by_price(report.evasions)
    tried = [evasion for evasion in ranked if effect(evasion) != UNTRIED]
    if not tried:
        return "No evasion was tried."
    first = tried[0]
    if effect(first) == HIDES:
        return f"The cheapest evasion that works is {_evasion(first, report.currency)}"
    may = [evasion for evasion in tried if effect(evasion) == MAY_HIDE]
    none = f"Of the {counted(len(tried), 'evasion')} tried, none is shown to work"
    if not may:
        return f"{none}."
    return f"{none}, but {len(may)} may: the trials are too few to tell. The cheapest of these is " + _evasion(
        first, report.currency
    )


def _evasion(evasion: Evasion, currency: str) -> str:
    return (
        f"{name(evasion.name)} (it hides {visible(evasion.hides, limit=160)}): {name(evasion.of)} with "
        f"{counted(evasion.accounts, 'account')} is then found with probability {bounded(evasion.found)}, and without "
        f"it with {bounded(evasion.found_without)}. {paid(evasion, currency)}"
    )


def paid(evasion: Evasion, currency: str) -> str:
    """What an evasion costs its operator, in one sentence."""
    prices = _instead(money(evasion.cost, currency), money(evasion.cost_without, currency))
    accounts = _instead(counted(evasion.accounts_needed, "account"), count(evasion.accounts_without))
    wait = (
        "no days of waiting"
        if evasion.days_needed <= 0
        else f"{day(evasion.days_needed)} of waiting before the first exchange can be taken"
    )
    return f"For 1,000 harvested exchanges it takes {prices}, {accounts}, and {wait}."


def _instead(now: str, before: str) -> str:
    return f"{now} as before" if now.split(" account")[0] == before else f"{now} instead of {before}"
