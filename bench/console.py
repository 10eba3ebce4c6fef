"""``python -m bench console``: server time of every page over a run of 500,000 accounts, 25,000 of them in a campaign.

The run is made here (`made_run`): its files have the form, the columns and the size of a scan's, their figures mean
nothing. Pages are asked for over HTTP by somebody who has signed in, one request after the other, and the time from
sending a request to having read the answer is taken; each page is asked for several accounts, lists, and parts of the
picture, so that not only what was kept is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx2
import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bench.console_browser import FRAME_BAR, INTERACTIVE_BAR, frames, interactive
from bench.tables import Table, publish, say
from stillwatch.campaigns.report import Account, ArtefactLink, Campaign, Report
from stillwatch.campaigns.results import accounts_table, campaigns_table
from stillwatch.console.page import Role
from stillwatch.console.places import Places
from stillwatch.settings import Settings
from stillwatch.storage.manifest import write_manifest
from stillwatch.storage.run import new_run
from stillwatch.storage.tables import GROUP_ROWS, write_table
from tests.campaigns import made_reports
from tests.console.browser.driving import CHROMIUM, Browsers, started
from tests.console.served import serving

BAR = 300.0
"""Milliseconds that the 95th percentile of a page may take."""
EACH = 40
OTHERS = ((412, "campaign"), (36, "campaign"), (90, "campaign"), (25, "review"), (300, "review"))
KINDS = {"payment": (60, 4, 900), "address": (60, 6, 2_500), "client": (60, 40, 9_000), "wording": (60, 60, 12_000)}
"""Of each kind of artefact: how many are in the report, and the fewest and the most accounts that used one."""


def made_run(folder: Path, *, accounts: int, campaign: int, exchanges: int, seed: int = 0) -> Path:
    """A run with ``accounts`` accounts, one campaign of ``campaign`` of them and some small groups."""
    rng = np.random.default_rng(seed)
    groups, held = [], []
    for number, (size, verdict) in enumerate(((campaign, "campaign"), *OTHERS), 1):
        made, rows = _group(f"C{number}", size, verdict, rng, number)
        groups.append(made)
        held += rows
    start = made_reports.dt.datetime(2026, 4, 22, 8, tzinfo=made_reports.dt.UTC)
    clear = [
        Account(f"acct_{digits:016x}", None, "clear", 1.0, 0.0, 60, 0.0, start, start, (), None)
        for digits in rng.integers(0, 2**62, accounts - len(held)).tolist()
    ]
    everybody = sorted([*held, *clear], key=lambda one: one.account_id)
    report = made_reports.report(groups, [])
    with new_run(folder, overwrite=True) as run:
        write_table(accounts_table(everybody), run / "accounts.parquet")
        write_table(campaigns_table(report.campaigns), run / "campaigns.parquet")
        _write_exchanges(run / "exchanges.parquet", exchanges, rng)
        _write_report(run / "report.json", report, everybody)
        write_manifest(run, Settings(), [])
    return folder


def _group(name: str, size: int, verdict: str, rng: np.random.Generator, seed: int) -> tuple[Campaign, list[Account]]:
    campaign, accounts = made_reports.campaign(name, size, seed, verdict=verdict)
    members = campaign.members
    links = []
    for kind, (many, fewest, most) in KINDS.items():
        for n in range(many):
            held = int(np.clip(fewest + (most - fewest) * (1 - n / many) ** 3, 2, max(2, size // 2)))
            start = int(rng.integers(0, size - held + 1))
            some = members[start : start + held] if kind in ("payment", "address") else tuple(
                members[place] for place in np.sort(rng.choice(size, held, replace=False))
            )  # fmt: skip
            links.append(ArtefactLink(kind, f"{int(rng.integers(2**63)):016x}", some, int(rng.integers(0, 50))))
    random = made_reports.random.Random(seed)
    if verdict != "campaign":
        accounts = [made_reports.account(one.account_id, name, "review", random) for one in accounts]
    evidence = tuple(bar for place in range(4) for bar in made_reports.evidence(0.1 + 0.02 * place))[:18]
    accounts = [msgspec.structs.replace(one, evidence=evidence) for one in accounts]
    rivals = tuple(rival for place in range(4) for rival in made_reports.rivals(0.5 + 0.1 * place))[:18]
    return msgspec.structs.replace(campaign, artefacts=tuple(links), evidence=evidence, rivals=rivals), accounts


def _write_report(path: Path, report: Report, accounts: list[Account]) -> None:
    """The report as a scan writes it, without a second copy of it in memory."""
    head, _, tail = msgspec.json.encode(report).partition(b'"accounts":[]')
    with path.open("wb") as file:
        file.write(head + b'"accounts":[')
        for place in range(0, len(accounts), 10_000):
            part = b",".join(msgspec.json.encode(one) for one in accounts[place : place + 10_000])
            file.write((b"," if place else b"") + part)
        file.write(b"]" + tail + b"\n")


def _write_exchanges(path: Path, exchanges: int, rng: np.random.Generator) -> None:
    """One row for each exchange, in groups of rows, so that 30 million take no more memory than 65,536."""
    fields = {"exchange_id": pa.large_string(), "campaign_id": pa.large_string(), "technique": pa.large_string()}
    schema = pa.schema([*fields.items(), ("taken", pa.float64())])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, exchanges, GROUP_ROWS):
            rows = min(GROUP_ROWS, exchanges - start)
            chosen = rng.random(rows) < 0.08
            columns = {
                "exchange_id": pl.Series(np.arange(start, start + rows)).cast(pl.String),
                "campaign_id": pl.select(pl.when(pl.Series(chosen)).then(pl.lit("C1"))).to_series(),
                "technique": pl.select(pl.when(pl.Series(chosen)).then(pl.lit("rubric_grading"))).to_series(),
                "taken": pl.Series(np.where(chosen, rng.random(rows), 0.0)),
            }
            writer.write_table(pl.DataFrame(columns).to_arrow().cast(schema), row_group_size=GROUP_ROWS)


def asked(run: Path, each: int) -> dict[str, list[str]]:
    """What is asked of each page: ``each`` addresses, different ones where the page has several."""
    rng = np.random.default_rng(1)
    table = pl.read_parquet(run / "accounts.parquet", columns=["account_id", "verdict"])

    def accounts(verdict: str) -> list[str]:
        ids = table.filter(pl.col("verdict") == verdict).get_column("account_id")
        return [f"/accounts/{ids[int(n)]}" for n in rng.integers(0, len(ids), each)]

    big = "/campaigns/C1"
    sorts = ("taken", "q", "account", "exchanges", "first", "last")
    lists = [f"?sort={sorts[n % 6]}&page={1 + n % 200}&order={'up' if n % 2 else ''}" for n in range(each)]
    found = [f"?find={n:02x}&sort={sorts[n % 6]}" for n in range(each)]
    parts = [f"?open=a{n % 240}" if n % 2 else f"?open=a{n % 240}.a{(n * 7) % 240}" for n in range(each)]
    return {
        "today": ["/"] * each,
        "campaigns": ["/campaigns"] * each,
        "campaign of 25,000": [big] * each,
        "campaign of 412": ["/campaigns/C2"] * each,
        "its accounts": [f"{big}/accounts{query}" for query in lists],
        "its accounts, searched": [f"{big}/accounts{query}" for query in found],
        "its accounts as CSV": [f"{big}/accounts.csv"] * max(2, each // 4),
        "its picture, parts": [f"{big}/graph{query}" for query in parts],
        "its picture's data": [f"{big}/graph.json"] * each,
        "all accounts": [f"/accounts{query}" for query in lists],
        "all accounts, searched": [f"/accounts{query}" for query in found],
        "account, accused": accounts("campaign"),
        "account, clear": accounts("clear"),
        "false accusations": ["/false-accusations"] * each,
        "drill": ["/drill"] * each,
        "settings": ["/settings"] * each,
        "decide": ["/decide"] * each,
        "decide on a campaign of 25,000": ["/decide/campaigns/C1"] * each,
        "decide on an account": [f"/decide{path}" for path in accounts("campaign")],
        "what is new, while deciding": ["/decide/news/C1?version=0"] * each,
        "make a dossier": [f"{big}/dossier"] * each,
        "appeals": ["/appeals"] * each,
        "people": ["/people"] * each,
        "audit": ["/audit"] * each,
    }


def measured(run: Path, own: Path, *, each: int, drill: Path | None = None) -> list[dict[str, object]]:
    """A row of the table for each page, and one for opening the run."""
    places = Places.of(run, None, people=own, decisions=own / "decisions", drill=drill)
    with serving(own, places=places) as served:
        served.let_in("bench", Role.ADMIN)
        browser = served.browser("bench")
        opened = _timed(browser.client, "/")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows: list[dict[str, object]] = [
            {"page": "the first page after the start", "requests": 1, "p50 ms": opened[0], "p95 ms": opened[0],
             "KiB": opened[1] // 1024}
        ]  # fmt: skip
        for name, paths in asked(run, each).items():
            say(f"{name}: {len(paths)} requests")
            times, sizes = zip(*(_timed(browser.client, path) for path in paths), strict=True)
            p50, p95 = np.percentile(times, [50, 95])
            rows.append(
                {"page": name, "requests": len(paths), "p50 ms": float(p50), "p95 ms": float(p95),
                 "slowest ms": max(times), "KiB": max(sizes) // 1024, "within": "yes" if p95 <= BAR else "NO"}
            )  # fmt: skip
        say(f"memory after opening: {before:,.0f} MiB at most")
    return rows


def in_a_browser(run: Path, own: Path, *, each: int, drill: Path | None = None) -> list[Table]:
    """Two tables: until each page can be used in Chromium, and frame times while the largest picture is dragged."""
    places = Places.of(run, None, people=own, decisions=own / "decisions", drill=drill)
    with serving(own, places=places) as served, started() as chromium:
        served.let_in("bench", Role.ADMIN)
        state = Browsers(chromium).signed_in(served.url, "bench")
        page = chromium.new_context(viewport={"width": 1280, "height": 800}, storage_state=state).new_page()
        page.set_default_timeout(120_000)
        files = ("its accounts as CSV", "its picture's data", "what is new, while deciding")
        paths = {name: found[0] for name, found in asked(run, 1).items() if name not in files}
        pages = interactive(page, served.url, paths, each)
        big = [frames(page, served.url, path) for path in ("/campaigns/C1/graph", "/campaigns/C1/graph?open=a0")]
    note = "Chromium without a window and a graphics card, on the machine that serves; the bar is"
    return [
        Table("console-browser", "The console's pages in a browser", pages, f"{note} {INTERACTIVE_BAR:,.0f} ms."),
        Table("console-frames", "The picture of 25,000 accounts, dragged", big, f"{note} {FRAME_BAR:.0f} ms."),
    ]


def _timed(client: httpx2.Client, path: str) -> tuple[float, int]:
    started = time.perf_counter()
    answer = client.get(path)
    taken = 1000 * (time.perf_counter() - started)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}: {answer.text[:300]}")
    return taken, len(answer.content)


@contextlib.contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
    else:
        with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as made:
            yield Path(made)


def main(arguments: list[str] | None = None) -> None:
    """Make the run (kept in ``--folder``), serve it, ask for every page."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--accounts", type=int, default=500_000)
    parser.add_argument("--campaign", type=int, default=25_000)
    parser.add_argument("--exchanges", type=int, default=30_000_000)
    parser.add_argument("--each", type=int, default=EACH, help="requests of each page")
    parser.add_argument("--folder", type=Path, help="where the run is made, and found again the next time")
    parser.add_argument("--browser", type=int, default=10, help="loads of each page in Chromium too (0: none)")
    parser.add_argument("--drill", type=Path, help="a drill's folder")
    given = parser.parse_args([] if arguments is None else arguments)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    with _folder(given.folder) as folder, tempfile.TemporaryDirectory(prefix="stillwatch-own-") as own:
        run = folder / f"run-{given.accounts}-{given.campaign}-{given.exchanges}"
        if not (run / "manifest.json").is_file():
            say(f"making a run of {given.accounts:,} accounts and {given.exchanges:,} exchanges")
            made_run(run, accounts=given.accounts, campaign=given.campaign, exchanges=given.exchanges)
        rows = measured(run, Path(own) / "pages", each=given.each, drill=given.drill)
        if given.browser and (CHROMIUM is None or find_spec("playwright") is None):
            say("no tables of the browser: Playwright or Chromium is not there")
            given.browser = 0
        tables = (
            [] if not given.browser else in_a_browser(run, Path(own) / "browser", each=given.browser, drill=given.drill)
        )
        size = (run / "report.json").stat().st_size / 2**20
    note = (
        f"{given.accounts:,} accounts, {given.campaign:,} of them in one campaign, {given.exchanges:,} exchanges; "
        f"report.json of {size:,.0f} MiB. From sending a request to having read its answer, over HTTP on one machine, "
        f"one at a time, signed in; the bar is {BAR:.0f} ms at the 95th percentile. The first page opens the run."
    )
    for table in (Table("console", "The console's pages: server time", rows, note), *tables):
        publish(table)


if __name__ == "__main__":
    main(sys.argv[1:])
