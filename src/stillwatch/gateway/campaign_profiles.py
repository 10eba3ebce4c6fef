"""What passed of each campaign, hour by hour: what alerts, metrics and estimates of damage are read from.

Hours are of UTC, kept for two weeks; every number is a sum over exchanges, so gateways add theirs up.
"""

from __future__ import annotations

import msgspec

__all__ = ["HOUR", "CampaignFigures", "CampaignProfile", "Hour", "figures_of"]

HOUR = 3600 * 1_000_000
KEPT_HOURS = 14 * 24
MOST_MODELS = 16


class Hour(msgspec.Struct, gc=False):
    """One hour of one campaign. ``taken`` is the expected number of exchanges that were answered in full to accounts
    that do take part: the sum of their probabilities; ``limited`` counts those treated other than everybody's, the
    ``refused`` among them; ``models`` those answered, by model."""

    exchanges: int = 0
    limited: int = 0
    refused: int = 0
    taken: float = 0.0
    tokens: int = 0
    reasoning_tokens: int = 0
    models: dict[str, int] = {}


class CampaignProfile(msgspec.Struct):
    """Hours by number since 1970. ``first_seen`` and ``last_seen`` in microseconds, 0 before the first exchange."""

    hours: dict[int, Hour] = {}
    first_seen: int = 0
    last_seen: int = 0

    def add(self, at: int, hour: Hour) -> None:
        """Add what happened at ``at``."""
        number = at // HOUR
        into = self.hours.get(number)
        if into is None:
            if len(self.hours) >= KEPT_HOURS:
                newest = max(number, max(self.hours))
                self.hours = {n: h for n, h in self.hours.items() if newest - KEPT_HOURS < n <= newest}
            into = self.hours[number] = Hour()
        _merge(into, hour)
        self.first_seen = min(self.first_seen or at, at)
        self.last_seen = max(self.last_seen, at)

    def joined(self, other: CampaignProfile | None) -> CampaignProfile:
        """This one with all that ``other`` counted."""
        for number, hour in other.hours.items() if other is not None else ():
            self.add(number * HOUR, hour)
        if other is not None and other.first_seen:
            self.first_seen = min(self.first_seen or other.first_seen, other.first_seen)
            self.last_seen = max(self.last_seen, other.last_seen)
        return self


class CampaignFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as of now. Of its accounts: how many claims of each level stand, how many were first made within the
    last day and the last hour, how many are suspended. ``day`` and ``week`` sum the hours (the running one included);
    ``models`` gives for each hour of the last two days the exchanges by model; ``taken_per_day`` is the expected
    number of exchanges that still reach it, over the last 24 hours."""

    campaign_id: str
    accounts: dict[str, int]
    new_accounts_day: int
    new_accounts_hour: int
    suspended: int
    first_claim: int
    day: Hour
    week: Hour
    models: dict[int, dict[str, int]]

    @property
    def taken_per_day(self) -> float:
        """Expected exchanges that were answered in full to accounts that take part, over the last 24 hours."""
        return self.day.taken

    @property
    def reasoning_share(self) -> float:
        """Share of the last day's tokens that were reasoning; 0 where there were none."""
        return self.day.reasoning_tokens / self.day.tokens if self.day.tokens else 0.0


def figures_of(profiles: list[CampaignProfile], at: int) -> tuple[Hour, Hour, dict[int, dict[str, int]]]:
    """The last day, the last week, and models by hour over two days, summed over the gateways' ``profiles``."""
    now = at // HOUR
    day, week = Hour(), Hour()
    models: dict[int, dict[str, int]] = {}
    for profile in profiles:
        for number, hour in list(profile.hours.items()):
            age = now - number
            if age < 0 or age >= 7 * 24:
                continue
            _merge(week, hour)
            if age < 24:
                _merge(day, hour)
            if age < 48:
                counts = models.setdefault(number, {})
                for model, count in hour.models.items():
                    counts[model] = counts.get(model, 0) + count
    return day, week, models


def _merge(into: Hour, hour: Hour) -> None:
    into.exchanges += hour.exchanges
    into.limited += hour.limited
    into.refused += hour.refused
    into.taken += hour.taken
    into.tokens += hour.tokens
    into.reasoning_tokens += hour.reasoning_tokens
    for model, count in hour.models.items():
        if model in into.models or len(into.models) < MOST_MODELS:
            into.models[model] = into.models.get(model, 0) + count
