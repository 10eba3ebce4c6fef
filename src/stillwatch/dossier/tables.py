"""``accounts.csv``: the accused accounts, each with how sure the claim is and what came closest to clearing it."""

from __future__ import annotations

import csv
import io
import json
import math

from stillwatch.campaigns import wording
from stillwatch.dossier.record import Dossier
from stillwatch.sharing.formats.csv import guarded

__all__ = ["COLUMNS", "accounts_csv", "exact"]

COLUMNS = (
    "account_id", "account_id_exact", "campaign_id", "verdict", "probability", "q_value", "innocents_like_it",
    "error_rate_kind", "error_rate_at_most", "closest_innocent_explanation", "lost_by_nats", "exchanges", "taken",
    "first_seen", "last_seen",
)  # fmt: skip
"""``account_id`` is as it may be shown; ``account_id_exact`` is a JSON string, ASCII only, from which the true id can
be had back."""
_LONGEST = 120
_NUMBERS = {"probability", "q_value", "error_rate_at_most", "lost_by_nats", "exchanges", "taken"}
"""Columns whose cells we write, and which may be negative: a program reads them."""


def accounts_csv(dossier: Dossier) -> bytes:
    """The table (RFC 4180, UTF-8), in the order of account ids; only its header where nobody is accused.

    No cell begins as a formula does, and none holds a character that is invisible or steers a display.
    """
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(COLUMNS)
    rate = dossier.campaign.error_rate
    for account in dossier.accounts:
        rival = account.nearest_rival
        row = (
            wording.visible(account.account_id, limit=_LONGEST),
            exact(account.account_id),
            wording.visible(dossier.campaign.campaign_id, limit=_LONGEST),
            "accused",
            _number(account.posterior),
            _number(account.q_value),
            wording.chances(1 - account.posterior),
            wording.rate_kind(rate.kind),
            _number(rate.level),
            "none scored" if rival is None else wording.visible(rival.title, limit=_LONGEST),
            "" if rival is None else _number(rival.log_odds),
            str(account.exchanges),
            _number(account.taken),
            account.first_seen.isoformat(),
            account.last_seen.isoformat(),
        )
        table.writerow(cell if name in _NUMBERS else guarded(cell) for name, cell in zip(COLUMNS, row, strict=True))
    return written.getvalue().encode("utf-8")


def exact(text: str) -> str:
    """``text`` as a JSON string of ASCII characters: inert everywhere, and nothing of it lost."""
    return json.dumps(text, ensure_ascii=True)


def _number(value: float) -> str:
    return repr(float(value)) if math.isfinite(value) else ""
