"""What people decided about many accounts at once (in the console), told to a gateway: confirmed, held, opened again.

Each may be told twice without harm, for whoever tells may be killed in between. To clear accounts is `Desk.clear_all`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec

from stillwatch.campaigns.judgements import Judgement, note
from stillwatch.gateway.appeals.hearing import JUDGEMENTS, UPHELD, Desk
from stillwatch.gateway.applying import undo_all
from stillwatch.gateway.ledger import LedgerEntry
from stillwatch.gateway.state import Cleared
from stillwatch.gateway.steering import microseconds
from stillwatch.gateway.stores.base import Change, change, gone

__all__ = ["CLEARED_IN_CONSOLE", "confirm_suspension", "hold", "reopen", "withdraw_suspension"]

CLEARED_IN_CONSOLE = "cleared in the console"
_HELD = "on hold"


def confirm_suspension(
    desk: Desk, accounts: Iterable[str], *, by: str, proposed_by: str, why: str, now: dt.datetime
) -> tuple[str, ...]:
    """Two people decided to suspend: the claims about ``accounts`` that a scan makes are confirmed, so that what needs
    a person's word may act. Neither of the two hears an appeal. Returns the accounts about which such a claim stood."""
    desk.refresh()
    at = microseconds(now)
    found = (desk.state.subject(account) for account in accounts)
    claims = [claim for claim in found if claim is not None and claim.level in ("campaign", "confirmed")]
    confirmed = [msgspec.structs.replace(claim, level="confirmed", since=at) for claim in claims]
    entries = [
        LedgerEntry(
            at=at, kind="confirmed", account_id=claim.account_id, campaign_id=claim.campaign_id, what=what, by=who,
            why=why,
        )
        for claim in confirmed
        for who, what in ((proposed_by, "suspension proposed"), (by, "suspension confirmed"))
    ]  # fmt: skip
    desk.put([change(claim) for claim in confirmed], entries)
    return tuple(claim.account_id for claim in confirmed)


def withdraw_suspension(desk: Desk, accounts: Iterable[str], *, by: str, why: str, now: dt.datetime) -> None:
    """A suspension was undone: what needs a person's word is taken back at once, and the claims are a scan's again. A
    later confirmation may act anew."""
    desk.refresh()
    at, state = microseconds(now), desk.state
    changes: list[Change] = []
    entries: list[LedgerEntry] = []
    for account in accounts:
        claim = state.subject(account)
        if claim is not None and claim.level == "confirmed":
            changes.append(change(msgspec.structs.replace(claim, level="campaign", since=at)))
        standing = [action for action in state.actions(account) if _needs_person(desk, action.response)]
        undone = undo_all(standing, state.responses, state.undo_notes, at, by=by, why=why)
        changes += undone.changes
        campaign = "" if claim is None else claim.campaign_id
        said = LedgerEntry(
            at=at,
            kind="unconfirmed",
            account_id=account,
            campaign_id=campaign,
            what="suspension undone",
            by=by,
            why=why,
        )
        entries += [*undone.entries, said]
    desk.put(changes, entries)


def hold(desk: Desk, accounts: Iterable[str], *, by: str, why: str, now: dt.datetime) -> None:
    """Somebody looks at ``accounts``: nothing stands against them meanwhile, and no machine's claim holds. It is no
    judgement. Whom a person cleared stays as he is."""
    desk.refresh()
    at, state = microseconds(now), desk.state
    changes: list[Change] = []
    entries: list[LedgerEntry] = []
    for account in accounts:
        cleared = state.cleared(account)
        if cleared is not None and cleared.why != _HELD:
            continue
        undone = undo_all(state.actions(account), state.responses, state.undo_notes, at, by=by, why=why)
        changes += [*undone.changes, gone("claim", account), change(Cleared(account_id=account, why=_HELD, at=at))]
        entries += [*undone.entries, LedgerEntry(at=at, kind="held", account_id=account, what=_HELD, by=by, why=why)]
    desk.put(changes, entries)


def reopen(desk: Desk, accounts: Iterable[str], *, by: str, why: str, now: dt.datetime, upheld: bool = False) -> None:
    """A hold or a clearing of the console was undone: machines' claims about ``accounts`` hold again as soon as the
    next scan or learning round makes them, and the judgement is withdrawn. Whom others cleared stays cleared, and whom
    an appeal cleared unless it is that which was undone (``upheld``)."""
    desk.refresh()
    at, state = microseconds(now), desk.state
    changes: list[Change] = []
    entries: list[LedgerEntry] = []
    withdrawn: list[Judgement] = []
    wanted = frozenset(accounts)
    ours = {CLEARED_IN_CONSOLE, *((UPHELD,) if upheld else ())}
    for account in sorted(wanted):
        cleared = state.cleared(account)
        if cleared is None or cleared.why not in (_HELD, *ours):
            continue
        changes.append(gone("cleared", account))
        entries.append(LedgerEntry(at=at, kind="reopened", account_id=account, what=cleared.why, by=by, why=why))
        if cleared.why != _HELD:
            withdrawn.append(Judgement(account_id=account, verdict="withdrawn", at=now, by=by, why=why))
    taken_back = (one for one in state.undone.values() if one.account_id in wanted and one.why in ours)
    changes += [gone("undone", one.action_id) for one in taken_back]
    if withdrawn:
        note(desk.folder / JUDGEMENTS, *withdrawn)
    desk.put(changes, entries)


def _needs_person(desk: Desk, response: str) -> bool:
    known = desk.state.responses.get(response)
    return known is not None and known.info.needs_human
