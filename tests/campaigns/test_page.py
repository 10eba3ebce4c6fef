"""The page: well formed, escaped, self-contained, small, and saying what the report says."""

from __future__ import annotations

import html
import re

import pytest

from stillwatch.campaigns import narrative
from stillwatch.campaigns.page import ROWS_PER_CAMPAIGN, render_page
from stillwatch.campaigns.report import Report
from tests.campaigns import made_reports
from tests.page_promises import check_hostile_text_is_text, check_loads_nothing, check_policy, check_well_formed

KINDS = ("empty", "ordinary", "huge", "hostile", "extreme")


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    return {kind: getattr(made_reports, kind)() for kind in KINDS}


@pytest.fixture(scope="module")
def pages(reports: dict[str, Report]) -> dict[str, str]:
    return {kind: render_page(report) for kind, report in reports.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_is_well_formed_with_unique_ids_and_links_that_lead_somewhere(pages: dict[str, str], kind: str) -> None:
    check_well_formed(pages[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_loads_nothing(pages: dict[str, str], kind: str) -> None:
    check_loads_nothing(pages[kind])


def test_policy_names_the_only_style_and_script_by_hash(pages: dict[str, str]) -> None:
    check_policy(pages["hostile"])


def test_hostile_text_stays_text(pages: dict[str, str]) -> None:
    check_hostile_text_is_text(pages["hostile"], longest=3_000)


def test_page_is_small_and_its_tables_are_capped(reports: dict[str, Report], pages: dict[str, str]) -> None:
    page = pages["huge"]
    assert len(page.encode()) < 5_000_000
    assert len(reports["huge"].accounts) > 25_000
    rows = re.search(r'<table id="campaign-1-accounts".*?</table>', page, re.DOTALL)
    assert rows is not None
    assert rows.group(0).count("<tr>") == ROWS_PER_CAMPAIGN + 1
    assert "300 of 25,000 accounts are listed here" in page
    assert "accounts.parquet" in page
    assert "a column is about 208 accounts" in page


def test_many_campaigns_stay_below_the_bound() -> None:
    made = [made_reports.campaign(f"C{n}", 30, n) for n in range(60)]
    page = render_page(made_reports.report([c for c, _ in made], [a for _, accounts in made for a in accounts]))
    assert len(page.encode()) < 5_000_000
    assert page.count('<section class="campaign"') == 24
    assert all(f"<bdi>C{n}</bdi>" in page for n in range(60))
    assert "The last 36 groups of the table have no section" in page


def test_executive_reads_damage_certainty_and_steps_first(reports: dict[str, Report], pages: dict[str, str]) -> None:
    page = html.unescape(pages["ordinary"])
    summary = page[page.index('id="summary"') : page.index('<section class="campaign"')]
    for said in (
        "Two campaigns took about 26,665 exchanges through 448 accounts.",
        "24,265 to 28,532",
        "about 1.4",
        "USD 773",
        "at most 1 in 100",
        "under review",
        *narrative.next_steps(reports["ordinary"]),
    ):
        assert said in summary


def test_page_says_the_sentences_of_the_narrative(reports: dict[str, Report], pages: dict[str, str]) -> None:
    page = html.unescape(pages["ordinary"])
    for campaign in reports["ordinary"].campaigns:
        for passage in narrative.campaign_passages(campaign):
            if passage.name in ("damage", "error_rate"):
                continue
            for sentence in passage.sentences:
                assert sentence in page


def test_analyst_finds_every_part(pages: dict[str, str]) -> None:
    page = html.unescape(pages["ordinary"])
    for said in (
        "switch to orion-4", "Sign-ups per day", "Innocent reading:", "One company on one bill", "lost, 2,000 to 1",
        "not ruled out", "Falsely accused", "0.03\u00a0% to 0.44\u00a0%", "logs/04.jsonl:1193",
        "815 lines could not be read", "There was no table of accounts", "holds no text of any prompt",
        "Measured on 2,000 draws",
    ):  # fmt: skip
        assert said in page, said
    assert "Text from the log" not in page


def test_no_campaign_is_a_page_that_says_what_that_means(pages: dict[str, str]) -> None:
    page = pages["empty"]
    assert "No campaign was found in this log." in page
    assert "It does not mean that there is none" in page
    assert "Act against nobody" in page
    assert '<section class="campaign"' not in page


def test_text_of_the_log_only_with_samples(pages: dict[str, str]) -> None:
    assert "Text from the log" in pages["hostile"]
    assert "holds the text of 12 exchanges" in pages["hostile"]


def test_numbers_at_their_limits_make_no_broken_drawing(pages: dict[str, str]) -> None:
    numbers = re.findall(r' (?:x|y|x1|x2|y1|y2|cx|cy|width|height|points)="([^"]*)"', pages["extreme"])
    assert numbers
    assert not [number for number in numbers if "nan" in number or "inf" in number]
    widths = [float(n) for n in re.findall(r' width="(-?[\d.]+)%?"', pages["extreme"])]
    assert min(widths) >= 0


def test_same_report_gives_the_same_page(reports: dict[str, Report], pages: dict[str, str]) -> None:
    assert render_page(reports["ordinary"]) == pages["ordinary"]
