"""The pages about a run, over HTTP: who may see them, nobody is accused without an error rate, text is inert."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from stillwatch.campaigns.report import Report
from stillwatch.console.page import Role
from stillwatch.console.places import Places
from stillwatch.console.reading.addresses import account_path, campaign_path
from stillwatch.console.security.audit import AUDIT
from tests.campaigns import made_reports
from tests.console.page_checks import check_accusations, check_inert, check_page, links
from tests.console.reading.made_runs import scanned, written
from tests.console.served import Browser, Served, serving
from tests.drill import made_reports as made_drills

MENU = ("/", "/campaigns", "/accounts", "/false-accusations", "/drill")
BELOW = ("", "/accounts", "/graph")


def served_over(folder: Path, run: Path, **places: Path) -> Iterator[Served]:
    with serving(folder, places=Places.of(run, None, **places)) as served:
        for name, role in (("vera", Role.VIEWER), ("ada", Role.ANALYST), ("otto", Role.APPROVER), ("root", Role.ADMIN)):
            served.let_in(name, role)
        yield served


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ordinary")
    drill = folder / "drill"
    drill.mkdir()
    (drill / "drill.json").write_bytes(msgspec.json.encode(made_drills.full()))
    yield from served_over(folder, written(made_reports.ordinary(), folder / "run"), drill=drill)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("hostile")
    yield from served_over(folder, written(made_reports.hostile(), folder / "run"))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("real")
    yield from served_over(folder, scanned(folder))


def addresses(report: Report, accounts: int = 6) -> list[str]:
    """Every page about a report: the menu's, each campaign's, and some accounts' of each verdict."""
    found = list(MENU)
    for campaign in report.campaigns:
        found += [campaign_path(campaign.campaign_id, below) for below in BELOW]
    for verdict in ("campaign", "review", "clear"):
        found += [account_path(a.account_id) for a in report.accounts if a.verdict == verdict][:accounts]
    return found


def accused(report: Report) -> set[str]:
    """The addresses of all who are accused."""
    return {campaign_path(c.campaign_id) for c in report.campaigns if c.verdict == "campaign"} | {
        account_path(a.account_id) for a in report.accounts if a.verdict == "campaign"
    }


def report_of(served: Served) -> Report:
    return msgspec.json.decode((served.places.newest_run() / "report.json").read_bytes(), type=Report)


@pytest.fixture(params=["ordinary", "hostile", "real"])
def any_run(request: pytest.FixtureRequest) -> Served:
    served: Served = request.getfixturevalue(request.param)
    return served


def test_every_page_is_well_formed_and_accuses_nobody_without_error_rate_and_explanations(any_run: Served) -> None:
    report = report_of(any_run)
    browser = any_run.browser("vera")
    guilty, seen = accused(report), 0
    for path in addresses(report):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        check_page(answer.text)
        check_inert(answer.text)
        own = next((p for p in guilty if path == p or path.startswith(p + "/")), "")
        seen += check_accusations(answer.text, guilty, own)
        if own:
            assert check_accusations(answer.text, guilty, own) > 0, path
    assert seen > len(report.campaigns)


def test_a_stranger_sees_no_page_and_everybody_who_is_let_in_sees_each(ordinary: Served) -> None:
    report = report_of(ordinary)
    export = campaign_path("C1", "/accounts.csv")
    stranger = ordinary.browser()
    for path in [*addresses(report, 1), export, campaign_path("C1", "/graph.json")]:
        assert stranger.get(path).headers["location"].startswith("/login"), path
    for name, role in (("vera", Role.VIEWER), ("ada", Role.ANALYST), ("otto", Role.APPROVER), ("root", Role.ADMIN)):
        browser = ordinary.browser(name)
        assert {browser.get(path).status_code for path in addresses(report, 1)} == {200}
        assert browser.get(export).status_code == (200 if role >= Role.APPROVER else 403)
        assert (export in links(browser.get(campaign_path("C1", "/accounts")).text)) == (role >= Role.APPROVER)


def test_today_says_in_one_sentence_and_three_figures_what_was_taken(ordinary: Served) -> None:
    text = ordinary.browser("vera").get("/").text
    assert "Two campaigns took about" in text
    assert "worth USD" in text
    assert text.count("<dt>") == 3
    assert text.count("interval") >= 3
    assert "No run before this one is known" in text
    assert "2 accused campaigns: nobody decided about any of their accounts yet" in text


def test_every_link_of_a_page_leads_somewhere(ordinary: Served) -> None:
    browser = ordinary.browser("otto")
    once: set[str] = set()
    for path in (
        "/",
        "/campaigns",
        campaign_path("C1"),
        campaign_path("C1", "/accounts"),
        campaign_path("C3", "/graph"),
    ):
        once |= links(browser.get(path).text)
    for path in sorted(once)[:120]:
        assert browser.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "path", ["/campaigns/C9", "/campaigns/C9/graph", "/accounts/nobody", "/accounts/~", "/campaigns/%ff"]
)
def test_what_is_not_in_the_run_is_not_found(ordinary: Served, path: str) -> None:
    assert ordinary.browser("vera").get(path).status_code == 404


def test_an_accused_account_is_told_why_it_is_in_and_why_it_might_be_innocent(real: Served) -> None:
    report = report_of(real)
    account = next(a for a in report.accounts if a.verdict == "campaign")
    text = real.browser("vera").get(account_path(account.account_id)).text
    for said in ("Why it is in", "Why it might be innocent", "What would clear this account", "The error rate"):
        assert said in text
    clear = next(a for a in report.accounts if a.verdict == "clear")
    assert "it is not accused" in real.browser("vera").get(account_path(clear.account_id)).text


def audited(served: Served) -> str:
    return "".join(path.read_text("utf-8") for path in sorted((served.places.people / AUDIT).iterdir()))


def test_text_is_masked_until_a_reason_is_given_and_the_reason_is_in_the_audit_log(real: Served) -> None:
    report = report_of(real)
    campaign = report.campaigns[0]
    sample = campaign.samples[0]
    page, ask = campaign_path(campaign.campaign_id), campaign_path(campaign.campaign_id, "/samples")
    browser = real.browser("ada")
    told = max(sample.text.split("\n")[0].split(), key=len)[:20]
    assert sample.exchange_id not in browser.get(page).text
    refused = browser.post(ask, {"reason": "because"}, shown_at=page)
    assert refused.status_code == 400
    assert sample.exchange_id not in refused.text
    assert "because" not in audited(real)
    shown = browser.post(ask, {"reason": "ticket 4711: is it a class?"}, shown_at=page)
    assert shown.status_code == 200
    assert sample.exchange_id in shown.text
    assert told.replace("&", "&amp;").replace("<", "&lt;")[:12] in shown.text
    check_page(shown.text)
    check_accusations(shown.text, accused(report), page)
    assert "ticket 4711: is it a class?" in audited(real)
    assert sample.exchange_id not in browser.get(page).text


def test_a_viewer_may_not_look_at_text(real: Served) -> None:
    page, ask = campaign_path("C1"), campaign_path("C1", "/samples")
    browser = real.browser("vera")
    assert "Show the text" not in browser.get(page).text
    assert browser.post(ask, {"reason": "a good reason, truly"}, shown_at=page).status_code == 403


def test_hostile_text_is_shown_as_text(hostile: Served) -> None:
    report = report_of(hostile)
    browser: Browser = hostile.browser("ada")
    page = campaign_path(report.campaigns[0].campaign_id)
    for text in (
        browser.get(page).text,
        browser.post(
            campaign_path(report.campaigns[0].campaign_id, "/samples"), {"reason": "to see it inert"}, shown_at=page
        ).text,
    ):
        check_page(text)
        check_inert(text)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "⟨U+202E⟩evil" in text
        assert "a" * 5_000 not in text
    data = browser.get(campaign_path(report.campaigns[0].campaign_id, "/graph.json"))
    assert data.headers["content-type"].startswith("application/json")
    assert b"\\u202e" not in data.content.lower()
    assert "\u202e" not in data.text


def test_an_exported_list_holds_each_account_with_its_error_rate_and_no_cell_runs(hostile: Served) -> None:
    report = report_of(hostile)
    name = report.campaigns[0].campaign_id
    answer = hostile.browser("otto").get(campaign_path(name, "/accounts.csv"))
    assert answer.headers["content-disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8"), newline="")))
    members = [a for a in report.accounts if a.campaign_id == name]
    assert len(rows) == len(members)
    assert answer.content.count(b"\r\n") == len(members) + 1
    for row in rows:
        assert 0 <= float(row["q_value"]) <= 1
        assert 0 <= float(row["probability_of_innocence"]) <= 1
        assert row["closest_innocent_explanation"]
        assert row["innocent_explanations_ruled_out"] == "12 of 12"
        assert all(not cell or cell[0] not in "=+-@|%\t\r\n\0" for cell in row.values()), row
    assert "exported accounts" in audited(hostile)


def test_what_people_decided_is_shown_where_it_belongs(tmp_path: Path) -> None:
    for served in served_over(tmp_path, written(made_reports.ordinary(), tmp_path / "run")):
        report = report_of(served)
        first = next(a for a in report.accounts if a.campaign_id == "C1")
        decide(served, first.account_id)
        browser = served.browser("vera")
        for path in (account_path(first.account_id), campaign_path("C1")):
            text = browser.get(path).text
            assert "D1: dismissed (cleared)" in text
            assert "a class of &lt;thirty&gt;" in text
            assert ">ada<" in text
        record = browser.get("/false-accusations").text
        check_page(record)
        assert "People judged 1 account and found 1 of them innocent" in record
        assert "Stated against found" in record
        waits = browser.get("/").text
        assert "1 accused campaign: nobody decided about any of its accounts yet" in waits


def test_today_says_what_changed_since_the_run_before(tmp_path: Path) -> None:
    before, now = made_reports.ordinary(), made_reports.ordinary()
    gone = msgspec.structs.replace(before, campaigns=before.campaigns[:2])
    fewer = [a for a in now.accounts if a.campaign_id != "C2"]
    now = msgspec.structs.replace(now, campaigns=(now.campaigns[0], now.campaigns[2]), accounts=tuple(fewer))
    run, older = written(now, tmp_path / "run"), written(gone, tmp_path / "older")
    for served in served_over(tmp_path, run, before=older):
        text = served.browser("vera").get("/").text
        check_page(text)
        check_accusations(text, accused(now))
        assert "No longer found:</strong> C2 of the run before, 36 accounts: this run accuses none." in text
        assert "36 accused before and gone from the log" in " ".join(text.split())


def decide(served: Served, account_id: str) -> None:
    """Clear an account, as the page of decisions does it."""
    from stillwatch.console.decisions import Faced, Person, open_decisions  # noqa: PLC0415

    decisions = open_decisions(served.places.decisions)
    faced = Faced(account_id, "C1", "campaign", 0.004, 0.01, "company")
    preview = decisions.preview("dismiss", [faced], run="r1", campaign="C1")
    decisions.decide(
        preview, Person("ada", "analyst"), "a class of <thirty>", digest=preview.digest, version=preview.version
    )


@pytest.mark.parametrize("kind", ["nothing", "one account", "no customers"])
def test_small_runs_have_every_page(tmp_path: Path, kind: str) -> None:
    if kind == "no customers":
        run = scanned(tmp_path, customers=False, with_text=False)
    else:
        random = made_reports.random.Random(1)
        some = [made_reports.account("only", None, "clear", random)] if kind == "one account" else []
        run = written(made_reports.report([], some), tmp_path / "run")
    for served in served_over(tmp_path, run):
        browser, report = served.browser("vera"), report_of(served)
        for path in addresses(report):
            answer = browser.get(path)
            assert answer.status_code == 200, path
            check_page(answer.text)


def test_a_broken_run_is_one_line_on_every_page(tmp_path: Path) -> None:
    run = written(made_reports.ordinary(), tmp_path / "run")
    (run / "report.json").write_bytes(b'{"version": 1')
    for served in served_over(tmp_path, run):
        browser = served.browser("vera")
        for path in ("/", "/campaigns", "/accounts", "/campaigns/C1"):
            answer = browser.get(path)
            assert answer.status_code == 500
            assert "report.json that this version of Stillwatch cannot read" in answer.text
            assert "Traceback" not in answer.text
