"""Campaigns planted in a log that is known to have none: its own accounts, given up, are the raw material.

A third of the accounts leave the log. What they asked is what the planted campaigns harvest (in the operators'
wordings), and their lives are the cover: addresses, clients, settings and sign-up come from the log itself, so that
only working as one sets a campaign apart. No word of the log goes anywhere but into a labelled world in a folder.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl

from stillwatch.campaigns.verdict import moment
from stillwatch.exchange import in_order
from stillwatch.linkage.activity import VIRAL
from stillwatch.linkage.reading import read_activity
from stillwatch.progress import Silent
from stillwatch.simulation.ledger import opaque
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.texts.writer import wordings
from stillwatch.simulation.world import World
from stillwatch.sources.log import open_log

GIVEN_UP = 0.35
"""Share of the accounts that leave the log to be made into campaigns."""
_FEWEST_TASKS = 300  # unused tasks below which no campaign is begun
_DAY = 86_400_000_000
_HEAVY = 150  # sessions from which an account is a program, not a life to be taken on


@dataclasses.dataclass(frozen=True)
class Base:
    """A log without campaigns, its customers, and for each session: rows, account, topic, and whether it is a task."""

    exchanges: pl.DataFrame
    customers: pl.DataFrame
    kinds: pl.DataFrame
    rows: list[np.ndarray]
    who: np.ndarray
    topic: np.ndarray
    task: np.ndarray
    agent: np.ndarray
    accounts: list[str]


@functools.cache
def read_base(folder: Path) -> Base:
    """The world in ``folder``, which must hold no campaign."""
    table = in_order(open_log([folder / "exchanges.parquet"]).read())
    reading = read_activity(table, None, progress=Silent())
    activity = reading.activity
    order = pl.DataFrame({"exchange_id": table.column("exchange_id").to_pylist()})
    exchanges = order.join(
        pl.read_parquet(folder / "exchanges.parquet"), on="exchange_id", how="left", maintain_order="left"
    )
    by_session = np.argsort(reading.session, kind="stable")
    rows = np.split(by_session, np.flatnonzero(np.diff(reading.session[by_session])) + 1)
    return Base(
        exchanges=exchanges,
        customers=pl.read_parquet(folder / "accounts.parquet"),
        kinds=pl.read_parquet(folder / "truth" / "accounts.parquet"),
        rows=rows,
        who=activity.account,
        topic=activity.topics[0],
        task=(activity.wording == 0) & (activity.askers < VIRAL),
        agent=activity.tools > 0,
        accounts=sorted(set(exchanges["account_id"])),
    )


class Plot:
    """Plants campaigns in one base; collects the rows of the planted sessions."""

    def __init__(self, base: Base, seed: int) -> None:
        self.base, self.seed = base, seed
        self.rng, self.words = np.random.default_rng([seed, 77]), Random(f"planting/{seed}")
        n = len(base.accounts)
        sessions = np.bincount(base.who, minlength=n)
        self.given = self.rng.random(n) < GIVEN_UP
        hosts = np.flatnonzero(self.given & (sessions >= 3) & (sessions <= _HEAVY))
        self.hosts: list[int] = self.rng.permutation(hosts).tolist()
        of_agents = np.bincount(base.who, weights=base.agent, minlength=n) / np.maximum(sessions, 1)
        self.developers = set(np.flatnonzero(of_agents >= 0.4).tolist())
        self.traces: list[int] = np.flatnonzero(base.agent).tolist()
        self.free = self.given[base.who].copy()  # sessions of the given-up accounts that are not yet used
        x = base.exchanges
        self.time = x["started_at"].cast(pl.Int64).to_numpy()
        self.first, self.last = int(self.time.min()), int(self.time.max())
        self.columns: dict[str, list[Any]] = {name: [] for name in x.columns}
        self.truth: list[tuple[str, bool, str | None]] = []
        self.new_customers: list[dict[str, Any]] = []
        self.planted: list[tuple[str, str]] = []
        self.raw = x.to_dict(as_series=False)
        self.places = self._pairs("client_ip", "client_asn")
        self.devices = self._pairs("user_agent", "ja4")
        users: dict[Any, set[int]] = {}
        for account, pairs in self.places.items():
            for pair in pairs:
                users.setdefault(pair, set()).add(account)
        self.common = sorted((pair for pair, who in users.items() if len(who) >= 5), key=str)
        self.alone = sorted((pair for pair, who in users.items() if len(who) == 1), key=str)
        model = x["model"].to_numpy()
        names, seen = np.unique(model, return_index=True)
        self.newest = str(names[seen.argmax()])
        self.release = int(self.time[seen.max()])
        old = model[self.time < self.release]
        found, count = np.unique(old if len(old) else model, return_counts=True)
        self.usual = str(found[count.argmax()])
        newer = model == self.newest
        self.adopted: dict[str, float] = {}
        for name, at in zip(x["account_id"].to_numpy()[newer], self.time[newer], strict=True):
            self.adopted.setdefault(str(name), float(at))
        self.customer = {row["account_id"]: row for row in base.customers.to_dicts()}

    def _pairs(self, *names: str) -> dict[int, list[tuple[Any, Any]]]:
        code = {account: i for i, account in enumerate(self.base.accounts)}
        first, second = (self.raw[name] for name in names)
        found: dict[int, list[tuple[Any, Any]]] = {}
        for account, a, b in zip(self.raw["account_id"], first, second, strict=True):
            found.setdefault(code[account], []).append((a, b))
        return found

    def _opaque(self, prefix: str, *parts: object) -> str:
        return opaque(prefix, self.seed, *parts, size=7)

    def add(self, campaign: Campaign) -> None:
        """Plant one campaign; fewer accounts where the material runs out, none where it has."""
        if (self.free & self.base.task).sum() < _FEWEST_TASKS:
            return
        crew = _Crew(self, campaign)
        if crew.agent:  # whoever hides among developers lives as one
            self.hosts.sort(key=lambda host: host in self.developers)
        hosts = [self.hosts.pop() for _ in range(min(campaign.accounts, len(self.hosts)))]
        if len(hosts) < 12:
            return
        personal = campaign.cover > 0 and campaign.cover_kind not in ("generalist", "mimic")
        own = [self._cover_of(host, campaign) if personal else [] for host in hosts]
        for number, host in enumerate(hosts):
            crew.work(number, host, own[number])

    def _cover_of(self, host: int, campaign: Campaign) -> list[int]:
        """Sessions of the account whose life is taken on, as many as the cover may need, in the order of time."""
        mine = np.flatnonzero(self.free & (self.base.who == host))[: 1 + round(2 * campaign.exchanges * campaign.cover)]
        self.free[mine] = False
        kept: list[int] = mine.tolist()
        return kept

    def write(self, folder: Path) -> None:
        """The labelled world, as a simulated one is written."""
        base = self.base
        given = [account for account, gone in zip(base.accounts, self.given, strict=True) if gone]
        kept = base.exchanges.filter(~pl.col("account_id").is_in(given))
        planted = pl.DataFrame(self.columns, schema=base.exchanges.schema)
        labels = pl.DataFrame(
            self.truth, schema={"exchange_id": pl.String, "harvested": pl.Boolean, "technique": pl.String}, orient="row"
        )
        honest = kept.select("exchange_id").with_columns(
            harvested=pl.lit(False), technique=pl.lit(None, dtype=pl.String)
        )
        accounts = pl.concat(
            [
                base.kinds.filter(~pl.col("account_id").is_in(given)).select("account_id", "kind", "campaign"),
                pl.DataFrame(
                    [(a, "proxy", c) for a, c in self.planted],
                    schema={"account_id": pl.String, "kind": pl.String, "campaign": pl.String},
                    orient="row",
                ),
            ]
        )
        customers = pl.concat(
            [
                base.customers.filter(~pl.col("account_id").is_in(given)),
                pl.DataFrame(self.new_customers, schema=base.customers.schema),
            ]
        )
        everything = pl.concat([kept, planted]).sort("started_at", "exchange_id")
        seen = accounts.filter(pl.col("account_id").is_in(everything["account_id"].unique().to_list()))
        unknown = seen.select("account_id")  # a real log tells no traits
        World(everything, customers, pl.concat([honest, labels]), seen, unknown).write(folder)


class _Crew:
    """One campaign at work in a log."""

    def __init__(self, plot: Plot, campaign: Campaign) -> None:
        self.plot, self.campaign = plot, campaign
        rng, words = plot.rng, plot.words
        base = plot.base
        topics = int(base.topic.max()) + 1
        chosen = rng.permutation(topics)[: max(2, round(campaign.topics * topics / 60))]
        taste = np.zeros(topics)
        taste[chosen] = rng.gamma(1.2, size=len(chosen)) + 0.05
        if campaign.topics >= 40:  # a broad pool follows what everybody asks, loosely
            taste = np.bincount(base.topic, minlength=topics) * rng.gamma(1.5, size=topics)
        self.agent = set(campaign.techniques) <= {"agent_traces"}
        if self.agent:
            taste = np.bincount(base.topic[base.agent], minlength=topics) * rng.gamma(1.2, size=topics)
        self.taste = taste
        self.harness = self._agent() if campaign.harness == "one" else None
        self.techniques = sorted(campaign.techniques)
        self.weights = [campaign.techniques[name] for name in self.techniques]
        known = wordings()
        self.wordings = {
            name: words.sample(known[name], min(campaign.wordings, len(known[name])))
            for name in self.techniques
            if name in known
        }
        self.personas = words.sample(known["personas"], 2)
        self.tools = [words.choice(words.choice(list(plot.devices.values()))) for _ in range(3)]
        if campaign.clients == "one":
            self.tools = self.tools[:1]
        self.exits = words.sample(plot.alone, min(len(plot.alone), 60 if campaign.network == "rotating" else 12))
        self.cloud_asn = words.choice(plot.alone)[1]
        self.settings = tuple(words.choice(plot.raw[name]) for name in ("temperature", "max_tokens"))
        self.switch = plot.release + int(rng.uniform(0, 1.0) * _DAY)
        self.centre = rng.uniform(0, 24)

    def _agent(self) -> tuple[Any, Any]:
        """System prompt and number of tools of some developer of the log, given up or not."""
        plot = self.plot
        if not plot.traces:
            return None, None
        row = int(plot.base.rows[plot.words.choice(plot.traces)][0])
        return plot.raw["system_prompt"][row], plot.raw["tool_count"][row]

    def work(self, number: int, host: int, own: list[int]) -> None:
        """One account: its place and client, its cover from its host, its share of the pool."""
        plot, campaign, rng = self.plot, self.campaign, self.plot.rng
        account = plot._opaque("acct_", campaign.name, number)
        start, end = campaign.working_span(number, plot.words, plot.first, plot.last)
        window = (max(plot.first, start), max(max(plot.first, start) + _DAY / 6, min(plot.last, end)))
        count = max(1, round(campaign.exchanges * rng.lognormal(-(campaign.spread**2) / 2, campaign.spread)))
        cover = int(rng.binomial(count, campaign.cover))
        if not own:
            own = self._take(np.ones(len(self.taste)), cover)
        host_customer = plot.customer.get(plot.base.accounts[host])
        if host_customer is not None:
            plot.new_customers.append(self._customer(account, number, host_customer, start))
        plot.planted.append((account, campaign.name))
        places = self._places(number, host)
        people = campaign.clients in ("people", "agents")
        devices = plot.devices[host] if people else [plot.words.choice(self.tools)]
        adopts = self.switch + rng.uniform(0, 0.1) * _DAY if campaign.model_switch else self._adoption(host)
        context = (account, places, devices, adopts, window, self.harness or self._agent())
        done = 0
        for session in plot.rng.permutation(own).tolist() if own else []:
            if done >= cover:
                break
            done += self._play(session, context, None, len(plot.base.rows[session]))
        taste = self.taste
        if campaign.dispatch in ("topic", "sticky"):
            taste = np.zeros_like(self.taste)
            mine = rng.choice(len(taste), p=self.taste / self.taste.sum(), size=int(rng.integers(1, 3)))
            taste[mine] = 1.0
        done, left = 0, count - cover
        for session in self._take(taste, left):
            if done >= left:
                break
            turns = 1 + int(rng.exponential(campaign.follow_ups)) if campaign.follow_ups else 1
            technique = plot.words.choices(self.techniques, weights=self.weights)[0]
            samples = int(rng.integers(2, 5)) if rng.random() < campaign.best_of else 1
            for _ in range(samples):
                done += self._play(session, context, technique, min(turns, left - done) if left > done else 1)

    def _take(self, taste: np.ndarray, number: int) -> list[int]:
        plot, base = self.plot, self.plot.base
        places = np.flatnonzero(plot.free & base.task)
        size = np.maximum(np.bincount(base.topic[places], minlength=len(taste)), 1)
        weight = (taste / size)[base.topic[places]] + 1e-9
        number = min(number, len(places))
        if number <= 0:
            return []
        chosen = plot.rng.choice(places, number, replace=False, p=weight / weight.sum())
        plot.free[chosen] = False
        found: list[int] = chosen.tolist()
        return found

    def _customer(self, account: str, number: int, host: dict[str, Any], start: float) -> dict[str, Any]:
        plot, campaign, rng = self.plot, self.campaign, self.plot.rng
        row = dict(host, account_id=account)
        row["organization_id"] = plot._opaque("org_", campaign.name, number)
        row["payment_id"] = plot._opaque("", campaign.name, "card", number // campaign.cards)
        if campaign.sign_up != "aged" and row["created_at"] is not None:
            before = rng.uniform(0, 2.0) if campaign.sign_up == "burst" else rng.uniform(0, 45.0)
            row["created_at"] = moment(int(min(start, plot.last) - before * _DAY))
        return row

    def _places(self, number: int, host: int) -> list[tuple[Any, Any]]:
        plot, campaign = self.plot, self.campaign
        if campaign.network == "rotating":
            return plot.words.sample(self.exits, min(12, len(self.exits)))
        if campaign.network == "vpn":
            return plot.words.sample(plot.common, min(4, len(plot.common))) or plot.places[host]
        if campaign.network == "home":
            return plot.places[host]
        group = number // campaign.addresses
        r = Random(f"{plot.seed}/{campaign.name}/{group}")
        return [(f"{r.randint(20, 90)}.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}", self.cloud_asn)]

    def _adoption(self, host: int) -> float:
        plot = self.plot
        return plot.adopted.get(plot.base.accounts[host], float("inf"))

    def _moment(self, window: tuple[float, float]) -> int:
        plot, rng = self.plot, self.plot.rng
        at = rng.uniform(*window)
        if self.campaign.hours == "people":  # the hours at which anybody writes
            at = (at // _DAY) * _DAY + plot.time[rng.integers(len(plot.time))] % _DAY
        elif self.campaign.hours == "shift":
            at = (at // _DAY) * _DAY + (self.centre + rng.normal(0, 2.5)) % 24 / 24 * _DAY
        return int(np.clip(at, plot.first, plot.last))

    def _play(self, session: int, context: tuple[Any, ...], technique: str | None, most: int) -> int:
        account, places, devices, adopts, window, harness = context
        plot, words = self.plot, self.plot.words
        old, new = self._wrapped(technique, int(plot.base.rows[session][0]))
        if technique == "agent_traces" and not plot.base.agent[session]:
            session = words.choice(plot.traces)
            old = _last_text(plot.raw["messages"][int(plot.base.rows[session][0])])
        rows = plot.base.rows[session][: max(1, most)]
        at, opened = self._moment(window), int(plot.time[rows[0]])
        ip, asn = words.choice(places)
        agent, ja4 = words.choice(devices)
        name = plot._opaque("s_", account, session, len(plot.truth))
        settings = self.settings if self.campaign.clients in ("one", "some") and technique is not None else None
        for row in rows.tolist():
            record = {column: values[row] for column, values in plot.raw.items()}
            asked = min(at + int(plot.time[row]) - opened, plot.last)
            record |= {
                "exchange_id": plot._opaque("x_", account, session, len(plot.truth)), "account_id": account,
                "api_key_id": plot._opaque("k_", account), "session_id": name, "client_ip": ip, "client_asn": asn,
                "user_agent": agent, "ja4": ja4,
                "started_at": moment(asked),
            }  # fmt: skip
            record |= dict.fromkeys(record.keys() & {"client_network"})  # nobody knows the kind of the new place
            if record["model"] in (plot.usual, plot.newest):
                record["model"] = plot.newest if asked >= adopts and asked >= plot.release else plot.usual
            if settings is not None:
                record["temperature"], record["max_tokens"] = settings
            if technique == "agent_traces":
                record["system_prompt"], record["tool_count"] = harness
            if new != old:
                record["messages"] = _replace(record["messages"], old, new)
            for column, values in plot.columns.items():
                values.append(record[column])
            harvested = technique is not None
            plot.truth.append((record["exchange_id"], harvested, technique if harvested else None))
        return len(rows)

    def _wrapped(self, technique: str | None, row: int) -> tuple[str | None, str | None]:
        plot, words = self.plot, self.plot.words
        text = _last_text(plot.raw["messages"][row])
        if technique not in self.wordings or text is None:
            return text, text
        answer = str(plot.raw["response"][row] or "")
        pattern = words.choice(self.wordings[technique])
        return text, pattern.format(
            task=text,
            answer=answer,
            other_answer=" ".join(answer.split()[::-1][:80]),
            n=words.randint(3, 12),
            persona=words.choice(self.personas),
        )


def _last_text(messages: str | None) -> str | None:
    decoded = json.loads(messages or "[]")
    text = decoded[-1].get("content") if decoded else None
    return text if isinstance(text, str) else None


def _replace(messages: str, old: str | None, new: str | None) -> str:
    decoded = json.loads(messages)
    for message in decoded:
        if message.get("content") == old:
            message["content"] = new
    return json.dumps(decoded)


def plant(base: Base, campaigns: list[Campaign], seed: int, folder: Path) -> None:
    """Write the base with ``campaigns`` planted in it to ``folder``; equal arguments give equal worlds."""
    plot = Plot(base, seed)
    for campaign in campaigns:
        plot.add(campaign)
    plot.write(folder)
