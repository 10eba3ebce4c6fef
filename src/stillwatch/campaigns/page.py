"""``report.html``: a `Report` as one self-contained page, for an executive at the top and an analyst below.

The page loads nothing: its style and its script are inline, and its content-security policy names both by
hash and forbids all else. It reads the same without script; sorting and filtering are all that script adds.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from importlib import resources

import jinja2
import msgspec
from markupsafe import Markup

from stillwatch.campaigns import narrative, wording
from stillwatch.campaigns.narrative import Passage
from stillwatch.campaigns.plots import artefacts, scales
from stillwatch.campaigns.plots.timeline import Timeline, timeline
from stillwatch.campaigns.report import Account, Campaign, Evidence, LookAlike, Report, Sample

FULL_CAMPAIGNS = 24
ROWS_PER_PAGE = 1_500
ROWS_PER_CAMPAIGN = 300
FEWEST_ROWS = 40
REVIEW_ROWS = 200
SAMPLES_PER_CAMPAIGN = 20
SAMPLE_LENGTH = 2_000
_REJECTS = 100


class AccountRow(msgspec.Struct, frozen=True):
    """An account as a table's row: words for its cells and numbers for sorting."""

    shown: str
    verdict: str
    posterior: str
    posterior_number: float
    q: str
    q_number: float
    exchanges: str
    exchanges_number: int
    taken: str
    taken_number: float
    first: str
    last: str
    rival: str
    evidence: str
    passages: tuple[Passage, ...] = ()


class CampaignView(msgspec.Struct, frozen=True):
    """All that the page shows of one campaign; ``passages`` are its sentences by name."""

    anchor: str
    name: str
    raw: Campaign
    passages: dict[str, Passage]
    techniques: tuple[tuple[str, str, str, float], ...]
    aims: tuple[str, ...]
    timeline: Timeline | None
    picture: artefacts.Picture
    evidence_axis: Markup
    evidence: tuple[scales.Bar, ...]
    rival_axis: Markup
    rivals: tuple[scales.Bar, ...]
    rows: tuple[AccountRow, ...]
    row_note: str
    samples: tuple[Sample, ...]
    samples_left_out: int


def render_page(report: Report) -> str:
    """The whole page. It holds no time of its own: the same report gives the same page, byte for byte."""
    campaigns = (*narrative.accused(report), *narrative.doubtful(report))
    by_campaign: dict[str, list[Account]] = {}
    for account in report.accounts:
        if account.campaign_id is not None and account.verdict == "campaign":
            by_campaign.setdefault(account.campaign_id, []).append(account)
    full = campaigns[:FULL_CAMPAIGNS]
    cap = max(FEWEST_ROWS, min(ROWS_PER_CAMPAIGN, ROWS_PER_PAGE // max(len(full), 1)))
    views = tuple(
        _campaign_view(campaign, by_campaign.get(campaign.campaign_id, []), place + 1, cap)
        for place, campaign in enumerate(full)
    )
    style, script = asset("style.css"), asset("script.js")
    axis, kinds = scales.interval_rows(report.look_alikes)
    review = _review(report)
    waiting = sum(account.verdict == "review" for account in report.accounts)
    return (
        environment()
        .get_template("page.html")
        .render(
            report=report,
            style=Markup(style),
            script=Markup(script),
            style_hash=policy_hash(style),
            script_hash=policy_hash(script),
            headline=narrative.headline(report),
            figures=_figures(report),
            certainty=narrative.certainty(report),
            steps=narrative.next_steps(report),
            views=views,
            others=campaigns[FULL_CAMPAIGNS:],
            review=review,
            review_total=waiting,
            kind_axis=axis,
            kinds=kinds,
            kind_notes=_kind_notes(report.look_alikes),
            rate=wording.error_rate(report.error_rate),
            privacy=narrative.privacy(report),
            rejects=report.input.rejected[:_REJECTS],
            rejects_total=sum(reject.count for reject in report.input.rejected),
            words=wording,
            sample_length=SAMPLE_LENGTH,
            innocents=narrative.innocents,
            record="" if report.judged is msgspec.UNSET else wording.record(report.judged),
        )
    )


def _figures(report: Report) -> tuple[tuple[str, str, str], ...]:
    """The four figures at the top: (what, figure, what it rests on); none without a campaign."""
    campaigns = narrative.accused(report)
    if not campaigns:
        return ()
    low, high = (sum(getattr(c, name) for c in campaigns) for name in ("taken_low", "taken_high"))
    level = wording.percent(min(campaign.taken_level for campaign in campaigns))
    joint = f"{level} interval" if len(campaigns) == 1 else f"the campaigns' {level} intervals, added"
    values: dict[str, float] = {}
    for campaign in campaigns:
        values[campaign.currency] = values.get(campaign.currency, 0.0) + campaign.value
    accounts = sum(campaign.accounts for campaign in campaigns)
    innocent = sum(campaign.expected_innocent for campaign in campaigns)
    money = " + ".join(wording.money(value, currency) for currency, value in sorted(values.items()))
    reasoning = sum(campaign.reasoning_tokens for campaign in campaigns)
    return (
        (
            "Exchanges taken",
            wording.count(sum(campaign.taken for campaign in campaigns)),
            f"{wording.interval(low, high)} ({joint})",
        ),
        ("Accounts accused", wording.count(accounts), f"of {wording.count(report.input.accounts)} in the log"),
        ("Worth", money, f"at the price table; {wording.count(reasoning)} reasoning tokens"),
        (
            "Innocent among them",
            "fewer than 1" if innocent < 0.95 else f"about {wording.count(innocent)}",
            "expected number; nobody can say which",
        ),
    )


def _campaign_view(campaign: Campaign, accounts: list[Account], place: int, cap: int) -> CampaignView:
    name = wording.visible(campaign.campaign_id, limit=60)
    rival_axis, rivals = scales.rival_bars(narrative.nearest_first(campaign.rivals))
    evidence = sorted(campaign.evidence, key=lambda item: -item.log_odds)
    evidence_axis, bars = scales.waterfall(evidence)
    chosen, note = _chosen(accounts, cap)
    return CampaignView(
        anchor=f"campaign-{place}",
        name=name,
        raw=campaign,
        passages={passage.name: passage for passage in narrative.campaign_passages(campaign)},
        techniques=tuple(
            (title, wording.count(value), wording.percent(share), share)
            for title, value, share in narrative.technique_shares(campaign)
        ),
        aims=tuple(wording.visible(aim, limit=120) for aim in campaign.aims),
        timeline=timeline(campaign.timeline, name),
        picture=artefacts.picture(campaign.artefacts, campaign.members),
        evidence_axis=evidence_axis,
        evidence=bars,
        rival_axis=rival_axis,
        rivals=rivals,
        rows=tuple(_row(account) for account in chosen),
        row_note=note,
        samples=campaign.samples[:SAMPLES_PER_CAMPAIGN],
        samples_left_out=max(0, len(campaign.samples) - SAMPLES_PER_CAMPAIGN),
    )


def _chosen(accounts: list[Account], cap: int) -> tuple[list[Account], str]:
    """The accounts whose rows are drawn, the most taken first, and words for those left out.

    Of a group above ``cap``, half are the accounts that took the most and half those that are the least certain,
    because these two are what an analyst looks for.
    """
    ranked = sorted(accounts, key=lambda account: (-account.taken, account.account_id))
    if len(ranked) <= cap:
        return ranked, ""
    half = cap // 2
    doubtful = sorted(ranked[half:], key=lambda account: (account.posterior, account.account_id))[: cap - half]
    kept = [*ranked[:half], *sorted(doubtful, key=lambda account: (-account.taken, account.account_id))]
    note = (
        f"{wording.count(len(kept))} of {wording.count(len(ranked))} accounts are listed here: the {half:,} that took "
        f"the most and the {cap - half:,} others of which the scan is least certain. "
        "All of them are in accounts.parquet."
    )
    return kept, note


def _row(account: Account, passages: tuple[Passage, ...] = ()) -> AccountRow:
    rival = account.nearest_rival
    return AccountRow(
        shown=wording.visible(account.account_id, limit=48),
        verdict=account.verdict,
        posterior=wording.percent(account.posterior),
        posterior_number=account.posterior,
        q=wording.probability(account.q_value),
        q_number=account.q_value,
        exchanges=wording.count(account.exchanges),
        exchanges_number=account.exchanges,
        taken=wording.count(account.taken),
        taken_number=account.taken,
        first=account.first_seen.date().isoformat(),
        last=account.last_seen.date().isoformat(),
        rival="none scored"
        if rival is None
        else f"{wording.visible(rival.title, limit=60)} ({wording.signed(rival.log_odds)})",
        evidence=_strongest(account.evidence),
        passages=passages,
    )


def _strongest(evidence: Sequence[Evidence]) -> str:
    ranked = sorted(evidence, key=lambda item: (-abs(item.log_odds), item.name))
    named = [f"{wording.visible(item.title, limit=60)} {wording.signed(item.log_odds)}" for item in ranked[:3]]
    return "; ".join(named) or "none recorded"


def _review(report: Report) -> tuple[AccountRow, ...]:
    held = {campaign.campaign_id: campaign for campaign in report.campaigns}
    waiting = [account for account in report.accounts if account.verdict == "review"]
    waiting.sort(key=lambda account: (-account.posterior, account.account_id))
    return tuple(
        _row(account, narrative.account_passages(account, held.get(account.campaign_id or "")))
        for account in waiting[:REVIEW_ROWS]
    )


def _kind_notes(kinds: Sequence[LookAlike]) -> tuple[str, ...]:
    """Which kind of innocent stands out, if its interval lies wholly above that of another."""
    if len(kinds) < 2:
        return ()
    lowest = min(kinds, key=lambda kind: kind.high)
    standing = [kind for kind in kinds if kind.low > lowest.high]
    if not standing:
        return ("No kind stands out: all the intervals overlap.",)
    names = wording.listed([wording.visible(kind.title, limit=60) for kind in standing])
    return (f"Falsely accused more often than “{wording.visible(lowest.title, limit=60)}”: {names}.",)


@functools.cache
def environment(*packages: str) -> jinja2.Environment:
    """Where pages are rendered: templates of ``packages``, then those here; all that is filled in is escaped."""
    loaders = [jinja2.PackageLoader(package) for package in (*packages, "stillwatch.campaigns")]
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = wording.visible
    return made


@functools.cache
def asset(name: str, package: str = "stillwatch.campaigns") -> str:
    """A style sheet or script that stands among the templates of ``package``."""
    return resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")


def policy_hash(text: str) -> str:
    """How a page's policy names the style sheet or script ``text``."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
