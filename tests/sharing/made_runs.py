"""A run over a made log with one large campaign, one small and one group under review, written as a scan writes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.campaigns.case import open_case
from stillwatch.campaigns.dossier import Reading, build_report
from stillwatch.campaigns.results import accounts_table, exchanges_table
from stillwatch.exchange import CUSTOMER, EXCHANGE, accounts_of, in_order
from stillwatch.linkage.findings import Group
from stillwatch.settings import Settings
from stillwatch.sharing.making import Terms, producer_of
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import Log, open_log
from stillwatch.storage.tables import write_table
from tests.campaigns.made_cases import findings, group

START = dt.datetime(2026, 9, 1, 9, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 9, 20, 12, tzinfo=dt.UTC)
JA4 = "t13d1516h2_8daaf6152771_02713d6af862"
COMMON_JA4 = "t13d1715h1_5b57614c22b0_3d5424432f57"
LARGE, SMALL, REVIEW, PEOPLE = range(24), range(24, 29), range(29, 41), range(41, 90)
EVERYONE = 90
DAYS = 12
TERMS = Terms(producer=producer_of("Example AI"), tlp="amber", now=NOW)

Naming = Callable[[str, int], str]
"""A text for a kind of thing ("account", "prompt", "agent", …) and its number; different numbers, different texts."""


def plain(kind: str, number: int) -> str:
    """Names that no figure holds by chance."""
    words = "alder birch cedar dogwood elm fir ginkgo hazel ironwood juniper"
    return f"{kind}-{number:05d}-quux" if kind != "prompt" else f"{words} {number} {words}"


class Made(NamedTuple):
    """Where the run, the log and the table of accounts lie."""

    run: Path
    log_file: Path
    customers_file: Path

    @property
    def log(self) -> Log:
        return open_log([str(self.log_file)])

    @property
    def customers(self) -> pa.Table:
        return read_customers(self.customers_file)


def exchange(number: int, name: Naming, start: dt.datetime = START) -> dict[str, Any]:
    """Exchange ``number``: account ``number % EVERYONE``, one on each day."""
    account, day = number % EVERYONE, number // EVERYONE
    mine = account in LARGE
    return {
        "exchange_id": name("exchange", number),
        "started_at": start + dt.timedelta(days=day, minutes=account),
        "account_id": name("account", account),
        "api_key_id": name("key", account),
        "session_id": name("session", number // 2),
        "model": name("model", 1 if day >= 5 and (mine or account == 50) else 0),
        "system_prompt": name("prompt", 10_000 + account),
        "messages": msgspec.json.encode([{"role": "user", "content": name("prompt", number)}]).decode(),
        "response": name("prompt", 20_000 + number),
        "client_ip": f"203.0.113.{account}",
        "client_asn": 24940 if mine and account % 2 == 0 else 3320 if account % 3 == 0 else 64500 + account,
        "user_agent": "python-httpx/0.22" if mine and account % 4 else name("agent", account),
        "ja4": JA4 if mine and account % 4 != 1 else COMMON_JA4 if account in PEOPLE else name("ja4", account),
    }


def customer(account: int, name: Naming) -> dict[str, Any]:
    """Twelve of the large campaign share a card, the others of it another, people have their own."""
    card = 0 if account < 12 else 1 if account in LARGE else account
    return {
        "account_id": name("account", account),
        "organization_id": name("organization", account),
        "payment_id": name("payment", card),
        "created_at": START,
    }


def write(
    folder: Path,
    name: Naming = plain,
    rows: list[dict[str, Any]] | None = None,
    start: dt.datetime = START,
    **changes: Any,
) -> Made:
    """The log, the table of accounts and the run, in ``folder``; ``changes`` are of the large group."""
    folder.mkdir(exist_ok=True, parents=True)
    made = Made(folder / "run", folder / "log.parquet", folder / "accounts.parquet")
    rows = [exchange(number, name, start) for number in range(EVERYONE * DAYS)] if rows is None else rows
    pq.write_table(pa.Table.from_pylist(rows, schema=EXCHANGE), made.log_file)
    people = [customer(account, name) for account in range(EVERYONE)]
    pq.write_table(pa.Table.from_pylist(people, schema=CUSTOMER), made.customers_file)
    exchanges = in_order(pa.Table.from_batches(made.log.batches(), schema=EXCHANGE))
    ids = accounts_of(exchanges)[0].to_pylist()
    place = {text: number for number, text in enumerate(ids)}

    def members(chosen: range) -> list[int]:
        return sorted(place[name("account", account)] for account in chosen)

    groups = (
        group(members(LARGE), q_value=0.0004, expected_innocent=0.3, **changes),
        group(members(SMALL)),
        group(members(REVIEW), "review"),
    )
    write_run(made.run, exchanges, made.customers, groups)
    return made


def write_run(run: Path, exchanges: pa.Table, customers: pa.Table, groups: tuple[Group, ...]) -> None:
    """A run as a scan that found these groups writes it: the report and the tables that bulletins are made from."""
    case = open_case(exchanges, customers, findings(exchanges, groups))
    report = build_report(case, Reading(1, "parquet", ()), Settings(), b"salt" * 8)
    run.mkdir(exist_ok=True)
    write_table(accounts_table(report.accounts), run / "accounts.parquet")
    write_table(exchanges_table(case), run / "exchanges.parquet")
    write_table(active_days(case.account_ids, exchanges), run / "profiles.parquet")
    (run / "report.json").write_bytes(msgspec.json.encode(report))


def active_days(ids: tuple[str, ...], exchanges: pa.Table) -> pa.Table:
    """On how many days each account worked."""
    day = pc.floor_temporal(exchanges.column("started_at"), unit="day")
    pairs = pa.table({"account_id": exchanges.column("account_id"), "day": day}).group_by(["account_id", "day"])
    counts = pairs.aggregate([]).group_by("account_id").aggregate([("day", "count")])
    at = pc.index_in(pa.array(ids, pa.large_string()), value_set=counts.column("account_id").combine_chunks())
    days = counts.column("day_count").take(at)
    return pa.table({"account_id": pa.array(ids, pa.large_string()), "active_days": days})
