"""Nobody is accused anywhere without, in the same place, the error rate and the innocent explanations weighed."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from pathlib import Path

import pytest

from stillwatch.dossier.making import Made, make
from tests import page_promises
from tests.dossier.made import CAMPAIGN, Scanned, choices
from tests.dossier.paper_text import Paper, read

BESIDE = ("q-value", "innocent", "lost by")
FAR = 420
"""Characters of a paper's text within which a claim about an account has its error rate: about four lines of a cell."""


@pytest.fixture(scope="module")
def made(run: Scanned, tmp_path_factory: pytest.TempPathFactory) -> Made:
    pytest.importorskip("weasyprint", reason="the extra dossier is not installed")
    folder = tmp_path_factory.mktemp("accusing")
    decisions = folder / "decisions"
    decisions.mkdir()
    (decisions / "decisions.jsonl").write_bytes(b"")
    return make(run.run, CAMPAIGN, folder / "dossier", choices(run.log, paper=True, decisions=decisions))


@pytest.fixture(scope="module")
def page(made: Made) -> str:
    return (made.folder / "dossier.html").read_text("utf-8")


@pytest.fixture(scope="module")
def paper(made: Made) -> Paper:
    pytest.importorskip("weasyprint", reason="the extra dossier is not installed")
    return read((made.folder / "dossier.pdf").read_bytes())


def text_of(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_every_account_on_the_page_stands_beside_its_error_rate(page: str, made: Made) -> None:
    blocks = re.findall(r'<(tr|article)[^>]* data-accusation="account">(.*?)</\1>', page, re.DOTALL)
    for account in made.dossier.accounts:
        inside = [text_of(block) for _, block in blocks if account.account_id in block]
        assert inside, account.account_id
        assert sum(block.count(account.account_id) for block in inside) == page.count(account.account_id)
        for block in inside:
            assert all(said in block for said in BESIDE), block


def test_the_campaign_stands_beside_its_error_rate_before_anything_else_is_said(page: str, made: Made) -> None:
    claim = re.search(r'<div class="accusation".*?</div>', page, re.DOTALL)
    assert claim is not None
    said = text_of(claim.group())
    assert all(word in said for word in ("false discovery rate", "expected to be innocent", "q-value"))
    for rival in made.dossier.campaign.rivals:
        assert f"{rival.title}: lost by" in said
    assert page.index("data-accusation") < page.index('id="findings"')


def test_every_account_on_paper_stands_beside_its_error_rate(paper: Paper, made: Made) -> None:
    text = " ".join(paper.pages)
    for account in made.dossier.accounts:
        places = [found.end() for found in re.finditer(re.escape(account.account_id), text)]
        assert places, account.account_id
        for place in places:
            after = text[place : place + FAR].replace("- ", "-")
            assert all(said in after for said in BESIDE), (account.account_id, after)


def test_every_sheet_of_paper_says_how_often_the_claim_is_wrong(paper: Paper) -> None:
    assert len(paper.pages) > 3
    for sheet in paper.pages:
        said = sheet.replace("- ", "-")
        assert "expected to be innocent (q-value 0.0004)" in said
        assert "closest innocent explanation: People with habits of their own: lost by" in said


def test_a_rival_that_was_not_beaten_is_said_to_stand(run: Scanned) -> None:
    import msgspec  # noqa: PLC0415

    from stillwatch.campaigns.report import Rival  # noqa: PLC0415
    from stillwatch.dossier.page import standing  # noqa: PLC0415
    from stillwatch.sharing.run import read_report  # noqa: PLC0415

    account = next(a for a in read_report(run.run / "report.json").accounts if a.verdict == "campaign")
    open_ = msgspec.structs.replace(account, nearest_rival=Rival("class", "A class", -0.4, "they share a class"))
    assert "“A class” was not ruled out" in standing(open_)
    assert "none is ruled out" in standing(msgspec.structs.replace(account, nearest_rival=None))


def test_every_row_of_the_table_has_them_too(made: Made) -> None:
    rows = list(csv.DictReader(io.StringIO((made.folder / "accounts.csv").read_text("utf-8"), newline="")))
    assert [json.loads(row["account_id_exact"]) for row in rows] == [a.account_id for a in made.dossier.accounts]
    for row in rows:
        assert 0 <= float(row["q_value"]) <= 1
        assert float(row["error_rate_at_most"]) == 0.01
        assert row["closest_innocent_explanation"]
        assert float(row["lost_by_nats"]) > 0
        assert row["innocents_like_it"]


def test_the_page_reads_aloud_and_loads_nothing(page: str) -> None:
    page_promises.check_well_formed(page)
    page_promises.check_reads_aloud(page)
    page_promises.check_loads_nothing(page)
    assert "<script" not in page
    assert "default-src 'none'" in html.unescape(page)


def test_the_paper_is_tagged_has_bookmarks_metadata_and_no_way_out(paper: Paper, made: Made) -> None:
    assert b"/MarkInfo" in paper.dictionaries
    assert b"/StructTreeRoot" in paper.dictionaries
    assert b"/Outlines" in paper.dictionaries
    assert re.search(rb"pdfaid:part\W+3\b", paper.metadata)
    assert re.search(rb"pdfaid:conformance\W+A\b", paper.metadata)
    assert not re.search(rb"/(URI|JavaScript|JS|Launch|SubmitForm|GoToR|RichMedia)\b", paper.dictionaries)
    manifest = json.loads((made.folder / "manifest.json").read_bytes())["predicate"]
    assert manifest["paper"]["variant"] == "pdf/a-3a"
    assert "Liberation" in manifest["paper"]["fonts"] or "DejaVu" in manifest["paper"]["fonts"]


def test_the_same_page_gives_the_same_paper(made: Made, run: Scanned, tmp_path: Path) -> None:
    pytest.importorskip("weasyprint", reason="the extra dossier is not installed")
    wanted = choices(run.log, paper=True, decisions=made.folder.parent / "decisions")
    again = make(run.run, CAMPAIGN, tmp_path / "again", wanted)
    assert (again.folder / "dossier.pdf").read_bytes() == (made.folder / "dossier.pdf").read_bytes()
    assert again.digest == made.digest


@pytest.mark.parametrize("exhibits", ["redacted", "whole", "none"])
def test_exhibits_show_what_was_chosen(exhibits: str, run: Scanned, tmp_path: Path) -> None:
    reason = "asked for by counsel" if exhibits == "whole" else ""
    made = make(run.run, CAMPAIGN, tmp_path / "d", choices(run.log, exhibits=exhibits, reason=reason))
    text = (made.folder / "dossier.html").read_text("utf-8")
    assert bool(made.dossier.exhibits) == (exhibits != "none")
    for shown in made.dossier.exhibits:
        assert "alder birch" in shown.asked  # what all accounts write
        number = re.search(r"juniper (\S+|\[.*?\]) alder", shown.asked)
        assert number is not None
        assert number.group(1).isdigit() == (exhibits == "whole")  # what one account wrote
    assert ("Asked for by counsel" in text) == (exhibits == "whole")


def test_text_is_shown_whole_for_a_reason_only(run: Scanned) -> None:
    from stillwatch.errors import UsageError  # noqa: PLC0415

    with pytest.raises(UsageError, match="say why with --reason"):
        choices(run.log, exhibits="whole")
    with pytest.raises(UsageError, match="give the --log"):
        choices(exhibits="whole", reason="asked for")
