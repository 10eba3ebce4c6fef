"""``/decide/campaigns/{campaign}`` and ``/decide/accounts/{account}``: choose, look ahead, confirm with a reason."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np

from stillwatch.campaigns.explanations import rival_words
from stillwatch.console.decisions import Faced, Preview
from stillwatch.console.decisions.store import moment
from stillwatch.console.page import Download, Moved, Page, PageError, Role, Shown, Visit
from stillwatch.console.pages.accounts import wanted_of
from stillwatch.console.pages.choosing import (
    KINDS,
    SCOPES,
    Choice,
    decided_on,
    decisions_of,
    faced_rows,
    me,
    number,
    previewed,
    run_id,
    said_plainly,
    tick,
    told,
)
from stillwatch.console.pages.decide import rows_about
from stillwatch.console.pages.decided import KINDS as WORDS
from stillwatch.console.paths import link
from stillwatch.console.reading import Run
from stillwatch.console.reading.addresses import campaign_path, named
from stillwatch.console.reading.groups import Group
from stillwatch.console.reading.lists import account_list, rows_of

__all__ = ["ACCOUNT", "CAMPAIGN", "NEWS"]

CAMPAIGN_PATH, ACCOUNT_PATH = "/decide/campaigns/{campaign}", "/decide/accounts/{account}"
FIRST_ROWS = 500
EXPLANATIONS = (
    "class", "company", "own_habits", "shared_taste", "shared_wording", "viral", "agent_developer", "same_network",
    "same_start", "other",
)  # fmt: skip
_ONE = ("confirm", "dismiss", "hold", "suspend")


def _group(visit: Visit) -> Group:
    run: Run = visit.run
    group = run.group(visit.given.path["campaign"])
    if group is None:
        raise PageError(
            "is no campaign of this run", visit.given.path["campaign"][:60], "look at the list of campaigns"
        )
    return group


def _campaign(visit: Visit) -> Shown:
    run, group = visit.run, _group(visit)
    here = partial(link, CAMPAIGN_PATH, {"campaign": group.key})
    names = run.ids(group).to_list()
    version, states = decided_on(visit, names)
    others = [run.accusation_of_group(one) for one in (*run.accused, *run.doubtful) if one.key != group.key]
    keys = [tick(one.campaign.campaign_id) for one in (*run.accused, *run.doubtful) if one.key != group.key]
    values = {
        "of": run.accusation_of_group(group),
        "at": here(),
        "news": link("/decide/news/{campaign}", {"campaign": group.key}),
        "list": account_list(run, wanted_of(visit), group, here),
        "tick": tick,
        "kinds": KINDS,
        "scopes": SCOPES,
        "others": list(zip(keys, others, strict=True))[:FIRST_ROWS],
        "seen": version,
        "states": states,
        "rows": rows_about(visit, names),
    }
    return Shown("decide_campaign.html", values)


def _account(visit: Visit) -> Shown:
    run, row = _asked(visit)
    name = run.accounts.table.item(row, "account_id")
    version, states = decided_on(visit, [name])
    (one,) = rows_of(run, np.array([row], dtype=np.int32))
    values = {
        "of": one.accused,
        "at": link(ACCOUNT_PATH, {"account": named(name)}),
        "kinds": [kind for kind in KINDS if kind[0] in _ONE],
        "seen": version,
        "states": states,
        "rows": rows_about(visit, [name]),
    }
    return Shown("decide_account.html", values)


def _asked(visit: Visit) -> tuple[Run, int]:
    run: Run = visit.run
    row = run.accounts.row_at(visit.given.path["account"])
    if row is None:
        raise PageError("is no account of this log", visit.given.path["account"][:60], "look in the list of accounts")
    return run, row


def _chosen(visit: Visit) -> tuple[Choice, list[Faced], str, str]:
    """What the form chose: the choice, whom, the campaign's id, and the address of the page."""
    if "campaign" in visit.given.path:
        group, choice = _group(visit), Choice.read(visit)
        here = link(CAMPAIGN_PATH, {"campaign": group.key})
        return choice, choice.chosen(visit.run, group), group.campaign.campaign_id, here
    (run, row), choice = _asked(visit), Choice.read(visit)
    if choice.kind not in _ONE:
        raise PageError("is decided about groups", choice.kind, "open the campaign", status=400)
    chosen = list(faced_rows(run, np.array([row], dtype=np.int32)))
    return choice, chosen, chosen[0].campaign_id, link(ACCOUNT_PATH, {"account": named(chosen[0].account_id)})


def _preview(visit: Visit) -> Shown:
    choice, chosen, campaign, here = _chosen(visit)
    version = number(visit.given.form.get("version", ""))
    preview = previewed(visit, choice.kind, chosen, campaign)
    return _shown(visit, preview, choice, here, version)


def _shown(visit: Visit, preview: Preview, choice: Choice, here: str, version: int) -> Shown:
    run: Run = visit.run
    subjects = preview.parts[-1] if preview.kind == "split" else preview.faced
    places = [run.accounts.row(one.account_id) for one in subjects[:FIRST_ROWS]]
    kind = next(one for one in KINDS if one[0] == preview.kind)
    since = decisions_of(visit).since(preview.accounts, version)
    values = {
        "preview": preview,
        "kind": kind,
        "choice": choice,
        "at": here,
        "seen": version,
        "subjects": subjects,
        "rows": tuple(rows_of(run, np.array([place for place in places if place is not None], dtype=np.int32))),
        "every": campaign_path(preview.campaign, "/accounts", find=choice.text if choice.scope == "text" else None),
        "appealing": preview.under_appeal[:FIRST_ROWS],
        "since": [(entry, f"{moment(entry.at):%Y-%m-%d %H:%M:%S} UTC", WORDS[entry.kind]) for entry in since],
        "explanations": [(name, rival_words(name).title) for name in EXPLANATIONS],
    }
    return Shown("decide_preview.html", values)


def _confirm(visit: Visit) -> Shown | Moved:
    choice, chosen, campaign, here = _chosen(visit)
    form, decisions = visit.given.form, decisions_of(visit)
    explanation = form.get("explanation", "")
    with said_plainly():
        preview = previewed(visit, choice.kind, chosen, campaign)
        entry = decisions.decide(
            preview,
            me(visit),
            form.get("why", ""),
            digest=form.get("digest", ""),
            version=number(form.get("version", "")),
            explanation=explanation if choice.kind == "dismiss" and explanation in EXPLANATIONS else "",
        )
    return Moved(here, told(visit, entry, decisions))


def _note(visit: Visit) -> Moved:
    decisions = decisions_of(visit)
    if "campaign" in visit.given.path:
        group = _group(visit)
        about, campaign = list(faced_rows(visit.run, group.rows)), group.campaign.campaign_id
        here = link(CAMPAIGN_PATH, {"campaign": group.key})
    else:
        run, row = _asked(visit)
        about = list(faced_rows(run, np.array([row], dtype=np.int32)))
        campaign, here = about[0].campaign_id, link(ACCOUNT_PATH, {"account": named(about[0].account_id)})
    with said_plainly():
        text = visit.given.form.get("why", "")
        entry = decisions.note(about, me(visit), text, run=run_id(visit.run), campaign=campaign)
    return Moved(here, told(visit, entry, decisions))


def _news(visit: Visit) -> Download:
    """What was decided about a campaign's accounts since a page was loaded, for that page's script."""
    group = _group(visit)
    version = number(visit.given.query.get("version", ""))
    since = decisions_of(visit).since(visit.run.ids(group).to_list(), version)
    told_of: list[dict[str, Any]] = [
        {
            "by": entry.by[:100],
            "what": WORDS[entry.kind],
            "at": f"{moment(entry.at):%Y-%m-%d %H:%M:%S} UTC",
            "accounts": len(entry.faced),
        }
        for entry in since[-20:]
        if entry.by
    ]
    return Download(json.dumps(told_of).encode(), "news.json", "application/json")


_ACTS = {"preview": (Role.ANALYST, _preview), "confirm": (Role.ANALYST, _confirm), "note": (Role.ANALYST, _note)}
CAMPAIGN = Page("decide_campaign", "", CAMPAIGN_PATH, Role.ANALYST, _campaign, _ACTS)
ACCOUNT = Page("decide_account", "", ACCOUNT_PATH, Role.ANALYST, _account, _ACTS)
NEWS = Page("decide_news", "", "/decide/news/{campaign}", Role.ANALYST, _news)
