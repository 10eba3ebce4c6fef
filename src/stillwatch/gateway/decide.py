"""The decision: one request, what is known, and the policy, to what is done and why. Without input or output."""

from __future__ import annotations

from stillwatch.gateway.decision import Decision
from stillwatch.gateway.policy import Policy
from stillwatch.gateway.state import State
from stillwatch.responses.traffic import Request

__all__ = ["decide"]


def decide(request: Request, state: State, policy: Policy) -> Decision:
    """What to do with ``request``: the merged effects of the actions that stand against its account.

    Most accounts have none, and pass. The strongest refusal wins, waits do not add up (the longest counts, at most
    `Policy.longest_wait`), shapes and shields are merged to the strictest. What a budget gives is taken from ``state``.
    """
    raise NotImplementedError
