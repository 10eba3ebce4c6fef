"""Any order of decisions by several people: what stands follows from the chain, and no suspension needs only one."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stillwatch.console.decisions import ChangedMeanwhile, Decisions, Entry, NotAllowed, Person
from stillwatch.console.decisions.entry import same_person
from stillwatch.errors import UsageError
from tests.console.decisions.made import NOON, RUN, faced

NAMES = ("Ada", "Bo", "Cy", "Eve")
ACCOUNTS = ("a", "b", "c", "d")
ROLES = ("viewer", "analyst", "approver", "admin")
TERM = dt.timedelta(hours=5)
people, some = st.sampled_from(NAMES), st.sets(st.sampled_from(ACCOUNTS), min_size=1)


class ManyPeople(RuleBasedStateMachine):
    """Two consoles over one folder, four people whose roles change, a clock that runs on."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = NOON
        self.roles: dict[str, str] = {}
        self.consoles = [self.console(), self.console()]

    def console(self) -> Decisions:
        return Decisions(self.folder, roles=lambda name: self.roles.get(name), proposal=TERM, clock=lambda: self.now)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(roles=st.lists(st.sampled_from(ROLES), min_size=4, max_size=4))
    def people_come(self, roles: list[str]) -> None:
        self.roles = dict(zip(NAMES, roles, strict=True))

    @rule(name=people, role=st.sampled_from(ROLES))
    def a_role_changes(self, name: str, role: str) -> None:
        self.roles[name] = role

    @rule(hours=st.integers(0, 3))
    def time_passes(self, hours: int) -> None:
        self.now += dt.timedelta(hours=hours, seconds=1)

    def at(self, which: bool, name: str) -> tuple[Decisions, Person]:
        return self.consoles[which], Person(name, "admin")  # what a session says counts for nothing

    @rule(which=st.booleans(), name=people, kind=st.sampled_from(("confirm", "dismiss", "hold", "suspend")), on=some)
    def decides(self, which: bool, name: str, kind: str, on: set[str]) -> None:
        console, person = self.at(which, name)
        preview = console.preview(kind, [faced(one) for one in on], run=RUN)  # type: ignore[arg-type]
        allowed = self.roles[name] != "viewer"
        try:
            console.decide(preview, person, "why", digest=preview.digest, version=preview.version)
        except NotAllowed:
            assert not allowed
        except UsageError:
            assert preview.refused
        else:
            assert allowed

    @rule(which=st.booleans(), name=people, kind=st.sampled_from(("split", "merge")))
    def links(self, which: bool, name: str, kind: str) -> None:
        console, person = self.at(which, name)
        chosen = [faced("a"), faced("b"), faced("c", part=1), faced("d", part=1)]
        preview = console.preview(kind, chosen, run=RUN)  # type: ignore[arg-type]
        with contextlib.suppress(NotAllowed):
            console.decide(preview, person, "why", digest=preview.digest, version=preview.version)

    @precondition(lambda self: self.consoles[0].entries)
    @rule(which=st.booleans(), name=people, data=st.data())
    def approves(self, which: bool, name: str, data: st.DataObject) -> None:
        console, person = self.at(which, name)
        line = data.draw(st.integers(1, len(console.entries)))
        before = len(self.console().entries)
        with contextlib.suppress(UsageError):
            console.approve(line, person, "why", version=before)
            proposal = self.console().entries[line - 1]
            assert proposal.kind == "suspend"
            assert not same_person(proposal.by, name)
            assert self.roles[name] in ("approver", "admin")
            assert self.roles[proposal.by] != "viewer"

    @precondition(lambda self: self.consoles[0].entries)
    @rule(which=st.booleans(), name=people, data=st.data())
    def undoes(self, which: bool, name: str, data: st.DataObject) -> None:
        console, person = self.at(which, name)
        line = data.draw(st.integers(1, len(console.entries)))
        with contextlib.suppress(UsageError):
            console.undo(line, person, "why", version=len(self.console().entries))

    @precondition(lambda self: self.consoles[0].entries)
    @rule(name=people, on=some)
    def comes_too_late(self, name: str, on: set[str]) -> None:
        console, person = self.at(False, name)
        version = console.version(on)
        if version and self.roles[name] != "viewer":
            seen = console.preview("hold", [faced(one) for one in on], run=RUN)
            try:
                console.decide(seen, person, "why", digest=seen.digest, version=version - 1)
            except ChangedMeanwhile as error:
                late = error.entry
            assert late.line == version

    @invariant()
    def whoever_reads_the_chain_anew_sees_the_same(self) -> None:
        fresh = self.console()
        for console in self.consoles:
            assert console.standings(ACCOUNTS) == fresh.standings(ACCOUNTS)
            assert console.entries == fresh.entries

    @invariant()
    def a_suspension_in_force_had_two_people_and_nothing_ended_it(self) -> None:
        console = self.console()
        lines = console.entries
        undone = {entry.about for entry in lines if entry.kind == "undo"}
        for account in ACCOUNTS:
            suspension = console.standing(account).suspension
            if suspension is None or suspension.approved is None:
                continue
            proposed, approved = suspension.proposed, suspension.approved
            assert account in proposed.accounts
            assert not same_person(proposed.by, approved.by)
            assert approved.at < proposed.until
            assert approved.role in ("approver", "admin")
            assert not undone & {proposed.line, approved.line}
            later = lines[proposed.line :]
            assert not any(entry.kind in ("dismiss", "hold") and account in entry.accounts for entry in later)

    @invariant()
    def an_account_stands_by_the_last_decision_that_nobody_undid(self) -> None:
        console = self.console()
        undone = {entry.about for entry in console.entries if entry.kind == "undo"}
        words = {"confirm": "confirmed", "dismiss": "dismissed", "hold": "held"}
        for account in ACCOUNTS:
            left: list[Entry] = [
                entry
                for entry in console.entries
                if entry.kind in words and account in entry.accounts and entry.line not in undone
            ]
            expected = words[left[-1].kind] if left else "open"
            standing = console.standing(account)
            assert standing.state == expected
            counted = {expected: 1}
            if standing.suspension is not None:
                approved = standing.suspension.approved is not None
                counted["suspended" if approved else "proposed for suspension"] = 1
            with console.reading() as derived:
                assert derived.states([account], console.now) == counted


ManyPeople.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestManyPeople = ManyPeople.TestCase
