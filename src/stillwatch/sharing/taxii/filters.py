"""What of a collection a request asks for: the parameters of TAXII 2.1 section 3.4, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from stillwatch.sharing.taxii.content import is_identifier, is_type
from stillwatch.sharing.taxii.instants import microseconds, version_key

__all__ = ["EVERYTHING", "LATEST", "VERSIONS", "Filters", "read_filters"]

_MATCH = re.compile(r"match\[([^\]]{0,100})\]")
_SPEC = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}", re.ASCII)
_FIELDS = frozenset({"id", "type", "version", "spec_version"})
_SINGLE = ("added_after", "limit", "next")
_FARTHEST = 2**62


class Filters(NamedTuple):
    """Of a collection's rows: those added after ``after`` (microseconds since 1970), at most ``limit`` of them.

    ``ids``, ``types`` and ``specs`` None: any. ``specs`` None means of each object the highest only, unless
    ``all_specs``. ``versions`` are keys that sort as time does; with ``first`` and ``last`` they are an OR, and
    ``every`` is all versions.
    """

    after: int = -1
    limit: int | None = None
    ids: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    specs: tuple[str, ...] | None = None
    all_specs: bool = False
    versions: tuple[str, ...] = ()
    first: bool = False
    last: bool = True
    every: bool = False
    asked_after: int | None = None


LATEST = Filters()
"""The newest version of each object: what a request without parameters means."""
VERSIONS = Filters(last=False, every=True)
"""All versions of an object, of its highest specification version."""
EVERYTHING = Filters(last=False, every=True, all_specs=True)
"""All that there is of an object, which is what a deletion without parameters means."""


def read_filters(
    parameters: Iterable[tuple[str, str]], fields: Collection[str], default: Filters, *, deleting: bool = False
) -> Filters:
    """The filters that a query says. ``fields`` are the match fields that the endpoint has, ``default`` what it means
    without parameters.

    A match field that the standard does not know is ignored, as section 3.4 allows, unless ``deleting``: that would
    delete more than was meant; pages mean nothing then either. Raises `ValueError` with words that quote nothing of
    the request.
    """
    single: dict[str, str] = {}
    match: dict[str, str] = {}
    for name, value in parameters:
        found = _MATCH.fullmatch(name)
        if name in _SINGLE:
            if name in single:
                raise ValueError(f"{name} is given more than once")
            if deleting:
                raise ValueError(f"{name} means nothing here")
            single[name] = value
        elif found and found[1] in _FIELDS:
            if found[1] in match:
                raise ValueError(f"match[{found[1]}] is given more than once")
            if found[1] not in fields:
                raise ValueError(f"match[{found[1]}] means nothing here")
            match[found[1]] = value
        elif deleting and found:
            raise ValueError("a match field is unknown, and ignoring it would mean more than was asked")
    filters = default
    if "version" in match:
        filters = _versions(match["version"])._replace(all_specs=default.all_specs)
    filters = filters._replace(
        ids=_values(match, "id", is_identifier),
        types=_values(match, "type", is_type),
        specs=_values(match, "spec_version", _is_spec),
    )
    return _paging(filters, single)


def _is_spec(text: str) -> bool:
    return _SPEC.fullmatch(text) is not None


def _values(match: dict[str, str], field: str, valid: Callable[[str], bool]) -> tuple[str, ...] | None:
    if field not in match:
        return None
    values = tuple(dict.fromkeys(match[field].split(",")))
    if not all(valid(value) for value in values):
        raise ValueError(f"match[{field}] holds a value that is none")
    return values


def _versions(text: str) -> Filters:
    values = text.split(",")
    words = {value for value in values if value in {"first", "last", "all"}}
    try:
        keys = [version_key(value) for value in values if value not in words]
    except ValueError:
        raise ValueError("match[version] holds what is neither first, last, all nor a timestamp") from None
    if len(words) + len(set(keys)) != len(values):
        raise ValueError("match[version] holds a value more than once")
    if "all" in words and len(values) > 1:
        raise ValueError("match[version] holds all beside others")
    return Filters(versions=tuple(keys), first="first" in words, last="last" in words, every="all" in words)


def _paging(filters: Filters, single: dict[str, str]) -> Filters:
    if "added_after" in single:
        try:
            after = microseconds(single["added_after"])
        except ValueError:
            raise ValueError("added_after is no timestamp like 2026-11-28T09:30:00.000000Z") from None
        filters = filters._replace(after=max(after, -1), asked_after=after)
    if "limit" in single:
        if not re.fullmatch(r"0*[1-9][0-9]{0,15}", single["limit"], re.ASCII):
            raise ValueError("limit is no whole number above 0")
        filters = filters._replace(limit=int(single["limit"]))
    if "next" in single:
        if not re.fullmatch(r"[0-9]{1,18}", single["next"], re.ASCII):
            raise ValueError("next is none that this server gave")
        # It only moves the lower bound: whoever invents one gets no more than the query would give anyway.
        filters = filters._replace(after=max(filters.after, min(int(single["next"]), _FARTHEST)))
    return filters
