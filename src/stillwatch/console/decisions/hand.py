"""What people decided, carried to a gateway: its claims, its responses, its judgements. Late is told, never lost.

A decision is first a line of the chain. What a gateway was not told yet (it could not be reached, or the console was
killed in between) is told before anything newer; the chain says that it was.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stillwatch.campaigns.judgements import Judgement, read_judgements
from stillwatch.console.decisions.derived import Derived
from stillwatch.console.decisions.entry import Entry, Faced
from stillwatch.console.decisions.store import Decisions, moment
from stillwatch.errors import StillwatchError
from stillwatch.gateway.appeals.bulk import CLEARED_IN_CONSOLE, confirm_suspension, hold, reopen, withdraw_suspension
from stillwatch.gateway.appeals.hearing import APPEALS, JUDGEMENTS, Desk
from stillwatch.gateway.appeals.record import Appeal, Appeals
from stillwatch.gateway.planning import plan
from stillwatch.gateway.policy import Policy
from stillwatch.gateway.steering import must_be_there
from stillwatch.storage.disk import disk_errors

__all__ = ["Hand"]


class Hand:
    """A gateway's folder (``state``), and the ``store`` it shares with others, for the console's decisions.

    Raises `UsageError` for a folder that is no gateway's.
    """

    def __init__(self, state: Path, store: str | None = None) -> None:
        must_be_there(state)
        self.state, self.store = state, store

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """A person's desk at the gateway, closed at the end."""
        desk = Desk(self.state, self.store)
        try:
            yield desk
        finally:
            desk.close()

    def open_appeals(self) -> tuple[Appeal, ...]:
        """The appeals that wait to be heard, the oldest first."""
        folder = self.state / APPEALS
        return tuple(a for a in Appeals(folder).all() if a.status == "open") if folder.is_dir() else ()

    def judgements(self) -> tuple[Judgement, ...]:
        """The gateway's judgements, the latest about each account."""
        path = self.state / JUDGEMENTS
        return read_judgements(path) if path.exists() else ()

    def exempt(self, policy: Policy, accounts: Sequence[str], now: dt.datetime) -> dict[str, str]:
        """Which of the accounts ``policy`` protects from one of its measures, once confirmed, and the exemption's name.
        Accounts about which the gateway holds no claim are not there."""
        wanted = frozenset(accounts)
        with self.desk() as desk:
            claims = [claim for claim in desk.state.subjects() if claim.account_id in wanted]
            key = desk.state.key
        at = int(now.timestamp() * 1_000_000)
        return {one.account_id: one.named for one in plan(claims, policy, key, at).left_out if one.why == "exempt"}

    def tell(self, decisions: Decisions, *, before: int | None = None) -> str:
        """Tell the gateway of every decision that it does not know yet (with ``before``: of those above that line), the
        oldest first. Returns "" where it knows all of them, else what went wrong in one line: telling again goes on
        from there."""
        with _one_at_a_time(decisions.folder):
            with decisions.reading() as derived:
                waiting = [one for one in derived.untold() if before is None or one.line < before]
            if not waiting:
                return ""
            at = waiting[0]
            try:
                with self.desk() as desk:
                    for at in waiting:
                        decisions.told(at.line, self._tell(desk, decisions, at))
            except StillwatchError as error:
                return f"the gateway was not told of {at.id}: {error}"
        return ""

    def _tell(self, desk: Desk, decisions: Decisions, entry: Entry) -> str:
        """Bring the gateway to what stands now about the accounts of ``entry``; what happened in a few words."""
        desk.refresh()
        with decisions.reading() as derived:
            accounts = derived.accounts_of(entry)
            standings = {account: derived.standing(account, decisions.now) for account in accounts}
            stated = _stated(derived, entry)
        now = moment(decisions.now)
        by, why = entry.by, entry.why
        suspended = [a for a in accounts if (s := standings[a].suspension) is not None and s.approved is not None]
        if entry.kind == "approve":
            with decisions.reading() as derived:
                proposed_by = derived.entry(entry.about).by
            told = confirm_suspension(desk, suspended, by=by, proposed_by=proposed_by, why=why, now=now)
            return f"suspension of {len(told):,} accounts told; of {len(accounts) - len(told):,} it holds no claim"
        if entry.kind == "undo" and stated.kind in ("suspend", "approve"):
            left = [account for account in accounts if account not in set(suspended)]
            withdraw_suspension(desk, left, by=by, why=why, now=now)
            return f"suspension of {len(left):,} accounts undone"
        cleared = [account for account in accounts if standings[account].state == "dismissed"]
        held = [account for account in accounts if standings[account].state == "held"]
        others = [account for account in accounts if standings[account].state in ("open", "confirmed")]
        faced = {one.account_id: one for one in stated.faced}
        if cleared:
            judgements = [_judgement(faced[account], entry, now) for account in cleared]
            desk.clear_all(judgements, CLEARED_IN_CONSOLE)
        if held or others:
            reopen(desk, [*held, *others], by=by, why=why, now=now, upheld=bool(stated.reference))
        if held:
            hold(desk, held, by=by, why=why, now=now)
        return f"{len(cleared):,} cleared, {len(held):,} on hold, {len(others):,} open again"


def _stated(derived: Derived, entry: Entry) -> Entry:
    """The line that says what was stated: what an undo undoes, else the line itself."""
    return derived.entry(entry.about) if entry.kind == "undo" else entry


def _judgement(faced: Faced, entry: Entry, now: dt.datetime) -> Judgement:
    return Judgement(
        account_id=faced.account_id, verdict="cleared", at=now, by=entry.by, why=entry.why, innocent=faced.innocent,
        campaign_id=faced.campaign_id, reference=entry.reference,
    )  # fmt: skip


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """One process tells at a time, or an older decision might arrive after a newer one."""
    path = folder / ".telling"
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
