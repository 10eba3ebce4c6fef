"""The pages on which people decide, over HTTP: shown before it is done, two people, two browsers, undo, appeals."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest

from stillwatch.console.decisions import Decisions
from stillwatch.console.page import Role
from stillwatch.console.pages.choosing import tick
from stillwatch.console.paths import link
from stillwatch.console.places import Places
from stillwatch.console.reading import open_run
from stillwatch.console.reading.addresses import account_path, campaign_path, named
from stillwatch.gateway.appeals.hearing import Desk
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.stores.base import change
from tests.campaigns import made_reports
from tests.console.decisions.test_gateway import POLICY
from tests.console.page_checks import check_accusations, check_inert, check_page
from tests.console.reading.made_runs import written
from tests.console.served import Browser, Served, serving
from tests.responses.standing import request, subject

PEOPLE = (("vera", Role.VIEWER), ("ada", Role.ANALYST), ("bo", Role.APPROVER), ("cy", Role.APPROVER))
C1 = "/decide/campaigns/C1"
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


def let_in(served: Served) -> Served:
    for name, role in PEOPLE:
        served.let_in(name, role)
    return served


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Served]:
    run = written(made_reports.ordinary(), tmp_path / "run")
    with serving(tmp_path, places=Places.of(run, None)) as served:
        yield let_in(served)


def members(served: Served, campaign: str = "C1") -> list[str]:
    run = open_run(served.places.newest_run())
    group = run.group(campaign)
    assert group is not None
    return run.ids(group).to_list()


def decisions(served: Served) -> Decisions:
    return Decisions(served.places.decisions)


def sent(browser: Browser, path: str, fields: list[tuple[str, str]], at: str) -> httpx2.Response:
    """A form with several values of one name, as a browser sends ticked boxes."""
    body = urlencode([*fields, ("csrf", browser.token(at))])
    headers = {"origin": browser.url, "content-type": "application/x-www-form-urlencoded"}
    return browser.client.post(path, content=body.encode(), headers=headers)


def form(page: str, name: str) -> list[tuple[str, str]]:
    """The hidden fields of a form, but for its token."""
    found = re.search(rf'<form[^>]*id="{name}".*?</form>', page, re.DOTALL)
    assert found is not None, f"no form {name}"
    return [(key, html.unescape(value)) for key, value in _HIDDEN.findall(found[0]) if key != "csrf"]


def preview(browser: Browser, kind: str, *more: tuple[str, str], at: str = C1) -> httpx2.Response:
    page = browser.get(at)
    assert page.status_code == 200, page.text
    check_page(page.text)
    return sent(browser, f"{at}/preview", [*form(page.text, "choose"), ("kind", kind), *more], at)


def confirmed(browser: Browser, shown: httpx2.Response, why: str = "looked", at: str = C1) -> httpx2.Response:
    assert shown.status_code == 200, shown.text
    check_page(shown.text)
    return sent(browser, f"{at}/confirm", [*form(shown.text, "confirm"), ("why", why)], at)


def test_what_is_decided_is_shown_kept_with_name_and_reason_and_taken_back(console: Served) -> None:
    browser, names = console.browser("ada"), members(console)
    shown = preview(browser, "dismiss", ("scope", "ticked"), ("account", tick(names[0])), ("account", tick(names[1])))
    assert "2 accounts" in shown.text
    assert names[0] in shown.text
    assert names[2] not in shown.text
    assert decisions(console).entries == ()  # nothing was done yet
    done = confirmed(browser, shown, "a class <b>of thirty</b>")
    assert done.headers["location"] == C1
    (entry,) = decisions(console).entries
    assert (entry.by, entry.kind, entry.accounts) == ("ada", "dismiss", tuple(names[:2]))
    page = browser.get(C1).text
    check_page(page)
    check_inert(page)
    assert "a class &lt;b&gt;of thirty&lt;/b&gt;" in page
    assert "2 dismissed" in page
    assert any(line.what == "decided: dismiss" for line in console.desk.log.newest(0, 10)[0])
    undone = sent(browser, "/decide/undo", [("line", "1"), ("version", "1"), ("why", "wrong class"), ("back", C1)], C1)
    assert undone.headers["location"] == C1
    assert decisions(console).standing(names[0]).state == "open"
    assert "taken back by ada" in browser.get(C1).text


def test_nobody_is_named_without_error_rate_and_explanations(console: Served) -> None:
    browser = console.browser("bo")
    run = open_run(console.places.newest_run())
    guilty = {group.path for group in run.accused} | {
        account_path(name) for group in run.accused for name in run.ids(group)
    }
    name = members(console)[0]
    account = f"/decide/accounts/{name}"
    proposed = confirmed(browser, preview(browser, "suspend", ("scope", "text"), ("text", name)))
    assert proposed.status_code == 303
    pages = [
        (browser.get(C1).text, campaign_path("C1")),
        (browser.get(account).text, account_path(name)),
        (preview(browser, "hold", at=account).text, ""),
        (preview(browser, "confirm").text, ""),
        (preview(browser, "merge", ("other", tick("C2"))).text, ""),
        (browser.get("/decide/proposals/1").text, ""),
        (browser.get("/decide").text, ""),
    ]
    for page, own in pages:
        check_page(page)
        check_accusations(page, guilty, own)


def test_a_group_is_split_and_groups_are_merged(console: Served) -> None:
    browser, names = console.browser("ada"), members(console)
    assert (
        confirmed(browser, preview(browser, "split", ("scope", "ticked"), ("account", tick(names[3])))).status_code
        == 303
    )
    assert confirmed(browser, preview(browser, "merge", ("other", tick("C2")))).status_code == 303
    split, merge = decisions(console).entries
    assert {one.account_id for one in split.faced if one.part == 1} == {names[3]}
    assert len(split.faced) == len(names)
    assert {one.account_id for one in merge.faced} == {*names, *members(console, "C2")}
    assert {one.part for one in merge.faced} == {0, 1}


def test_two_browsers_see_each_other_and_nothing_is_overwritten(console: Served) -> None:
    first, second, names = console.browser("ada"), console.browser("bo"), members(console)
    seen = preview(second, "confirm")
    version = dict(form(seen.text, "confirm"))["version"]
    assert second.get(f"/decide/news/C1?version={version}").json() == []
    assert (
        confirmed(first, preview(first, "dismiss", ("scope", "ticked"), ("account", tick(names[0])))).status_code == 303
    )
    (news,) = second.get(f"/decide/news/C1?version={version}").json()
    assert (news["by"], news["accounts"]) == ("ada", 1)
    late = confirmed(second, seen)
    assert late.status_code == 409
    assert "changed by ada at" in late.text
    assert [entry.kind for entry in decisions(console).entries] == ["dismiss"]
    again = sent(
        second, f"{C1}/preview", [("version", version), ("kind", "confirm"), ("scope", "all")], C1
    )  # a page that was open all the while
    assert 'id="since"' in again.text
    assert 'id="confirm"' not in again.text


def test_what_was_not_shown_is_not_done(console: Served) -> None:
    browser, names = console.browser("ada"), members(console)
    shown = preview(browser, "dismiss", ("scope", "ticked"), ("account", tick(names[0])))
    fields = [(name, value) for name, value in form(shown.text, "confirm") if name != "account"]
    forged = sent(browser, f"{C1}/confirm", [*fields, ("account", tick(names[1])), ("why", "x")], C1)
    assert forged.status_code == 409
    assert "not what was shown" in forged.text
    assert decisions(console).entries == ()


def test_two_people_suspend_and_a_role_that_was_lowered_counts(console: Served) -> None:
    bo, cy, names = console.browser("bo"), console.browser("cy"), members(console)
    again = console.browser("bo")  # the same person, another session
    assert confirmed(bo, preview(bo, "suspend", ("scope", "ticked"), ("account", tick(names[0])))).status_code == 303
    page = cy.get("/decide/proposals/1").text
    check_page(page)
    fields = [*form(page, "approve"), ("why", "I looked")]
    own = sent(again, "/decide/approve", fields, "/decide")
    assert own.status_code == 403
    assert "second person" in own.text
    assert sent(console.browser("ada"), "/decide/approve", fields, "/decide").status_code == 403
    console.desk.people.change_role("cy", Role.ANALYST)
    assert sent(console.browser("cy"), "/decide/approve", fields, "/decide").status_code == 403
    console.desk.people.change_role("cy", Role.APPROVER)
    assert decisions(console).standing(names[0]).suspension is not None
    assert decisions(console).suspensions("in force") == ()
    assert sent(console.browser("cy"), "/decide/approve", fields, "/decide").status_code == 303
    assert len(decisions(console).suspensions("in force")) == 1
    ada = console.browser("ada")
    undo = [("line", "1"), ("version", str(decisions(console).version(names))), ("why", "their dean wrote")]
    assert sent(ada, "/decide/undo", undo, "/decide").status_code == 303
    assert decisions(console).suspensions("in force") == ()


def test_a_viewer_decides_nothing_and_sees_no_form(console: Served) -> None:
    browser = console.browser("vera")
    for path in ("/decide", C1, "/appeals", "/decide/news/C1?version=0"):
        assert browser.get(path).status_code == 403
    assert browser.post(f"{C1}/confirm", {"kind": "dismiss"}, shown_at="/").status_code == 403
    assert "/decide" not in browser.get("/campaigns/C1").text
    assert C1 in console.browser("ada").get("/campaigns/C1").text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"kind": "kill", "version": "0"}, 400),
        ({"kind": "merge", "other": tick("C1"), "version": "0"}, 400),
        ({"kind": "confirm", "version": "-1"}, 400),
        ({"kind": "confirm", "scope": "ticked", "version": "0"}, 400),
    ],
)
def test_a_form_that_says_nothing_is_told_so(console: Served, fields: dict[str, str], status: int) -> None:
    answer = console.browser("ada").post(f"{C1}/preview", fields, shown_at=C1)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text


def test_hostile_names_are_inert_on_every_page_and_can_be_decided_on(tmp_path: Path) -> None:
    run = written(made_reports.hostile(), tmp_path / "run")
    with serving(tmp_path, places=Places.of(run, None)) as served:
        browser = let_in(served).browser("bo")
        held = open_run(run)
        for group in held.groups.values():
            at = link("/decide/campaigns/{campaign}", {"campaign": group.key})
            name = held.ids(group)[0]
            shown = preview(browser, "hold", ("scope", "ticked"), ("account", tick(name)), at=at)
            check_inert(shown.text)
            assert confirmed(browser, shown, "\u202e<img src=x onerror=alert(1)>", at=at).status_code == 303
            account = link("/decide/accounts/{account}", {"account": named(name)})
            for path in (at, account, "/decide"):
                page = browser.get(path)
                assert page.status_code == 200
                check_page(page.text)
                check_inert(page.text)
        assert [entry.kind for entry in decisions(served).entries] == ["hold"] * len(held.groups)


def test_notes_are_kept(console: Served) -> None:
    browser = console.browser("ada")
    assert sent(browser, f"{C1}/note", [("why", "\u202ecalled them")], C1).status_code == 303
    page = browser.get(C1).text
    check_inert(page)
    assert "called them" in page


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    (tmp_path / "policy.toml").write_text(POLICY.replace('"a3"', '"nobody"'))
    opened = open_gate(tmp_path / "state", tmp_path / "policy.toml")
    yield opened
    opened.close()


@pytest.fixture
def beside(tmp_path: Path, gate: Gate) -> Iterator[Served]:
    """A console beside a gateway that holds claims about the members of C1."""
    run = written(made_reports.ordinary(), tmp_path / "run")
    own = tmp_path / "own"
    places = Places(
        run=run, state=gate.folder, people=own, decisions=own / "decisions", appeals=gate.folder / "appeals"
    )
    with serving(tmp_path, places=places) as served:
        now = gate.now()
        gate.put([change(subject(n, level="campaign", innocent=0.004, since=now)) for n in members(served)])
        for _ in range(2):
            gate.refresh()
        yield let_in(served)


def test_a_suspension_reaches_the_gateway_its_appeal_is_heard_by_another_and_undoes_all(
    beside: Served, gate: Gate
) -> None:
    bo, cy, ada, name = (
        beside.browser("bo"),
        beside.browser("cy"),
        beside.browser("ada"),
        members(beside)[0],
    )
    confirmed(ada, preview(ada, "suspend", ("scope", "ticked"), ("account", tick(name))))
    page = bo.get("/decide/proposals/1").text
    assert sent(bo, "/decide/approve", [*form(page, "approve"), ("why", "looked")], "/decide").status_code == 303
    for _ in range(2):
        gate.refresh()
    assert "suspend" in {action.response for action in gate.state.actions(name)}
    decision = gate.decide(request(name, at=gate.now()))
    assert decision.refuse is not None
    desk = Desk(gate.folder)
    whose = desk.touched(decision.reference)
    assert whose is not None
    said = "<script>alert(1)</script> we are a class"
    desk.appeals.open(decision.reference, *whose[:2], said, innocent=0.004, now=dt.datetime.now(dt.UTC))
    desk.close()
    at = f"/appeals/{decision.reference}"
    assert decision.reference in cy.get("/appeals").text
    page = cy.get(at).text
    check_page(page)
    check_inert(page)
    assert "&lt;script&gt;" in page
    assert 'id="two"' in page
    assert 'id="mine"' in bo.get(at).text
    fields = [*form(page, "uphold"), ("why", "a class"), ("answer", "Sorry.")]
    assert sent(bo, f"{at}/uphold", fields, at).status_code == 403  # he confirmed the suspension
    first = sent(cy, f"{at}/reject", fields, at)
    assert first.status_code == 303  # one alone leaves no suspension as it is
    page = cy.get(at).text
    assert "It waits to be heard." in page
    fields = [*form(page, "uphold"), ("why", "a class after all"), ("answer", "Sorry.")]
    assert sent(cy, f"{at}/uphold", fields, at).status_code == 303
    assert "It was upheld by" in cy.get(at).text
    gate.refresh()
    assert gate.state.actions(name) == ()
    assert decisions(beside).standing(name).state == "dismissed"
    assert "found 1 of them innocent" in cy.get("/false-accusations").text
    assert any(line.what == "read an appeal" for line in beside.desk.log.newest(0, 100)[0])
