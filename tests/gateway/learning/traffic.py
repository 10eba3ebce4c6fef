"""Made traffic as rows of a log: people with habits of their own, and pools that share wordings, cards and clients."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from stillwatch.exchange import CUSTOMER, EXCHANGE

START = dt.datetime(2026, 9, 1, 8, tzinfo=dt.UTC)
THINGS = (
    *("tides", "ferns", "kilns", "looms", "maps", "sonnets", "bridges", "vaccines", "ledgers", "kites", "volcanoes"),
    *("treaties", "engines", "orchards"),
)
WORDS = (
    *("compare", "explain", "list", "check", "draft", "sum", "rank", "sort", "name", "plan", "time", "cost", "risk"),
    *("rule", "case", "step", "note", "item"),
)
POOL_WORDINGS = (
    "Work through the following problem and show every step of your reasoning before the answer.",
    "You are a careful tutor. Think aloud about the exercise below, then state the result.",
    "Solve this and explain in detail how you came to each intermediate result.",
)
POOL_CLIENT = ("openai-python/2.3.0", "t13d1516h2_00b99a")


def people(count: int, sessions: int = 6, seed: int = 0, *, first: int = 0) -> list[dict[str, Any]]:
    """Exchanges of ``count`` accounts ``person-…``, each with its own address, client out of a dozen, and questions."""
    rng = random.Random(seed)
    rows = []
    for number in range(first, first + count):
        client = rng.randrange(12)
        for session in range(sessions):
            text = f"{rng.choice(WORDS).capitalize()} {' '.join(rng.choices(WORDS + THINGS, k=12))} {rng.random():.6f}?"
            rows.append(
                row(
                    f"person-{number}",
                    session,
                    text,
                    rng.random() * 6.9,
                    client_ip=f"10.{number // 250 % 250}.{number % 250}.{rng.randrange(2)}",
                    client_asn=100 + rng.randrange(30),
                    user_agent=f"client/{client}",
                    ja4=f"t13d{client:04d}",
                    temperature=rng.choice((None, 0.7, 1.0)),
                )
            )
    return rows


def pool(
    names: Sequence[str], sessions: int = 8, seed: int = 1, *, begin: float = 0.0, cover: float = 0.2
) -> list[dict[str, Any]]:
    """Exchanges of a pool's accounts ``names`` from day ``begin`` on; a share ``cover`` of them as people ask."""
    rng = random.Random(seed)
    rows = []
    for number, name in enumerate(names):
        for session in range(sessions):
            task = f"{' '.join(rng.choices(THINGS, k=9))} {rng.random():.6f}"
            text = task + "?" if rng.random() < cover else f"{rng.choice(POOL_WORDINGS)}\n{task}"
            rows.append(
                row(
                    name,
                    session,
                    text,
                    begin + rng.random() * (6.9 - begin),
                    client_ip=f"172.16.0.{number % 6}",
                    client_asn=20473,
                    user_agent=POOL_CLIENT[0],
                    ja4=POOL_CLIENT[1],
                    temperature=1.0,
                    max_tokens=2048,
                )
            )
    return rows


def row(account: str, session: int, text: str, day: float, **changes: Any) -> dict[str, Any]:
    """One exchange that opens a conversation."""
    return {
        "exchange_id": f"{account}/{session}",
        "started_at": START + dt.timedelta(days=day),
        "account_id": account,
        "session_id": f"{account}:{session}",
        "model": "atlas-4",
        "messages": json.dumps([{"role": "user", "content": text}]),
        "response": "Certainly.",
        "input_tokens": 40,
        "output_tokens": 60,
        "status": 200,
        **changes,
    }


def log_of(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Rows as a log in the order of time."""
    return pa.Table.from_pylist(sorted(rows, key=lambda r: (r["started_at"], r["exchange_id"])), schema=EXCHANGE)


def customers_of(names: Iterable[str], *, cards: dict[str, str] | None = None) -> pa.Table:
    """A table of accounts, each with its own card unless ``cards`` says otherwise."""
    rows = [
        {
            "account_id": n,
            "organization_id": f"org-{n}",
            "payment_id": (cards or {}).get(n, f"card-{n}"),
            "created_at": START,
        }
        for n in names
    ]
    return pa.Table.from_pylist(rows, schema=CUSTOMER)
