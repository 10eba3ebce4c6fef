"""SVG elements as safe markup: every attribute and text is escaped here, and only here.

Colours are never written into the markup: elements carry classes, so that the page's style sheet decides
them for light, dark and print. Style attributes are never used, because the page's policy forbids them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from markupsafe import Markup, escape


def element(tag: str, attributes: Mapping[str, object], *children: Markup | str) -> Markup:
    """An element with its attributes and children; numbers are shortened, text is escaped.

    ``tag`` and the attributes' names are written by us; only values and children may come from a report.
    """
    written = "".join(f' {name}="{escape(_value(value))}"' for name, value in attributes.items())
    inner = "".join(escape(child) for child in children)
    return Markup(f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>")


def joined(parts: list[Markup]) -> Markup:
    """Elements one after the other."""
    return Markup("").join(parts)


def _value(value: object) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float):
        raise TypeError(f"an attribute is text or a number, not {type(value).__name__}")
    return f"{value:.2f}".rstrip("0").rstrip(".") if math.isfinite(value) else "0"


def per_cent(position: float) -> str:
    """A position from 0 to 1 along the drawing's width, so that it stretches with the page while text does not."""
    inside = min(max(position, 0.0), 1.0) if math.isfinite(position) else 0.0
    return f"{_value(inside * 100)}%"


def nice_step(span: float, most: int) -> float:
    """A round step (1, 2 or 5 times a power of ten) giving at most ``most`` intervals over ``span`` (> 0)."""
    raw = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1.0, 2.0, 5.0):
        if raw <= factor * power * 1.000001:
            return factor * power
    return 10.0 * power
