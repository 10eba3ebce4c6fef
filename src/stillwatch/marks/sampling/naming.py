"""From a scheme's full name, as a key carries it, to the scheme."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from stillwatch.errors import InputError
from stillwatch.marks.sampling import SCHEMES
from stillwatch.marks.sampling.base import Scheme

__all__ = ["scheme_named"]

WIDEST_CONTEXT = 16


def scheme_named(name: str) -> Scheme:
    """The scheme of a full name such as ``gumbel`` or ``red_green:gamma=0.5,delta=1.0``.

    Raises:
        PluginError: there is no scheme of this kind.
        InputError: a parameter is unknown, given twice, not a number, or out of its range.
    """
    kind, _, settings = name.partition(":")
    scheme = SCHEMES.get(kind)
    known: dict[str, type[Any]] = {field.name: type(field.default) for field in dataclasses.fields(cast(Any, scheme))}
    given: dict[str, float] = {}
    for setting in settings.split(",") if settings else []:
        parameter, _, text = setting.partition("=")
        if parameter not in known or parameter in given:
            raise InputError(f"no setting {setting!r} here", f"mark {kind}", "known: " + ", ".join(known))
        try:
            given[parameter] = known[parameter](text)
        except ValueError:
            raise InputError(f"{parameter} must be a number, not {text!r}", f"mark {kind}") from None
    if not 1 <= given.get("context", 1) <= WIDEST_CONTEXT:
        raise InputError(f"context must be 1 to {WIDEST_CONTEXT} tokens, not {given['context']}", f"mark {kind}")
    try:
        return scheme(**given)
    except ValueError as error:
        raise InputError(str(error), f"mark {kind}") from None
