"""What people decided about accounts and groups, as far as a scan heeds it (`stillwatch.campaigns.heeding`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stillwatch.campaigns.judgements import Judgement

__all__ = ["Decided", "Link"]


@dataclass(frozen=True)
class Link:
    """Accounts that people said are one operator's (``together``: one part) or several (``apart``: two or more)."""

    kind: Literal["together", "apart"]
    parts: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Decided:
    """Everything that stands by people's decisions.

    ``judgements`` are the latest about each account that was cleared or confirmed; those ``final`` were cleared on
    appeal, and no evidence brings them back. ``held`` are accounts that nobody accuses while a person looks. ``links``
    come in the order in which they were decided: each is applied to what the one before left. ``last`` is the hash of
    the last line behind all this.
    """

    judgements: tuple[Judgement, ...] = ()
    final: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    links: tuple[Link, ...] = ()
    last: str = ""
