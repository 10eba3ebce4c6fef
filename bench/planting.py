"""Campaigns planted in a labelled log that is known to have none, as a world on disk: for fitting and calibrating.

The plan is the drill's (`stillwatch.drill.planting`); a drill carries it out in memory, here it is written. No word of
the log goes anywhere but into a labelled world in a folder.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from stillwatch.campaigns.verdict import moment
from stillwatch.drill.material import Material, read_material
from stillwatch.drill.planting import Plan, PlantedAccount, PlantedSession, make_plan
from stillwatch.exchange import accounts_of, in_order
from stillwatch.progress import Silent
from stillwatch.simulation.ledger import opaque
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.world import World
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log


@dataclasses.dataclass(frozen=True)
class Base:
    """A log without campaigns, its customers and kinds, what it offers, and the rows of each session."""

    exchanges: pl.DataFrame
    customers: pl.DataFrame
    kinds: pl.DataFrame
    accounts: list[str]
    material: Material
    rows: list[np.ndarray]


@functools.cache
def read_base(folder: Path) -> Base:
    """The world in ``folder``, which must hold no campaign."""
    table = in_order(open_log([folder / "exchanges.parquet"]).read())
    material, reading = read_material(table, read_customers(folder / "accounts.parquet"), progress=Silent())
    order = pl.DataFrame({"exchange_id": table.column("exchange_id").to_pylist()})
    exchanges = order.join(
        pl.read_parquet(folder / "exchanges.parquet"), on="exchange_id", how="left", maintain_order="left"
    )
    by_session = np.argsort(reading.session, kind="stable")
    return Base(
        exchanges=exchanges,
        customers=pl.read_parquet(folder / "accounts.parquet"),
        kinds=pl.read_parquet(folder / "truth" / "accounts.parquet"),
        accounts=accounts_of(table)[0].to_pylist(),
        material=material,
        rows=np.split(by_session, np.flatnonzero(np.diff(reading.session[by_session])) + 1),
    )


def plant(base: Base, campaigns: list[Campaign], seed: int, folder: Path) -> None:
    """Write the base with ``campaigns`` planted in it to ``folder``; equal arguments give equal worlds."""
    plan = make_plan(base.material, campaigns, seed)
    kept = ~pl.col("account_id").is_in([base.accounts[i] for i in np.flatnonzero(plan.given_up)])
    written = _Written(base, plan)
    honest = base.exchanges.filter(kept)
    innocent = pl.lit(False).alias("harvested"), pl.lit(None, dtype=pl.String).alias("technique")
    proxies = {
        "account_id": written.account,
        "kind": "proxy",
        "campaign": [campaigns[a.campaign].name for a in plan.accounts],
    }
    labels = pl.DataFrame(proxies, schema=dict.fromkeys(proxies, pl.String))
    accounts = pl.concat([base.kinds.filter(kept).select("account_id", "kind", "campaign"), labels])
    everything = pl.concat([honest, written.exchanges]).sort("started_at", "exchange_id")
    seen = accounts.filter(pl.col("account_id").is_in(everything["account_id"].unique().to_list()))
    World(
        everything,
        pl.concat([base.customers.filter(kept), written.customers]),
        pl.concat([honest.select("exchange_id", *innocent), written.truth]),
        seen,
        seen.select("account_id"),  # a real log tells no traits
    ).write(folder)


class _Written:
    """The planted accounts and sessions as rows of the log's own tables."""

    def __init__(self, base: Base, plan: Plan) -> None:
        self._plan, self._raw, self._base = plan, base.exchanges.to_dict(as_series=False), base
        self.account = [self._opaque("acct_", plan.campaigns[a.campaign].name, a.number) for a in plan.accounts]
        self._columns: dict[str, list[Any]] = {name: [] for name in base.exchanges.columns}
        labels: list[tuple[str, bool, str | None]] = []
        for number, session in enumerate(plan.sessions):
            labels += [(name, session.technique is not None, session.technique) for name in self._rows(number, session)]
        self.exchanges = pl.DataFrame(self._columns, schema=base.exchanges.schema)
        schema = {"exchange_id": pl.String, "harvested": pl.Boolean, "technique": pl.String}
        self.truth = pl.DataFrame(labels, schema=schema, orient="row")
        known = {row["account_id"]: row for row in base.customers.to_dicts()}
        hosts = (
            (name, a, known.get(base.accounts[a.host])) for name, a in zip(self.account, plan.accounts, strict=True)
        )
        rows = [self._customer(name, account, host) for name, account, host in hosts if host is not None]
        self.customers = pl.DataFrame(rows, schema=base.customers.schema)

    def _opaque(self, prefix: str, *parts: object) -> str:
        return opaque(prefix, self._plan.seed, *parts, size=7)

    def _customer(self, name: str, account: PlantedAccount, host: dict[str, Any]) -> dict[str, Any]:
        row = dict(host, account_id=name)
        row["organization_id"] = self._opaque("org_", account.organization)
        row["payment_id"] = self._opaque("", account.payment)
        row["created_at"] = None if np.isnan(account.created) else moment(int(account.created))
        return row

    def _rows(self, number: int, session: PlantedSession) -> list[str]:
        """Add one session's rows; their exchange ids."""
        plan, raw = self._plan, self._raw
        account = self.account[session.account]
        rows = self._base.rows[session.source][: session.turns].tolist()
        time = [int(raw["started_at"][row].timestamp() * 1e6) for row in rows]
        names = []
        for place, row in enumerate(rows):
            asked = min(session.at + time[place] - time[0], plan.last)
            record = {column: values[row] for column, values in raw.items()} | {
                "exchange_id": self._opaque("x_", account, number, place), "account_id": account,
                "api_key_id": self._opaque("k_", account), "session_id": self._opaque("s_", account, number),
                "client_ip": session.place[0], "client_asn": session.place[1],
                "user_agent": session.device[0], "ja4": session.device[1], "started_at": moment(asked),
            }  # fmt: skip
            record |= dict.fromkeys(record.keys() & {"client_network"})  # nobody knows the kind of the new place
            if record["model"] in (plan.usual, plan.newest):
                record["model"] = plan.newest if asked >= max(session.adopts, plan.release) else plan.usual
            if session.settings is not None:
                record["temperature"], record["max_tokens"] = session.settings
            if session.harness is not None:
                record["system_prompt"], record["tool_count"] = session.harness
            if session.text is not None:
                record["messages"] = _replaced(
                    record["messages"], self._base.material.text[session.source], session.text
                )
            for column, values in self._columns.items():
                values.append(record[column])
            names.append(record["exchange_id"])
        return names


def _replaced(messages: str | None, old: str, new: str) -> str:
    """A conversation with one text in place of another: its first request, which later turns repeat."""
    decoded = json.loads(messages or "[]")
    for message in decoded:
        if message.get("content") == old:
            message["content"] = new
    return json.dumps(decoded)
