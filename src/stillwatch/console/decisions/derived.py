"""What stands by all the lines of the chain: made by taking one after the other, and by nothing else.

An account's standing is the last of confirm, dismiss and hold about it that nobody undid; undoing one brings back what
stood before. A suspension is other: what once ended it for an account (a dismissal, a hold) has ended it for good, so
that no undo brings a suspension back without two people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from stillwatch.console.decisions.entry import Entry, Faced

__all__ = ["Derived", "Link", "Standing", "State", "Suspension"]

State = Literal["open", "confirmed", "dismissed", "held"]
_STATES: Mapping[str, State] = {"confirm": "confirmed", "dismiss": "dismissed", "hold": "held"}
SuspensionState = Literal["proposed", "in force", "undone", "expired", "over"]


@dataclass
class Suspension:
    """A proposal to suspend, and what became of it: who confirmed it (``approved``), who undid it (``undone``), and
    for which accounts a later decision ended it (``ended``: account → that decision)."""

    proposed: Entry
    approved: Entry | None = None
    undone: Entry | None = None
    ended: dict[str, Entry] = field(default_factory=dict)

    @property
    def left(self) -> tuple[Faced, ...]:
        """The accounts for which nothing ended it."""
        return tuple(one for one in self.proposed.faced if one.account_id not in self.ended)

    def state(self, now: int) -> SuspensionState:
        """What it is at ``now`` (microseconds): ``over`` where no account is left in it."""
        if self.undone is not None:
            return "undone"
        if len(self.ended) == len(self.proposed.faced):  # only its own accounts are in there
            return "over"
        if self.approved is not None:
            return "in force"
        return "expired" if now >= self.proposed.until else "proposed"


@dataclass(frozen=True)
class Standing:
    """How one account stands by people's decisions: ``state`` by the decision ``by`` (None: open), its ``suspension``
    where one is proposed or in force, and the last line about it (0: none)."""

    state: State
    by: Entry | None
    suspension: Suspension | None
    version: int


@dataclass(frozen=True)
class Link:
    """Accounts that people joined (``together``: one part, one group) or parted (each part is one of its own)."""

    kind: Literal["together", "apart"]
    parts: tuple[frozenset[str], ...]
    by: Entry


class Derived:
    """Everything that follows from the lines taken so far."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.undone: dict[int, Entry] = {}
        self.suspensions: dict[int, Suspension] = {}
        self.told: dict[int, Entry] = {}
        self.rejections: dict[str, list[Entry]] = {}
        self._about: dict[str, list[int]] = {}
        self._verdicts: dict[str, list[int]] = {}
        self._suspended: dict[str, list[int]] = {}
        self._links: list[int] = []
        self._to_tell: list[int] = []

    def take(self, entry: Entry) -> None:
        """Take the next line. Raises KeyError where it is about a line that is not there, or is none of that kind."""
        accounts = self.accounts_of(entry)
        self.entries.append(entry)
        for account in accounts:
            self._about.setdefault(account, []).append(entry.line)
        take = {"suspend": self._suspend, "approve": self._approve, "undo": self._undo, "told": self._told}
        if entry.kind in _STATES:
            self._decide(entry)
        elif entry.kind in take:
            take[entry.kind](entry)
        elif entry.kind == "reject":
            self.rejections.setdefault(entry.reference, []).append(entry)
        if entry.kind in ("confirm", "split", "merge"):
            self._links.append(entry.line)

    def _decide(self, entry: Entry) -> None:
        for account in entry.accounts:
            self._verdicts.setdefault(account, []).append(entry.line)
            if entry.kind != "confirm":
                for line in self._suspended.get(account, ()):
                    self.suspensions[line].ended.setdefault(account, entry)
        if entry.kind != "confirm":
            self._to_tell.append(entry.line)

    def _suspend(self, entry: Entry) -> None:
        self.suspensions[entry.line] = Suspension(entry)
        for account in entry.accounts:
            self._suspended.setdefault(account, []).append(entry.line)

    def _approve(self, entry: Entry) -> None:
        self.suspensions[entry.about].approved = entry
        self._to_tell.append(entry.line)

    def _told(self, entry: Entry) -> None:
        self.told[entry.about] = entry

    def _undo(self, entry: Entry) -> None:
        undone = self.entry(entry.about)
        self.undone[undone.line] = entry
        suspension = self.suspensions.get(undone.about if undone.kind == "approve" else undone.line)
        if suspension is not None:
            suspension.undone = entry
            self.undone[suspension.proposed.line] = entry
            if suspension.approved is not None:
                self.undone[suspension.approved.line] = entry
        if undone.kind in ("dismiss", "hold") or (suspension is not None and suspension.approved is not None):
            self._to_tell.append(entry.line)

    def entry(self, line: int) -> Entry:
        """The line of that number. Raises KeyError where there is none."""
        if not 1 <= line <= len(self.entries):
            raise KeyError(line)
        return self.entries[line - 1]

    def accounts_of(self, entry: Entry) -> tuple[str, ...]:
        """The accounts that a line is about: its own, or those of what it undoes or approves. Of bookkeeping: none."""
        if entry.kind in ("undo", "approve"):
            return self.accounts_of(self.entry(entry.about))  # of lines before it: this ends
        return () if entry.kind == "told" else entry.accounts

    def version(self, accounts: Iterable[str]) -> int:
        """The last line about any of the accounts; 0: none. What a page remembers when it is loaded."""
        return max((self._about[account][-1] for account in accounts if account in self._about), default=0)

    def since(self, accounts: Iterable[str], version: int) -> list[Entry]:
        """What was decided about any of the accounts after ``version``, the oldest first."""
        if version >= len(self.entries):
            return []
        lines = {line for account in accounts for line in self._about.get(account, ()) if line > version}
        return [self.entries[line - 1] for line in sorted(lines)]

    def standing(self, account: str, now: int) -> Standing:
        """How an account stands at ``now`` (microseconds)."""
        by = next(
            (self.entries[n - 1] for n in reversed(self._verdicts.get(account, ())) if n not in self.undone), None
        )
        suspension = None
        for line in self._suspended.get(account, ()):
            held = self.suspensions[line]
            if account not in held.ended and held.state(now) in ("proposed", "in force"):
                suspension = held if suspension is None or held.approved is not None else suspension
        state: State = "open" if by is None else _STATES[by.kind]
        return Standing(state, by, suspension, self.version([account]))

    def states(self, accounts: Iterable[str], now: int) -> dict[str, int]:
        """How many of the accounts stand how at ``now``: by `State`, and "suspended" and "proposed for suspension"
        beside it. Made for many accounts at once."""
        counts: dict[str, int] = {}
        running = {line for line, one in self.suspensions.items() if one.state(now) in ("proposed", "in force")}
        for account in accounts:
            state: str = "open"
            for line in reversed(self._verdicts.get(account, ())):
                if line not in self.undone:
                    state = _STATES[self.entries[line - 1].kind]
                    break
            states = {state}
            for line in running.intersection(self._suspended.get(account, ())) if running else ():
                suspension = self.suspensions[line]
                if account not in suspension.ended:
                    approved = suspension.approved is not None
                    states.add("suspended" if approved else "proposed for suspension")
            if "suspended" in states:
                states.discard("proposed for suspension")
            for word in states:
                counts[word] = counts.get(word, 0) + 1
        return counts

    def decided_accounts(self) -> list[str]:
        """Every account about which anything was decided."""
        return sorted(self._about)

    def links(self) -> tuple[Link, ...]:
        """What people joined and parted and nobody undid, the oldest first: where two speak of the same accounts, the
        later one is applied to what the earlier one left."""
        links = []
        for entry in (self.entries[line - 1] for line in self._links if line not in self.undone):
            parts: dict[int, set[str]] = {}
            for one in entry.faced:
                parts.setdefault(0 if entry.kind == "merge" else one.part, set()).add(one.account_id)
            frozen = tuple(frozenset(parts[number]) for number in sorted(parts))
            if entry.kind == "split":
                links.append(Link("apart", frozen, entry))
            else:  # whoever confirms accounts of two campaigns joins each, not both
                links += [Link("together", (part,), entry) for part in frozen]
        return tuple(links)

    @property
    def told_rejected(self) -> frozenset[int]:
        """Lines by which an appeal was rejected and of which the person was told: nobody undoes these."""
        rejected = (entry.line for entries in self.rejections.values() for entry in entries)
        return frozenset(line for line in rejected if line in self.told)

    def untold(self) -> list[Entry]:
        """Lines that change what a gateway does, and of which it was not told yet, the oldest first."""
        return [self.entries[line - 1] for line in self._to_tell if line not in self.told]
