"""The whole way on one page: read, measure, link, judge, write."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa

from stillwatch import linkage
from stillwatch.beside import rare_collections
from stillwatch.campaigns.case import Case, open_case
from stillwatch.campaigns.damage import read_prices
from stillwatch.campaigns.decided import Decided
from stillwatch.campaigns.dossier import Reading, build_report
from stillwatch.campaigns.heeding import heed, heed_decided, with_judgements
from stillwatch.campaigns.judgements import Judgement
from stillwatch.campaigns.page import render_page
from stillwatch.campaigns.report import Reject, Report
from stillwatch.campaigns.results import (
    BEHAVIOUR,
    accounts_table,
    behaviour_table,
    campaigns_table,
    exchanges_table,
    rejected_table,
)
from stillwatch.engines.duckdb import DuckDB
from stillwatch.engines.profiles import account_profiles
from stillwatch.exchange import EXCHANGE, accounts_of, fresh_salt, in_order, read_salt
from stillwatch.linkage.certainty import FIRM
from stillwatch.progress import Progress
from stillwatch.settings import Settings
from stillwatch.signals.features import exchange_features
from stillwatch.sources.log import Log
from stillwatch.storage.disk import disk_errors
from stillwatch.storage.manifest import write_manifest
from stillwatch.storage.names import told_name
from stillwatch.storage.tables import write_table

__all__ = ["scan"]

_PROFILE_KEY = b"stillwatch profiles"  # fixed: the hashes are gone before the run ends, and figures must not vary


@rare_collections()
def scan(
    *,
    log: Log,
    customers: pa.Table | None,
    out: Path,
    settings: Settings,
    progress: Progress,
    judgements: Sequence[Judgement] | None = None,
    decided: Decided | None = None,
) -> Report:
    """Find the campaigns in a log and write a run into the directory ``out``, which exists; returns the report.

    The same exchanges, customers and settings give the same Parquet files, byte for byte, in whatever order rows and
    files come. ``judgements`` are people's: accounts that they cleared are accused by no scan. ``decided`` are those of
    the console, which join and part groups too.

    Raises `InputError` for a log, price table or salt that cannot be read, `StorageError` where the results cannot be
    written.
    """
    clock = _Clock()
    read_prices(settings.price_table)  # a wrong table is told before the work, not after it
    if settings.salt is not None and settings.salt.exists():
        read_salt(settings.salt)  # a wrong one too
    with clock.step("read"):
        exchanges = in_order(pa.Table.from_batches(log.batches(progress), schema=EXCHANGE))
    salt = fresh_salt() if settings.salt is None else read_salt(settings.salt)  # a log that is none leaves no new salt
    with clock.step("measure"):
        progress.step("measuring accounts")
        profiles = _profiles(exchanges, settings)
    firm = FIRM if settings.firm is None else settings.firm
    with clock.step("link"):
        findings = linkage.find_groups(
            exchanges,
            customers,
            seed=settings.seed,
            false_discovery=settings.false_discovery,
            progress=progress,
            firm=firm,
        )
    with clock.step("judge"):
        progress.step("judging groups")
        told: tuple[str, ...] = ()
        if decided is None:
            findings, again = heed(findings, exchanges, judgements or ())
        else:
            findings, judgements, again, told = heed_decided(findings, exchanges, judgements or (), decided, firm)
        case = open_case(exchanges, customers, findings)
        rejected = tuple(Reject(count.reason, count.records, told_name(count.first)) for count in log.rejects)
        report = build_report(case, Reading(len(log.files), log.format, rejected, log.notes), settings, salt)
        if judgements is not None:
            report = with_judgements(report, judgements, again, told)
    with clock.step("write"), disk_errors(out):
        progress.step("writing results")
        _write(out, case, report, profiles, log)
    with disk_errors(out):
        write_manifest(out, settings, log.files, clock.seconds)
    return report


def _profiles(exchanges: pa.Table, settings: Settings) -> pa.Table:
    """The account signals, one row for each account in the order of account ids; numbers only, but for the id.

    Hashes of what the log holds lie in a temporary folder, readable by this user only, for the seconds that it takes.
    """
    ids, account = accounts_of(exchanges)
    engine = DuckDB(memory_limit=f"{settings.memory_mb}MiB", threads=settings.threads)
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as folder, disk_errors(Path(folder)):
        features = Path(folder) / "features.parquet"
        write_table(exchange_features(exchanges, account, _PROFILE_KEY), features)
        measured = account_profiles(features, engine, Path(folder) / "profiles.parquet")
    return measured.set_column(0, "account_id", ids.take(measured.column("account_id").combine_chunks()))


def _write(out: Path, case: Case, report: Report, profiles: pa.Table, log: Log) -> None:
    write_table(accounts_table(report.accounts), out / "accounts.parquet")
    write_table(exchanges_table(case), out / "exchanges.parquet")
    write_table(campaigns_table(report.campaigns), out / "campaigns.parquet")
    write_table(profiles, out / "profiles.parquet")
    write_table(behaviour_table(pa.array(case.account_ids), case.findings.behaviour), out / BEHAVIOUR)
    write_table(rejected_table((reject.reason, reject.where) for reject in log.set_aside), out / "rejected.parquet")
    (out / "report.json").write_bytes(msgspec.json.encode(report) + b"\n")
    (out / "report.html").write_text(render_page(report), encoding="utf-8")


class _Clock:
    """Seconds of each step, by its name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started
