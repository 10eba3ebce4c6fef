"""An accusation as every page shows it: who, at which error rate, and against which innocent explanations.

There is no other way to a page: whoever is shown as accused is shown with these.
"""

from __future__ import annotations

import functools
import math

import msgspec

from stillwatch.campaigns import narrative, wording
from stillwatch.campaigns.report import Campaign, Rival
from stillwatch.console.reading.addresses import account_path, campaign_path

__all__ = ["Accused", "accused_account", "accused_campaign"]

NONE_SCORED = "No innocent explanation was scored, so none is ruled out."


class Accused(msgspec.Struct, frozen=True):
    """Somebody as a page names them. ``kind`` is ``campaign`` or ``account``; ``rate`` the error rate in words;
    ``closest`` the innocent explanation that came closest, with what became of it; ``ruled_out`` all that lost, the
    closest first, ``standing`` those that did not lose."""

    kind: str
    name: str
    path: str
    verdict: str
    rate: str
    closest: str
    ruled_out: tuple[str, ...]
    standing: tuple[str, ...]


def accused_campaign(campaign: Campaign) -> Accused:
    """A campaign, or a group under review (which is not accused, and says so by its verdict)."""
    expected = narrative.innocents(campaign.expected_innocent)
    rate = (
        f"q-value {wording.probability(campaign.q_value)}; of its {wording.counted(campaign.accounts, 'account')} "
        f"{expected} expected to be innocent"
    )
    closest, ruled_out, standing = explanations(campaign.rivals)
    return Accused(
        kind="campaign",
        name=wording.visible(campaign.campaign_id, limit=60),
        path=campaign_path(campaign.campaign_id),
        verdict=campaign.verdict,
        rate=rate,
        closest=closest,
        ruled_out=ruled_out,
        standing=standing,
    )


def accused_account(
    account_id: str, verdict: str, q_value: float, posterior: float | None, campaign: Campaign | None
) -> Accused:
    """An account of ``campaign`` (None: of none): its own error rate, and the explanations scored for its group."""
    innocent = 1 - posterior if posterior is not None and math.isfinite(posterior) else math.nan
    rate = f"q-value {wording.probability(q_value)}; {wording.chances(innocent)} like it expected to be innocent"
    closest, ruled_out, standing = explanations(() if campaign is None else campaign.rivals)
    if campaign is None:
        rate, closest = f"q-value {wording.probability(q_value)}", "none needed, it is in no group"
    return Accused(
        kind="account",
        name=wording.visible(account_id, limit=48),
        path=account_path(account_id),
        verdict=verdict,
        rate=rate,
        closest=closest,
        ruled_out=ruled_out,
        standing=standing,
    )


@functools.lru_cache(maxsize=4_096)
def explanations(rivals: tuple[Rival, ...]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The closest explanation in one sentence, those that lost, and those that did not. Kept, for lists ask a hundred
    times for those of one group."""
    ranked = narrative.nearest_first(rivals)
    if not ranked:
        return NONE_SCORED, (), ()
    told = [f"{wording.visible(rival.title, limit=120)}: {_outcome(rival)}" for rival in ranked]
    lost = tuple(text for rival, text in zip(ranked, told, strict=True) if rival.log_odds > 0)
    standing = tuple(text for rival, text in zip(ranked, told, strict=True) if not rival.log_odds > 0)
    return told[0], lost, standing


def _outcome(rival: Rival) -> str:
    return f"lost by {wording.odds(rival.log_odds)}" if rival.log_odds > 0 else "not ruled out"
