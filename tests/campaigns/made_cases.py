"""A small log with two groups in it, and findings about it, to be judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.exchange import CUSTOMER, EXCHANGE, accounts_of, in_order
from stillwatch.linkage.findings import Findings, Group
from stillwatch.signals.techniques.examples import TECHNIQUES

START = dt.datetime(2026, 9, 7, 9, tzinfo=dt.UTC)
SECRET = "the secret recipe of Zanzibar pudding"
ADDRESS = "203.0.113.77"
ACCOUNTS = [f"a{n:02d}" for n in range(12)]
PER_ACCOUNT = 6


def exchange(number: int, **changes: Any) -> dict[str, Any]:
    """Exchange ``number``: account ``number % 12``, one a quarter of a day, two to a session."""
    account = number % len(ACCOUNTS)
    visit = number // len(ACCOUNTS)
    told = [{"role": "user", "content": f"{SECRET}, part {number}"}]
    row = {
        "exchange_id": f"x{number:03d}",
        "started_at": START + dt.timedelta(hours=6 * visit, minutes=account),
        "account_id": ACCOUNTS[account],
        "session_id": f"s{account}-{visit // 2}",
        "model": "atlas" if visit < 3 else "atlas-mini",
        "messages": msgspec.json.encode(told).decode(),
        "response": "stir and wait",
        "input_tokens": 1_000,
        "output_tokens": 2_000,
        "reasoning_tokens": 500,
        "client_ip": ADDRESS if account < 4 else f"198.51.100.{account}",
        "ja4": "t13d_a" if account < 6 else "t13d_b",
        "user_agent": "curl",
        "status": 200,
    }
    return row | changes


def log(**changes: Any) -> pa.Table:
    rows = [exchange(number, **changes) for number in range(len(ACCOUNTS) * PER_ACCOUNT)]
    return in_order(pa.Table.from_pylist(rows, schema=EXCHANGE))


def metadata_only() -> pa.Table:
    kept = ("exchange_id", "started_at", "account_id")
    return log(**dict.fromkeys(set(EXCHANGE.names) - set(kept)))


def customers(accounts: list[str] = ACCOUNTS) -> pa.Table:
    rows = [
        {
            "account_id": account,
            "organization_id": f"org{account}",
            "payment_id": "card-1" if account in ACCOUNTS[:4] else f"card-{account}",
            "created_at": START + dt.timedelta(days=-1 if account == "a00" else 0),
        }
        for account in reversed(accounts)
    ]
    return pa.Table.from_pylist(rows, schema=CUSTOMER)


def group(accounts: list[int], verdict: Any = "campaign", posterior: float = 0.99, **changes: Any) -> Group:
    m = len(accounts)
    fields: dict[str, Any] = {
        "accounts": np.array(accounts, np.int64), "log_odds": np.full(m, 3.0),
        "posterior": np.full(m, posterior), "verdict": verdict,
        "p_value": 0.005, "e_value": 100.0, "q_value": 0.004, "expected_innocent": m * (1 - posterior),
        "evidence": {"content": np.arange(m) + 1.0, "usage": np.full(m, -0.5)},
        "rivals": {"class": 9.0, "own_habits": 4.0},
    }  # fmt: skip
    return Group(**(fields | changes))


def findings(
    exchanges: pa.Table, groups: tuple[Group, ...], probability: Mapping[int, float] | None = None, **changes: Any
) -> Findings:
    """Every exchange of a group's accounts taken with probability 0.5 (or that of its account in ``probability``)."""
    _, account = accounts_of(exchanges)
    n = exchanges.num_rows
    members = np.unique(np.concatenate([np.zeros(0, np.int64), *(g.accounts for g in groups)]))
    taken = np.where(np.isin(account, members), 0.5, 0.0)
    for number, value in (probability or {}).items():
        taken[account == number] = value
    sessions = exchanges.column("session_id").combine_chunks().dictionary_encode().indices.fill_null(0)
    technique = np.full((n, len(TECHNIQUES)), 0.01)
    technique[account < 2, TECHNIQUES.index("reasoning_elicitation")] = 0.9
    fields: dict[str, Any] = {
        "groups": groups, "taken": taken, "session": sessions.to_numpy(zero_copy_only=False).astype(np.int64),
        "wording": np.where(account < 3, 7, -1).astype(np.int64), "technique": technique, "candidates": 5,
        "null_draws": 199,
    }  # fmt: skip
    return Findings(**(fields | changes))
