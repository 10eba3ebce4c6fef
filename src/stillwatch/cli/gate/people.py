"""``stillwatch gate confirm`` and ``clear``: a person has looked, and says what he found."""

from __future__ import annotations

import datetime as dt
import sys

from stillwatch.cli.gate.appeals import open_desk
from stillwatch.cli.gate.options import By, State, Store, Why
from stillwatch.cli.terminal import clean

__all__ = ["clear", "confirm"]


def confirm(whom: str, /, *, state: State, by: By, why: Why, store: Store = None) -> int:
    """Confirm the claim about an account, or about all accounts of a campaign that a scan accuses.

    What needs a person's word (suspend) may act from then on. Whoever confirmed does not hear the appeal.

    Example: stillwatch gate confirm C1 --state gateway --by Ada --why 'looked at forty of them'
    """
    with open_desk(state, store) as desk:
        accounts = desk.confirm(whom, by=by, why=why, now=dt.datetime.now(dt.UTC))
    many = "" if len(accounts) == 1 else "s"
    sys.stdout.write(f"Confirmed: {len(accounts):,} account{many} of {clean(whom, 200)}.\n")
    return 0


def clear(account: str, /, *, state: State, by: By, why: Why, store: Store = None) -> int:
    """Clear an account: take back every response, let no machine's claim about it hold, count it.

    Example: stillwatch gate clear acct_1 --state gateway --by Ada --why 'the university wrote'
    """
    with open_desk(state, store) as desk:
        desk.clear(account, by=by, why=why, now=dt.datetime.now(dt.UTC))
    sys.stdout.write(
        f"Cleared: {clean(account, 200)}. Scans heed it with --judgements {clean(str(state / 'judgements.jsonl'))}\n"
    )
    return 0
