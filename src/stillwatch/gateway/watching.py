"""What a person should be told: figures of the gateway over time become alerts. Without input or output.

Each thing is told once, and again only where it has become worse by a step (more severe, half as many accounts again,
twice as many newcomers). A thing that ended is forgotten, so that it is told anew when it comes back. What was told is
kept by the caller (`Memory`), so that a restart tells nothing twice.

The steps are rules, not tests: they decide when somebody looks, and touch nobody.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from stillwatch.gateway.alerts.base import Alert, Kind, Severity
from stillwatch.gateway.campaign_profiles import HOUR, CampaignFigures

__all__ = ["Memory", "Sight", "Told", "Watcher"]

DAY = 24 * HOUR
GROWN, LEAST_JOINED = 1.5, 5
"""A campaign is growing when it has half as many accounts again as when it was last told of, and five more."""
AFTER_SUSPENSION = 14 * DAY
RECENT_HOURS, EARLIER_HOURS, LEAST_EXCHANGES = 6, 42, 20
SWITCHED_TO, HARDLY_USED = 0.5, 0.05
"""A switch: of the last six hours' exchanges half on a model that had less than a twentieth of the 42 hours before."""
RISEN, LEAST_REASONING = 1.5, 10_000
"""Reasoning rises when its share of a day's tokens is half as large again as over the six days before."""
APPEALS_APART, OVERDUE = HOUR // 4, DAY
MOST_TOLD = 5_000
LEVELS = ("review", "campaign", "confirmed")


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to see at ``at`` (microseconds). ``stood_down`` is the reason, "" where the gateway acts;
    ``appeals`` when each appeal that waits was made."""

    at: int
    campaigns: Mapping[str, CampaignFigures] = {}
    stood_down: str = ""
    switched_off: bool = False
    store_down: bool = False
    appeals: tuple[int, ...] = ()


class Told(msgspec.Struct):
    """How far a thing was told: at which step, when it was first and last told, and the figure it is compared with."""

    step: int = 0
    first: int = 0
    last: int = 0
    base: float = 0.0


class Memory(msgspec.Struct):
    """What was told, by thing. Kept as JSON by whoever runs a `Watcher`; bounded to 5,000 things."""

    things: dict[str, Told] = {}


class _Finding(NamedTuple):
    """Something that is so now: how bad (``step``, from 1), and its words. ``which`` tells two of one kind apart."""

    kind: Kind
    step: int
    severity: Severity
    summary: str
    facts: Mapping[str, object]
    campaign_id: str = ""
    which: str = ""


class Watcher:
    """Give it each `Sight`, in order of time; it returns what has to be told now."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = Memory(things={}) if memory is None else memory

    def see(self, sight: Sight) -> list[Alert]:
        """The alerts that are due, those of the gateway itself first. No campaign and nothing wrong: none."""
        alerts = []
        for finding in [*self._own(sight), *self._campaigns(sight)]:
            alert = self._tell(finding, sight.at)
            if alert is not None:
                alerts.append(alert)
        things = self.memory.things
        for old in sorted(things, key=lambda name: things[name].last)[: max(len(things) - MOST_TOLD, 0)]:
            del things[old]
        return alerts

    def heard(self, alert: Alert) -> None:
        """Somebody else told ``alert`` of the gateway itself: it is not told again while it lasts."""
        if not alert.campaign_id:
            told = self._thing(alert.kind)
            told.step, told.first, told.last = max(told.step, 1), told.first or alert.at, alert.at

    def _tell(self, finding: _Finding, at: int) -> Alert | None:
        told = self._thing(finding.kind, finding.campaign_id, finding.which)
        if finding.step <= told.step:
            return None
        told.step, told.first, told.last = finding.step, told.first or at, at
        name = f"{finding.kind}:{finding.campaign_id}:{finding.which}:{finding.step}:{told.first}"
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        return Alert(
            id=f"{finding.kind}-{digest}",
            kind=finding.kind,
            at=at,
            severity=finding.severity,
            summary=finding.summary,
            campaign_id=finding.campaign_id,
            facts=dict(finding.facts),
        )

    def _thing(self, kind: str, campaign_id: str = "", which: str = "") -> Told:
        return self.memory.things.setdefault(f"{kind}:{campaign_id}:{which}", Told())

    def _forget(self, kind: str, campaign_id: str = "", which: str = "") -> None:
        self.memory.things.pop(f"{kind}:{campaign_id}:{which}", None)

    # The gateway itself

    def _own(self, sight: Sight) -> Iterator[_Finding]:
        if sight.stood_down:
            words = "The gateway stood down: it only watches until a person says otherwise."
            yield _Finding("stood_down", 1, "critical", words, {"reason": sight.stood_down})
        else:
            self._forget("stood_down")
        if sight.switched_off:
            yield _Finding("switched_off", 1, "warning", "The gateway is switched off: it decides nothing.", {})
        else:
            self._forget("switched_off")
        if sight.store_down:
            words = "The gateway's store cannot be reached: it goes on with what it knows."
            yield _Finding("store_down", 1, "critical", words, {})
        else:
            self._forget("store_down")
        yield from self._appeals(sight)

    def _appeals(self, sight: Sight) -> Iterator[_Finding]:
        if not sight.appeals:
            self._forget("appeal_waiting")
            self._forget("appeal_waiting", which="overdue")
            return
        oldest, newest, told = min(sight.appeals), max(sight.appeals), self._thing("appeal_waiting")
        facts = {"appeals": len(sight.appeals), "oldest_hours": round((sight.at - oldest) / HOUR, 1)}
        if newest > told.base and sight.at - told.last >= APPEALS_APART:
            told.base = float(newest)
            words = f"{_count(len(sight.appeals), 'appeal waits', 'appeals wait')} for a person to look."
            yield _Finding("appeal_waiting", told.step + 1, "info", words, facts)
        if sight.at - oldest < OVERDUE:
            self._forget("appeal_waiting", which="overdue")
        else:
            words = "An appeal has waited for more than a day."
            yield _Finding("appeal_waiting", 1, "warning", words, facts, which="overdue")

    # Campaigns

    def _campaigns(self, sight: Sight) -> Iterator[_Finding]:
        for campaign in sight.campaigns.values():
            accounts = sum(campaign.accounts.values())
            if accounts:
                yield from self._new(campaign, accounts)
                yield from self._growing(campaign, accounts)
                yield from self._replaced(campaign, accounts, sight.at)
            yield from _switched(campaign, sight.at)
            yield from self._reasoning(campaign)

    def _new(self, campaign: CampaignFigures, accounts: int) -> Iterator[_Finding]:
        step = max((LEVELS.index(level) + 1 for level in campaign.accounts if level in LEVELS), default=0)
        count = _count(accounts, "account", "accounts")
        words = {
            1: f"A group of {count} should be looked at.",
            2: f"A scan accuses a campaign of {count}.",
            3: f"A person confirmed a campaign of {count}.",
        }
        if step:
            facts = {"accounts": accounts, "taken_per_day": round(campaign.taken_per_day, 1)}
            severity: Severity = "info" if step == 1 else "warning"
            yield _Finding("new_campaign", step, severity, words[step], facts, campaign.campaign_id)

    def _growing(self, campaign: CampaignFigures, accounts: int) -> Iterator[_Finding]:
        told = self._thing("campaign_growing", campaign.campaign_id)
        if not told.base:
            told.base = float(accounts)
        elif accounts >= told.base * GROWN and accounts - told.base >= LEAST_JOINED:
            facts = {"accounts": accounts, "before": int(told.base), "new_accounts_day": campaign.new_accounts_day}
            words = f"A campaign grew from {int(told.base)} to {accounts} accounts."
            told.base = float(accounts)
            yield _Finding("campaign_growing", told.step + 1, "warning", words, facts, campaign.campaign_id)

    def _replaced(self, campaign: CampaignFigures, accounts: int, at: int) -> Iterator[_Finding]:
        """Newcomers since accounts of it were suspended. ``told.base``: how many it had then; ``seen.base``:
        how many are suspended."""
        seen = self._thing("suspended", campaign.campaign_id)
        told = self._thing("replacement_accounts", campaign.campaign_id)
        if campaign.suspended > seen.base:
            if not seen.base or at - seen.last > AFTER_SUSPENSION:  # a wave of suspensions begins
                told.base, told.step, told.first = float(accounts), 0, 0
            seen.base, seen.last = float(campaign.suspended), at
        if not campaign.suspended:
            self._forget("suspended", campaign.campaign_id)
            self._forget("replacement_accounts", campaign.campaign_id)
            return
        joined = accounts - int(told.base)
        if joined >= 1 and at - seen.last <= AFTER_SUSPENSION:
            severity: Severity = "critical" if 2 * joined >= campaign.suspended else "warning"
            words = f"{_count(joined, 'account', 'accounts')} joined a campaign after accounts of it were suspended."
            facts = {"joined": joined, "suspended": campaign.suspended}
            step = joined.bit_length()
            yield _Finding("replacement_accounts", step, severity, words, facts, campaign.campaign_id)

    def _reasoning(self, campaign: CampaignFigures) -> Iterator[_Finding]:
        day, week = campaign.day, campaign.week
        tokens, reasoning = week.tokens - day.tokens, week.reasoning_tokens - day.reasoning_tokens
        if min(day.tokens, tokens) <= 0 or day.reasoning_tokens < LEAST_REASONING or reasoning <= 0:
            return
        share, before = day.reasoning_tokens / day.tokens, reasoning / tokens
        if share < RISEN * before:
            self._forget("reasoning_extraction_rising", campaign.campaign_id)
            return
        step = int(math.log(share / before, RISEN) + 1e-9)
        facts = {"share": round(share, 3), "before": round(before, 3), "reasoning_tokens_day": day.reasoning_tokens}
        words = f"A campaign draws more reasoning: {share:.0%} of its tokens, {before:.0%} over the days before."
        name = campaign.campaign_id
        yield _Finding("reasoning_extraction_rising", step, "warning", words, facts, name)


def _switched(campaign: CampaignFigures, at: int) -> Iterator[_Finding]:
    """Each model that most of a campaign moved to within hours."""
    now = at // HOUR
    recent: dict[str, int] = {}
    earlier: dict[str, int] = {}
    for hour, models in campaign.models.items():
        into = recent if now - hour < RECENT_HOURS else earlier
        if 0 <= now - hour < RECENT_HOURS + EARLIER_HOURS:
            for model, count in models.items():
                into[model] = into.get(model, 0) + count
    total, before = sum(recent.values()), sum(earlier.values())
    if min(total, before) < LEAST_EXCHANGES:
        return
    for model, count in recent.items():
        if count >= SWITCHED_TO * total and earlier.get(model, 0) < HARDLY_USED * before:
            facts = {"model": model, "share": round(count / total, 3), "exchanges": count}
            words = "A campaign moved to another model within hours."
            yield _Finding("model_switch", 1, "warning", words, facts, campaign.campaign_id, which=model)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
