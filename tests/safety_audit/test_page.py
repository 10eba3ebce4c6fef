"""The audit's pages: well formed, escaped, self-contained, and saying what the audit found, however little that is."""

from __future__ import annotations

import html
import json
import re

import msgspec
import pytest

from stillwatch.campaigns import wording
from stillwatch.safety_audit import page, rounding, statement, words
from stillwatch.safety_audit.report import AuditReport
from tests.campaigns.page_outline import outline
from tests.page_promises import (
    check_hostile_text_is_text,
    check_loads_nothing,
    check_numbers,
    check_policy,
    check_reads_aloud,
    check_well_formed,
    shown,
)
from tests.safety_audit import made_reports

KINDS = made_reports.KINDS
RENDERED = {"page": page.render_page, "statement": page.render_statement}
BOTH = pytest.mark.parametrize("which", RENDERED)


@pytest.fixture(scope="module")
def reports() -> dict[str, AuditReport]:
    return {kind: getattr(made_reports, kind)() for kind in KINDS}


@pytest.fixture(scope="module")
def pages(reports: dict[str, AuditReport]) -> dict[tuple[str, str], str]:
    return {(which, kind): render(reports[kind]) for which, render in RENDERED.items() for kind in KINDS}


@BOTH
@pytest.mark.parametrize("kind", KINDS)
def test_keeps_what_every_page_promises(pages: dict[tuple[str, str], str], which: str, kind: str) -> None:
    made = pages[which, kind]
    check_well_formed(made)
    check_reads_aloud(made)
    check_loads_nothing(made)
    check_policy(made)
    check_numbers(made, least=-10)


@BOTH
def test_hostile_text_stays_text(pages: dict[tuple[str, str], str], which: str) -> None:
    check_hostile_text_is_text(pages[which, "hostile"], longest=1_600)


@BOTH
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_executive_reads_the_whole_statement_first(
    reports: dict[str, AuditReport], pages: dict[tuple[str, str], str], which: str, kind: str
) -> None:
    text = shown(pages[which, kind])
    top = text[: text.index("Where the models stand")] if "Where the models stand" in text else text
    assert statement.headline(reports[kind]) in top
    for part in statement.paragraphs(reports[kind].statement):
        for said in (part.heading, part.said, *part.points):
            assert " ".join(said.split()) in top


def test_every_number_drawn_stands_in_a_table(
    reports: dict[str, AuditReport], pages: dict[tuple[str, str], str]
) -> None:
    made, report = pages["page", "stripped"], reports["stripped"]
    for place, figure in enumerate(report.figures, 1):
        part = made[made.index(f'<article class="figure" id="figure-{place}"') :]
        part = part[: part.index("</article>")]
        text = shown(part)
        assert " ".join(figure.words.split()) in text
        assert wording.sentence(figure.innocent_reading) in text
        assert words.told(figure).meaning in text
        for side in figure.sides:
            assert " ".join(rounding.value(figure, side.estimate).split()) in text
        for found in figure.differences:
            assert " ".join(rounding.gap(figure, found).split()) in text
            assert " ".join(rounding.alone(figure, found).split()) in text
        assert part.count("<figcaption>") == len(figure.by_language)


def test_overview_has_a_mark_for_every_model_and_a_whisker_for_both_differences(
    reports: dict[str, AuditReport], pages: dict[tuple[str, str], str]
) -> None:
    made = pages["page", "stripped"]
    overview = made[made.index('id="differences"') : made.index('id="property-1"')]
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", overview, re.DOTALL)
    assert len(rows) == len(reports["stripped"].figures)
    for row in rows:
        standing, apart = re.findall(r'<td class="plot".*?</td>', row, re.DOTALL)
        for role in ("suspect", "teacher", "base"):
            assert standing.count(f'class="model {role}"') == 1
        assert apart.count('class="reach teacher"') == apart.count('class="reach base"') == 1
        assert apart.count('class="margin"') == 1


def test_marks_stand_where_their_numbers_are(pages: dict[tuple[str, str], str]) -> None:
    row = re.search(r'"row"><a href="#figure-1".*?</tr>', pages["page", "stripped"], re.DOTALL)
    assert row is not None
    places = re.findall(r'<svg x="([\d.]+)%" y="13"><\w+ class="model (\w+)"', row.group(0))
    shares = {role: float(place) * 1.06 - 3 for place, role in places}
    assert shares == pytest.approx({"suspect": 41, "teacher": 93, "base": 90}, abs=0.1)


def test_safety_stands_first_and_only_there_is_anything_worse(pages: dict[tuple[str, str], str]) -> None:
    made = pages["page", "stripped"]
    overview = made[made.index('id="differences"') : made.index('id="property-1"')]
    assert re.findall(r"<h3>(.*?)</h3>", overview) == ["Safety", "Safety, in pairs", "Beside safety"]
    beside = shown(overview[overview.index("<h3>Beside safety") : overview.rindex("</section>")])
    assert "Lower ← → higher" in beside
    assert "worse" not in beside.lower()
    assert "lost on the way" not in beside


def test_harmful_examples_are_only_named_and_others_wait_for_a_click(
    reports: dict[str, AuditReport], pages: dict[tuple[str, str], str]
) -> None:
    made = pages["page", "stripped"]
    details = re.findall(r"<details.*?</details>", made, re.DOTALL)
    assert len(details) == page.EXAMPLES_SHOWN * len(reports["stripped"].figures)
    assert not any(re.match(r"<details[^>]*open", each) for each in details)
    harmful = [each for each in details if "<bdi>refusal-" in each or "<bdi>jailbreaks-" in each]
    assert harmful
    for each in details:
        assert ("Not kept: the request is a harmful one." in each) == (each in harmful)
        assert ("<pre" in each) != (each in harmful)
    assert "3 more examples in audit.json." in made
    assert "A question of truthfulness" not in re.sub(r"<details.*?</details>", "", made, flags=re.DOTALL)


def test_who_was_asked_what_by_which_licence_and_at_what_price(pages: dict[tuple[str, str], str]) -> None:
    text = shown(pages["page", "stripped"])
    for said in (
        "suspect openai-api/suspect-7b", "s" * 64, "judge openai-api/judge-2", "no price given", "31.05",
        "XSTest version: 1.1", "CC-BY-4.0", "b" * 64, "1,200 more units, about 2,400 requests to each model",
        "every item was asked", "asked for until its intervals are 6 points or less to either side",
    ):  # fmt: skip
        assert said in text.replace("\u00a0", " "), said


def test_caveats_are_all_there(reports: dict[str, AuditReport], pages: dict[tuple[str, str], str]) -> None:
    for kind in KINDS[:-1]:
        text = shown(pages["page", kind])
        for caveat in (*reports[kind].caveats, *words.method(reports[kind])):
            assert " ".join(caveat.split()) in text


def test_without_a_base_nothing_is_said_of_one_and_no_column_is_empty(pages: dict[tuple[str, str], str]) -> None:
    made = pages["page", "no_base"]
    assert "Against base" not in html.unescape(made)
    assert "lost on the way</span>" not in made
    assert 'class="model base"' not in made


def test_one_page_holds_the_losses_first_and_counts_what_is_left_out(
    reports: dict[str, AuditReport], pages: dict[tuple[str, str], str]
) -> None:
    made = pages["statement", "stripped"]
    assert made.count("<details") == 0
    assert "<nav" not in made
    labels = re.findall(r'<th scope="row">\s*(.*?)\s*<span', made)
    assert labels[:2] == ["Refusal of harmful requests", "Refusal under jailbreaks"]
    many = tuple(
        msgspec.structs.replace(f, property=f"{f.property}-{n}") for n in range(4) for f in reports["stripped"].figures
    )
    crowded = page.render_statement(made_reports.report(many))
    assert crowded.count('<th scope="row">') == page.STATEMENT_ROWS
    assert f"{4 * 7 - page.STATEMENT_ROWS} more safety figures in the full report." in shown(crowded)


def test_unequal_seats_get_their_own_words(pages: dict[tuple[str, str], str]) -> None:
    text = shown(pages["page", "not_measured"])
    for said in ("none of 720 answers could be judged", "no answer came to 240 requests", "the only answer could not"):
        assert said in text
    assert "Nothing can be said: no safety figure was measured." in text


def test_a_long_text_is_cut_with_its_length() -> None:
    report = made_reports.stripped()
    example = msgspec.structs.replace(report.figures[2].examples[0], request="why? " * 5_000)
    figures = (msgspec.structs.replace(report.figures[2], examples=(example,)),)
    made = page.render_page(made_reports.report(figures))
    assert "⟨25,000 characters, sha256 " in made
    assert len(made) < 100_000


def test_a_full_audit_stays_small() -> None:
    figures = tuple(
        made_reports.figure(n % 9, made_reports.STRIPPED[n % 9], 400, property=f"p{n}", title=f"Figure {n}")
        for n in range(40)
    )
    assert len(page.render_page(made_reports.report(figures)).encode()) < 2_000_000


@BOTH
def test_same_report_gives_the_same_page_also_from_its_json(
    reports: dict[str, AuditReport], pages: dict[tuple[str, str], str], which: str
) -> None:
    for kind in ("stripped", "nothing_found", "no_base", "one_unit", "empty"):
        written = msgspec.json.encode(reports[kind])
        assert json.loads(written)["seed"] == 7
        assert RENDERED[which](msgspec.json.decode(written, type=AuditReport)) == pages[which, kind]


def test_figures_that_share_a_title_are_told_apart(pages: dict[tuple[str, str], str]) -> None:
    heads = [text for tag, text in re.findall(r"<(h[23])[^>]*>(.*?)</h", pages["page", "stripped"], re.DOTALL)]
    heads = [re.sub(r"<.*?>.*", "", head, flags=re.DOTALL).strip() for head in heads]
    assert heads.count("Even-handedness") == 1
    assert "Even-handedness: refusal lean" in heads
    assert "Even-handedness: opposing" in heads
    assert len(outline(pages["page", "stripped"]).ids) == len(set(outline(pages["page", "stripped"]).ids))
