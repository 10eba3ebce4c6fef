"""What a gate does, as Prometheus metrics; OpenTelemetry's collector scrapes them with its Prometheus receiver.

Counts and gauges are read from `Gate.figures` and `State.campaigns` when somebody scrapes, so that a request pays for
one thing only: its own time in the histograms. Campaigns are labels, at most fifty of them (those that take most); the
rest is summed under ``campaign="other"``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from stillwatch import __version__
from stillwatch.gateway.alerts.outbox import Outbox
from stillwatch.gateway.alerts.texts import printable
from stillwatch.gateway.campaign_profiles import CampaignFigures
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.gate import Gate
from stillwatch.gateway.policy import Policy
from stillwatch.responses.traffic import Request

__all__ = ["MOST_CAMPAIGNS", "GateMetrics", "TimedGate"]

MOST_CAMPAIGNS: Final = 50
DECIDED: Final = ("refused", "waited", "shaped", "shielded", "watched")
"""Kinds of decisions; one request may have several. ``watched``: something would have been done, had the policy let
it."""
SIZES: Final = {
    "accounts": "Accounts whose profile is in memory.",
    "claims": "Accounts that a claim stands about.",
    "cleared": "Accounts that a person cleared.",
    "actions": "Actions that stand.",
    "accounts_with_actions": "Accounts against which an action stands.",
    "campaigns": "Campaigns that a claim names.",
    "budgets": "Budgets in use.",
}
FLAGS: Final = {
    "stood_down": "1 while the gateway stood down because it touched too many.",
    "off": "1 while the gateway is switched off.",
    "store_down": "1 while the store cannot be reached.",
    "policy_broken": "1 while the policy's file cannot be read.",
    "ledger_down": "1 while the ledger cannot be written.",
    "clock_leaping": "1 while the clock leaps, and budgets and ends are frozen.",
}
BACKLOGS: Final = {"waiting_for_store": "store", "ledger_waiting": "ledger", "outgoing": "outgoing"}
FAST: Final = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 0.5, 1.0)
"""Seconds; a decision takes microseconds, and whoever looks wants to see the tail."""


class GateMetrics:
    """The metrics of one gate. `render` is what a scrape gets: content type and body.

    ``added`` is called by doors with the seconds that an exchange spent in the gateway's own work, waits that a policy
    asks for left out. ``summaries`` counts what became of summaries of reasoning, ``marks`` of marks, by outcome; both
    are read at each scrape.
    """

    def __init__(
        self,
        gate: Gate,
        outbox: Outbox | None = None,
        summaries: Mapping[str, int] | None = None,
        marks: Mapping[str, int] | None = None,
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Figures(gate, outbox, summaries, marks))
        self._decided = Histogram(
            "stillwatch_decision_seconds", "Time that one decision took.", buckets=FAST, registry=self._registry
        )
        self._added = Histogram(
            "stillwatch_added_latency_seconds",
            "The gateway's own work on one exchange, waits of the policy left out.",
            buckets=FAST,
            registry=self._registry,
        )
        self.decided, self.added = self._decided.observe, self._added.observe

    def render(self) -> tuple[str, bytes]:
        """Content type and body in Prometheus' text format."""
        return CONTENT_TYPE_LATEST, generate_latest(self._registry)

    def names(self) -> set[str]:
        """Every name that a query may use: those of the samples as they are scraped now, labels left out."""
        return {sample.name for family in self._registry.collect() for sample in family.samples}


class TimedGate:
    """A gate whose decisions are timed; doors take it in the gate's place."""

    def __init__(self, gate: Gate, metrics: GateMetrics) -> None:
        self._gate, self._metrics = gate, metrics

    @property
    def keeps_text(self) -> bool:
        """See `Gate.keeps_text`."""
        return self._gate.keeps_text

    @property
    def policy(self) -> Policy:
        """See `Gate.policy`."""
        return self._gate.policy

    def now(self) -> int:
        """See `Gate.now`."""
        return self._gate.now()

    def decide(self, request: Request) -> Decision:
        """See `Gate.decide`."""
        begun = time.perf_counter()
        decision = self._gate.decide(request)
        self._metrics.decided(time.perf_counter() - begun)
        return decision

    def observed(self, observed: Observed) -> None:
        """See `Gate.observed`."""
        self._gate.observed(observed)


class _Figures(Collector):
    """Reads the gate when it is scraped."""

    def __init__(
        self,
        gate: Gate,
        outbox: Outbox | None,
        summaries: Mapping[str, int] | None,
        marks: Mapping[str, int] | None,
    ) -> None:
        self._gate, self._outbox, self._summaries, self._marks = gate, outbox, summaries, marks

    def describe(self) -> Iterable[Metric]:
        """Nothing is collected to register."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        gate, figures = self._gate, self._gate.figures()
        info = InfoMetricFamily("stillwatch_gateway", "Version, policy and mode.")
        info.add_metric((), {"version": __version__, "policy": printable(gate.policy.name), "mode": gate.policy.mode})
        yield info
        yield _counter("stillwatch_exchanges", "Exchanges that ended.", figures["exchanges"])
        yield _counter("stillwatch_touched", "Exchanges treated other than everybody's.", figures["touched"])
        decided = CounterMetricFamily("stillwatch_decisions", "Decisions by kind.", labels=("kind",))
        decided.add_metric(("passed",), figures["exchanges"] - figures["touched"])
        for kind in DECIDED:
            decided.add_metric((kind,), figures[kind])
        yield decided
        errors = CounterMetricFamily("stillwatch_errors", "Errors of the gateway's own.", labels=("place",))
        for name, count in figures.items():
            if name.startswith("errors_"):
                errors.add_metric((name.removeprefix("errors_"),), count)
        yield errors
        yield _counter("stillwatch_ledger_lost", "Decisions that the ledger could not keep.", figures["ledger_lost"])
        for name, meaning in {**SIZES, **FLAGS}.items():
            yield GaugeMetricFamily(f"stillwatch_{name}", meaning, value=figures[name])
        shares = GaugeMetricFamily(
            "stillwatch_touched_share", "Share touched within the window of the policy's bounds.", labels=("of",)
        )
        shares.add_metric(("requests",), figures["touched_requests_share"])
        shares.add_metric(("accounts",), figures["touched_accounts_share"])
        yield shares
        yield self._backlog(figures)
        if self._outbox is not None:
            yield from _alerts(self._outbox)
        if self._summaries is not None:
            yield _by_outcome("summaries", "Summaries of reasoning that were wanted", self._summaries)
        if self._marks is not None:
            yield _by_outcome("marks", "Marks that were due on an answer", self._marks)
        yield from _learner(gate.folder / "learning" / "backlog")
        now = gate.now()
        with gate.lock:
            campaigns = gate.state.campaigns(now)
        yield from _campaigns(campaigns)

    def _backlog(self, figures: Mapping[str, float]) -> Metric:
        backlog = GaugeMetricFamily("stillwatch_backlog", "What waits to be kept, sent or learnt.", labels=("of",))
        for name, shown in BACKLOGS.items():
            backlog.add_metric((shown,), figures[name])
        if self._outbox is not None:
            backlog.add_metric(("alerts",), self._outbox.waiting())
        return backlog


def _learner(path: Path) -> Iterator[Metric]:
    """What `learning.learner` says of itself; nothing where none ever ran."""
    try:
        waiting, turned = int(path.read_bytes()[:20]), path.stat().st_mtime
    except (OSError, ValueError):
        return
    yield GaugeMetricFamily(
        "stillwatch_learner_backlog_bytes", "Bytes of the journal that the learner has not read.", value=waiting
    )
    yield GaugeMetricFamily(
        "stillwatch_learner_age_seconds",
        "Seconds since the learner last began or ended a turn.",
        value=max(time.time() - turned, 0.0),
    )


def _alerts(outbox: Outbox) -> Iterator[Metric]:
    results = CounterMetricFamily("stillwatch_alerts", "Alerts by what became of them.", labels=("result",))
    for result, count in (("delivered", outbox.delivered), ("failed", outbox.failed), ("dropped", outbox.dropped)):
        results.add_metric((result,), count)
    yield results
    yield GaugeMetricFamily(
        "stillwatch_alert_destinations_failing", "Destinations that fail now.", value=len(outbox.errors)
    )


def _campaigns(campaigns: Mapping[str, CampaignFigures]) -> Iterator[Metric]:
    taken = GaugeMetricFamily(
        "stillwatch_campaign_taken_per_day",
        "Estimated exchanges of the last 24 hours that a campaign got in full.",
        labels=("campaign",),
    )
    limited = GaugeMetricFamily(
        "stillwatch_campaign_limited_per_day",
        "Its exchanges of the last 24 hours that were limited.",
        labels=("campaign",),
    )
    accounts = GaugeMetricFamily(
        "stillwatch_campaign_accounts", "Its accounts, by how far the claim has come.", labels=("campaign", "level")
    )
    reasoning = GaugeMetricFamily(
        "stillwatch_campaign_reasoning_share", "Share of its tokens of a day that were reasoning.", labels=("campaign",)
    )
    ranked = sorted(campaigns.values(), key=lambda c: (-c.taken_per_day, -sum(c.accounts.values()), c.campaign_id))
    shown, rest = {"other": None}, []
    for one in ranked:
        label = printable(one.campaign_id, 100)
        if len(shown) > MOST_CAMPAIGNS or label in shown:  # two ids that look alike must not be one series twice
            rest.append(one)
            continue
        shown[label] = None
        taken.add_metric((label,), one.taken_per_day)
        limited.add_metric((label,), one.day.limited)
        reasoning.add_metric((label,), one.reasoning_share)
        for level, count in one.accounts.items():
            accounts.add_metric((label, level), count)
    if rest:
        taken.add_metric(("other",), sum(one.taken_per_day for one in rest))
        limited.add_metric(("other",), sum(one.day.limited for one in rest))
    yield from (taken, limited, accounts, reasoning)


def _by_outcome(name: str, what: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"stillwatch_{name}", f"{what}, by what became of them.", labels=("outcome",))
    for outcome, count in counts.items():
        family.add_metric((outcome,), count)
    return family


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(name, meaning, value=value)
