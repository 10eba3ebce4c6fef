"""Two hundred texts of strangers, as account ids, models, clients, prompts, reasons and names: inert wherever shown."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.campaigns.report import Account, Evidence, Rival
from stillwatch.dossier.making import make
from stillwatch.dossier.page import render_page
from stillwatch.dossier.paper import make_paper
from stillwatch.dossier.record import Backing, Decided, Dossier, Exhibit, InputFile
from stillwatch.dossier.tables import accounts_csv
from tests import page_promises
from tests.dossier.made import CAMPAIGN, Scanned, choices, scanned
from tests.dossier.paper_text import read
from tests.hostile import HOSTILE

STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u2028\u2029]")
NOON = dt.datetime(2026, 9, 7, 12, tzinfo=dt.UTC)
TEXTS = tuple(text for text in HOSTILE if text.isprintable() or text.encode("utf-8", "ignore").decode() == text)
"""All but those with lone surrogates, which no reader of a log lets in."""


@cache
def hostile(run: Path) -> Dossier:
    """A dossier whose every text from outside is an attack."""
    made = make(run, CAMPAIGN, run.parent / "plain", choices())
    plain = made.dossier
    accounts = tuple(_account(text, place) for place, text in enumerate(TEXTS))
    bars = tuple(Evidence(text[:40], text, float(place), text, text) for place, text in enumerate(TEXTS[:40]))
    rivals = tuple(Rival(text[:40], text, float(place + 1), text) for place, text in enumerate(TEXTS[:40]))
    days = [
        msgspec.structs.replace(day, exchanges={TEXTS[n]: 5, TEXTS[-n]: 3})
        for n, day in enumerate(plain.campaign.timeline)
    ]
    campaign = msgspec.structs.replace(
        plain.campaign, campaign_id=TEXTS[0], accounts=len(accounts), members=TEXTS, evidence=bars, rivals=rivals,
        timeline=tuple(days), story=TEXTS[:60], aims=TEXTS[:60], currency=TEXTS[3],
        techniques={text[:50]: 1.0 for text in TEXTS[:60]},
    )  # fmt: skip
    exhibits = tuple(Exhibit(text, text, NOON, text[:50], 0.9, "0" * 64, len(text), text, text, True) for text in TEXTS)
    scan = msgspec.structs.replace(
        plain.scan, notes=TEXTS[:30], settings={"price_table": TEXTS[1], "x": TEXTS[2]}, stillwatch=TEXTS[4],
        input=msgspec.structs.replace(plain.scan.input, blind=TEXTS[:30], format=TEXTS[5]),
    )  # fmt: skip
    return msgspec.structs.replace(
        plain, campaign=campaign, accounts=accounts, exhibits=exhibits, scan=scan, by=TEXTS[6], exhibits_note=TEXTS[7],
        decided=tuple(Decided("2026", text, text, text, text) for text in TEXTS),
        inputs=tuple(InputFile("log", text, 1, "", text) for text in TEXTS),
        backing=(Backing("proof", TEXTS[0], TEXTS[:20], TEXTS[:20]),), most_accounts=5_000,
    )  # fmt: skip


def _account(text: str, place: int) -> Account:
    rival = Rival("x", text, 3.0, text)
    return Account(text, TEXTS[0], "campaign", 0.001, 0.99, 30, float(place), NOON, NOON, (), rival)


@pytest.fixture(scope="module")
def dossier(run: Scanned) -> Dossier:
    assert len(HOSTILE) >= 200
    return hostile(run.run)


@pytest.fixture(scope="module")
def page(dossier: Dossier) -> str:
    return render_page(dossier)


def test_the_page_shows_them_as_the_text_that_they_are(page: str) -> None:
    page_promises.check_well_formed(page)
    page_promises.check_loads_nothing(page)
    assert not re.search(r"<(script|img|iframe|object|embed|form|base|svg on|math|h1>free)", page, re.IGNORECASE)
    assert page.count("<style") == 1
    assert page.count("<h1") == 1
    text = page_promises.shown(page)
    for said in ("<script>alert(1)</script>", "{{ 7 * 7 }}", "⟨U+202E⟩evil", "⟨U+001B⟩[31mred", "=cmd|'/C calc'!A0"):
        assert said in text, said


def test_nothing_invisible_is_left_and_nothing_is_endless(page: str) -> None:
    assert not STEERING.search(page.replace("\n", ""))
    assert "x" * 10_000 not in page
    assert len(page) < 8_000_000


@pytest.mark.slow
def test_on_paper_they_steer_nothing_and_lead_nowhere(dossier: Dossier) -> None:
    pytest.importorskip("weasyprint", reason="the extra dossier is not installed")
    few = msgspec.structs.replace(
        dossier, exhibits=dossier.exhibits[::12], decided=dossier.decided[::12], inputs=dossier.inputs[::12]
    )
    data = make_paper(render_page(few), NOON, {"accounts.csv": accounts_csv(few)})
    paper = read(data.data)
    text = " ".join(paper.pages)
    assert not STEERING.search(text)
    assert "<script>alert(1)</script>" in text
    assert not re.search(rb"/(URI|JavaScript|JS|Launch|SubmitForm|GoToR|RichMedia)\b", paper.dictionaries)
    assert b"root:" not in paper.dictionaries
    assert len(re.findall(rb"/EmbeddedFile\b", paper.dictionaries)) == 1


def test_in_the_table_no_cell_runs_and_no_id_is_lost(dossier: Dossier) -> None:
    data = accounts_csv(dossier).decode("utf-8")
    rows = list(csv.reader(io.StringIO(data, newline="")))
    assert len(rows) == len(TEXTS) + 1
    assert not STEERING.search(data.replace("\r\n", ""))
    for row in rows[1:]:
        for cell in row:
            assert not re.match(r"[\s\0]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]", cell), cell
            assert len(cell) < 3_000_000
    assert [json.loads(row[1]) for row in rows[1:]] == list(TEXTS)


def test_the_record_is_ascii_and_keeps_every_id(dossier: Dossier) -> None:
    from stillwatch.cli.dossier.options import in_ascii  # noqa: PLC0415

    data = in_ascii(dossier)
    assert data.isascii()
    assert "\x1b" not in data
    assert [each["account_id"] for each in json.loads(data)["accounts"]] == list(TEXTS)


def named(kind: str, number: int) -> str:
    """A different hostile text for each number, as a log's reader hands it on (no text is empty there)."""
    text = TEXTS[(number * 7) % len(TEXTS)][:3_000]
    return f"{text}{kind}{number}"


def test_the_whole_way_over_a_hostile_log(tmp_path: Path, key: Path) -> None:
    folder = tmp_path / "a\u202eb <script>"
    made = scanned(folder, named)
    wanted: dict[str, Any] = {"sign": key, "seal": "inside", "by": "=cmd\u202e\x1b[31m\udc80", "exhibits": "whole"}
    out = make(made.run, CAMPAIGN, tmp_path / "dossier", choices(made.log, reason="{{ 7 }}\x1b\udc80", **wanted))
    page = (out.folder / "dossier.html").read_text("utf-8")
    assert not STEERING.search(page.replace("\n", ""))
    page_promises.check_well_formed(page)
    manifest = (out.folder / "manifest.json").read_text("utf-8")
    assert not STEERING.search(manifest.replace("\n", ""))
    assert all(re.fullmatch(r"[A-Za-z0-9./-]+", name) for name in out.files), "names of files are ours"
    ids = {row[1] for row in csv.reader(io.StringIO((out.folder / "accounts.csv").read_text("utf-8"), newline=""))}
    assert {json.dumps(account.account_id) for account in out.dossier.accounts} <= ids
