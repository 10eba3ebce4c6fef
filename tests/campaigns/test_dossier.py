"""What a dossier says: days, ties, story, techniques, samples, and what could not be seen."""

from __future__ import annotations

import datetime as dt
import json

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from stillwatch.campaigns.activity import UNKNOWN_MODEL, story, timeline
from stillwatch.campaigns.case import Case, open_case
from stillwatch.campaigns.dossier import Reading, build_report, techniques_of, unseen
from stillwatch.campaigns.page import render_page
from stillwatch.campaigns.report import Reject, Report
from stillwatch.campaigns.results import accounts_table, campaigns_table, exchanges_table, rejected_table
from stillwatch.campaigns.ties import MOST, links_of, uses_of
from stillwatch.exchange import EXCHANGE, keyed_hash
from stillwatch.linkage.findings import Group
from stillwatch.settings import Settings
from tests.campaigns import made_cases
from tests.campaigns.made_cases import group

SALT = b"s" * 32
READING = Reading(2, "jsonl", (Reject("not JSON", 3, "log:7"),))
FOUR = (group([0, 1, 2, 3]), group([6, 7], "review"))


def case_of(*groups: Group, exchanges: pa.Table | None = None, customers: bool = True, **changes: object) -> Case:
    table = made_cases.log() if exchanges is None else exchanges
    found = made_cases.findings(table, groups, **changes)  # type: ignore[arg-type]
    return open_case(table, made_cases.customers() if customers else None, found)


def report_of(case: Case, **settings: object) -> Report:
    return build_report(case, READING, Settings(**settings), SALT)  # type: ignore[arg-type]


def test_days_of_a_group() -> None:
    days = timeline(case_of(*FOUR), 0)
    assert [day.date for day in days] == [dt.date(2026, 9, 7), dt.date(2026, 9, 8)]
    assert days[0].exchanges == {"atlas": 12}
    assert days[1].exchanges == {"atlas-mini": 12}
    assert [day.taken for day in days] == [6.0, 6.0]
    assert [(day.sign_ups, day.first_seen, day.last_seen) for day in days] == [(3, 4, 0), (0, 0, 4)]


def test_days_without_exchanges_are_there_and_long_gaps_are_not() -> None:
    rows = [made_cases.exchange(0), made_cases.exchange(12, started_at=made_cases.START + dt.timedelta(days=3))]
    case = case_of(group([0]), exchanges=pa.Table.from_pylist(rows, schema=EXCHANGE))
    assert [len(day.exchanges) for day in timeline(case, 0)] == [1, 0, 0, 1]
    rows[1]["started_at"] = made_cases.START + dt.timedelta(days=9_000)
    case = case_of(group([0]), exchanges=pa.Table.from_pylist(rows, schema=EXCHANGE))
    assert len(timeline(case, 0)) == 2


def test_ties_are_hashes_with_their_outsiders() -> None:
    case = case_of(group([0, 1, 2]))
    links = {link.kind: link for link in links_of(case, 0, uses_of(case, SALT))}
    assert set(links) == {"payment", "address", "client", "wording"}
    assert links["payment"].artefact == keyed_hash("card-1", SALT)
    assert links["address"].artefact == keyed_hash(made_cases.ADDRESS, SALT)
    assert links["address"].accounts == ("a00", "a01", "a02")
    assert {kind: link.outsiders for kind, link in links.items()} == {
        "payment": 1, "address": 1, "client": 3, "wording": 0,
    }  # fmt: skip


def test_ties_of_a_great_group_are_cut_to_the_strongest() -> None:
    rows = [made_cases.exchange(n, client_ip=f"10.0.0.{n // 2}", ja4=None) for n in range(4 * MOST)]
    rows = [row | {"account_id": f"b{n:04d}"} for n, row in enumerate(rows)]
    table = pa.Table.from_pylist(rows, schema=EXCHANGE)
    case = case_of(group(list(range(4 * MOST))), exchanges=table, customers=False)
    links = links_of(case, 0, uses_of(case, SALT))
    assert [link.kind for link in links] == ["address"] * MOST + ["wording"]


def test_story_tells_waves_and_what_is_shared() -> None:
    case = case_of(group(list(range(12))))
    days, links = timeline(case, 0), links_of(case, 0, uses_of(case, SALT))
    said = story(case, 0, days, links)
    assert said[0] == "Sign-ups came in a wave: 12 of 12 accounts, 6 September 2026 to 7 September 2026"
    assert said[1] == "1 of 12 accounts were opened before the log begins"
    without = case_of(group(list(range(12))), customers=False)
    assert not any("wave" in line for line in story(without, 0, days, ())), "the log's begin is no wave"


def test_story_tells_replacements_moves_and_shared_cards() -> None:
    rows = []
    for n in range(20):
        late = 10 if n >= 10 else 0
        for day in range(6):
            when = made_cases.START + dt.timedelta(days=day + late, minutes=n)
            row = made_cases.exchange(0, exchange_id=f"x{n}-{day}", account_id=f"b{n:02d}", started_at=when)
            rows.append(row | {"model": "old" if day + late < 12 else "new", "client_ip": f"10.0.0.{n // 5}"})
    table = pa.Table.from_pylist(rows, schema=EXCHANGE)
    case = case_of(group(list(range(20))), exchanges=table, customers=False)
    said = story(case, 0, timeline(case, 0), links_of(case, 0, uses_of(case, SALT)))
    assert "10 of 20 accounts fell silent before the log ends, while 10 began after the first of them had stopped" in (
        said
    )
    assert "First exchanges came in a wave: 10 of 20 accounts, 17 September 2026" in said
    assert "From 19 September 2026 on most of their exchanges go to new" in said
    assert "20 of 20 accounts share 4 addresses that hardly anyone else uses" in said


def test_techniques_are_expected_exchanges() -> None:
    case = case_of(group([0, 5]), group([3]))
    assert techniques_of(case, 0) == {"plain": 3.0, "reasoning_elicitation": 3.0}
    assert report_of(case).campaigns[0].aims == ("its reasoning, step by step",)
    assert report_of(case).campaigns[1].aims == ("ordinary answers in bulk",)


def test_a_wording_gives_its_technique_inside_a_group_only() -> None:
    inside, outside = case_of(group([0, 1, 2])), case_of(group([5, 6]))
    third = inside.account == 2
    assert set(inside.technique[third].tolist()) == {0}, "two of three exchanges of the wording ask for the reasoning"
    assert set(outside.technique[third].tolist()) == {-1}


def test_the_whole_report() -> None:
    case = case_of(*FOUR, kinds={"vpn_exit": np.arange(4)}, blind=("It was foggy.",))
    report = report_of(case)
    first, second = report.campaigns
    assert (first.campaign_id, first.verdict, second.campaign_id, second.verdict) == ("C1", "campaign", "C2", "review")
    assert (first.accounts, first.exchanges, first.taken, first.members[0]) == (4, 24, 12.0, "a00")
    assert 0 <= first.taken_low < 12 < first.taken_high <= 24
    assert (first.input_tokens, first.output_tokens, first.reasoning_tokens) == (12_000.0, 24_000.0, 6_000.0)
    assert first.value == pytest.approx(6 * (3e-3 + 30e-3) + 6 * (0.5e-3 + 4e-3))
    assert first.samples == ()
    assert (report.candidates, report.error_rate.n_null, report.error_rate.level) == (5, 199, 0.01)
    assert (report.input.sessions, report.input.accounts, report.input.exchanges) == (36, 12, 72)
    assert report.input.blind == ("It was foggy.",)
    assert report.look_alikes[0].accused == 4
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    assert "C1" in render_page(report)


def test_a_scan_without_groups() -> None:
    report = report_of(case_of())
    assert report.campaigns == ()
    assert {account.verdict for account in report.accounts} == {"clear"}
    assert "No campaign was found" in render_page(report)
    assert campaigns_table(report.campaigns).num_rows == 0


def test_text_only_where_it_was_asked_for() -> None:
    case = case_of(*FOUR)
    assert made_cases.SECRET not in json.dumps(msgspec.to_builtins(report_of(case)))
    samples = report_of(case, with_text=True).campaigns[0].samples
    assert len(samples) == 20
    assert {sample.account_id for sample in samples[:4]} == {"a00", "a01", "a02", "a03"}
    assert samples[0].text == f"{made_cases.SECRET}, part 0\n\nstir and wait"
    assert samples[0].technique == "reasoning_elicitation"


def test_text_that_attacks_the_page_is_escaped() -> None:
    told = json.dumps([{"role": "user", "content": "<script>alert('x')</script>"}])
    case = case_of(*FOUR, exchanges=made_cases.log(messages=told))
    page = render_page(report_of(case, with_text=True))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_metadata_alone_is_judged_and_says_what_is_missing() -> None:
    case = case_of(*FOUR, exchanges=made_cases.metadata_only(), customers=False)
    report = report_of(case, with_text=True)
    assert report.campaigns[0].value == 0
    assert [link.kind for link in report.campaigns[0].artefacts] == ["wording"]
    assert report.campaigns[0].samples == ()
    assert set(report.campaigns[0].timeline[0].exchanges) == {UNKNOWN_MODEL}
    assert len(report.input.blind) == 11
    assert any("No prompt was logged" in said for said in report.input.blind)
    render_page(report)


def test_what_the_customer_table_lacks_is_said() -> None:
    exchanges = made_cases.log()
    assert unseen(exchanges, made_cases.customers()) == ()
    few = open_case(exchanges, made_cases.customers(["a00", "zz"]), made_cases.findings(exchanges, ()))
    assert unseen(exchanges, few.customers) == ("The table of accounts lacks 11 of the 12 accounts in the log.",)
    bare = made_cases.customers().set_column(2, "payment_id", pa.nulls(12, pa.large_string()))
    assert unseen(exchanges, bare) == ("The table of accounts says nothing of means of payment.",)


def test_result_tables() -> None:
    case = case_of(*FOUR)
    report = report_of(case)
    accounts = accounts_table(report.accounts).to_pylist()
    assert accounts[0]["campaign_id"] == "C1"
    assert accounts[6]["verdict"] == "review"
    assert (accounts[5]["campaign_id"], accounts[5]["posterior"], accounts[5]["q_value"]) == (None, None, 1.0)
    exchanges = exchanges_table(case).to_pylist()
    assert len(exchanges) == 72
    assert exchanges[0] == {
        "exchange_id": "x000", "campaign_id": "C1", "technique": "reasoning_elicitation", "taken": 0.5,
    }  # fmt: skip
    assert exchanges[5] == {"exchange_id": "x005", "campaign_id": None, "technique": None, "taken": 0.0}
    assert campaigns_table(report.campaigns).column("verdict").to_pylist() == ["campaign", "review"]
    assert rejected_table([("cut", "log:3")]).to_pylist() == [{"reason": "cut", "place": "log:3"}]
