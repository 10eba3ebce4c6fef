"""The analysts' decisions: previewed, written once, derived anew by whoever reads them. No web, no gateway."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stillwatch.campaigns.judgements import Judgement
from stillwatch.console.decisions.chained import Chained
from stillwatch.console.decisions.derived import Derived, Standing, Suspension
from stillwatch.console.decisions.entry import (
    MOST_WHY,
    ChangedMeanwhile,
    Entry,
    Faced,
    Kind,
    NotAllowed,
    NotWhatWasShown,
    Person,
    rank,
    same_person,
)
from stillwatch.console.decisions.preview import Preview, look_ahead
from stillwatch.errors import InputError, UsageError

if TYPE_CHECKING:
    from stillwatch.console.decisions.record import Calibration

__all__ = ["PROPOSAL", "Decisions", "moment"]

PROPOSAL = dt.timedelta(days=3)
"""How long a proposed suspension waits for a second person, unless said otherwise."""
ANALYST, APPROVER = rank("analyst"), rank("approver")
_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def moment(at: int) -> dt.datetime:
    """Microseconds since 1970 as a time in UTC."""
    return _EPOCH + at * _MICROSECOND


class Decisions:
    """The decisions kept in ``folder``. Any number of threads and processes may use it at once.

    ``roles`` tells the role that a name has now (None: no such person); where it is given, it counts, and not the role
    that a session began with. ``proposal`` is how long a proposed suspension waits. Raises `InputError` where the chain
    of decisions is broken, `StorageError` for the disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        roles: Callable[[str], object | None] | None = None,
        proposal: dt.timedelta = PROPOSAL,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        existing: bool = False,
    ) -> None:
        self.folder = folder
        self.roles, self._proposal, self._clock = roles, proposal, clock
        self._chain = Chained(folder, existing=existing)
        self._derived = Derived()
        self._lock = threading.RLock()
        self._broken: InputError | None = None
        self._record: tuple[tuple[int, tuple[Judgement, ...]], Calibration] | None = None
        self.refresh()

    # What stands

    def refresh(self) -> None:
        """Take what others wrote meanwhile. Raises `InputError` where the chain is broken."""
        with self._lock:
            if self._broken is not None:
                raise self._broken
            try:
                for entry in self._chain.news():
                    self._take(entry)
            except InputError as error:  # half of it was taken: whoever asks again is told again
                self._broken = error
                raise

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every line, the oldest first."""
        with self._lock:
            return tuple(self._derived.entries)

    @property
    def last_hash(self) -> str:
        """The hash of the last line: note it elsewhere, and nobody can rewrite what is before it unseen."""
        return self._chain.last_hash

    @property
    def now(self) -> int:
        """The time that decisions go by, in microseconds: never before the last line."""
        return max((self._clock() - _EPOCH) // _MICROSECOND, self._chain.last_at)

    @contextmanager
    def reading(self) -> Iterator[Derived]:
        """All that stands now, while nobody in this process changes it."""
        with self._lock:
            self.refresh()
            yield self._derived

    def version(self, accounts: Iterable[str]) -> int:
        """The last line about any of the accounts: what a page remembers when it is loaded."""
        with self.reading() as derived:
            return derived.version(accounts)

    def since(self, accounts: Iterable[str], version: int) -> tuple[Entry, ...]:
        """What was decided about any of the accounts after ``version``, the oldest first."""
        with self.reading() as derived:
            return tuple(derived.since(accounts, version))

    def history(self, accounts: Iterable[str], most: int = 100) -> tuple[tuple[Entry, Entry | None], ...]:
        """The newest ``most`` lines about any of the accounts, the newest first, each with what undid it (or None)."""
        with self.reading() as derived:
            lines = derived.since(accounts, 0)[-most:]
            return tuple((line, derived.undone.get(line.line)) for line in reversed(lines))

    def standing(self, account: str) -> Standing:
        """How an account stands by people's decisions now."""
        with self.reading() as derived:
            return derived.standing(account, self.now)

    def standings(self, accounts: Iterable[str]) -> dict[str, Standing]:
        """`standing` of many accounts, of one moment."""
        with self.reading() as derived:
            now = self.now
            return {account: derived.standing(account, now) for account in accounts}

    def suspensions(self, *states: str) -> tuple[Suspension, ...]:
        """The suspensions in one of ``states`` ("proposed", "in force", "undone", "expired", "over"; none named: all),
        the newest first."""
        with self.reading() as derived:
            now = self.now
            found = [one for one in derived.suspensions.values() if not states or one.state(now) in states]
            return tuple(reversed(found))

    def calibration(self, judgements: Sequence[Judgement] = ()) -> Calibration:
        """Our own record: what was stated of accounts that people judged, against what they found; with those of the
        gateway's ``judgements`` about whom nothing was decided here."""
        from stillwatch.console.decisions.record import calibration  # noqa: PLC0415 - SciPy is for who asks for it

        with self.reading() as derived:
            key = (len(derived.entries), tuple(judgements))  # no time: only what was decided counts, and that stands
            if self._record is None or self._record[0] != key:
                self._record = key, calibration(derived, self.now, judgements)
            return self._record[1]

    # What people decide

    def preview(
        self,
        kind: Kind,
        chosen: Sequence[Faced],
        *,
        run: str,
        campaign: str = "",
        under_appeal: Collection[str] = (),
        exempt: Mapping[str, str] | None = None,
    ) -> Preview:
        """What a decision would do; nothing is written. Raises `UsageError` where it says nothing (`look_ahead`)."""
        with self.reading() as derived:
            return look_ahead(
                derived, kind, chosen, now=self.now, run=run, campaign=campaign, under_appeal=under_appeal,
                exempt=exempt or {},
            )  # fmt: skip

    def decide(
        self,
        preview: Preview,
        person: Person,
        why: str,
        *,
        digest: str,
        version: int,
        explanation: str = "",
        reference: str = "",
    ) -> Entry:
        """Write down what was previewed. ``preview`` is made anew of what stands now, ``digest`` is that of the preview
        which the person saw, ``version`` the one that he saw it on; ``explanation`` names the innocent explanation that
        a dismissal found true, ``reference`` the appeal that it upholds.

        Raises `ChangedMeanwhile` where somebody decided about one of the accounts after that, `NotWhatWasShown` where
        the digests differ, `NotAllowed` where this person may not, `UsageError` where it cannot be applied.
        """
        with self._writing(person, why, ANALYST) as role:
            self._unchanged(preview.accounts, version)
            if preview.digest != digest or preview.version != self._derived.version(preview.accounts):
                raise NotWhatWasShown
            if preview.refused:
                raise UsageError(preview.refused, preview.kind)
            until = self.now + self._proposal // _MICROSECOND if preview.kind == "suspend" else 0
            return self._write(
                Entry(
                    at=self.now, kind=preview.kind, by=person.name.strip(), role=role, why=why.strip(), run=preview.run,
                    campaign=preview.campaign, faced=preview.faced, version=version, preview=digest, until=until,
                    explanation=explanation, reference=reference,
                )
            )  # fmt: skip

    def approve(self, line: int, person: Person, why: str, *, version: int) -> Entry:
        """Put a proposed suspension in force, as a second person.

        Raises `NotAllowed` for whoever proposed it, who is no approver, or where the one who proposed it is no analyst
        any more; `ChangedMeanwhile` where one of its accounts was decided about after ``version``; `UsageError` where
        no such proposal waits.
        """
        with self._writing(person, why, APPROVER) as role:
            suspension = self._derived.suspensions.get(line)
            if suspension is None:
                raise UsageError("is no proposal to suspend", f"D{line}", "look at the list of proposals")
            proposed = suspension.proposed
            if same_person(proposed.by, person.name):
                raise NotAllowed("you proposed it; a second person must confirm it", proposed.id)
            if self.roles is not None and rank(self.roles(proposed.by)) < ANALYST:
                raise NotAllowed(f"{proposed.by} is no analyst any more", proposed.id, "propose it anew")
            self._unchanged(proposed.accounts, version)
            state = suspension.state(self.now)
            if state != "proposed":
                words = (
                    f"expired at {moment(proposed.until):%Y-%m-%d %H:%M} UTC" if state == "expired" else f"is {state}"
                )
                raise UsageError(words, proposed.id, "propose it anew" if state != "in force" else None)
            return self._write(
                Entry(
                    at=self.now, kind="approve", by=person.name.strip(), role=role, why=why.strip(), run=proposed.run,
                    campaign=proposed.campaign, version=version, about=line,
                )
            )  # fmt: skip

    def undo(self, line: int, person: Person, why: str, *, version: int) -> Entry:
        """Take a decision back, at once; a suspension or its proposal too, by one person. What it had ended of other
        people's suspensions stays ended, and an undo is not undone: decide again instead.

        Raises `ChangedMeanwhile`, `NotAllowed` (an upheld appeal is undone by an approver), `UsageError` for what is
        undone already or cannot be.
        """
        with self._writing(person, why, ANALYST) as role:
            try:
                undone = self._derived.entry(line)
            except KeyError:
                raise UsageError("is no decision", f"D{line}", "look at the history") from None
            if undone.kind in ("undo", "told", "recovered"):
                raise UsageError(
                    f"is {'an undo' if undone.kind == 'undo' else 'no decision'}", undone.id, "decide again"
                )
            before = self._derived.undone.get(line)
            if before is not None:
                raise UsageError(f"was undone by {before.by} at {moment(before.at):%Y-%m-%d %H:%M} UTC", undone.id)
            if undone.kind == "reject" and line in self._derived.told:
                raise UsageError("was told to the person", undone.id, "he may appeal again")
            if undone.reference and undone.kind == "dismiss" and rank(role) < APPROVER:
                raise NotAllowed("an upheld appeal is undone by an approver", undone.id)
            self._unchanged(self._derived.accounts_of(undone), version)
            return self._write(
                Entry(
                    at=self.now, kind="undo", by=person.name.strip(), role=role, why=why.strip(), run=undone.run,
                    campaign=undone.campaign, version=version, about=line,
                )
            )  # fmt: skip

    def note(self, about: Sequence[Faced], person: Person, text: str, *, run: str, campaign: str = "") -> Entry:
        """Write words about accounts; it contradicts nobody, so it is taken whatever happened meanwhile."""
        with self._writing(person, text, ANALYST) as role:
            return self._write(
                Entry(
                    at=self.now, kind="note", by=person.name.strip(), role=role, why=text.strip(), run=run,
                    campaign=campaign, faced=tuple(about),
                )
            )  # fmt: skip

    def reject(self, reference: str, about: Faced, person: Person, why: str, *, run: str, version: int) -> Entry:
        """Write down that this person would leave an appeal's decision as it is; `hearing` says when that is enough.

        Raises `ChangedMeanwhile` where somebody decided about the account after ``version``.
        """
        with self._writing(person, why, ANALYST) as role:
            self._unchanged([about.account_id], version)
            return self._write(
                Entry(
                    at=self.now, kind="reject", by=person.name.strip(), role=role, why=why.strip(), run=run,
                    campaign=about.campaign_id, faced=(about,), reference=reference, version=version,
                )
            )  # fmt: skip

    def told(self, line: int, what: str) -> Entry:
        """Write down that the gateway was told of a line, and how that went."""
        with self._lock, self._chain.locked():
            self.refresh()
            return self._write(Entry(at=self.now, kind="told", about=line, why=what))

    # Inside

    @contextmanager
    def _writing(self, person: Person, why: str, least: int) -> Iterator[str]:
        """Alone, with all that others wrote taken; the person's role as it is now."""
        if not person.name.strip() or not why.strip():
            raise UsageError("a decision has a name and a reason", "why", "give both")
        if len(why) > MOST_WHY:
            raise UsageError(f"is longer than {MOST_WHY:,} characters", "the reason", "shorten it")
        with self._lock, self._chain.locked():
            self.refresh()
            role = person.role if self.roles is None else self.roles(person.name)
            if rank(role) < least:
                needed = "approver" if least == APPROVER else "analyst"
                raise NotAllowed(f"you need the role {needed}", person.name, "ask an administrator")
            yield str(getattr(role, "name", role)).lower()

    def _unchanged(self, accounts: Iterable[str], version: int) -> None:
        later = self._derived.since(accounts, version)
        if later:
            raise ChangedMeanwhile(later[-1], f"{moment(later[-1].at):%Y-%m-%d %H:%M:%S} UTC")

    def _write(self, entry: Entry) -> Entry:
        written = self._chain.append([msgspec.structs.replace(entry, why=_readable(entry.why))])
        for one in written:
            self._take(one)
        return written[-1]

    def _take(self, entry: Entry) -> None:
        try:
            self._derived.take(entry)
        except KeyError:
            raise InputError(f"D{entry.line} is about a line that is not there", self._chain.path) from None


def _readable(text: str) -> str:
    """Words that JSON can hold: half a character becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
