"""Claims of a machine in the store: those of the newest scan and its links stand, older ones go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from stillwatch.gateway.state import Cleared
from stillwatch.gateway.stores.base import Change, News, Store, change, everything, gone
from stillwatch.responses.base import Subject

__all__ = ["Standing", "add_claims", "read_standing", "replace_claims"]

AT_ONCE = 500


class Standing(NamedTuple):
    """What stands in a store: claims by account, and the accounts that a person cleared."""

    claims: Mapping[str, Subject]
    cleared: frozenset[str]

    @property
    def campaigns(self) -> dict[str, list[str]]:
        """The accounts of each campaign."""
        found: dict[str, list[str]] = {}
        for claim in self.claims.values():
            found.setdefault(claim.campaign_id, []).append(claim.account_id)
        return found


def read_standing(store: Store) -> Standing:
    """What stands now. Raises `StorageError` where the store cannot be reached."""
    news: News = store.since(0)
    claims = {claim.account_id: claim for claim in everything(news, Subject)}
    return Standing(claims, frozenset(cleared.account_id for cleared in everything(news, Cleared)))


def replace_claims(store: Store, standing: Standing, claims: Iterable[Subject]) -> list[Subject]:
    """Let ``claims`` stand instead of every claim that a machine made before; returns those that now do.

    What a person confirmed stays, whom a person cleared is not claimed of again, and a claim that was made before keeps
    the time when it first was. New claims are written before old ones go, so that nobody is let go for a moment.
    """
    wanted: dict[str, Subject] = {}
    changes: list[Change] = []
    for claim in claims:
        before = standing.claims.get(claim.account_id)
        if claim.account_id in standing.cleared or (before is not None and before.level == "confirmed"):
            continue
        if before is not None and before.campaign_id == claim.campaign_id:
            claim = msgspec.structs.replace(claim, since=min(claim.since, before.since), tier=claim.tier or before.tier)
        wanted[claim.account_id] = claim
        if claim != before:
            changes.append(change(claim))
    for account, before in standing.claims.items():
        if account not in wanted and before.level != "confirmed":
            changes.append(gone("claim", account))
    _put(store, changes)
    return list(wanted.values())


def add_claims(store: Store, claims: Iterable[Subject]) -> None:
    """Let new claims stand beside the others. About an account that has one, or that a person cleared since, it is for
    the caller and for the gateway's state to see that nothing weaker replaces it."""
    _put(store, [change(claim) for claim in claims])


def _put(store: Store, changes: list[Change]) -> None:
    for first in range(0, len(changes), AT_ONCE):
        store.put(changes[first : first + AT_ONCE])
