"""What the gateway knows while it runs: claims about accounts, the actions that stand, budgets, what it touched.

In memory, bounded: under 1 KB an account. Nothing here reads a clock, a file or a socket; `gateway.gate` does. It is
not locked: `gateway.gate` lets one thread in at a time.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from stillwatch.errors import PluginError
from stillwatch.gateway.budgets import Budgets
from stillwatch.gateway.campaign_profiles import HOUR, CampaignFigures, CampaignProfile, Hour, figures_of
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.expiry import Expiry
from stillwatch.gateway.profiles import MOST_ACCOUNTS, Profile, Profiles
from stillwatch.responses import RESPONSES
from stillwatch.responses.base import LEVELS, Action, Outgoing, Response, Subject

__all__ = ["Cleared", "State", "Switch", "Undone", "reference_of", "stronger"]

REFERENCE_BYTES = 7
MOST_WAITING = 10_000
MOST_CAMPAIGNS = 2_000
MOST_REFERENCES = 500_000


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """An account that a person cleared: ``why`` is our own or a colleague's sentence, ``at`` in microseconds."""

    account_id: str
    why: str
    at: int


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway as a whole: ``name`` is "off" (the emergency switch) or "stood_down"; ``on`` while it holds."""

    name: str
    on: bool
    why: str
    at: int


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """An action that a person took back: it is not planned again. With ``ended``: one whose time was over, and which is
    planned again only when somebody makes the claim anew."""

    action_id: str
    account_id: str
    why: str
    at: int
    ended: bool = False


def stronger(first: Subject, second: Subject) -> bool:
    """Whether ``first`` is to stand in place of ``second``: a higher level, or the same and not older."""
    one, two = LEVELS.index(first.level), LEVELS.index(second.level)
    return one > two or (one == two and first.since >= second.since)


def reference_of(account_id: str, campaign_id: str, key: bytes) -> str:
    """What a person touched may quote: 10 letters and digits (50 bits) that say nothing and that nobody guesses; the
    same for the same account and campaign, so that asking twice is one question."""
    text = f"{account_id}\0{campaign_id}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=REFERENCE_BYTES, key=key, person=b"reference").digest()
    return base64.b32encode(digest)[:10].decode()


class State:
    """Implements `responses.base.Gate` (but for `send`, which queues) and `responses.base.Budget`.

    ``key`` is secret and stays the same over restarts. ``responses`` are those that are installed (None: all that are
    registered; one that cannot be loaded does nothing, and ``broken`` says why).
    """

    def __init__(
        self,
        key: bytes | None = None,
        *,
        responses: Mapping[str, Response] | None = None,
        most_accounts: int = MOST_ACCOUNTS,
    ) -> None:
        self.key = secrets.token_bytes(32) if key is None else key
        self.profiles = Profiles(self.key, most_accounts)
        self._most_accounts = most_accounts
        self.budgets = Budgets()
        self.waiting: dict[str, Outgoing] = {}
        self.broken: dict[str, str] = {}
        self.switches: dict[str, Switch] = {}
        self.undone: dict[str, Undone] = {}
        self.undo_notes: dict[str, dict[str, Any]] = {}
        self.elsewhere: dict[str, list[CampaignProfile]] = {}
        self._responses = dict(responses) if responses is not None else None
        self._claims: dict[str, Subject] = {}
        self._cleared: dict[str, Cleared] = {}
        self._standing: dict[str, tuple[Action, ...]] = {}
        self._actions: dict[str, Action] = {}
        self._expiry = Expiry()
        self._campaigns: dict[str, CampaignProfile] = {}
        self._campaigns_changed: set[str] = set()
        self._references: dict[str, str] = {}
        self._counts = dict.fromkeys(("exchanges", "touched", "refused", "waited", "shaped", "shielded", "watched"), 0)

    def set_key(self, key: bytes) -> None:
        """Take the secret that gateways of one store share; only before anything passed."""
        self.key = key
        self.profiles = Profiles(key, self._most_accounts)

    @property
    def stood_down(self) -> bool:
        """Whether the gateway only watches, because it touched more than the policy's bounds allow."""
        switch = self.switches.get("stood_down")
        return switch is not None and switch.on

    @property
    def off(self) -> bool:
        """Whether somebody pulled the emergency switch."""
        switch = self.switches.get("off")
        return switch is not None and switch.on

    @property
    def responses(self) -> Mapping[str, Response]:
        """The responses that are installed, by name; loaded when first asked for."""
        if self._responses is None:
            self._responses = {}
            for name in RESPONSES.names():
                try:
                    self._responses[name] = RESPONSES.get(name)
                except PluginError as error:
                    self.broken[name] = str(error)
        return self._responses

    # Claims

    def subject(self, account_id: str) -> Subject | None:
        """The strongest claim that stands about an account; None: none."""
        return self._claims.get(account_id)

    def claim(self, subject: Subject) -> None:
        """Take a claim; a stronger or newer one replaces an older. One about a cleared account is not taken unless a
        person confirmed it after clearing it."""
        cleared = self._cleared.get(subject.account_id)
        if cleared is not None:
            if subject.level != "confirmed" or subject.since <= cleared.at:
                return
            del self._cleared[subject.account_id]
        held = self._claims.get(subject.account_id)
        if held is None or stronger(subject, held):
            self._claims[subject.account_id] = subject

    def set_claim(self, subject: Subject) -> None:
        """Take a claim as it is kept in the store: it replaces any, a stronger one too; not of a cleared account."""
        self._claims.pop(subject.account_id, None)
        self.claim(subject)

    def withdraw(self, account_id: str) -> None:
        """Let no claim stand about an account; where none does, nothing happens. Its actions are others' business."""
        self._claims.pop(account_id, None)

    def clear(self, account_id: str, why: str, at: int) -> None:
        """Drop the claim about an account and remember that it was cleared: no claim of a machine holds until a person
        says so. Its actions are released."""
        self._claims.pop(account_id, None)
        self._cleared[account_id] = Cleared(account_id=account_id, why=why, at=at)
        for action in self._standing.get(account_id, ()):
            self.release(action.id)

    def unclear(self, account_id: str) -> None:
        """Forget that an account was cleared."""
        self._cleared.pop(account_id, None)

    def cleared(self, account_id: str) -> Cleared | None:
        """Who cleared an account and why; None: nobody did."""
        return self._cleared.get(account_id)

    def subjects(self) -> Iterable[Subject]:
        """All claims that stand."""
        return list(self._claims.values())

    # Actions: `responses.base.Gate`

    def actions(self, account_id: str) -> tuple[Action, ...]:
        """The actions that stand against an account, the strongest response last."""
        return self._standing.get(account_id, ())

    def action(self, action_id: str) -> Action | None:
        """The action of that id, where it stands."""
        return self._actions.get(action_id)

    def all_actions(self) -> list[Action]:
        """Every action that stands."""
        return list(self._actions.values())

    def holds(self, action_id: str) -> bool:
        """Whether an action stands."""
        return action_id in self._actions

    def hold(self, action: Action) -> None:
        """Let an action stand against its account. Of one that stands already the later end holds, and the newer claim
        behind it; the same again changes nothing."""
        held = self._actions.get(action.id)
        if held is not None:
            if action.until < held.until:
                action = msgspec.structs.replace(action, until=held.until)
            if action == held:
                return
            self.release(action.id)
        self._actions[action.id] = action
        standing = [*self._standing.get(action.account_id, ()), action]
        self._standing[action.account_id] = tuple(sorted(standing, key=lambda a: (self._strength(a), a.id)))
        self._expiry.add(action.until, action.id)
        self._references[reference_of(action.account_id, action.campaign_id, self.key)] = action.account_id
        if len(self._references) > MOST_REFERENCES:  # the oldest are still in the ledger
            del self._references[next(iter(self._references))]

    def release(self, action_id: str) -> None:
        """Let an action stand no longer; one that does not is no error."""
        action = self._actions.pop(action_id, None)
        if action is None:
            return
        left = tuple(a for a in self._standing.get(action.account_id, ()) if a.id != action_id)
        if left:
            self._standing[action.account_id] = left
        else:
            self._standing.pop(action.account_id, None)

    def send(self, message: Outgoing) -> None:
        """Queue a message for the provider's own systems; beyond 10,000 waiting ones the oldest are dropped."""
        self.waiting.setdefault(message.id, message)
        while len(self.waiting) > MOST_WAITING:
            del self.waiting[next(iter(self.waiting))]

    def expired(self, at: int) -> list[Action]:
        """Actions that have ended by ``at``, each handed out once, at most a thousand at a time; `decide` heeds them no
        more, and who asks releases them."""
        held = [self._actions.get(key) for key in self._expiry.due(at)]
        return [action for action in held if action is not None and action.until <= at]

    def referred(self, reference: str) -> str | None:
        """The account that a reference belongs to; None: none that this gateway touched or was told to touch."""
        return self._references.get(reference.strip().upper())

    # Budgets: `responses.base.Budget`

    def take(self, name: str, units: float, per_second: float, burst: float, at: int, patience: float = 0.0) -> float:
        """See `responses.base.Budget.take`."""
        return self.budgets.take(name, units, per_second, burst, at, patience)

    # What passed

    def observe(self, observed: Observed) -> None:
        """Count an exchange that ended, in its account's and its campaign's profile."""
        row, decision = observed.row, observed.decision
        touched = decision.touches
        reasoning = _count(row.get("reasoning_tokens"))
        tokens = _count(row.get("input_tokens")) + _count(row.get("output_tokens"))
        self.profiles.add(decision.account_id, tokens, reasoning, touched, decision.at)
        self._counts["exchanges"] += 1
        if touched or decision.dry:
            self._count_decision(decision)
        claim = self._claims.get(decision.account_id)
        if claim is None:
            return
        refused = decision.refuse is not None
        campaign = self._campaigns.get(claim.campaign_id)
        if campaign is None:
            if len(self._campaigns) >= MOST_CAMPAIGNS:
                oldest = min(self._campaigns, key=lambda name: self._campaigns[name].last_seen)
                del self._campaigns[oldest]
            campaign = self._campaigns[claim.campaign_id] = CampaignProfile()
        answered = not refused and _count(row.get("status") or 200) < 400
        model = row.get("model")
        hour = Hour(
            exchanges=1,
            limited=int(touched),
            refused=int(refused),
            taken=1 - claim.innocent if answered and not touched else 0.0,
            tokens=tokens,
            reasoning_tokens=reasoning,
            models={model: 1} if answered and isinstance(model, str) else {},
        )
        campaign.add(decision.at, hour)
        self._campaigns_changed.add(claim.campaign_id)

    def profile(self, account_id: str) -> Profile | None:
        """What passed of an account at this gateway; None: nothing, or forgotten."""
        return self.profiles.get(account_id)

    def figures(self) -> Mapping[str, float]:
        """Counts for metrics and for the bounds of the policy: since the gateway started (``exchanges``, ``touched``,
        ``refused``, ``waited``, ``shaped``, ``shielded``, ``watched``), and as of now (the rest)."""
        return {
            **self._counts,
            "accounts": len(self.profiles),
            "claims": len(self._claims),
            "cleared": len(self._cleared),
            "actions": len(self._actions),
            "accounts_with_actions": len(self._standing),
            "campaigns": len({claim.campaign_id for claim in list(self._claims.values())}),
            "budgets": len(self.budgets),
            "outgoing": len(self.waiting),
            "stood_down": float(self.stood_down),
        }

    def campaigns(self, at: int) -> dict[str, CampaignFigures]:
        """Every campaign with a claim that stands, or that passed in the last two weeks, as of ``at``; gateways that
        share a store are added up."""
        claims: dict[str, list[Subject]] = {}
        for claim in list(self._claims.values()):
            claims.setdefault(claim.campaign_id, []).append(claim)
        suspended: dict[str, set[str]] = {}
        for action in list(self._actions.values()):
            if action.response == "suspend" and not action.dry:
                suspended.setdefault(action.campaign_id, set()).add(action.account_id)
        figures: dict[str, CampaignFigures] = {}
        for name in [*claims, *(n for n in list(self._campaigns) if n not in claims)]:
            held = claims.get(name, [])
            own = self._campaigns.get(name)
            day, week, models = figures_of([*([own] if own else []), *self.elsewhere.get(name, [])], at)
            levels: dict[str, int] = {}
            for claim in held:
                levels[claim.level] = levels.get(claim.level, 0) + 1
            figures[name] = CampaignFigures(
                campaign_id=name,
                accounts=levels,
                new_accounts_day=sum(claim.since > at - 24 * HOUR for claim in held),
                new_accounts_hour=sum(claim.since > at - HOUR for claim in held),
                suspended=len(suspended.get(name, ())),
                first_claim=min((claim.since for claim in held), default=0),
                day=day,
                week=week,
                models=models,
            )
        return figures

    # What is kept

    def campaigns_changed(self) -> dict[str, bytes]:
        """Profiles of campaigns that changed since the last call, as the stores keep them."""
        names, self._campaigns_changed = self._campaigns_changed, set()
        return {name: msgspec.json.encode(self._campaigns[name]) for name in names if name in self._campaigns}

    def not_kept(self, names: Iterable[str]) -> None:
        """Profiles that `campaigns_changed` handed out could not be kept: hand them out again."""
        self._campaigns_changed.update(names)

    def restore_campaigns(self, kept: Iterable[tuple[str, bytes]]) -> None:
        """Take up what this gateway kept of campaigns; a broken entry is left out."""
        for name, body in kept:
            try:
                profile = msgspec.json.decode(body, type=CampaignProfile)
            except (ValueError, RecursionError):
                continue
            self._campaigns[name] = profile.joined(self._campaigns.get(name))

    def keep_all(self) -> None:
        """Hand out everything once more: the store lost its memory."""
        self.profiles.keep_all()
        self.budgets.keep_all()
        self._campaigns_changed.update(self._campaigns)

    def all_cleared(self) -> list[Cleared]:
        """Every account that a person cleared."""
        return list(self._cleared.values())

    def _strength(self, action: Action) -> int:
        response = self.responses.get(action.response)
        return -1 if response is None else response.info.strength

    def _count_decision(self, decision: Decision) -> None:
        counts = self._counts
        counts["touched"] += decision.touches
        counts["refused"] += decision.refuse is not None
        counts["waited"] += decision.wait > 0
        counts["shaped"] += decision.shape is not None
        counts["shielded"] += decision.shield is not None
        counts["watched"] += bool(decision.dry)


def _count(value: Any) -> int:
    """A count as a door tells it: whole and not negative, else 0; at most what 64 bits hold in sum."""
    return min(value, 2**40) if type(value) is int and value > 0 else 0
