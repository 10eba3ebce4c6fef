"""What a response is: a countermeasure that is planned, applied and undone, and what it does to one request.

`Response.plan` is pure: a dry run prints exactly what it returns. `apply` is idempotent on `Action.id`; `undo` takes
back whatever `apply` did. `effect` is asked for each request of an account against which the action stands, in
microseconds, and reads nothing but its arguments.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol, get_args

import msgspec

from stillwatch.campaigns.report import ErrorRate
from stillwatch.registry import Info
from stillwatch.responses.traffic import Refusal, Request, Shape, ShieldMode

__all__ = [
    "ANYBODY",
    "LEVELS",
    "Action",
    "Budget",
    "Effect",
    "Gate",
    "Info",
    "Level",
    "Measure",
    "Outgoing",
    "Receipt",
    "Response",
    "ResponseInfo",
    "Subject",
]

Level = Literal["suspected", "review", "campaign", "confirmed"]
"""How far a claim about an account has come, the weakest first: linked to an accused campaign by what it does at the
gateway (``suspected``, with the measured error rate of that link); in a group that a scan shows to a person
(``review``); accused by a scan (``campaign``); confirmed by a person (``confirmed``)."""
LEVELS: tuple[Level, ...] = get_args(Level)
ANYBODY = 1.0
"""The `ResponseInfo.max_error_rate` of a response that costs an innocent nothing."""


class ResponseInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a response says of itself: docs, ``--help``, tooltips and footnotes read it.

    ``max_error_rate`` is the largest probability of innocence at which it may act, whatever a policy says;
    ``cost_to_an_innocent`` what it does to somebody who did nothing, in plain words; ``strength`` orders responses from
    0 (observe) upward; ``needs_human`` means that a person must have confirmed the claim; ``least_level`` is the
    weakest claim that it may act on. Suspicion at the gateway can be brought about by strangers who imitate a campaign
    or drag somebody into it, so nothing that stops an account acts on it.
    """

    info: Info
    reversible: bool
    needs_human: bool
    max_error_rate: float
    cost_to_an_innocent: str
    strength: int
    least_level: Level = "suspected"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The claim about one account that responses are planned on.

    ``innocent`` is the probability that the account has no part in it (1 where it was never measured), ``error_rate``
    what the threshold behind the claim buys, ``ruled_out`` the innocent explanations that it beat, the closest first.
    ``since`` is when the claim was first made (microseconds), ``run`` the id of the scan or link that makes it.
    """

    account_id: str
    campaign_id: str
    level: Level
    innocent: float
    error_rate: ErrorRate
    ruled_out: tuple[str, ...]
    since: int
    run: str
    tier: str = ""
    organization_id: str = ""


class Measure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of a policy: which response to whom.

    ``innocent_at_most`` bounds `Subject.innocent` (the response's own bound holds too); ``share`` of the accounts it
    fits, chosen by a keyed hash, are reached (staged roll-out); ``dry`` plans and tells, and does nothing.
    ``parameters`` are the response's own.
    """

    response: str
    levels: tuple[Level, ...] = ("campaign", "confirmed")
    innocent_at_most: float = 1.0
    share: float = 1.0
    tiers: tuple[str, ...] = ()
    dry: bool = False
    parameters: dict[str, Any] = {}


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A response to an account: data, so that it can be shown, stored, replayed and undone.

    ``id`` follows from response, account, campaign and parameters alone, so the same plan twice is one action.
    ``until`` (microseconds) is when it ends by itself.
    """

    id: str
    response: str
    account_id: str
    campaign_id: str
    level: Level
    innocent: float
    error_rate: ErrorRate
    ruled_out: tuple[str, ...]
    planned_at: int
    until: int
    dry: bool = False
    parameters: dict[str, Any] = {}


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be told to the provider's own systems (a webhook): sent at least once, ``id`` tells doubles."""

    id: str
    kind: str
    url: str
    body: dict[str, Any]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """That an action was applied, and all that undoing it needs."""

    action: Action
    applied_at: int
    undo: dict[str, Any] = {}


class Gate(Protocol):
    """Where actions are put into effect: the gateway's state, or a pretended one in a dry run."""

    def holds(self, action_id: str) -> bool:
        """Whether an action stands."""
        ...

    def hold(self, action: Action) -> None:
        """Let an action stand against its account; one that stands already is left as it is."""
        ...

    def release(self, action_id: str) -> None:
        """Let an action stand no longer; one that does not is no error."""
        ...

    def send(self, message: Outgoing) -> None:
        """Tell the provider's own systems; nothing waits for them."""
        ...


class Budget(Protocol):
    """Budgets that are shared by all accounts of a campaign, and by all gateways of a provider."""

    def take(self, name: str, units: float, per_second: float, burst: float, at: int, patience: float = 0.0) -> float:
        """Take ``units`` from the bucket ``name``, which fills with ``per_second`` up to ``burst`` (both positive).

        Returns the seconds until they are there. They are taken where that is at most ``patience`` seconds (the bucket
        then owes them: by at most ``patience`` × ``per_second``), else nothing is; 0.0 where they were there at once.
        """
        ...


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What one action does to one request; `gateway.decide` merges those of all actions."""

    refuse: Refusal | None = None
    wait: float = 0.0
    shape: Shape | None = None
    shield: ShieldMode | None = None
    mark: str | None = None


class Response(Protocol):
    """A countermeasure: one file in ``responses/``, one line in its registry."""

    info: ClassVar[ResponseInfo]
    parameters: ClassVar[type[msgspec.Struct]]

    def plan(self, subject: Subject, measure: Measure, now: int) -> tuple[Action, ...]:
        """What would be done to ``subject`` under ``measure``: nothing, or one action. Pure.

        Who may be reached (levels, error rates, tiers, roll-out, exemptions) is asked before, in `gateway.planning`.
        """
        ...

    def apply(self, action: Action, gate: Gate) -> Receipt:
        """Put the action into effect; the second time changes nothing."""
        ...

    def undo(self, receipt: Receipt, gate: Gate) -> None:
        """Take it back; the second time changes nothing."""
        ...

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """What it does to one request of its account; None: nothing to this one."""
        ...
