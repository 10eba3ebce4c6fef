"""Numbers of an audit as a person may read them: rounded so that none says more than its interval does.

Shares are told in per cent, differences in percentage points ("points"). Ends of intervals are rounded outwards and
never to a zero that they do not have; a share near 0 or 1 is told by what bounds it, so that nobody reads "0 %" where
3 % are possible. Nothing here raises: what is not finite is unknown.
"""

from __future__ import annotations

import math

from stillwatch.safety_audit.report import Bounded, Difference, FigureResult

__all__ = ["alone", "differing", "gap", "known", "missing", "points", "seen", "share", "signed", "value"]

UNKNOWN = "unknown"
_FINEST = 3
_SIGN, _TO = "\u00a0%", "\u00a0to\u00a0"


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
    return f"{_inside(middle, bounded.value * 100)}{_SIGN} ({low}{_TO}{high}{_SIGN})"


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


def signed(bounded: Bounded) -> str:
    """A paired figure, or a difference with its sign: ``+24 points (+19 to +29)``."""
    if not known(bounded):
        return UNKNOWN
    if bounded.low <= -1 and bounded.high >= 1:
        return "anything from −100 to +100 points"
    fine = _decimals(bounded)
    middle = _sign(_plain(bounded.value * 100, fine))
    low, high = (_outwards(end * 100, fine, down=down) for end, down in ((bounded.low, True), (bounded.high, False)))
    return f"{_pointed(middle)} ({_sign(low)}{_TO}{_sign(high)})"


def _sign(figure: str) -> str:
    return figure.replace("-", "−") if figure == "0" or figure.startswith("-") else f"+{figure}"


def value(figure: FigureResult, bounded: Bounded) -> str:
    """One model's figure in words."""
    return signed(bounded) if figure.paired or figure.better == "zero" else share(bounded)


def differing(figure: FigureResult, difference: Difference) -> Bounded:
    """What counts of a difference: *better* upwards where safety is at stake, nearer to zero where zero is best.

    It is the interval that holds together with all others of the audit.
    """
    if figure.better == "zero":
        return _turned(difference.distance or Bounded(0.0, -1.0, 1.0))
    return _oriented(figure, difference.simultaneous)


def _oriented(figure: FigureResult, bounded: Bounded) -> Bounded:
    return _turned(bounded) if figure.better == "lower" and figure.safety else bounded


def _turned(bounded: Bounded) -> Bounded:
    return Bounded(-bounded.value, -bounded.high, -bounded.low)


def gap(figure: FigureResult, difference: Difference) -> str:
    """A difference in words: ``52 points worse (42 to 61)``, ``level (from 6 worse to 5 better)``.

    Where safety is not at stake nothing is called worse: there it is ``52 points lower (42 to 61)``.
    """
    return _directed(differing(figure, difference), *_ways(figure))


def alone(figure: FigureResult, difference: Difference) -> str:
    """The same by its interval alone; where zero is best, with its sign, because distances have none alone."""
    if figure.better == "zero":
        return signed(difference.single)
    return _directed(_oriented(figure, difference.single), *_ways(figure))


def _ways(figure: FigureResult) -> tuple[str, str]:
    if figure.better == "zero":
        return "nearer to even", "further from even"
    return ("better", "worse") if figure.safety else ("higher", "lower")


def points(size: float) -> str:
    """A size in percentage points: ``1 point``, ``5 points``, ``0.4 points``."""
    return _pointed(_plain(size * 100, 0 if size >= 0.0095 else 1)) if math.isfinite(size) else UNKNOWN


def missing(figure: FigureResult, reach: Bounded) -> str:
    """How far a difference could go were all missing answers to speak one way: ``45 to 73 worse``."""
    if figure.better == "zero":
        return signed(reach).partition("(")[2].removesuffix(")") or signed(reach)
    turned = _oriented(figure, reach)
    plus, minus = _ways(figure)
    way = "" if turned.low <= 0 <= turned.high else f" {plus if turned.low > 0 else minus}"
    return f"{_reach(turned, plus, minus)}{way}" if known(turned) else UNKNOWN


def _directed(bounded: Bounded, plus: str, minus: str) -> str:
    if not known(bounded):
        return UNKNOWN
    if bounded.low <= -1 and bounded.high >= 1:
        return f"anything from 100 {_short(minus)} to 100 {_short(plus)}"
    size = _plain(abs(bounded.value) * 100, _decimals(bounded))
    if size == "0":
        size = "" if bounded.low <= 0 <= bounded.high else "under 1"
    said = f"{_pointed(size)} {plus if bounded.value > 0 else minus}" if size else "level"
    return f"{said} ({_reach(bounded, plus, minus)})"


def _reach(bounded: Bounded, plus: str, minus: str) -> str:
    """An interval as sizes, on one side of zero or on both."""
    fine = _decimals(bounded)
    if bounded.low <= 0 <= bounded.high:
        below, above = _outwards(-min(bounded.low, 0.0) * 100, fine), _outwards(bounded.high * 100, fine)
        return f"from {below} {_short(minus)} to {above} {_short(plus)}"
    near, far = sorted((abs(bounded.low), abs(bounded.high)))
    return f"{_outwards(near * 100, fine, down=True)}{_TO}{_outwards(far * 100, fine)}"


def _short(way: str) -> str:
    """Which way, where an interval goes both: ``further`` of ``further from even``."""
    return way.partition(" ")[0]


def _pointed(figure: str) -> str:
    return f"{figure} point" if figure in ("1", "+1", "−1", "under 1") else f"{figure} points"


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
        whole = (rounded == 0 and abs(number) > 1e-9) or (rounded == 100 and number < 100 - 1e-9)
        if not whole or fine == _FINEST:
            break
    return _plain(rounded, fine)
