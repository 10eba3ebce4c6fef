"""From what somebody ticked to whom a decision is about: the same for the preview and for what is applied."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stillwatch.campaigns import narrative, wording
from stillwatch.console.decisions import (
    ChangedMeanwhile,
    Decisions,
    Entry,
    Faced,
    NotAllowed,
    NotWhatWasShown,
    Person,
    Preview,
)
from stillwatch.console.decisions.entry import Kind
from stillwatch.console.decisions.hand import Hand
from stillwatch.console.page import PageError, Visit
from stillwatch.console.reading import Run
from stillwatch.console.reading.groups import Group
from stillwatch.errors import StillwatchError
from stillwatch.gateway.policy_file import read_policy
from stillwatch.storage.run import MANIFEST

__all__ = [
    "KINDS",
    "SCOPES",
    "Choice",
    "decided_on",
    "decisions_of",
    "faced_rows",
    "me",
    "number",
    "previewed",
    "run_id",
    "said_plainly",
    "tick",
    "told",
]

KINDS: tuple[tuple[Kind, str, str], ...] = (
    ("confirm", "Confirm", "They are one operator's. The next scan keeps them in one group."),
    (
        "dismiss",
        "Dismiss",
        "They have no part in it: cleared, nothing stands against them, no scan accuses them again.",
    ),
    ("hold", "Hold", "Leave them alone while somebody looks: nothing is done, and the next scan does not accuse them."),
    ("split", "Split off", "They are another operator's than the rest. The next scan keeps the two apart."),
    ("merge", "Merge", "This group and another one are one operator's."),
    ("suspend", "Propose to suspend", "In force only once a second person confirms it, who is an approver."),
)
"""What can be decided, in words: kind, its name, what it does."""
SCOPES = (("all", "every account of the group"), ("ticked", "those ticked below"), ("text", "those whose id contains"))
POLICY = "policy.toml"


def tick(name: str) -> str:
    """What stands for an id in forms, whatever it holds: half of its SHA-256, so that nothing of it is in the page."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Choice(NamedTuple):
    """What a form says: the ``kind``, ``scope`` ("all", "ticked" or "text" with its ``text``), the ``ticked`` accounts
    and the ``other`` group of a merge (by `tick`)."""

    kind: Kind
    scope: str
    text: str
    ticked: tuple[str, ...]
    other: str

    @classmethod
    def read(cls, visit: Visit) -> Choice:
        """Raises `PageError` for a form that says neither."""
        form = visit.given.form
        kind, scope = form.get("kind", ""), form.get("scope", "all")
        if kind not in {name for name, _, _ in KINDS} or scope not in {name for name, _ in SCOPES}:
            raise PageError("says nothing that can be decided", "the form", "choose what and whom", status=400)
        return cls(kind, scope, form.get("text", "")[:200], visit.given.many("account"), form.get("other", ""))

    def chosen(self, run: Run, group: Group) -> list[Faced]:
        """The accounts of ``group`` that are meant; in a split the rest are part 0 and they are part 1, in a merge all
        of both groups. Raises `PageError` for another group that is none."""
        if self.kind == "merge":
            others = (one for one in run.groups.values() if tick(one.campaign.campaign_id) == self.other)
            other = next(others, None)
            if other is None or other.key == group.key:
                raise PageError("name another group of this run to merge with", "the form", status=400)
            return [*faced_rows(run, group.rows), *faced_rows(run, other.rows, part=1)]
        ids = run.ids(group)
        if self.scope == "ticked":
            wanted = frozenset(self.ticked)
            mine = np.array([tick(name) in wanted for name in ids], dtype=bool)
        elif self.scope == "text":
            mine = ids.str.contains(self.text, literal=True).to_numpy() if self.text else np.zeros(len(ids), bool)
        else:
            mine = np.ones(len(ids), dtype=bool)
        found = list(faced_rows(run, group.rows[mine], part=1 if self.kind == "split" else 0))
        return [*faced_rows(run, group.rows[~mine]), *found] if self.kind == "split" else found


def faced_rows(run: Run, rows: Any, part: int = 0) -> Iterator[Faced]:
    """What the run states of the accounts in ``rows`` of its table.

    The stated probability of innocence of an accused account is 1 − its posterior, and never below its group's q-value
    (nobody belongs to a campaign that is none); of one under review it was not measured.
    """
    columns = ("account_id", "campaign_id", "verdict", "q_value", "posterior")
    groups: dict[str | None, tuple[float, str]] = {}
    for name, campaign_id, verdict, q_value, posterior in run.accounts.table[rows].select(columns).iter_rows():
        if campaign_id not in groups:
            groups[campaign_id] = _stated(run, campaign_id)
        floor, nearest = groups[campaign_id]
        innocent = None
        if verdict == "campaign" and posterior is not None and math.isfinite(posterior):
            innocent = min(max(1.0 - posterior, floor, 0.0), 1.0)
        q = min(max(q_value, 0.0), 1.0) if math.isfinite(q_value) else 1.0
        yield Faced(name, campaign_id or "", verdict, q, innocent, nearest, part)


def _stated(run: Run, campaign_id: str | None) -> tuple[float, str]:
    """A group's q-value, and the name of the innocent explanation that came closest."""
    group = run.group_named(campaign_id)
    if group is None:
        return 0.0, ""
    rivals = narrative.nearest_first(group.campaign.rivals)
    return group.campaign.q_value, rivals[0].name if rivals else ""


def run_id(run: Run) -> str:
    """What stands for the run in decisions: the beginning of its manifest's SHA-256, which holds the hash of each of
    its files."""
    told = (run.folder / MANIFEST).stat()
    return _run_id(run.folder / MANIFEST, told.st_mtime_ns, told.st_ino)


@functools.lru_cache(maxsize=8)
def _run_id(path: Path, changed: int, inode: int) -> str:
    return f"run:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def decisions_of(visit: Visit) -> Decisions:
    """People's decisions, asked with the roles that people have now and not those that their sessions began with."""
    decisions: Decisions = visit.decisions
    people = visit.desk.people

    def role(name: str) -> object | None:
        account = people.get(name)
        return None if account is None or not account.active else type(visit.person.role)(account.role)

    decisions.roles = role
    return decisions


def me(visit: Visit) -> Person:
    """Who decides."""
    return Person(visit.person.name, visit.person.role)


def previewed(visit: Visit, kind: Kind, chosen: Sequence[Faced], campaign: str) -> Preview:
    """The preview of a decision, with open appeals and the policy's exemptions as far as the console knows them (a
    gateway's folder, and in it ``policy.toml``)."""
    appeals: Iterable[str] = ()
    exempt: dict[str, str] = {}
    if visit.places.state is not None:
        hand = Hand(visit.places.state)
        appeals = {appeal.account_id for appeal in hand.open_appeals()}
        policy = visit.places.state / POLICY
        if kind == "suspend" and policy.is_file():
            names = [one.account_id for one in chosen]
            exempt = hand.exempt(read_policy(policy), names, dt.datetime.now(dt.UTC))
    with said_plainly():
        return decisions_of(visit).preview(
            kind, chosen, run=run_id(visit.run), campaign=campaign, under_appeal=frozenset(appeals), exempt=exempt
        )


@contextmanager
def said_plainly() -> Iterator[None]:
    """What a decision cannot be becomes an error page with the right status: 409 where somebody was faster, 403 where
    this person may not."""
    try:
        yield
    except (ChangedMeanwhile, NotWhatWasShown) as error:
        raise PageError(error.what, error.where, error.do, status=409) from error
    except NotAllowed as error:
        raise PageError(error.what, error.where, error.do, status=403) from error


def told(visit: Visit, entry: Entry, decisions: Decisions) -> str:
    """Note a decision in the audit log, carry it to the gateway, and say what became of it."""
    with decisions.reading() as derived:
        accounts = derived.accounts_of(entry)
    about = f"{entry.id}, {wording.counted(len(accounts), 'account')}"
    visit.audit(f"decided: {entry.kind}", f"{about}, {entry.campaign}" if entry.campaign else about)
    said = f"Kept as {entry.id}: {entry.kind}, {wording.counted(len(accounts), 'account')}."
    if visit.places.state is None:
        return said
    try:
        problem = Hand(visit.places.state).tell(decisions)
    except StillwatchError as error:
        problem = str(error)
    return f"{said} Not yet at the gateway ({problem}); it is told with the next decision." if problem else said


def number(text: str) -> int:
    """A whole number from a form. Raises `PageError` for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise PageError("is not one of our forms", "the form", "load the page anew", status=400)
    return int(text)


def decided_on(visit: Visit, accounts: Sequence[str]) -> tuple[int, tuple[tuple[str, int], ...]]:
    """The last line of all decisions, which whoever has this page has seen, and how many of ``accounts`` stand how by
    people's decisions, in words."""
    decisions = decisions_of(visit)
    with decisions.reading() as derived:
        counts = derived.states(accounts, decisions.now)
        said = {"open": "not decided on", "held": "on hold"}
        return len(derived.entries), tuple(sorted((said.get(word, word), count) for word, count in counts.items()))
