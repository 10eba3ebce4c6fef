"""Metrics: what a scrape says of a gate, and that every query of the dashboard finds what it asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stillwatch import __version__
from stillwatch.gateway.alerts.outbox import Outbox
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.learning.learner import Learner
from stillwatch.gateway.metrics import MOST_CAMPAIGNS, GateMetrics, TimedGate
from stillwatch.gateway.stores.base import change
from tests.gateway.claims import NOW, SetClock, asked, claim, ended, write_policy

DASHBOARD = Path(__file__).parents[2] / "examples" / "grafana" / "stillwatch.json"
REFUSE = '[[measures]]\nresponse = "suspend"\nlevels = ["confirmed"]'


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    opened = open_gate(tmp_path / "state", write_policy(tmp_path / "policy.toml", REFUSE), clock=SetClock())
    yield opened
    opened.close()


def samples(metrics: GateMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    _, body = metrics.render()
    families = text_string_to_metric_families(body.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def passed(gate: Gate | TimedGate, account: str, **row: Any) -> None:
    gate.observed(ended(gate.decide(asked(account, NOW)), status=200, input_tokens=10, output_tokens=90, **row))


def test_decisions_are_counted_by_kind_and_timed(gate: Gate) -> None:
    gate.put([change(claim("member", level="confirmed"))])
    gate.refresh()
    metrics = GateMetrics(gate)
    timed = TimedGate(gate, metrics)
    for account in ("a", "b", "member"):
        passed(timed, account)
    metrics.added(0.002)
    told = samples(metrics)
    assert told["stillwatch_exchanges_total", ()] == 3
    assert told["stillwatch_decisions_total", (("kind", "passed"),)] == 2
    assert told["stillwatch_decisions_total", (("kind", "refused"),)] == 1
    assert told["stillwatch_decision_seconds_count", ()] == 3
    assert told["stillwatch_added_latency_seconds_bucket", (("le", "0.0025"),)] == 1
    assert told["stillwatch_campaign_accounts", (("campaign", "c"), ("level", "confirmed"))] == 1
    assert told["stillwatch_gateway_info", (("mode", "act"), ("policy", "test"), ("version", __version__))] == 1


def test_what_a_campaign_still_takes_is_told(gate: Gate) -> None:
    gate.put([change(claim("member", level="campaign", innocent=0.1))])
    for _ in range(10):
        passed(gate, "member", reasoning_tokens=50)
    told = samples(GateMetrics(gate))
    assert told["stillwatch_campaign_taken_per_day", (("campaign", "c"),)] == pytest.approx(9)
    assert told["stillwatch_campaign_reasoning_share", (("campaign", "c"),)] == pytest.approx(0.5)
    assert told["stillwatch_campaign_limited_per_day", (("campaign", "c"),)] == 0


def test_campaigns_are_at_most_fifty_series_and_the_rest_is_summed(gate: Gate) -> None:
    for number in range(MOST_CAMPAIGNS + 20):
        gate.put([change(claim(f"a{number}", campaign_id=f"c{number}", innocent=1 - (number + 1) / 100))])
        passed(gate, f"a{number}")
    told = samples(GateMetrics(gate))
    series = {dict(labels)["campaign"]: value for (name, labels), value in told.items() if "taken_per_day" in name}
    assert len(series) == MOST_CAMPAIGNS + 1
    assert series[f"c{MOST_CAMPAIGNS + 19}"] == pytest.approx((MOST_CAMPAIGNS + 20) / 100)
    assert series["other"] == pytest.approx(sum(range(1, 21)) / 100)


@pytest.mark.parametrize("name", ['x"} 1\nevil_total{a="', "other", "\x1b[31m", "a\\", "é" * 500])
def test_an_id_of_a_strangers_breaks_no_scrape(gate: Gate, name: str) -> None:
    gate.put([change(claim("a", campaign_id=name)), change(claim("b", campaign_id=name + "\u202e"))])
    for account in ("a", "b"):
        passed(gate, account)
    metrics = GateMetrics(gate)
    told = samples(metrics)
    assert not any(series.startswith("evil") for series, _ in told)
    lines = [line for line in metrics.render()[1].decode().splitlines() if not line.startswith("#")]
    assert len({line.rpartition(" ")[0] for line in lines}) == len(lines)  # no series twice


def test_flags_and_errors_and_backlogs_are_there_before_anything_happens(gate: Gate, tmp_path: Path) -> None:
    told = samples(GateMetrics(gate, Outbox(tmp_path / "alerts", [])))
    for flag in ("stood_down", "off", "store_down", "policy_broken", "ledger_down"):
        assert told[f"stillwatch_{flag}", ()] == 0
    assert told["stillwatch_backlog", (("of", "alerts"),)] == 0
    assert told["stillwatch_errors_total", (("place", "decide"),)] == 0


def test_the_learners_backlog_is_told_where_one_runs(gate: Gate) -> None:
    metrics = GateMetrics(gate)
    assert ("stillwatch_learner_backlog_bytes", ()) not in samples(metrics)
    for account in ("a", "b"):
        passed(gate, account)
    learner = Learner(gate.folder, write_policy(gate.folder.parent / "other.toml", "[learning]\nscan_hours = 0"))
    learner.turn(NOW)
    learner.close()
    told = samples(metrics)
    assert told["stillwatch_learner_backlog_bytes", ()] >= 0
    assert 0 <= told["stillwatch_learner_age_seconds", ()] < 600


def queries(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("expr"), str):
            yield value["expr"]
        for part in value.values():
            yield from queries(part)
    elif isinstance(value, list):
        for part in value:
            yield from queries(part)


def test_every_query_of_the_dashboard_names_an_exported_metric(gate: Gate, tmp_path: Path) -> None:
    gate.put([change(claim("member"))])
    (gate.folder / "learning").mkdir()
    (gate.folder / "learning" / "backlog").write_bytes(b"0")
    exported = GateMetrics(gate, Outbox(tmp_path / "alerts", [])).names()
    asked_for = [
        set(re.findall(r"stillwatch_\w+", query)) for query in queries(json.loads(DASHBOARD.read_text("utf-8")))
    ]
    assert len(asked_for) > 10
    assert all(asked_for)
    assert set().union(*asked_for) - exported == set()
    for name in ("stillwatch_stood_down", "stillwatch_campaign_taken_per_day", "stillwatch_decisions_total"):
        assert name in set().union(*asked_for)
