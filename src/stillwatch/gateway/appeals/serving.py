"""The page of appeals behind a socket, beside a gateway's state. Needs uvicorn and Starlette."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn

from stillwatch.gateway.appeals.form import application
from stillwatch.gateway.appeals.hearing import Desk
from stillwatch.gateway.appeals.record import Touched
from stillwatch.gateway.ledger import LedgerEntry, append
from stillwatch.listening import announced

__all__ = ["serve"]


def serve(state: Path, store: str | None, *, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until interrupted; ``say`` is told the address once connections are taken. ``port`` 0 takes a free one.

    An appeal that was taken is noted in the ledger, so that whoever watches it knows. Words of old appeals are
    forgotten when the page starts and once a day. Raises `UsageError` for an address that cannot be listened on.
    """
    desk, one_at_a_time = Desk(state, store), threading.Lock()

    def touched(reference: str) -> Touched | None:
        with one_at_a_time:
            return desk.touched(reference)

    def told(reference: str) -> None:
        at = int(dt.datetime.now(dt.UTC).timestamp() * 1_000_000)
        appeal = desk.appeals.get(reference)
        account, campaign = ("", "") if appeal is None else (appeal.account_id, appeal.campaign_id)
        entry = LedgerEntry(
            at=at, kind="appeal", account_id=account, campaign_id=campaign, reference=reference, what="appeal opened"
        )
        append(state / "ledger", [entry])

    ends = threading.Event()
    forgetting = threading.Thread(target=_forget_daily, args=(desk, ends), daemon=True)
    forgetting.start()
    config = uvicorn.Config(
        application(desk.appeals, touched, told=told), host=host, port=port, log_level="critical", access_log=False,
        server_header=False, proxy_headers=False, lifespan="off", ws="none", limit_concurrency=64,
        timeout_keep_alive=15, timeout_graceful_shutdown=5,
    )  # fmt: skip
    try:
        announced(config, say, "/")
    finally:
        ends.set()
        desk.close()


def _forget_daily(desk: Desk, ends: threading.Event) -> None:
    while True:
        desk.appeals.forget(dt.datetime.now(dt.UTC))
        if ends.wait(86_400):
            return
