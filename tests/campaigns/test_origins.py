"""From what kinds of networks a group's calls came: shares for a person to look at, absent where nothing is known."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from stillwatch.campaigns import narrative, origins, wording
from stillwatch.campaigns.case import Case, open_case
from stillwatch.campaigns.dossier import Reading, build_report
from stillwatch.campaigns.page import render_page
from stillwatch.campaigns.report import NetworkKinds, Networks, Report
from stillwatch.exchange import EXCHANGE, NETWORK_KINDS
from stillwatch.settings import Settings
from tests.campaigns import made_cases
from tests.campaigns.made_cases import group

GROUPS = (group([0, 1, 2, 3]), group([6, 7], "review"))


def case_of(kinds: dict[str, str | None] | None = None) -> Case:
    """The made case, with a kind of network for all exchanges of some accounts."""
    table = made_cases.log()
    if kinds is not None:
        told = [kinds.get(account) for account in table.column("account_id").to_pylist()]
        place = table.schema.get_field_index("client_network")
        table = table.set_column(place, EXCHANGE.field(place), pa.array(told, pa.large_string()))
    return open_case(table, made_cases.customers(), made_cases.findings(table, GROUPS))


def report_of(case: Case) -> Report:
    return build_report(case, Reading(1, "jsonl", ()), Settings(), b"s" * 32)


def told(case: Case) -> list[str]:
    passages = narrative.campaign_passages(report_of(case).campaigns[0])
    return [sentence for passage in passages if passage.name == "networks" for sentence in passage.sentences]


MOST = dict.fromkeys(made_cases.ACCOUNTS, "residential") | dict.fromkeys(made_cases.ACCOUNTS[:3], "hosting")


def test_shares_of_the_group_beside_all_others() -> None:
    report = report_of(case_of(MOST))
    assert report.campaigns[0].networks == Networks(
        NetworkKinds(24, {"hosting": 0.75, "residential": 0.25}), NetworkKinds(48, {"residential": 1.0})
    )
    assert report.input.networks == NetworkKinds(72, {"residential": 0.75, "hosting": 0.25})
    first, caution = told(case_of(MOST))
    assert first.replace("\u00a0", " ") == (
        "75 % of its exchanges came from hosting networks (of all others 0 %) and 25 % from access providers "
        "(of all others 100 %)."
    )
    assert caution.startswith("No verdict rests on this")


def test_the_page_and_explain_say_the_same() -> None:
    report = report_of(case_of(MOST))
    page = render_page(report)
    for sentence in told(case_of(MOST)):
        assert sentence in page
    assert "Where its calls came from" in page


def test_exchanges_of_no_known_kind_are_counted_out() -> None:
    case = case_of({"a00": "vpn", "a09": None})
    report = report_of(case)
    assert report.campaigns[0].networks == Networks(NetworkKinds(6, {"vpn": 1.0}), None)
    assert [sentence.replace("\u00a0", " ") for sentence in told(case)][:2] == [
        "100 % of its exchanges came from VPNs.",
        "This counts the 6 of its 24 exchanges whose network is of a known kind.",
    ]


def test_a_group_of_no_known_kind_is_told_nothing_of() -> None:
    report = report_of(case_of({"a09": "hosting"}))
    assert report.campaigns[0].networks is msgspec.UNSET
    assert told(case_of({"a09": "hosting"})) == []
    assert report.input.networks == NetworkKinds(6, {"hosting": 1.0})


def test_a_log_without_kinds_has_the_report_and_the_page_that_it_had() -> None:
    report = report_of(case_of())
    assert b'"networks":{' not in msgspec.json.encode(report)
    assert b'"networks":{' in msgspec.json.encode(report_of(case_of(MOST)))
    assert "Where its calls came from" not in render_page(report)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_a_report_with_kinds_is_read_again_as_it_was() -> None:
    report = report_of(case_of(MOST))
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_what_is_no_kind_is_in_no_report() -> None:
    case = case_of(dict.fromkeys(made_cases.ACCOUNTS, "<script>of my own</script>"))
    assert b"of my own" not in msgspec.json.encode(report_of(case))
    assert told(case) == []


def test_every_kind_has_words_of_its_own() -> None:
    words = [wording.network(kind) for kind in NETWORK_KINDS]
    assert len({*words}) == len(words)
    assert not any("of kind" in word for word in words)


@pytest.mark.parametrize("exchanges", [0, 5])
def test_figures_that_cannot_be_are_no_reason_to_fail(exchanges: int) -> None:
    odd = Networks(NetworkKinds(5, {"no such kind": float("nan"), "tor": 2.0}), NetworkKinds(0, {}))
    assert origins.told(odd, exchanges)[0].endswith(".")
    assert origins.told(Networks(NetworkKinds(0, {}), None), exchanges) == ()


def test_no_number_of_a_verdict_depends_on_the_kinds() -> None:
    rng = np.random.default_rng(3)
    drawn = dict(zip(made_cases.ACCOUNTS, rng.choice(NETWORK_KINDS, len(made_cases.ACCOUNTS)).tolist(), strict=True))
    plain, kinds = report_of(case_of()), report_of(case_of(drawn))
    assert kinds.accounts == plain.accounts
    for one, other in zip(plain.campaigns, kinds.campaigns, strict=True):
        assert msgspec.structs.replace(other, networks=msgspec.UNSET) == one
