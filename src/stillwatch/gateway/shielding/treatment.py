"""What every dialect's shield works with: the mode, its key, and the steps that it takes for an event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from stillwatch.gateway.shielding.base import Summarise
from stillwatch.gateway.shielding.reasoning import is_opaque
from stillwatch.gateway.shielding.tags import Tagging
from stillwatch.responses.traffic import API, ShieldMode

__all__ = ["PASS", "Dialect", "Edited", "Inserted", "Sealing", "Step", "Treatment", "bounded"]

MOST_KEPT: Final = 16 * 1024 * 1024
"""Characters of reasoning that are kept until they are sealed or summarised; what is longer is left out."""


class Sealing(Protocol):
    """Makes tokens that only we can open (`gateway.shielding.seal.Sealer`)."""

    def seal(self, api: API, kind: Literal["text", "list", "block"], value: Any) -> str:
        """``value`` as a token for the account and the dialect that it was made for."""
        ...


class Treatment(msgspec.Struct, frozen=True, kw_only=True):
    """How reasoning is treated. A mode "seal" without a ``sealer`` leaves out, as "drop" does.

    ``keep_opaque``: ciphertext of the model's own provider (signatures, encrypted content) stays in modes "drop" and
    "summarise", so that a turn with tools can go on; where it does not look like ciphertext it never does.
    """

    mode: ShieldMode
    sealer: Sealing | None = None
    tagging: Tagging = "opening"
    keep_opaque: bool = True

    @property
    def seals(self) -> bool:
        """Whether reasoning becomes a token."""
        return self.mode == "seal" and self.sealer is not None

    @property
    def summarises(self) -> bool:
        """Whether reasoning becomes a summary."""
        return self.mode == "summarise"

    @property
    def collects(self) -> bool:
        """Whether the reasoning that is taken out is needed for what takes its place."""
        return self.seals or self.summarises

    def keeps(self, opaque: object) -> bool:
        """Whether a provider's own ciphertext may stay where it is."""
        return self.keep_opaque and not self.seals and is_opaque(opaque)

    def token(self, api: API, kind: Literal["text", "list", "block"], value: Any) -> str:
        """``value`` sealed; "" where nothing seals."""
        return self.sealer.seal(api, kind, value) if self.sealer is not None and self.seals else ""


class Edited(NamedTuple):
    """The event with another document in it."""

    value: Any


class Inserted(NamedTuple):
    """A new event before what comes next; ``name`` is its event name in streams that have any."""

    value: Any
    name: str = ""


class _Pass:
    """The event as it came."""


PASS: Final = _Pass()
Step = Edited | Inserted | Summarise | _Pass


class Dialect(Protocol):
    """One dialect's answer. In streams `event` gives the steps for one event: none leaves it out.

    After it gave a `Summarise` the summary stands in ``summary`` when it is asked on (None: there is none).
    """

    summary: str | None

    def event(self, value: Any) -> Iterator[Step]:
        """The steps for an event whose document is ``value`` (which must not be changed)."""
        ...

    def finish(self) -> Iterator[Step]:
        """The last steps, before the end of the stream is told."""
        ...

    def body(self, value: Any) -> Iterator[Step]:
        """A whole answer: one `Edited` or `PASS`, a `Summarise` before it where one is needed."""
        ...


def bounded(kept: str, more: str) -> str:
    """Reasoning that grows, up to `MOST_KEPT` characters."""
    return kept + more if len(kept) + len(more) <= MOST_KEPT else kept
