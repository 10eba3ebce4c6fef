"""``/campaigns/{campaign}``: one group's story, damage, days, ties, evidence and rivals, and its text on request."""

from __future__ import annotations

from collections.abc import Mapping

from stillwatch.campaigns import narrative, wording
from stillwatch.campaigns.plots import scales
from stillwatch.campaigns.plots.timeline import timeline
from stillwatch.console.page import Page, Role, Shown, Visit
from stillwatch.console.pages.campaign_accounts import asked_group
from stillwatch.console.pages.decided import decide_path, decisions_about
from stillwatch.console.pages.graph import graph_values
from stillwatch.console.reading import Run
from stillwatch.console.reading.addresses import campaign_path
from stillwatch.console.reading.graph import Focus
from stillwatch.console.reading.groups import Group
from stillwatch.console.reading.lists import rows_of
from stillwatch.console.reading.tables import Wanted
from stillwatch.errors import UsageError

__all__ = ["PAGE"]

FIRST = 10
SAMPLE_LENGTH = 4_000
SHORTEST_REASON, LONGEST_REASON = 10, 500


def show(visit: Visit) -> Shown:
    """The page."""
    run: Run = visit.run
    group = asked_group(visit)
    campaign = group.campaign
    name = wording.visible(campaign.campaign_id, limit=60)
    rival_axis, rivals = scales.rival_bars(narrative.nearest_first(campaign.rivals))
    evidence_axis, evidence = scales.waterfall(sorted(campaign.evidence, key=lambda item: -item.log_odds))
    first = run.accounts.page(Wanted(), group.rows).rows[:FIRST]
    return Shown(
        "campaign.html",
        {
            "accused": run.accusation_of_group(group),
            "raw": campaign,
            "passages": {passage.name: passage for passage in narrative.campaign_passages(campaign)},
            "techniques": _techniques(group),
            "aims": [wording.visible(aim, limit=120) for aim in campaign.aims],
            "timeline": timeline(campaign.timeline, name),
            "evidence_axis": evidence_axis,
            "evidence": evidence,
            "rival_axis": rival_axis,
            "rivals": rivals,
            "rows": list(rows_of(run, first)),
            "list": campaign_path(campaign.campaign_id, "/accounts"),
            "picture_page": campaign_path(campaign.campaign_id, "/graph"),
            "samples": len(campaign.samples),
            "ask": campaign_path(campaign.campaign_id, "/samples"),
            "may_look": visit.person.role >= Role.ANALYST,
            "shortest": SHORTEST_REASON,
            "longest": LONGEST_REASON,
            "decide": decide_path(visit, "campaign", group.key),
            "decided": decisions_about(visit, run.ids(group).to_list()),
            "dossier": campaign_path(campaign.campaign_id, "/dossier")
            if visit.person.role >= Role.APPROVER and campaign.verdict == "campaign"
            else "",
            "tables_open": False,
            **graph_values(run, group, Focus()),
        },
    )


def _techniques(group: Group) -> list[Mapping[str, object]]:
    return [
        {"title": title, "exchanges": wording.count(value), "share": wording.percent(share), "of": share}
        for title, value, share in narrative.technique_shares(group.campaign)
    ]


def look(visit: Visit) -> Shown:
    """Text of the group's exchanges, for one look: who looks says why, and both stand in the audit log first."""
    run: Run = visit.run
    group = asked_group(visit)
    reason = visit.given.form.get("reason", "").strip()
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        do = f"write between {SHORTEST_REASON} and {LONGEST_REASON} characters"
        raise UsageError("does not say why you need to read what people wrote", "the reason", do)
    visit.audit("looked at text", f"{group.campaign.campaign_id}: {reason}")
    samples = []
    for sample in group.campaign.samples:
        account = run.account_named(sample.account_id)
        samples.append((sample, None if account is None else run.accusation_of(account)))
    return Shown(
        "samples.html",
        {
            "accused": run.accusation_of_group(group),
            "samples": samples,
            "reason": reason,
            "length": SAMPLE_LENGTH,
        },
    )


PAGE = Page("campaign", "", "/campaigns/{campaign}", Role.VIEWER, show, acts={"samples": (Role.ANALYST, look)})
