"""The drill's page: well formed, escaped, self-contained, and saying what the drill found, however little that is."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from stillwatch.drill import caveats, evasion_words, words
from stillwatch.drill.page import render_page
from stillwatch.drill.report import Bounded, DrillReport
from tests.drill import made_reports
from tests.page_promises import (
    check_hostile_text_is_text,
    check_loads_nothing,
    check_numbers,
    check_policy,
    check_reads_aloud,
    check_well_formed,
    shown,
)

KINDS = ("full", "hardly_any", "none_found", "nulls", "empty", "hostile")


@pytest.fixture(scope="module")
def reports() -> dict[str, DrillReport]:
    return {kind: getattr(made_reports, kind)() for kind in KINDS}


@pytest.fixture(scope="module")
def pages(reports: dict[str, DrillReport]) -> dict[str, str]:
    return {kind: render_page(report) for kind, report in reports.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_is_well_formed_with_unique_ids_and_links_that_lead_somewhere(pages: dict[str, str], kind: str) -> None:
    check_well_formed(pages[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_headings_step_down_one_at_a_time_and_drawings_have_names(pages: dict[str, str], kind: str) -> None:
    check_reads_aloud(pages[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_loads_nothing(pages: dict[str, str], kind: str) -> None:
    check_loads_nothing(pages[kind])


def test_policy_names_the_only_style_and_script_by_hash(pages: dict[str, str]) -> None:
    check_policy(pages["hostile"])


def test_hostile_text_stays_text(pages: dict[str, str]) -> None:
    check_hostile_text_is_text(pages["hostile"], longest=1_300)


def test_executive_reads_the_answer_first(reports: dict[str, DrillReport], pages: dict[str, str]) -> None:
    page = shown(pages["full"])
    summary = page[: page.index("Each point is the probability")]
    for said in (
        "In your traffic, a campaign of 50 accounts taking 30 exchanges each, 30 % of them cover, is found with "
        "probability 0.60 (0.35 to 0.81).",
        "The hardest to find is “thin”, found with probability 0 (0 to 0.21)",
        "Innocent accounts accused, per million: 0 (at most 1,400).",
        "The cheapest evasion that works is “more accounts”",
        "USD 9.80 instead of USD 3.20, 167 accounts instead of 28",
        "With the bar at 9.4 (as it is: 11)",
        *words.openness(reports["full"]),
    ):
        assert " ".join(said.split()) in summary, said


def test_every_number_drawn_stands_in_a_table(reports: dict[str, DrillReport], pages: dict[str, str]) -> None:
    report, page = reports["full"], pages["full"]
    for place, adversary in enumerate(report.adversaries, 1):
        part = page[page.index(f'<article class="adversary" id="adversary-{place}"') :]
        table = shown(part[part.index("<table") : part.index("</table>") + len("</table>")])
        for cell in report.cells:
            if cell.adversary == adversary.name:
                ends = f"{words.chance(cell.found.low)} to {words.chance(cell.found.high)} · {cell.trials} trials"
                assert f"{words.chance(cell.found.value)} {ends}" in table
    table = page[page.index('<table class="soon"') :]
    assert all(words.chance(share) in table for row in report.timing for share in row.found)
    listed = page[page.index('<table id="cells"') :]
    assert listed.count("</tr>") == len(report.cells) + 1


def test_curves_have_a_mark_and_a_whisker_for_every_measured_cell(pages: dict[str, str]) -> None:
    part = pages["full"]
    chart = part[part.index('<svg class="curves"') :]
    chart = chart[: chart.index("</svg>")]
    assert chart.count("<title>50 accounts taking") == 3
    assert len(re.findall(r'class="mark ', chart)) == 15
    assert len(re.findall(r'class="reach ', chart)) == 15 * 3
    assert len(re.findall(r'class="curve ', chart)) == 3


def test_where_exchanges_differ_a_second_chart_shows_them(
    reports: dict[str, DrillReport], pages: dict[str, str]
) -> None:
    assert pages["full"].count("By exchanges of each account") == len(reports["full"].adversaries)
    usual = {a.name: a.exchanges for a in reports["full"].adversaries}
    same = tuple(c for c in reports["full"].cells if c.exchanges == usual[c.adversary])
    page = render_page(msgspec.structs.replace(reports["full"], cells=same))
    assert "By exchanges of each account" not in page
    assert page.count("By number of accounts") == len(usual)


def test_cheapest_evasion_that_works_stands_first(reports: dict[str, DrillReport], pages: dict[str, str]) -> None:
    ranked = evasion_words.by_price(reports["full"].evasions)
    assert [(e.name, evasion_words.effect(e)) for e in ranked] == [
        ("more accounts", evasion_words.HIDES),
        ("sleepers", evasion_words.HIDES),
        ("private cards", evasion_words.MAY_HIDE),
        ("own wordings", evasion_words.MAY_HIDE),
        ("copied customers", evasion_words.UNTRIED),
    ]
    table = pages["full"][pages["full"].index('<table class="bars evasions"') :]
    places = [table.index(f"<bdi>{e.name}</bdi>") for e in ranked]
    assert places == sorted(places)
    assert "honest_days=30" in table


def test_an_evasion_that_only_may_work_is_not_called_one_that_works(reports: dict[str, DrillReport]) -> None:
    only = [e for e in reports["full"].evasions if evasion_words.effect(e) == evasion_words.MAY_HIDE]
    said = evasion_words.cheapest(msgspec.structs.replace(reports["full"], evasions=tuple(only)))
    assert said.startswith("Of the 2 evasions tried, none is shown to work, but 2 may: the trials are too few to tell.")
    assert evasion_words.cheapest(reports["hardly_any"]) == "No evasion was tried."


def test_few_trials_are_called_too_few(reports: dict[str, DrillReport], pages: dict[str, str]) -> None:
    page = shown(pages["hardly_any"])
    assert "Too early to say: in your traffic, a campaign of 100 accounts" in page
    assert "after 1 trial." in page
    assert "None of them is shown to be easier or harder to find than another yet." in page
    assert "86 questions had no trial at all: at the pace so far, one trial of each takes about 9 more minutes." in page
    assert "no trial yet" in page
    assert words.recommended(reports["hardly_any"]) == ()
    assert "The drill recommends no other setting." in page


def test_where_nobody_is_found_the_page_says_so(pages: dict[str, str]) -> None:
    page = shown(pages["none_found"])
    assert "is found with probability 0 (0 to 0.14)." in page
    assert "No adversary is found with probability 0.9 at any of the sizes tried." in page
    assert "Of the 5 evasions tried, none is shown to work." in page
    assert "Every question is settled" in page
    assert "No evidence was measured." in page


def test_unknown_figures_are_called_unknown_and_break_no_drawing(pages: dict[str, str]) -> None:
    assert "Nothing can be said yet" in shown(pages["nulls"])
    assert "No innocent account was judged" in shown(pages["nulls"])
    for kind in KINDS:
        check_numbers(pages[kind])


def test_notes_say_what_the_figures_rest_on(reports: dict[str, DrillReport], pages: dict[str, str]) -> None:
    page = shown(pages["full"])
    for said in (*caveats.ground(reports["full"]), *caveats.notes(reports["full"]), *caveats.blind(reports["full"])):
        assert " ".join(said.split()) in page
    for said in (
        "nothing was written into it", "more plantings do not narrow it", "a file of assumptions that you can change",
        "A real one may differ", "Nothing tells who paid.", "Topics were read with the codebook",
    ):  # fmt: skip
        assert said in page


def test_an_evasion_is_no_adversary_of_the_headline(reports: dict[str, DrillReport]) -> None:
    report = reports["full"]
    evasions = tuple(msgspec.structs.replace(e, name="thin") for e in report.evasions[:1])
    told = msgspec.structs.replace(report, evasions=evasions)
    assert {cell.adversary for cell in words.usual(told)} == {"blatant", "quiet", "agents", "ghost"}
    assert words.reference(told) == words.near(report, "agents")


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (Bounded(0.0, 0.0, 1_315.4), "0 (at most 1,400)"),
        (Bounded(26.3, 0.0, 1_300.0), "26 (at most 1,300)"),
        (Bounded(862.0, 415.0, 8_801.0), "862 (410 to 8,900)"),
        (Bounded(None, 0.0, 1e6), "unknown (at most 1 million)"),
        (Bounded(float("nan"), 0.0, float("nan")), "unknown"),
    ],
)
def test_rates_are_rounded_outwards(rate: Bounded, said: str) -> None:
    assert words.per_million(rate) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.0004, "under 0.001"), (0.004, "0.004"), (0.8, "0.80"), (0.9903, "0.99"), (0.996, "0.996"),
     (0.9999, "over 0.999"), (1.0, "1"), (None, "unknown"), (float("nan"), "unknown")],
)  # fmt: skip
def test_a_probability_is_never_rounded_to_certainty(value: float | None, said: str) -> None:
    assert words.chance(value) == said


def test_same_report_gives_the_same_page_also_from_its_json(
    reports: dict[str, DrillReport], pages: dict[str, str]
) -> None:
    for kind in ("full", "hardly_any", "none_found", "empty"):
        written = msgspec.json.encode(reports[kind])
        assert json.loads(written)["seed"] == 7
        assert render_page(msgspec.json.decode(written, type=DrillReport)) == pages[kind]
