"""Marks in the choice of tokens: one file for each scheme, one for each engine that generates.

`SCHEMES` lists the schemes; a new one is one file and one line here, or an entry point of the group
``stillwatch.marks.sampling`` in another wheel.
"""

from __future__ import annotations

from stillwatch.marks.sampling.base import Scheme
from stillwatch.registry import Registry

__all__ = ["SCHEMES"]

SCHEMES: Registry[type[Scheme]] = Registry(
    "stillwatch.marks.sampling",
    {
        "gumbel": "stillwatch.marks.sampling.gumbel:Gumbel",
        "tournament": "stillwatch.marks.sampling.tournament:Tournament",
        "red_green": "stillwatch.marks.sampling.red_green:RedGreen",
    },
)
