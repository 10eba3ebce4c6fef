"""``/campaigns/{campaign}/dossier`` and ``/dossiers/{dossier}``: a dossier is chosen, made, and taken as a zip."""

from __future__ import annotations

import time
from typing import Any

from stillwatch.campaigns import wording
from stillwatch.console.page import Download, Moved, Page, PageError, Role, Shown, Visit
from stillwatch.console.pages.campaign_accounts import asked_group
from stillwatch.console.paths import link
from stillwatch.console.reading import Run
from stillwatch.console.reading.addresses import campaign_path
from stillwatch.errors import UsageError

__all__ = ["FILE", "MAKING", "PAGE"]

ABOUT, ONE = "/campaigns/{campaign}/dossier", "/dossiers/{dossier}"
AGAIN = 2
"""Seconds after which the page of one that is being made is loaded again."""
EXHIBITS = (
    ("redacted", "Redacted", "A word is shown only where five accounts wrote it."),
    ("whole", "Whole", "As they were written; say why, which the dossier tells and the audit log keeps."),
    ("none", "None", "No text of the log."),
)
DECISIONS = "decisions.jsonl"


def _show(visit: Visit) -> Shown:
    group, run = asked_group(visit), visit.run
    about = [one for one in _dossiers(visit).all() if one[1].campaign == group.campaign.campaign_id]
    values = {
        "accused": run.accusation_of_group(group),
        "may": group.campaign.verdict == "campaign",
        "make": campaign_path(group.campaign.campaign_id, "/dossier/make"),
        "exhibits": EXHIBITS if visit.places.log else EXHIBITS[2:],
        "drill": visit.places.drill is not None,
        "made": [(link(ONE, {"dossier": name}), order, told) for name, order, told in about],
    }
    return Shown("dossier.html", values)


def _dossiers(visit: Visit) -> Any:
    return visit.material.dossiers()


def _make(visit: Visit) -> Moved:
    from stillwatch.console.dossiers import Order  # noqa: PLC0415 - it needs all that a dossier is made with

    run: Run = visit.run
    group, form = asked_group(visit), visit.given.form
    exhibits, reason = form.get("exhibits", ""), form.get("reason", "").strip()
    if exhibits not in {name for name, _, _ in EXHIBITS}:
        raise UsageError("says nothing of exhibits", "the form", "choose one")
    if exhibits != "none" and not visit.places.log:
        raise UsageError("knows no log to take exhibits from", "this console", "start it with --log")
    if group.campaign.verdict != "campaign":
        raise PageError("is only under review, which is no accusation", group.campaign.campaign_id[:60], status=409)
    kept = visit.places.decisions / DECISIONS
    order = Order(
        run=str(run.folder),
        campaign=group.campaign.campaign_id,
        by=visit.person.name,
        at=time.time(),
        exhibits=exhibits,  # type: ignore[arg-type] # looked at above
        reason=reason if exhibits == "whole" else "",
        log=visit.places.log,
        drill=str(visit.places.drill or ""),
        decisions=str(visit.places.decisions) if kept.is_file() else "",
        paper=form.get("paper", "") == "yes",
    )
    name = _dossiers(visit).begin(order)
    said = f"{group.campaign.campaign_id}, exhibits {exhibits}"
    visit.audit("began a dossier", f"{said}: {order.reason}" if order.reason else said)
    return Moved(link(ONE, {"dossier": name}))


def _one(visit: Visit) -> tuple[str, Any]:
    name = visit.given.path["dossier"]
    order = _dossiers(visit).order(name)
    if order is None:
        raise PageError("is no dossier of this console", wording.visible(name, limit=20), "look at the campaign's page")
    return name, order


def _making(visit: Visit) -> Shown:
    name, order = _one(visit)
    told = _dossiers(visit).told(name)
    group = visit.run.group_named(order.campaign)
    values = {
        "order": order,
        "told": told,
        "accused": None if group is None else visit.run.accusation_of_group(group),
        "again": AGAIN if told.state == "begun" else 0,
        "file": link(f"{ONE}/file", {"dossier": name}),
        "about": campaign_path(order.campaign, "/dossier"),
    }
    return Shown("dossier_making.html", values)


def _file(visit: Visit) -> Download:
    name, order = _one(visit)
    packed = _dossiers(visit).packed(name)
    if packed is None:
        raise PageError("is not made yet, or was not made", "this dossier", "look at its page")
    visit.audit("took a dossier", order.campaign)
    return Download(packed, f"dossier-{name}.zip", "application/zip")


PAGE = Page("dossier", "", ABOUT, Role.APPROVER, _show, acts={"make": (Role.APPROVER, _make)})
MAKING = Page("dossier_making", "", ONE, Role.APPROVER, _making)
FILE = Page("dossier_file", "", f"{ONE}/file", Role.APPROVER, _file)
