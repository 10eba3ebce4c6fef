"""What all responses have in common: one action for each account, held at the gate, ending by itself.

A response derives from `Held` and says what it does to a request (`effect`); whatever it does not say itself is here.
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Final, Generic, TypeVar

import msgspec

from stillwatch.campaigns.report import ErrorRate
from stillwatch.responses.base import LEVELS, Action, Gate, Level, Measure, Receipt, ResponseInfo, Subject

__all__ = ["NO_END", "Held", "NoParameters", "may_act"]

NO_END: Final = 2**63 - 1
"""`Action.until` of a response that has no end of its own: `gateway.planning` gives it the policy's."""
_ID_BYTES = 12

P = TypeVar("P", bound=msgspec.Struct)


class NoParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a response that has nothing to set."""


def may_act(info: ResponseInfo, level: Level, innocent: float, error_rate: ErrorRate) -> bool:
    """Whether a response may act on such a claim, whatever a policy says.

    Both the probability of innocence and the rate of errors behind the claim must be within the response's bound: a
    rate measured on others says nothing of this account, and a probability nothing of how it was come by. No number
    (NaN) is no permission.
    """
    least = "confirmed" if info.needs_human else info.least_level
    if LEVELS.index(level) < LEVELS.index(least):
        return False
    return innocent <= info.max_error_rate and error_rate.level <= info.max_error_rate


class Held(Generic[P]):
    """A response that stands against an account as one action; see `responses.base.Response`."""

    info: ClassVar[ResponseInfo]
    parameters: ClassVar[type[msgspec.Struct]] = NoParameters

    def plan(self, subject: Subject, measure: Measure, now: int) -> tuple[Action, ...]:
        """See `Response.plan`. Raises `msgspec.ValidationError` for parameters that are none of this response's."""
        parameters = self._set(measure.parameters)
        if not may_act(self.info, subject.level, subject.innocent, subject.error_rate):
            return ()
        until = self.ends(parameters, subject)
        if until <= now:
            return ()
        spelt = msgspec.to_builtins(parameters)
        action = Action(
            id=self._id(subject, spelt),
            response=self.info.info.name,
            account_id=subject.account_id,
            campaign_id=subject.campaign_id,
            level=subject.level,
            innocent=subject.innocent,
            error_rate=subject.error_rate,
            ruled_out=subject.ruled_out,
            planned_at=now,
            until=until,
            dry=measure.dry,
            parameters=spelt,
        )
        return (action,)

    def apply(self, action: Action, gate: Gate) -> Receipt:
        """See `Response.apply`. An action that this response may never take, wherever it comes from, is not held."""
        if may_act(self.info, action.level, action.innocent, action.error_rate):
            new = not gate.holds(action.id)
            gate.hold(action)  # one that stands already may get a later end
            if new and not action.dry:
                self.begun(action, gate)
        return Receipt(action=action, applied_at=action.planned_at)

    def undo(self, receipt: Receipt, gate: Gate) -> None:
        """See `Response.undo`."""
        if gate.holds(receipt.action.id):
            gate.release(receipt.action.id)
            if not receipt.action.dry:
                self.ended(receipt.action, gate)

    def ends(self, parameters: P, subject: Subject) -> int:
        """When the action ends by itself, at the latest (microseconds)."""
        return NO_END

    def begun(self, action: Action, gate: Gate) -> None:
        """What else is to be done when the action begins to stand: nothing, for most."""

    def ended(self, action: Action, gate: Gate) -> None:
        """What else is to be done when it is taken back."""

    def _set(self, said: dict[str, Any]) -> P:
        parameters: P = msgspec.convert(said, self.parameters)  # type: ignore[assignment]
        return parameters

    def _id(self, subject: Subject, parameters: dict[str, Any]) -> str:
        """An id that says the same for the same, in whatever order a policy writes its parameters."""
        what = [self.info.info.name, subject.account_id, subject.campaign_id, parameters]
        digest = hashlib.blake2b(msgspec.json.encode(what, order="sorted"), digest_size=_ID_BYTES)
        return digest.hexdigest()
