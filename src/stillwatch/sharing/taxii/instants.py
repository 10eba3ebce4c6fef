"""Timestamps of TAXII (microseconds, sections 2 and 3.4) and of STIX (any number of digits), as numbers and keys."""

from __future__ import annotations

import datetime as dt
import re

__all__ = ["microseconds", "now", "stamp", "version_key"]

_FORM = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z", re.ASCII)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_DIGITS = 9


def version_key(text: str) -> str:
    """A timestamp as text that sorts as time does: ``01Z`` and ``01.000Z`` are the same instant and the same key.

    Raises `ValueError` for what is no RFC 3339 time in UTC with at most nine digits of a second.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("is no timestamp like 2026-11-28T09:30:00.000Z")
    day, time, fraction = found.groups()
    dt.datetime.fromisoformat(f"{day}T{time}+00:00")
    return f"{day}T{time}.{(fraction or '').ljust(_DIGITS, '0')}"


def microseconds(text: str) -> int:
    """Microseconds since 1970 of a timestamp; what is finer is cut off. Raises `ValueError` as `version_key` does."""
    key = version_key(text)
    return (dt.datetime.fromisoformat(f"{key[:26]}+00:00") - _EPOCH) // _MICROSECOND


def stamp(microseconds: int) -> str:
    """The TAXII timestamp of microseconds since 1970."""
    return (_EPOCH + microseconds * _MICROSECOND).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now() -> int:
    """Microseconds since 1970."""
    return (dt.datetime.now(dt.UTC) - _EPOCH) // _MICROSECOND
