"""What stands beside every accusation, whatever carries it: how often it errs, and what it was weighed against."""

from __future__ import annotations

import datetime as dt

from stillwatch.campaigns.explanations import rival_words
from stillwatch.sharing.bulletin import Bulletin, CampaignFacts, Range

__all__ = ["doubt", "error_rate_words", "expiry_words", "in_utc", "percent", "range_words", "rivals_words"]


def doubt(campaign: CampaignFacts) -> float | None:
    """The share of innocents that must be reckoned with, the largest of four figures; None: none was measured.

    They are: what the threshold allows, what is expected in this campaign, the share of wrong ones among campaigns that
    stand as firmly, and 1/(draws + 1), below which so many draws can show nothing.
    """
    rate = campaign.error_rate
    if rate.draws == 0:
        return None
    return max(rate.level, rate.innocent, campaign.q_value, 1 / (rate.draws + 1))


def percent(share: float) -> str:
    """A share as a percentage, three digits at most."""
    return f"{100 * share:.3g} %"


def range_words(counts: Range) -> str:
    """``100 to 199``, or ``1000 or more``."""
    return f"{counts.low} or more" if counts.high is None else f"{counts.low} to {counts.high}"


def in_utc(moment: dt.datetime) -> dt.datetime:
    """``moment`` in UTC; one without a zone is in UTC already."""
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def error_rate_words(campaign: CampaignFacts) -> str:
    """How often such an accusation is wrong, in plain sentences."""
    rate = campaign.error_rate
    if rate.draws == 0:
        return "No error rate was measured: this is a lead, not a finding."
    return (
        f"At most {percent(rate.level)} of the accounts accused at this threshold are expected to be innocent, as "
        f"measured on {rate.draws} groups of innocent accounts; of this campaign's accounts {percent(rate.innocent)} "
        f"are. Among campaigns that stand as firmly at most {percent(campaign.q_value)} are wrong."
    )


def rivals_words(campaign: CampaignFacts) -> str:
    """Which innocent explanations it was weighed against, in one sentence."""
    if not campaign.rivals:
        return "No innocent explanation was weighed against it."
    beaten = "; ".join(f"{rival_words(rival.name).title} (by {rival.nats:.3g} nats)" for rival in campaign.rivals)
    return f"Innocent explanations that it beat: {beaten}."


def expiry_words(bulletin: Bulletin) -> str:
    """Until when it may be used, and how few accounts stand behind any figure."""
    return (
        f"Not to be used after {bulletin.expires.isoformat()}. Every figure and indicator rests on {bulletin.k} "
        "accounts or more."
    )
