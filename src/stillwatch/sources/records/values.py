"""Loose values of a log (JSON, CSV cells, a mapped table) become the typed values of THE record, or a reason why not.

Only what loses nothing is converted: ``"12"`` and ``12.0`` are the whole number 12; ``"twelve"``, ``12.5`` and
``true`` are a wrong type. A number that stands for a time is read by its size as seconds, milliseconds,
microseconds or nanoseconds since 1970; between the years 2000 and 2100 these cannot be confused.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from stillwatch.exchange import EXCHANGE, REAL, TEXT, TIME, WHOLE
from stillwatch.sources.records.conversation import messages_text

__all__ = ["CONVERTERS", "FIRST_US", "LAST_US", "BadValueError", "epoch_us", "real", "text", "time_us", "whole"]

Converter = Callable[[object], object]

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NAIVE_EPOCH: Final = dt.datetime(1970, 1, 1)  # a time without a zone is UTC
FIRST_US: Final = 946_684_800_000_000
LAST_US: Final = 4_102_444_800_000_000
SECONDS: Final = (FIRST_US // 1_000_000, LAST_US // 1_000_000)
DIGITS: Final = re.compile(r"[0-9]{10}")
INT64: Final = 2**63
NUMBER_CHARACTERS: Final = 40
MICROSECONDS: Final[Mapping[str, Decimal]] = {
    "s": Decimal(1_000_000),
    "ms": Decimal(1_000),
    "us": Decimal(1),
    "ns": Decimal("0.001"),
}
WRONG_TYPE: Final = "wrong type"
IMPOSSIBLE_TIME: Final = "impossible time"


class BadValueError(ValueError):
    """A value that cannot be what its column holds; its text is the reason, without the value."""


def text(value: object) -> str | None:
    """A text as it is, a whole number as digits; the empty text is null.

    A text that UTF-8 cannot hold (half of a surrogate pair) is a `BadValueError`.
    """
    if type(value) is str:
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise BadValueError("text that UTF-8 cannot hold") from None
        return value or None
    if type(value) is int:
        return str(value)
    raise BadValueError(WRONG_TYPE)


def whole(value: object) -> int | None:
    """A whole number from 0 to 2⁶³ - 1."""
    if type(value) is not int:
        number = _number(value)
        if number is None:
            return None
        if number != int(number):
            raise BadValueError(WRONG_TYPE)
        value = int(number)
    if value < 0:
        raise BadValueError("negative")
    if value >= INT64:
        raise BadValueError("number out of range")
    return value


def real(value: object) -> float | None:
    """A finite number of at least 0; NaN is null."""
    if type(value) is float and math.isnan(value):
        return None
    number = _number(value)
    if number is None:
        return None
    if number < 0:
        raise BadValueError("negative")
    return float(number)


def _number(value: object) -> Decimal | float | int | None:
    """A finite number, from a number or its digits; the empty text is null."""
    if type(value) is int:
        if abs(value) >= INT64:
            raise BadValueError("number out of range")
        return value
    if type(value) is float:
        if math.isnan(value):
            return None
        if math.isinf(value):
            raise BadValueError("number out of range")
        return value
    if type(value) is not str:
        raise BadValueError(WRONG_TYPE)
    if not value:
        return None
    try:
        number = Decimal(value[:NUMBER_CHARACTERS]) if len(value) <= NUMBER_CHARACTERS else Decimal("sNaN")
    except InvalidOperation:
        raise BadValueError(WRONG_TYPE) from None
    if not number.is_finite() or number.adjusted() > NUMBER_CHARACTERS:
        raise BadValueError("number out of range")
    return number


def network(value: object) -> int | None:
    """A network's number, with or without ``AS`` before it."""
    return whole(value[2:] if type(value) is str and value[:2].upper() == "AS" else value)


def time_us(value: object) -> int | None:
    """Microseconds since 1970 from ISO 8601 (no zone: UTC), a datetime, or a number (see the module)."""
    if (type(value) is float or type(value) is int) and (plain := _plain_us(value)) is not None:
        return plain
    if type(value) is str:
        if value[4:5] != "-" and DIGITS.match(value):  # Python 3.11 takes 1788010112345 for a day of 1788
            return epoch_us(value, None)
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            return epoch_us(value, None)
        return _us_of(moment)
    if isinstance(value, dt.datetime):
        return _us_of(value)
    return epoch_us(value, None)


def epoch_us(value: object, unit: str | None) -> int | None:
    """Microseconds since 1970 from a number in ``unit`` (s, ms, us, ns); None tells the unit by its size.

    Rounded to the nearest microsecond. Raises `BadValueError` outside the years 2000 to 2099.
    """
    if unit is None and type(value) in (int, float) and (plain := _plain_us(value)) is not None:
        return plain
    number = _number(value)
    if number is None:
        return None
    exact = Decimal(repr(number)) if type(number) is float else Decimal(number)
    if unit is None:
        unit = next((u for u, f in MICROSECONDS.items() if FIRST_US <= exact * f < LAST_US), "s")
    return _checked(round(exact * MICROSECONDS[unit]))


def _plain_us(value: object) -> int | None:
    """What `epoch_us` makes of the numbers that logs are full of, without decimals; None for all others.

    Seconds and milliseconds with a fraction are told by a float whose neighbours, before the year 2106, are less than
    half a microsecond away: where the rounded microseconds give the same float again, its digits round to them too.
    """
    if type(value) is int:
        if SECONDS[0] <= value < SECONDS[1]:
            return value * 1_000_000
        if SECONDS[0] * 1_000 <= value < SECONDS[1] * 1_000:
            return value * 1_000
        if FIRST_US <= value < LAST_US:
            return value
        if FIRST_US * 1_000 <= value < (LAST_US - 1) * 1_000:
            us, rest = divmod(value, 1_000)
            return us + (rest > 500 or (rest == 500 and us % 2))  # half to even, as `round` does it
        return None
    if type(value) is float:
        if SECONDS[0] <= value < SECONDS[1] - 1:
            us = round(value * 1e6)
            return us if us / 1e6 == value else None
        if SECONDS[0] * 1_000 <= value < (SECONDS[1] - 1) * 1_000:
            us = round(value * 1e3)
            return us if us / 1e3 == value else None
    return None


def _us_of(moment: dt.datetime) -> int:
    try:
        since = moment - (EPOCH if moment.tzinfo is not None else NAIVE_EPOCH)
    except OverflowError:
        raise BadValueError(IMPOSSIBLE_TIME) from None
    us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return us if FIRST_US <= us < LAST_US else _checked(us)


def _checked(us: int) -> int:
    if not FIRST_US <= us < LAST_US:
        raise BadValueError(IMPOSSIBLE_TIME)
    return us


BY_TYPE: Mapping[object, Converter] = {TEXT: text, WHOLE: whole, REAL: real, TIME: time_us}
CONVERTERS: Mapping[str, Converter] = {field.name: BY_TYPE[field.type] for field in EXCHANGE} | {
    "messages": messages_text,
    "client_asn": network,
}
