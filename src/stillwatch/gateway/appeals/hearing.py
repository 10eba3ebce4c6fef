"""What a person decides on an appeal, carried out: everything is undone, every scan heeds it, the record counts it.

The order is such that a process killed in between leaves the appeal open, and deciding again ends what was begun.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from stillwatch.campaigns.judgements import Judgement, note
from stillwatch.errors import UsageError
from stillwatch.gateway.appeals.record import Appeal, Appeals, Touched
from stillwatch.gateway.applying import undo_all
from stillwatch.gateway.ledger import LedgerEntry, append, find, read_ledger
from stillwatch.gateway.news import take_change
from stillwatch.gateway.state import Cleared, Undone
from stillwatch.gateway.steering import microseconds, must_be_there, named, state_of
from stillwatch.gateway.stores.base import Change, change, gone
from stillwatch.gateway.stores.opening import open_store

__all__ = ["APPEALS", "JUDGEMENTS", "LEDGER", "UPHELD", "Desk"]

APPEALS, LEDGER, JUDGEMENTS = "appeals", "ledger", "judgements.jsonl"
"""Where in a gateway's folder appeals, the ledger and people's judgements (for ``scan --judgements``) lie."""

UPHELD = "appeal upheld"


class Desk:
    """A person's desk at a gateway's state: reads what stands, and writes what he decides. One thread at a time.

    Raises `UsageError` for a folder that is none, as the emergency switch does.
    """

    def __init__(self, state: Path, store: str | None = None) -> None:
        must_be_there(state)
        self.folder = state
        self.appeals = Appeals(state / APPEALS)
        self._store = open_store(state, store)
        news = self._store.since(0)
        self.state, self._version = state_of(news), news.version

    def refresh(self) -> None:
        """Take what changed since."""
        news = self._store.since(self._version)
        for one in news.changes:
            take_change(self.state, one, microseconds(dt.datetime.now(dt.UTC)))
        self._version = news.version

    def touched(self, reference: str) -> Touched | None:
        """Whom a reference belongs to: by what stands, or by the ledger where that has ended; None: nobody."""
        self.refresh()
        account = self.state.referred(reference)
        if account is not None:
            standing = self.state.actions(account)
            if standing:
                strongest = standing[-1]
                return Touched(account, strongest.campaign_id, strongest.innocent)
        for entry in find(self.folder / LEDGER, reference, 1):
            subject = self.state.subject(entry.account_id)
            return Touched(entry.account_id, entry.campaign_id, None if subject is None else subject.innocent)
        return None

    def uphold(self, reference: str, *, by: str, why: str, answer: str, now: dt.datetime) -> Appeal:
        """The person was right: every action against the account is undone, no machine's claim about it holds again,
        scans heed it, and the detector's record counts it.

        Raises `UsageError` where no appeal is open under the reference, or no name or reason is given.
        """
        appeal = self._open(reference, by, why)
        self.refresh()
        self.clear_all([_judgement(appeal, "cleared", by, why, now)], UPHELD)
        return self.appeals.decide(reference, "upheld", by=by, why=why, answer=answer, now=now)

    def reject(self, reference: str, *, by: str, why: str, answer: str, now: dt.datetime) -> Appeal:
        """A person looked and left it: told in plain words (``answer`` is required) and counted. It confirms no claim:
        what needs a person's word before it acts still needs it.

        Raises `UsageError` as `uphold`, and where nothing is said to the person.
        """
        appeal = self._open(reference, by, why)
        if not answer.strip():
            raise UsageError("a person is told why in plain words", "--answer", "say it without a recipe for evasion")
        said = LedgerEntry(
            at=microseconds(now), kind="appeal", account_id=appeal.account_id, campaign_id=appeal.campaign_id,
            reference=reference, what="appeal rejected", by=by, why=why,
        )  # fmt: skip
        append(self.folder / LEDGER, [said])
        note(self.folder / JUDGEMENTS, _judgement(appeal, "confirmed", by, why, now))
        return self.appeals.decide(reference, "rejected", by=by, why=why, answer=answer, now=now)

    def confirm(self, whom: str, *, by: str, why: str, now: dt.datetime) -> tuple[str, ...]:
        """A person has looked and confirms the claim about an account, or those about all accounts of a campaign that a
        scan accuses: what needs a person's word may act now. Returns the accounts.

        Raises `UsageError` where no such claim stands, or no name or reason is given.
        """
        named(by, why)
        self.refresh()
        claims = [
            claim
            for claim in self.state.subjects()
            if claim.account_id == whom or (claim.campaign_id == whom and claim.level == "campaign")
        ]
        if not claims:
            raise UsageError("no claim stands about it", whom, "see: stillwatch gate status")
        at = microseconds(now)
        confirmed = [msgspec.structs.replace(claim, level="confirmed", since=at) for claim in claims]
        entries = [
            LedgerEntry(
                at=at, kind="confirmed", account_id=claim.account_id, campaign_id=claim.campaign_id, by=by.strip(),
                why=why,
            )
            for claim in confirmed
        ]  # fmt: skip
        self.put([change(claim) for claim in confirmed], entries)
        return tuple(claim.account_id for claim in confirmed)

    def clear(self, account: str, *, by: str, why: str, now: dt.datetime) -> None:
        """A person has looked and clears an account, without an appeal: as `uphold`.

        Raises `UsageError` where no name or reason is given.
        """
        named(by, why)
        self.refresh()
        claim = self.state.subject(account)
        campaign = "" if claim is None else claim.campaign_id
        judgement = Judgement(
            account_id=account, verdict="cleared", at=now, by=by.strip(), why=why.strip(),
            innocent=None if claim is None else claim.innocent, campaign_id=campaign,
        )  # fmt: skip
        self.clear_all([judgement], "cleared by a person")

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def put(self, changes: list[Change], entries: list[LedgerEntry]) -> None:
        """Keep ``changes`` in the store, and tell the ledger. Raises `StorageError`."""
        if changes:
            self._store.put(changes)
        if entries:
            append(self.folder / LEDGER, entries)

    def clear_all(self, judgements: Sequence[Judgement], what: str) -> None:
        """Undo all that stands against the accounts of ``judgements``, let no machine's claim about them hold again,
        and count them; ``what`` says in a few words why. Raises `StorageError`."""
        changes: list[Change] = []
        entries: list[LedgerEntry] = []
        for judgement in judgements:
            account, at = judgement.account_id, microseconds(judgement.at)
            by, why = judgement.by, judgement.why
            standing = self.state.actions(account)
            undone = undo_all(standing, self.state.responses, self.state.undo_notes, at, by=by, why=why)
            changes += [*undone.changes, gone("claim", account)]
            changes += [change(Undone(action_id=a.id, account_id=account, why=what, at=at)) for a in standing]
            changes.append(change(Cleared(account_id=account, why=what, at=at)))
            said = LedgerEntry(
                at=at, kind="cleared", account_id=account, campaign_id=judgement.campaign_id,
                reference=judgement.reference, what=what, by=by, why=why,
            )  # fmt: skip
            entries += [*undone.entries, said]
        self.put(changes, entries)
        note(self.folder / JUDGEMENTS, *judgements)

    def _open(self, reference: str, by: str, why: str) -> Appeal:
        named(by, why)
        appeal = self.appeals.get(reference)
        if appeal is None or appeal.status != "open":
            raise UsageError("no appeal is open under it", reference, "see: stillwatch gate appeals list")
        confirmed_by = {
            entry.by
            for entry in read_ledger(self.folder / LEDGER)
            if entry.kind == "confirmed" and entry.account_id == appeal.account_id
        }
        if by.strip() in confirmed_by:
            raise UsageError(f"{by.strip()} confirmed the claim himself", "--by", "somebody else must hear the appeal")
        return appeal


def _judgement(
    appeal: Appeal, verdict: Literal["cleared", "confirmed"], by: str, why: str, now: dt.datetime
) -> Judgement:
    return Judgement(
        account_id=appeal.account_id,
        verdict=verdict,
        at=now,
        by=by.strip(),
        why=why.strip(),
        innocent=appeal.innocent,
        campaign_id=appeal.campaign_id,
        reference=appeal.reference,
    )
