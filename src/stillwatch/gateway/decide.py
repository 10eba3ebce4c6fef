"""The decision: one request, what is known, and the policy, to what is done and why. Without input or output."""

from __future__ import annotations

from collections.abc import Sequence

from stillwatch.gateway.decision import Decision
from stillwatch.gateway.policy import Policy
from stillwatch.gateway.state import State, reference_of
from stillwatch.responses.base import Action, Budget, Effect
from stillwatch.responses.traffic import Refusal, Request, Shape, ShieldMode

__all__ = ["decide"]

EFFORTS = ("none", "minimal", "low", "medium", "high")
SHIELDS: tuple[ShieldMode, ...] = ("summarise", "seal", "drop")
"""From the mildest: a summary tells something; a sealed token how long it was; left out, nothing."""


class _DryBudget:
    """Budgets of what is only watched: kept apart, so that a dry run takes nothing from anybody."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def take(self, name: str, units: float, per_second: float, burst: float, at: int, patience: float = 0.0) -> float:
        return self._budget.take(f"dry {name}", units, per_second, burst, at, patience)


def decide(request: Request, state: State, policy: Policy) -> Decision:
    """What to do with ``request``: the merged effects of the actions that stand against its account.

    Most accounts have none, and pass. The strongest refusal wins, waits do not add up (the longest counts, at most
    `Policy.longest_wait`), shapes and shields are merged to the strictest. What a budget gives is taken from ``state``.

    Responses are asked from the strongest to the mildest and no further than a refusal, so that a request that is not
    passed on takes nothing from a budget. Under mode "watch", or while the state has stood down, everything is told in
    ``dry`` (names of responses) and nothing is done; under "off", or with the emergency switch pulled, nothing is
    decided. An action past its end, or of a response that is not installed, does nothing.
    """
    standing = state.actions(request.account_id)
    if not standing or policy.mode == "off" or state.off:
        return Decision(request_id=request.request_id, account_id=request.account_id, at=request.at)
    watching = policy.mode == "watch" or state.stood_down
    told: list[tuple[Action, Effect]] = []
    dry: list[str] = []
    for action in reversed(standing):
        if action.until <= request.at:
            continue
        response = state.responses.get(action.response)
        if response is None:
            continue
        only_told = watching or action.dry
        effect = response.effect(action, request, _DryBudget(state) if only_told else state)
        if only_told:
            if effect is not None and action.response not in dry:
                dry.append(action.response)
            if watching and effect is not None and effect.refuse is not None:
                break
        elif effect is not None:
            told.append((action, effect))
            if effect.refuse is not None:
                break
    return _merged(request, state, policy, told, tuple(dry))


def _merged(
    request: Request, state: State, policy: Policy, told: Sequence[tuple[Action, Effect]], dry: tuple[str, ...]
) -> Decision:
    if not told:
        return Decision(request_id=request.request_id, account_id=request.account_id, at=request.at, dry=dry)
    refuse: Refusal | None = None
    wait, shape, shield, mark = 0.0, None, None, None
    for _, effect in told:
        refuse = refuse or effect.refuse
        wait = max(wait, effect.wait)
        shape = _stricter_shape(shape, effect.shape)
        shield = _stricter_shield(shield, effect.shield)
        mark = mark or effect.mark
    if refuse is not None:
        told = [told[-1]]
        wait, shape, shield, mark = 0.0, None, None, None
    touches = refuse is not None or wait > 0 or shape is not None or shield is not None
    campaign = told[0][0].campaign_id
    return Decision(
        request_id=request.request_id,
        account_id=request.account_id,
        at=request.at,
        refuse=refuse,
        wait=min(wait, policy.longest_wait),
        shape=shape,
        shield=shield,
        mark=mark,
        campaign_id=campaign,
        actions=tuple(action.id for action, _ in told),
        reasons=tuple(action.response for action, _ in told),
        reference=reference_of(request.account_id, campaign, state.key) if touches else "",
        dry=dry,
    )


def _stricter_shape(one: Shape | None, two: Shape | None) -> Shape | None:
    if one is None or two is None:
        return one or two
    tokens = [shape.reasoning_tokens for shape in (one, two) if shape.reasoning_tokens is not None]
    efforts = [shape.reasoning_effort for shape in (one, two) if shape.reasoning_effort is not None]
    return Shape(
        reasoning_tokens=min(tokens, default=None),
        reasoning_effort=min(efforts, key=EFFORTS.index, default=None),
        drop_logprobs=one.drop_logprobs or two.drop_logprobs,
        one_answer=one.one_answer or two.one_answer,
    )


def _stricter_shield(one: ShieldMode | None, two: ShieldMode | None) -> ShieldMode | None:
    if one is None or two is None:
        return one or two
    return max(one, two, key=SHIELDS.index)
