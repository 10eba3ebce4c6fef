"""What is to be done with one request, and what is told of the exchange afterwards.

A door (`gateway.doors`) turns what it serves into a `Request`, carries out the `Decision`, and tells of the exchange
when it has ended (`Observed`).
"""

from __future__ import annotations

import msgspec

from stillwatch.responses.traffic import Refusal, Shape, ShieldMode

__all__ = ["Decision", "Observed"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done with one request, merged from every action that stands against its account.

    ``wait`` seconds before it is passed on; ``mark`` names the key that the answer is to be marked with. ``actions``
    are the ids of the actions behind it, ``reasons`` a short word for each, ``reference`` what a person touched may
    quote ("" where nothing is done to him). ``dry`` holds what would have been done where the policy only watches.
    """

    request_id: str
    account_id: str
    at: int
    refuse: Refusal | None = None
    wait: float = 0.0
    shape: Shape | None = None
    shield: ShieldMode | None = None
    mark: str | None = None
    campaign_id: str | None = None
    actions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    reference: str = ""
    dry: tuple[str, ...] = ()

    @property
    def touches(self) -> bool:
        """Whether the caller is treated other than everybody else (a mark that nobody sees is no touch)."""
        return self.refuse is not None or self.wait > 0 or self.shape is not None or self.shield is not None


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange that ended, as a row of `stillwatch.exchange.EXCHANGE` by column name (times in microseconds).

    ``row`` holds text only where the policy keeps it or a learner reads it at once; ``decision`` is what was done.
    ``unread``: it was the file of a batch, or may have been, and could not be looked into.
    """

    row: dict[str, object]
    decision: Decision
    unread: bool = False
