"""A whole labelled world: honest customers and campaigns, as the tables that a provider would have, plus the
answers."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from stillwatch.errors import StorageError, UsageError
from stillwatch.simulation.innocents import people, programs
from stillwatch.simulation.innocents.stage import Customer, Kind, Stage
from stillwatch.simulation.ledger import Ledger, Period
from stillwatch.simulation.networks import Internet
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.operators.play import Operation

START = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
# Share of the honest accounts by kind, and how many there are at least.
KINDS: tuple[tuple[Kind, float, int], ...] = (
    (people.persons, 0.47, 1),
    (people.generalists, 0.07, 1),
    (people.extension_users, 0.025, 1),
    (people.hobbyists, 0.025, 1),
    (people.students, 0.035, 1),
    (people.learners, 0.045, 1),
    (people.crowd_workers, 0.018, 1),
    (people.employees, 0.055, 1),
    (people.households, 0.035, 1),
    (people.agency_clients, 0.03, 1),
    (programs.developers, 0.07, 1),
    (programs.apps, 0.016, 1),
    (programs.batch_scripts, 0.02, 1),
    (programs.saas_customers, 0.035, 1),
    (programs.evaluators, 0.005, 3),
    (programs.judges, 0.004, 2),
    (programs.makers, 0.0015, 1),
    (programs.aggregators, 0.0005, 1),
    (programs.resellers, 0.012, 1),
)
EXCHANGES = pl.Schema(
    [
        ("exchange_id", pl.String),
        ("started_at", pl.Datetime("us", "UTC")),
        ("account_id", pl.String),
        ("api_key_id", pl.String),
        ("session_id", pl.String),
        ("model", pl.String),
        ("operation", pl.String),
        ("system_prompt", pl.String),
        ("messages", pl.String),
        ("response", pl.String),
        ("input_tokens", pl.Int64),
        ("output_tokens", pl.Int64),
        ("temperature", pl.Float64),
        ("max_tokens", pl.Int64),
        ("tool_count", pl.Int64),
        ("client_ip", pl.String),
        ("client_asn", pl.Int64),
        ("client_network", pl.String),
        ("user_agent", pl.String),
        ("ja4", pl.String),
        ("status", pl.Int64),
        ("latency_ms", pl.Int64),
        ("reasoning_tokens", pl.Int64),
    ]
)
LABELS = pl.Schema([("harvested", pl.Boolean), ("technique", pl.String)])
ACCOUNTS = pl.Schema(
    [
        ("account_id", pl.String),
        ("organization_id", pl.String),
        ("payment_id", pl.String),
        ("email_domain", pl.String),
        ("created_at", pl.Datetime("us", "UTC")),
    ]
)


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """The log, the customer table, and the answers. ``traits`` (language, network, night) serve fairness figures
    only."""

    exchanges: pl.DataFrame
    accounts: pl.DataFrame
    exchange_truth: pl.DataFrame
    account_truth: pl.DataFrame
    traits: pl.DataFrame

    def write(self, folder: Path) -> None:
        """Write the five Parquet files, each moved into place when complete. Raises StorageError where that
        is impossible."""
        files = {
            "exchanges.parquet": self.exchanges,
            "accounts.parquet": self.accounts,
            "truth/exchanges.parquet": self.exchange_truth,
            "truth/accounts.parquet": self.account_truth,
            "truth/traits.parquet": self.traits,
        }
        try:
            for name, frame in files.items():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                handle, partial = tempfile.mkstemp(dir=target.parent, suffix=".partial")
                os.close(handle)
                try:
                    frame.write_parquet(partial, compression="zstd")
                    Path(partial).chmod(0o644)
                    Path(partial).replace(target)
                finally:
                    Path(partial).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"cannot be written: {error.strerror or error}", folder, "choose another folder or free some space"
            ) from error


def honest(stage: Stage, accounts: int) -> Iterator[Customer]:
    """All honest customers, kind by kind; about ``accounts`` of them (persons take up the rounding)."""
    sizes = [max(least, round(accounts * share)) for _, share, least in KINDS]
    sizes[0] = max(1, accounts - sum(sizes[1:]))
    for (kind, _, _), size in zip(KINDS, sizes, strict=True):
        yield from kind(stage, size)


def simulate(
    *,
    accounts: int = 2000,
    days: float = 14.0,
    campaigns: Sequence[Campaign] = (),
    seed: int = 0,
    load: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> World:
    """A labelled world of ``accounts`` honest customers (a few more where a kind has a least number) and the
    campaigns' accounts on top.

    The honest part is the same with and without campaigns. ``load`` multiplies honest customers' exchanges. Equal
    arguments give equal tables on the same Python version (some code texts are read from its standard library).
    ``progress`` is called with (accounts done, accounts in all). Raises UsageError where two campaigns share a
    name or ``accounts``, ``days`` or ``load`` are not positive.
    """
    if accounts < 1 or days <= 0 or load <= 0:
        raise UsageError("accounts, days and load must be positive")
    names = [campaign.name for campaign in campaigns]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two campaigns are called {name!r}", "--campaign", f"rename one with {name}:name=OTHER")
    key = f"stillwatch/{seed}"
    period = Period.draw(key, START, days)
    stage = Stage(key, period, Internet(key), load)
    ledger = Ledger(key, period)
    total = accounts + sum(campaign.accounts for campaign in campaigns)

    def admit(customers: Iterator[Customer]) -> None:
        for account, sessions, r in customers:
            ledger.record(account, sessions, r)
            if progress is not None:
                progress(min(len(ledger.accounts), total), total)

    admit(honest(stage, accounts))
    overheard = tuple(ledger.asked)
    for campaign in campaigns:
        admit(Operation(stage, campaign, overheard).customers())
    return _tables(ledger)


def _tables(ledger: Ledger) -> World:
    schema = pl.Schema([*EXCHANGES.items(), *LABELS.items()])
    rows = pl.DataFrame(ledger.rows, schema=schema, orient="row").sort("started_at", "exchange_id")
    start = ledger.period.start
    active = set(rows["account_id"].unique())
    kept = sorted(
        (account for account in ledger.accounts if account.identifier in active), key=lambda account: account.identifier
    )
    accounts = pl.DataFrame(
        [
            (
                a.identifier,
                a.organization,
                a.payment,
                a.email_domain,
                start + dt.timedelta(microseconds=int(a.created_at * 1e6)),
            )
            for a in kept
        ],
        schema=ACCOUNTS,
        orient="row",
    )
    truth = pl.DataFrame(
        [(a.identifier, a.kind, a.campaign) for a in kept],
        schema={"account_id": pl.String, "kind": pl.String, "campaign": pl.String},
        orient="row",
    )
    traits = pl.DataFrame(
        [(a.identifier, a.language, a.network, a.night) for a in kept],
        schema={"account_id": pl.String, "language": pl.String, "network": pl.String, "night": pl.Boolean},
        orient="row",
    )
    return World(rows.select(EXCHANGES.names()), accounts, rows.select("exchange_id", *LABELS.names()), truth, traits)
