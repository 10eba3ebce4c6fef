"""Appeals heard in the console: a person's objection, decided by somebody who did not accuse him.

An upheld appeal undoes every response, teaches the scan and counts against the detector (`gateway.appeals.hearing`).
To leave a suspension as it is takes two people, one of them an approver, and one of them with no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stillwatch.console.decisions.derived import Derived
from stillwatch.console.decisions.entry import Entry, Faced, NotAllowed, Person, rank, same_person
from stillwatch.console.decisions.hand import Hand
from stillwatch.console.decisions.store import APPROVER, Decisions, moment
from stillwatch.errors import UsageError
from stillwatch.gateway.appeals.hearing import LEDGER, UPHELD
from stillwatch.gateway.appeals.record import Appeal
from stillwatch.gateway.ledger import read_ledger

__all__ = ["Case", "Hearing", "Outcome"]

_ACCUSED = ("confirm", "suspend", "approve")


class Case(NamedTuple):
    """An appeal with all that whoever hears it must know: ``suspended`` (leaving it takes two people), ``accusers`` who
    decided the accusation, ``rejections`` who would leave it as it is so far, ``version``: the last line seen."""

    appeal: Appeal
    suspended: bool
    accusers: tuple[str, ...]
    rejections: tuple[Entry, ...]
    version: int

    def accused_by(self, name: str) -> bool:
        """Whether this person decided the accusation."""
        return any(same_person(name, other) for other in self.accusers)


class Outcome(NamedTuple):
    """What became of it: ``status`` of the appeal, and a sentence."""

    status: str
    said: str


class Hearing:
    """The appeals of a gateway (``hand``) before the console's people."""

    def __init__(self, decisions: Decisions, hand: Hand) -> None:
        self.decisions, self.hand = decisions, hand

    def all(self) -> tuple[Appeal, ...]:
        """Every appeal, open ones first."""
        with self.hand.desk() as desk:
            return desk.appeals.all()

    def case(self, reference: str) -> Case:
        """An appeal and what is at stake. Raises `UsageError` where there is none under this reference."""
        with self.hand.desk() as desk:
            appeal = desk.appeals.get(reference.strip().upper())
            if appeal is None:
                raise UsageError("no appeal has this reference", reference, "look at the list of appeals")
            actions = desk.state.actions(appeal.account_id)
        at_gateway = any(action.response == "suspend" and not action.dry for action in actions)
        account = appeal.account_id
        lines = read_ledger(self.hand.state / LEDGER)
        confirmed = {line.by for line in lines if line.kind == "confirmed" and line.account_id == account}
        with self.decisions.reading() as derived:
            suspension = derived.standing(account, self.decisions.now).suspension
            suspended = at_gateway or (suspension is not None and suspension.approved is not None)
            accusers = {entry.by for entry in derived.since([account], 0) if entry.kind in _ACCUSED} | confirmed
            return Case(
                appeal=appeal,
                suspended=suspended,
                accusers=tuple(sorted(accusers)),
                rejections=_rejections(derived, appeal),
                version=len(derived.entries),
            )

    def uphold(
        self, reference: str, person: Person, why: str, answer: str, *, stated: Faced, run: str, version: int
    ) -> Outcome:
        """The person was right. Raises `NotAllowed` for whoever decided the accusation while a suspension stands: he
        undoes it, or somebody else hears the appeal; else as `Decisions.decide`."""
        case = self._open(reference)
        account = case.appeal.account_id
        if case.suspended and case.accused_by(person.name):
            raise NotAllowed("you had a part in the suspension", case.appeal.reference, "somebody else must hear it")
        standing = self.decisions.standing(account)
        if standing.by is None or standing.by.reference != case.appeal.reference or standing.state != "dismissed":
            preview = self.decisions.preview("dismiss", [stated], run=run, campaign=case.appeal.campaign_id)
            entry = self.decisions.decide(
                preview, person, why, digest=preview.digest, version=version, reference=case.appeal.reference
            )
        else:  # killed in between: what was begun is ended
            entry = standing.by
        self._tell_before(entry)
        with self.hand.desk() as desk:
            desk.uphold(case.appeal.reference, by=entry.by, why=entry.why, answer=answer, now=moment(entry.at))
        self.decisions.told(entry.line, UPHELD)
        return Outcome("upheld", "Upheld: every response is taken back, and no machine accuses this account again.")

    def reject(
        self, reference: str, person: Person, why: str, answer: str, *, stated: Faced, run: str, version: int
    ) -> Outcome:
        """Leave it as it is; where a suspension stands, once two people say so. ``answer`` is what he is told.

        Raises `NotAllowed`, and `UsageError` where nothing is told to the person or somebody decided meanwhile.
        """
        case = self._open(reference)
        if not answer.strip():
            raise UsageError("a person is told why in plain words", "the answer", "say it without a recipe for evasion")
        said = next((entry for entry in case.rejections if same_person(entry.by, person.name)), None)
        if said is None:
            said = self.decisions.reject(case.appeal.reference, stated, person, why, run=run, version=version)
        rejections = [*(entry for entry in case.rejections if entry.line != said.line), said]
        missing = _missing(case, rejections)
        if missing:
            at_stake = "A suspension is at stake: " if case.suspended else ""
            return Outcome("open", f"Noted. {at_stake}{missing} must say so too.")
        signs = next((entry for entry in reversed(rejections) if not case.accused_by(entry.by)), said)
        whys = "; ".join(f"{entry.by}: {entry.why}" for entry in rejections)
        with self.hand.desk() as desk:
            desk.reject(case.appeal.reference, by=signs.by, why=whys, answer=answer, now=moment(said.at))
        for entry in rejections:
            self.decisions.told(entry.line, "appeal rejected")
        return Outcome("rejected", "Rejected: it stays as it is, and the person can read your answer.")

    def _open(self, reference: str) -> Case:
        case = self.case(reference)
        if case.appeal.status != "open":
            words = f"was {case.appeal.status} by {case.appeal.by}"
            raise UsageError(words, case.appeal.reference, "look at the list of appeals")
        return case

    def _tell_before(self, entry: Entry) -> None:
        """What was decided before and a gateway does not know goes first, or it would undo this one later."""
        problem = self.hand.tell(self.decisions, before=entry.line)
        if problem:
            raise UsageError(problem, entry.id, "try again once the gateway can be reached")


def _rejections(derived: Derived, appeal: Appeal) -> tuple[Entry, ...]:
    """Who would leave this appeal as it is: since it was opened, not undone, and not yet told to the person."""
    said = derived.rejections.get(appeal.reference, ())
    return tuple(
        entry
        for entry in said
        if entry.line not in derived.undone and entry.line not in derived.told and moment(entry.at) >= appeal.opened_at
    )


def _missing(case: Case, rejections: Sequence[Entry]) -> str:
    """Who is missing before an appeal against a suspension is rejected; "" where nobody is, or none is at stake."""
    if not case.suspended:
        uninvolved = any(not case.accused_by(entry.by) for entry in rejections)
        return "" if uninvolved else "somebody who did not confirm the accusation"
    if len(rejections) < 2:
        return "a second person"
    if not any(rank(entry.role) >= APPROVER for entry in rejections):
        return "an approver"
    if all(case.accused_by(entry.by) for entry in rejections):
        return "somebody who had no part in the suspension"
    return ""
