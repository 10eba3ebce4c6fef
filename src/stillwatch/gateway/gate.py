"""The gateway at work: state, policy, stores, journal, ledger and alerts behind two calls, for every door.

A door needs nothing else: `Gate.decide` before the model is asked, `Gate.observed` when the exchange has ended. Neither
waits for a disk or a network but `observed`, which writes one line to the journal before the answer's last byte leaves.
"""

from __future__ import annotations

from pathlib import Path

from stillwatch.gateway.decision import Decision, Observed
from stillwatch.responses.traffic import Request

__all__ = ["Gate", "open_gate"]


class Gate:
    """Opened by `open_gate`; usable from one event loop, or from threads (LiteLLM's callbacks)."""

    keeps_text: bool
    """Whether `Observed.row` should hold text: the policy keeps it, or the learner reads it at once."""

    def decide(self, request: Request) -> Decision:
        """`gateway.decide.decide`, or what the policy says where something is broken; noted in the ledger where it
        touches somebody. Never raises."""
        raise NotImplementedError

    def observed(self, observed: Observed) -> None:
        """Tell of an exchange that ended (refused ones too): counted, written to the journal. Never raises."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what is not yet written."""
        raise NotImplementedError


def open_gate(state: Path, policy: Path, *, store: str | None = None) -> Gate:
    """The gateway whose memory lies in the folder ``state`` (made where missing, mode 0700); ``store`` is a Redis URL
    for gateways that share it. Raises `InputError` for a policy or state that cannot be read."""
    raise NotImplementedError
