"""Actions applied and undone as changes of a store: the same for the gateway, the learner and the command line.

A response speaks to a `responses.base.Gate`; here that is a picture of what stands, and what it asks for becomes
changes (for the store) and lines (for the ledger).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from stillwatch.gateway.ledger import LedgerEntry
from stillwatch.gateway.stores.base import Change, change, gone
from stillwatch.responses.base import Action, Outgoing, Receipt, Response

__all__ = ["Carried", "apply_all", "undo_all"]


class Carried(NamedTuple):
    """What is to be kept, and what is to be told."""

    changes: list[Change]
    entries: list[LedgerEntry]


class _Picture:
    """A `responses.base.Gate` that notes what is asked of it."""

    def __init__(self, holds: Callable[[str], bool]) -> None:
        self._holds = holds
        self._over: dict[str, bool] = {}
        self.changes: list[Change] = []

    def holds(self, action_id: str) -> bool:
        return self._over.get(action_id, self._holds(action_id))

    def hold(self, action: Action) -> None:
        self._over[action.id] = True
        self.changes.append(change(action))

    def release(self, action_id: str) -> None:
        self._over[action_id] = False
        self.changes += [gone("action", action_id), gone("receipt", action_id)]

    def send(self, message: Outgoing) -> None:
        self.changes.append(change(message))


def apply_all(
    actions: Iterable[Action], responses: Mapping[str, Response], holds: Callable[[str], bool], now: int
) -> Carried:
    """Apply actions; one whose response is not installed is left out. ``holds`` says what stands already."""
    picture, entries = _Picture(holds), []
    for action in actions:
        response = responses.get(action.response)
        if response is None:
            continue
        new = not picture.holds(action.id)
        receipt = response.apply(action, picture)
        if receipt.undo:
            picture.changes.append(change(receipt))
        if new and picture.holds(action.id):
            entries.append(_entry("applied", action, now, "", "dry" if action.dry else ""))
    return Carried(picture.changes, entries)


def undo_all(
    actions: Iterable[Action],
    responses: Mapping[str, Response],
    notes: Mapping[str, dict[str, Any]],
    now: int,
    *,
    kind: str = "undone",
    by: str = "",
    why: str = "",
) -> Carried:
    """Undo actions that stand. ``notes`` holds what their receipts say of undoing, by id; ``kind`` is "undone" or
    "expired"; ``by`` and ``why`` go into the ledger."""
    picture, entries = _Picture(lambda action_id: True), []
    for action in actions:
        response = responses.get(action.response)
        if response is None:
            picture.release(action.id)
        else:
            receipt = Receipt(action=action, applied_at=action.planned_at, undo=notes.get(action.id, {}))
            response.undo(receipt, picture)
        entries.append(_entry(kind, action, now, by, why))
    return Carried(picture.changes, entries)


def _entry(kind: str, action: Action, now: int, by: str, why: str) -> LedgerEntry:
    return LedgerEntry(
        at=now,
        kind=kind,
        account_id=action.account_id,
        campaign_id=action.campaign_id,
        actions=(action.id,),
        reasons=(action.response,),
        what=f"level {action.level}, innocent {action.innocent:.4g}",
        by=by,
        why=why,
    )
