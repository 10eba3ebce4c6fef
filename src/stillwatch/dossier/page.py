"""``dossier.html``: a `Dossier` as one self-contained page; the paper is the same page, laid out for print.

It loads nothing and runs nothing. Nobody is accused in it without, in the same place, the error rate and the innocent
explanations that the claim beat: `standing` makes those words for an account, the template's ``accusation`` for the
campaign.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from stillwatch.campaigns import narrative, wording
from stillwatch.campaigns.page import asset, environment, policy_hash
from stillwatch.campaigns.report import Account, Campaign, Day
from stillwatch.dossier import caveats, drawings, vocabulary
from stillwatch.dossier.record import Dossier, Exhibit
from stillwatch.sharing.atlas import ATLAS_VERSION

__all__ = ["account_order", "headline", "render_page", "standing"]

_PACKAGE = "stillwatch.dossier"
_MOST_DAYS = 40
_ID = 64
_EXHIBIT = 4_500
_MODELS = 3
_MOST_INPUTS = 400
_MOST_DECIDED = 500


class Row(NamedTuple):
    """A bar of the waterfall or of the explanations: what, drawing, nats, in words, said of it, its innocent
    reading."""

    title: str
    drawing: Markup
    figure: str
    words: str
    plain: str
    reading: str = ""


class Damage(NamedTuple):
    """A figure of damage: what, the figure, its interval in words."""

    what: str
    figure: str
    interval: str


class Period(NamedTuple):
    """A row of the timeline's table."""

    when: str
    exchanges: str
    taken: str
    sign_ups: str
    first_seen: str
    last_seen: str
    models: str


class Listed(NamedTuple):
    """An account of the annex."""

    shown: str
    standing: str
    exchanges: str
    taken: str
    first: str
    last: str


class Shown(NamedTuple):
    """An exhibit: its number, what it is, how sure its account is, its text."""

    number: int
    account: str
    standing: str
    facts: tuple[tuple[str, str], ...]
    asked: str
    answered: str


def headline(dossier: Dossier) -> str:
    """What the dossier is on; no accusation."""
    return f"Dossier on the group of accounts {wording.visible(dossier.campaign.campaign_id, limit=60)}"


def standing(account: Account) -> str:
    """How sure the claim about an account is, and which innocent explanation came closest: beside every mention."""
    if math.isfinite(account.posterior):
        sure = (
            f"accused with probability {wording.percent(account.posterior)}: about "
            f"{wording.chances(1 - account.posterior)} like it are innocent"
        )
    else:
        sure = "accused with unknown probability"
    said = f"{sure}; q-value {wording.probability(account.q_value)}. "
    rival = account.nearest_rival
    if rival is None:
        return said + "No innocent explanation was scored, so none is ruled out."
    name = wording.visible(rival.title, limit=80)
    if rival.log_odds > 0:
        return said + f"The closest innocent explanation, “{name}”, lost by {wording.odds(rival.log_odds)}."
    return said + f"The innocent explanation “{name}” was not ruled out."


def account_order(dossier: Dossier) -> tuple[tuple[Account, ...], str]:
    """The accounts that the annex lists, and words for those left out.

    Above the bound, half are those that took the most and half those of which the scan is least certain.
    """
    ranked = sorted(dossier.accounts, key=lambda account: (-account.taken, account.account_id))
    most = dossier.most_accounts
    if len(ranked) <= most:
        return tuple(ranked), ""
    half = -(-most // 2)
    doubtful = sorted(ranked[half:], key=lambda account: (account.posterior, account.account_id))[: most - half]
    kept = [*ranked[:half], *sorted(doubtful, key=lambda account: (-account.taken, account.account_id))]
    note = (
        f"{len(kept):,} of {len(ranked):,} accounts are listed here: the {half:,} that took the most, and the "
        f"{most - half:,} others of which the scan is least certain. All of them are in accounts.csv."
    )
    return tuple(kept), note


def render_page(dossier: Dossier) -> str:
    """The whole page. It holds no time of its own: the same dossier gives the same page, byte for byte."""
    campaign = dossier.campaign
    style = asset("dossier.css", _PACKAGE)
    listed, listed_note = account_order(dossier)
    return (
        environment(_PACKAGE)
        .get_template("dossier.html")
        .render(
            dossier=dossier,
            campaign=campaign,
            style=Markup(style),
            style_hash=policy_hash(style),
            name=wording.visible(campaign.campaign_id, limit=60),
            headline=headline(dossier),
            facts=_facts(dossier),
            passages={passage.name: passage for passage in narrative.campaign_passages(campaign)},
            rate=wording.error_rate(campaign.error_rate),
            innocents=narrative.innocents(campaign.expected_innocent),
            lost=_lost(campaign),
            damage=_damage(campaign),
            techniques=narrative.technique_shares(campaign),
            aims=tuple(wording.visible(aim, limit=120) for aim in campaign.aims),
            drawing=drawings.days(campaign.timeline, wording.visible(campaign.campaign_id, limit=60)),
            periods=_periods(campaign.timeline),
            story=tuple(wording.sentence(line) for line in campaign.story),
            evidence=_evidence(campaign),
            rivals=_rivals(campaign),
            performance=dossier.performance,
            look_alikes=dossier.scan.look_alikes,
            record=None if dossier.scan.judged is None else wording.record(dossier.scan.judged),
            exhibits=_exhibits(dossier),
            decided=_decided(dossier),
            decided_left_out=max(0, len(dossier.decided) - _MOST_DECIDED),
            limits=caveats.limits(dossier),
            refutation=caveats.refutation(dossier),
            vocabulary=vocabulary,
            atlas_version=ATLAS_VERSION,
            listed=tuple(_listed(account) for account in listed),
            listed_note=listed_note,
            inputs=dossier.inputs[:_MOST_INPUTS],
            inputs_left_out=len(dossier.inputs) - len(dossier.inputs[:_MOST_INPUTS]),
            words=wording,
            id_length=_ID,
        )
    )


def _facts(dossier: Dossier) -> tuple[tuple[str, str], ...]:
    read, scan = dossier.scan.input, dossier.scan
    return (
        ("Dated", f"{_moment(dossier.dated)} (the time of the scan, unless its maker gave another)"),
        ("Made by", dossier.by or "not said"),
        ("Scan", f"{_moment(scan.made_at)}, Stillwatch {wording.visible(scan.stillwatch, limit=40)}, seed {scan.seed}"),
        (
            "Log",
            f"{wording.counted(read.exchanges, 'exchange')} of {wording.counted(read.accounts, 'account')}, "
            f"{wording.period(read.first, read.last)}, from {wording.counted(read.files, 'file')} "
            f"({wording.visible(read.format, limit=120)})",
        ),
        ("Groups looked at", f"{wording.count(scan.candidates)}; the error rate is over all of them"),
    )


def _moment(at: dt.datetime) -> str:
    there = at.astimezone(dt.UTC)
    return f"{wording.date(there)}, {there:%H:%M} UTC"


def _lost(campaign: Campaign) -> tuple[str, ...]:
    """Every innocent explanation, the closest first, with the odds by which it lost, in a few words each."""
    said = []
    for rival in narrative.nearest_first(campaign.rivals):
        name = wording.visible(rival.title, limit=80)
        said.append(
            f"{name}: lost by {wording.odds(rival.log_odds)}" if rival.log_odds > 0 else f"{name}: NOT ruled out"
        )
    return tuple(said)


def _damage(campaign: Campaign) -> tuple[Damage, ...]:
    level = wording.percent(campaign.taken_level)
    low, high = _share(campaign.taken_low, campaign.taken), _share(campaign.taken_high, campaign.taken)

    def tokens(what: str, value: float) -> Damage:
        return Damage(what, wording.count(value), f"{wording.interval(value * low, value * high)} (in proportion)")

    value = campaign.value
    ends = f"{wording.money(value * low, campaign.currency)} to {wording.money(value * high, campaign.currency)}"
    return (
        Damage("Exchanges made by these accounts", wording.count(campaign.exchanges), "counted"),
        Damage(
            "Exchanges taken",
            wording.count(campaign.taken),
            f"{wording.interval(campaign.taken_low, campaign.taken_high)} ({level} interval)",
        ),
        tokens("Tokens sent with them", campaign.input_tokens),
        tokens("Tokens answered", campaign.output_tokens),
        tokens("of these, reasoning", campaign.reasoning_tokens),
        Damage("Worth at the price table", wording.money(value, campaign.currency), f"{ends} (in proportion)"),
    )


def _share(end: float, value: float) -> float:
    return end / value if value > 0 and math.isfinite(end) else 0.0


def _evidence(campaign: Campaign) -> tuple[Row, ...]:
    ranked = sorted(campaign.evidence, key=lambda item: -item.log_odds)
    total = math.fsum(item.log_odds for item in ranked if math.isfinite(item.log_odds))
    drawn = drawings.bars([item.log_odds for item in ranked], cumulative=True)
    rows = [
        Row(
            wording.visible(item.title, limit=120),
            drawing,
            wording.signed(item.log_odds),
            wording.times(item.log_odds),
            wording.sentence(item.plain),
            wording.sentence(item.innocent_reading),
        )
        for item, drawing in zip(ranked, drawn.rows, strict=True)
    ]
    return (*rows, Row("Together", Markup(""), wording.signed(total), wording.times(total), "")) if rows else ()


def _rivals(campaign: Campaign) -> tuple[Row, ...]:
    ranked = narrative.nearest_first(campaign.rivals)
    drawn = drawings.bars([rival.log_odds for rival in ranked], cumulative=False)
    return tuple(
        Row(
            wording.visible(rival.title, limit=120),
            drawing,
            wording.signed(rival.log_odds),
            f"lost by {wording.odds(rival.log_odds)}" if rival.log_odds > 0 else "not ruled out",
            wording.sentence(rival.plain),
        )
        for rival, drawing in zip(ranked, drawn.rows, strict=True)
    )


def _periods(timeline: Sequence[Day]) -> tuple[Period, ...]:
    """The days as at most about forty rows, of one day or several each."""
    days = sorted(timeline, key=lambda day: day.date)
    if not days:
        return ()
    width = -(-((days[-1].date - days[0].date).days + 1) // _MOST_DAYS)
    bins: dict[int, list[Day]] = {}
    for day in days:
        bins.setdefault((day.date - days[0].date).days // width, []).append(day)
    return tuple(_period(days[0].date + dt.timedelta(days=at * width), width, held) for at, held in bins.items())


def _period(first: dt.date, width: int, days: Sequence[Day]) -> Period:
    used: dict[str, int] = {}
    for day in days:
        for model, number in day.exchanges.items():
            used[model] = used.get(model, 0) + number
    ranked = sorted(used, key=lambda model: (-used[model], model))
    named = [f"{wording.visible(model, limit=40)} ({used[model]:,})" for model in ranked[:_MODELS]]
    if len(ranked) > _MODELS:
        named.append(f"{len(ranked) - _MODELS:,} more")
    last = first + dt.timedelta(days=width - 1)
    return Period(
        when=first.isoformat() if width == 1 else f"{first.isoformat()} to {last.isoformat()}",
        exchanges=wording.count(sum(used.values())),
        taken=wording.count(sum(day.taken for day in days)),
        sign_ups=wording.count(sum(day.sign_ups for day in days)),
        first_seen=wording.count(sum(day.first_seen for day in days)),
        last_seen=wording.count(sum(day.last_seen for day in days)),
        models=", ".join(named) or "none",
    )


def _listed(account: Account) -> Listed:
    return Listed(
        shown=wording.visible(account.account_id, limit=_ID),
        standing=standing(account),
        exchanges=wording.count(account.exchanges),
        taken=wording.count(account.taken),
        first=account.first_seen.date().isoformat(),
        last=account.last_seen.date().isoformat(),
    )


def _exhibits(dossier: Dossier) -> tuple[Shown, ...]:
    held = {account.account_id: account for account in dossier.accounts}
    return tuple(_shown(number, exhibit, held) for number, exhibit in enumerate(dossier.exhibits, 1))


def _shown(number: int, exhibit: Exhibit, held: dict[str, Account]) -> Shown:
    account = held.get(exhibit.account_id)
    return Shown(
        number=number,
        account=wording.visible(exhibit.account_id, limit=_ID),
        standing="not accused" if account is None else standing(account),
        facts=(
            ("Exchange", wording.visible(exhibit.exchange_id, limit=_ID)),
            ("Time", _moment(exhibit.at)),
            ("Technique", wording.technique(exhibit.technique)),
            ("Probability of having been taken", wording.percent(exhibit.taken)),
            ("Length", wording.counted(exhibit.characters, "character")),
            ("SHA-256 of the whole text", exhibit.sha256),
        ),
        asked=wording.visible(exhibit.asked, limit=_EXHIBIT, lines=True) if exhibit.asked else "(nothing)",
        answered=wording.visible(exhibit.answered, limit=_EXHIBIT, lines=True) if exhibit.answered else "(nothing)",
    )


def _decided(dossier: Dossier) -> tuple[dict[str, Any], ...]:
    """People's decisions; one about an accused account has its standing beside it."""
    held = {account.account_id: account for account in dossier.accounts}
    return tuple(
        {
            "at": wording.visible(each.at, limit=40),
            "by": wording.visible(each.by, limit=120),
            "what": wording.visible(each.what, limit=160),
            "about": wording.visible(each.about, limit=_ID),
            "why": wording.visible(each.why, limit=1_000),
            "standing": standing(held[each.about]) if each.about in held else "",
        }
        for each in dossier.decided[-_MOST_DECIDED:]
    )
