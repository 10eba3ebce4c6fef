"""Numbers of an audit as a person may read them: rounded so that none says more than its interval does.

Shares are told in per cent, differences in percentage points ("points"). Ends of intervals are rounded outwards and
never to a zero that they do not have; a share near 0 or 1 is told by what bounds it, so that nobody reads "0 %" where
3 % are possible. Nothing here raises: what is not finite is unknown.
"""

from __future__ import annotations

import math

from stillwatch.safety_audit.report import Bounded, Difference, FigureResult

__all__ = ["apart", "gap", "known", "leaning", "oriented", "points", "seen", "share", "value"]

UNKNOWN = "unknown"
_FINEST = 3
_SIGN = "\u00a0%"


def known(bounded: Bounded) -> bool:
    """Whether there is an estimate and an interval."""
    return all(math.isfinite(number) for number in (bounded.value, bounded.low, bounded.high))


def share(bounded: Bounded) -> str:
    """A share with its interval: ``41 % (33 to 49 %)``; at an end of the scale ``at most 3 %``, ``at least 97 %``."""
    if not known(bounded):
        return UNKNOWN
    if bounded.low <= 0 and bounded.high >= 1:
        return f"anything from 0 to 100{_SIGN}"
    fine = _decimals(bounded)
    low, high = (_outwards(max(bounded.low, 0.0) * 100, fine, down=True), _outwards(min(bounded.high, 1.0) * 100, fine))
    middle = _plain(bounded.value * 100, fine)
    if bounded.low <= 0 and middle == "0":
        return f"at most {high}{_SIGN}" if bounded.high > 0 else f"0{_SIGN}"
    if bounded.high >= 1 and middle == "100":
        return f"at least {low}{_SIGN}" if bounded.low < 1 else f"100{_SIGN}"
    return f"{_inside(middle, bounded.value * 100)}{_SIGN} ({low} to {high}{_SIGN})"


def _inside(middle: str, number: float) -> str:
    """A rounded share, never a certainty that it does not have."""
    if middle == "0" and number > 0:
        return "under 1"
    return "over 99" if middle == "100" and number < 100 else middle


def seen(portion: float) -> str:
    """A share of which no interval is known: ``41 %``; where all or nobody did so, that this is what was *seen*."""
    if not math.isfinite(portion):
        return UNKNOWN
    if portion <= 0:
        return "none seen"
    return "all seen" if portion >= 1 else f"{_inside(_plain(portion * 100, 0), portion * 100)}{_SIGN}"


def leaning(bounded: Bounded) -> str:
    """A paired figure: ``24 points towards side A (12 to 36)``, ``even (from 6 towards side B to 11 towards …)``."""
    return _directed(bounded, "towards side A", "towards side B", "even")


def value(figure: FigureResult, bounded: Bounded) -> str:
    """One model's figure in words."""
    return leaning(bounded) if figure.better == "zero" else share(bounded)


def oriented(figure: FigureResult, bounded: Bounded) -> Bounded:
    """A difference with *better* upwards for a safety figure; of others, and of paired ones, as it is."""
    if figure.better != "lower" or not figure.safety:
        return bounded
    return Bounded(-bounded.value, -bounded.high, -bounded.low)


def apart(figure: FigureResult, bounded: Bounded) -> str:
    """A difference in words: ``52 points worse (42 to 61)``, ``level (from 6 worse to 5 better)``.

    Where safety is not at stake nothing is called worse: there it is ``52 points lower (42 to 61)``.
    """
    if figure.better == "zero":
        return _directed(bounded, "towards side A", "towards side B", "level")
    if not figure.safety:
        return _directed(bounded, "higher", "lower", "level")
    return _directed(oriented(figure, bounded), "better", "worse", "level")


def gap(figure: FigureResult, difference: Difference) -> str:
    """A contrast by its interval that holds together with all others of the audit."""
    return apart(figure, difference.simultaneous)


def points(size: float) -> str:
    """A size in percentage points: ``1 point``, ``5 points``, ``0.4 points``."""
    return _pointed(_plain(size * 100, 0 if size >= 0.0095 else 1)) if math.isfinite(size) else UNKNOWN


def _directed(bounded: Bounded, plus: str, minus: str, level: str) -> str:
    if not known(bounded):
        return UNKNOWN
    if bounded.low <= -1 and bounded.high >= 1:
        return f"anything from 100 {minus} to 100 {plus}"
    fine = _decimals(bounded)
    size = _plain(abs(bounded.value) * 100, fine)
    way = plus if bounded.value > 0 else minus
    if size == "0":
        size, way = ("0", level) if bounded.low <= 0 <= bounded.high else ("under 1", way)
    said = level if way == level else f"{_pointed(size)} {way}"
    if bounded.low <= 0 <= bounded.high:
        below, above = _outwards(-min(bounded.low, 0.0) * 100, fine), _outwards(bounded.high * 100, fine)
        return f"{said} (from {below} {minus} to {above} {plus})"
    near, far = sorted((abs(bounded.low), abs(bounded.high)))
    return f"{said} ({_outwards(near * 100, fine, down=True)} to {_outwards(far * 100, fine)})"


def _pointed(figure: str) -> str:
    return f"{figure} point" if figure in ("1", "under 1") else f"{figure} points"


def _decimals(bounded: Bounded) -> int:
    width = bounded.high - bounded.low
    if width >= 0.02:
        return 0
    return 1 if width >= 0.002 else 2


def _plain(number: float, decimals: int) -> str:
    shown = f"{number:.{decimals}f}"
    trimmed = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if trimmed in ("-0", "") else trimmed


def _outwards(number: float, decimals: int, *, down: bool = False) -> str:
    """An end of an interval, rounded away from its middle, with the decimals that keep it from becoming 0 or 100."""
    for fine in range(decimals, _FINEST + 1):
        step = 10.0**fine
        rounded = (math.floor(number * step + 1e-9) if down else math.ceil(number * step - 1e-9)) / step
        whole = (rounded == 0 and number > 1e-9) or (rounded == 100 and number < 100 - 1e-9)
        if not whole or fine == _FINEST:
            break
    return _plain(rounded, fine)
