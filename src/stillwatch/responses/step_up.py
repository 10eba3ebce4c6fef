"""Step-up check: the provider's own verification is asked to look at the account. It passes as before meanwhile."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

import msgspec

from stillwatch.responses.base import Action, Budget, Effect, Gate, Info, Outgoing, ResponseInfo
from stillwatch.responses.held import Held
from stillwatch.responses.traffic import Request

__all__ = ["RESPONSE", "Parameters", "StepUp"]

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``url`` is the provider's webhook, over TLS unless it is on this machine; ``check`` the name, in the provider's
    own words, of the verification that is wanted."""

    url: str = ""
    check: str = "verify_account"

    def __post_init__(self) -> None:
        try:
            address = urlsplit(self.url)
            host = address.hostname or ""
        except ValueError:
            raise ValueError("url is no address; give one such as https://accounts.example/verify") from None
        if not host or address.scheme not in {"http", "https"}:
            raise ValueError("url is no address; give one such as https://accounts.example/verify")
        if address.scheme == "http" and host not in _LOCAL:
            raise ValueError("url is not protected; give one that begins with https://")
        if not self.check.isprintable() or not 0 < len(self.check) <= 64:
            raise ValueError("check is no short name; give one of at most 64 characters")


class StepUp(Held[Parameters]):
    """Tells the provider's verification of the account, once; and once more if that is taken back.

    What the check finds comes back by a person's word (``stillwatch gate``): a check that is passed clears the claim.
    """

    info: ClassVar[ResponseInfo] = ResponseInfo(
        info=Info(
            name="step_up",
            summary="Asks the provider's own verification, by webhook, to check the account.",
            reference="a challenge instead of a ban, so that the wrongly suspected recover: Kozlov et al., Facebook",
            version="1",
            example='url = "https://accounts.example/verify"',
        ),
        reversible=True,
        needs_human=False,
        max_error_rate=0.5,
        cost_to_an_innocent="One check of who they are by the provider's own verification; nothing stops meanwhile.",
        strength=1,
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def begun(self, action: Action, gate: Gate) -> None:
        """Ask for the check."""
        gate.send(self._message(action, "step_up"))

    def ended(self, action: Action, gate: Gate) -> None:
        """Say that the check is not wanted any more."""
        gate.send(self._message(action, "step_up_withdrawn"))

    def effect(self, action: Action, request: Request, budget: Budget) -> Effect | None:
        """Nothing, to no request: whoever fails the check is the provider's to stop."""
        return None

    def _message(self, action: Action, kind: str) -> Outgoing:
        set_to = self._set(action.parameters)
        body = {
            "account_id": action.account_id,
            "campaign_id": action.campaign_id,
            "check": set_to.check,
            "action": action.id,
            "level": action.level,
            "innocent": action.innocent,
            "planned_at": action.planned_at,
        }
        # The time is part of the id: asked again after it was taken back is no double.
        return Outgoing(id=f"{kind}-{action.id}-{action.planned_at}", kind=kind, url=set_to.url, body=body)


RESPONSE = StepUp()
