"""The process beside the doors: follows the journal, suspects, and scans anew.

It speaks to gateways through the store alone: claims are put there, and each gateway plans for them. Where it is down
or slow, gateways go on with the claims that stand.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pyarrow as pa

from stillwatch.errors import InputError, UsageError
from stillwatch.exchange import EXCHANGE, read_salt
from stillwatch.gateway.learning.claims import add_claims, read_standing, replace_claims
from stillwatch.gateway.learning.evidence import Evidence
from stillwatch.gateway.learning.following import Following
from stillwatch.gateway.learning.gathering import Gathered, customers_artefacts, gather, learn_subjects
from stillwatch.gateway.learning.identity import carried_ids
from stillwatch.gateway.learning.links import Links, fit_links
from stillwatch.gateway.learning.scanning import Asked, scan_beside
from stillwatch.gateway.learning.shown import Exchange, show
from stillwatch.gateway.learning.standings import read_run
from stillwatch.gateway.policy import Learning
from stillwatch.gateway.policy_file import read_policy
from stillwatch.gateway.stores.base import Store
from stillwatch.gateway.stores.opening import open_store
from stillwatch.responses.base import Subject
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log
from stillwatch.storage.whole import write_whole

__all__ = ["Learner", "Loaded", "Notes", "load_run"]

HOUR = 3600 * 1_000_000
RETRY = HOUR
ROWS = 2048
DECISIONS = "console/decisions"
"""Where in the gateways' folder the console keeps what people decided, unless it was told otherwise."""


class Notes(msgspec.Struct):
    """What the learner remembers over a restart: the ``run`` whose claims stand, when it was taken (microseconds), its
    scan's ids for campaigns with those that stand, and every id that was ever given."""

    run: str = ""
    at: int = 0
    names: dict[str, str] = {}
    used: list[str] = []


class Loaded(msgspec.Struct, frozen=True):
    """What taking a run came to: claims that stand by level, by campaign, and accounts left out as cleared."""

    run: str
    levels: dict[str, int]
    campaigns: dict[str, int]
    cleared: int


def load_run(state: Path, run: Path, now: int, *, store: str | None = None, customers: Path | None = None) -> Loaded:
    """Take a finished scan's results into the state in folder ``state``: its claims stand instead of older ones of a
    machine. Raises `InputError` for a folder that is no run, `StorageError` where the store cannot be reached."""
    kept = open_store(state, store)
    try:
        taken = _take_run(state, run, now, kept, None if customers is None else read_customers(customers))
        return _loaded(kept, run, replace_claims(kept, read_standing(kept), taken))
    finally:
        kept.close()


class Learner:
    """``state`` is the gateways' folder, ``policy`` their policy's file, ``customers`` the provider's accounts.

    `turn` is one look; times are given by the caller, so that a replay may have its own. Not for two threads. Raises
    `UsageError` where another learner works in the folder.
    """

    def __init__(self, state: Path, policy: Path, *, store: str | None = None, customers: Path | None = None) -> None:
        self.state, self.customers = state, customers
        self.learning: Learning = read_policy(policy).learning
        self.folder = _folder(state)
        self._lock = _alone(self.folder)
        self.links: Links | None = None
        self.suspected = 0
        self._policy = policy
        self._store: Store = open_store(state, store)
        self._key = read_salt(self.folder / "key")
        self._following = Following(state / "journal", self.folder / "spool.jsonl")
        self._table: Mapping[str, tuple[tuple[int, ...], ...]] = {}
        self._organizations: dict[str, str] = {}
        self._evidence: dict[str, Evidence] = {}
        self._suspects: set[str] = set()
        self._pending: list[Subject] = []
        self._learnt = ("", 0)
        self._not_before = 0

    @property
    def notes(self) -> Notes:
        """What is remembered."""
        return _read_notes(self.folder)

    @property
    def backlog(self) -> int:
        """Bytes of the journal that were not looked at."""
        return self._following.backlog

    def turn(self, now: int) -> None:
        """Scan where that is due, learn where a new run stands, and look at what passed since the last turn.

        Raises `StillwatchError` where one of these failed; what failed is tried again, scans after an hour.
        """
        self.learning = read_policy(self._policy).learning
        self._tell_backlog()
        notes = self.notes
        due = self.learning.scan_hours and now - notes.at >= self.learning.scan_hours * HOUR
        if due and now >= self._not_before:
            self._not_before = now + RETRY
            self.scan(now)
            self._not_before = 0
        elif notes.run and self._learnt != (notes.run, notes.at):
            self.learn(now)
        self.follow()
        self._tell_backlog()

    def _tell_backlog(self) -> None:
        """For the metrics of the doors, which are other processes: how much waits, and (its time) that we are here."""
        write_whole(self.folder / "backlog", str(self.backlog).encode())

    def scan(self, now: int) -> Path | None:
        """Scan the journal and the policy's logs, let its claims stand, and learn from it; the run's folder. None:
        there was nothing to scan. What people decided in the console that shows this gateway is heeded."""
        name = dt.datetime.fromtimestamp(now / 1e6, dt.UTC).strftime("%Y-%m-%dT%H%M%S")
        out = self.state / "runs" / name
        customers = "" if self.customers is None else str(self.customers)
        salt = str(self.folder / "salt")
        decided = self.state / DECISIONS
        decisions = str(decided) if (decided / "decisions.jsonl").exists() else ""
        if not out.exists() and not scan_beside(Asked(tuple(self._logs()), customers, str(out), salt, decisions)):
            notes = self.notes
            notes.at = now
            _write_notes(self.folder, notes)
            return None
        claims = _take_run(self.state, out, now, self._store, self._read_customers())
        self._relearn(claims, now)
        return out

    def learn(self, now: int) -> None:
        """Learn links anew from the run that stands and from what passed so far."""
        notes = self.notes
        run = Path(notes.run)
        organizations = _organizations(self._read_customers())
        self._relearn(read_run(run, names=notes.names, organizations=organizations)[0], now)

    def follow(self) -> list[Subject]:
        """Look at what passed since the last look; the claims that were made of it."""
        for exchange in self._new():
            self._pending += self._weigh(exchange)
        if not self._pending:
            return []
        standing = read_standing(self._store)
        taken = standing.cleared.union(standing.claims)
        found = [claim for claim in self._pending if claim.account_id not in taken]
        add_claims(self._store, found)
        self._pending = []
        self.suspected += len(found)
        return found

    def close(self) -> None:
        """Let go of the store, and of the place as the only learner."""
        self._store.close()
        os.close(self._lock)

    def _new(self) -> Iterator[Exchange]:
        if self.links is None or self.links.threshold is None or not self.learning.suspect:
            self._following.skip()
            return
        for batch in self._following.batches():
            for first in range(0, batch.num_rows, ROWS):
                yield from show(batch.slice(first, ROWS), self._key, self.links.subjects)

    def _weigh(self, exchange: Exchange) -> list[Subject]:
        account = exchange.account
        if self.links is None or account in self._suspects:
            return []
        evidence = self._evidence.get(account)
        if evidence is None:
            evidence = self._evidence[account] = Evidence(len(self._models))
            evidence.add_artefacts(self._table.get(account, ()), self._models)
        evidence.add(exchange, self._models)
        claim = self.links.suspect(account, evidence, exchange.at, self._organizations.get(account, ""))
        if claim is None:
            return []
        self._suspects.add(account)
        return [claim]

    def _relearn(self, claims: list[Subject], now: int) -> None:
        """Fit links to ``claims``, and let them and the suspects that follow stand."""
        standing = read_standing(self._store)
        customers = self._read_customers()
        self._table, self._organizations = customers_artefacts(customers, self._key), _organizations(customers)
        self._following.skip()
        log = self._read_log()
        subjects = learn_subjects(log)
        accounts = gather(log.to_batches(), self._key, subjects, customers)
        del log
        self.links = fit_links(claims, accounts, subjects, self._key, standing.cleared)
        self._models = self.links.models
        claimed = {claim.account_id for claim in claims}
        self._suspects = claimed | standing.cleared
        self._evidence = {}
        suspects = self._look_back(accounts, now) if self.learning.suspect else []
        replace_claims(self._store, standing, [*claims, *suspects])
        self._pending = []
        notes = self.notes
        self._learnt = (notes.run, notes.at)

    def _look_back(self, accounts: Mapping[str, Gathered], now: int) -> list[Subject]:
        suspects = []
        if self.links is None or self.links.threshold is None:
            return []
        for account, seen in sorted(accounts.items()):
            if account in self._suspects:
                continue
            self._evidence[account] = evidence = seen.evidence(self._models)
            claim = self.links.suspect(account, evidence, now, self._organizations.get(account, ""))
            if claim is not None:
                self._suspects.add(account)
                suspects.append(claim)
        return suspects

    def _logs(self) -> list[str]:
        journal = self.state / "journal"
        return [*self.learning.logs, *([str(journal)] if journal.is_dir() else [])]  # no gateway may have begun it yet

    def _read_log(self) -> pa.Table:
        """Everything that is to be learnt from; of logs that hold nothing yet: no rows."""
        places = [place for place in self._logs() if not Path(place).is_dir() or any(Path(place).iterdir())]
        try:
            return open_log(places).read() if places else EXCHANGE.empty_table()
        except InputError:
            if not self.learning.logs:  # a journal without a whole line
                return EXCHANGE.empty_table()
            raise

    def _read_customers(self) -> pa.Table | None:
        return None if self.customers is None else read_customers(self.customers)


def _take_run(state: Path, run: Path, now: int, store: Store, customers: pa.Table | None) -> list[Subject]:
    """A run's claims under the ids of campaigns that go on; noted as the run that stands."""
    folder = _folder(state)
    notes, standing = _read_notes(folder), read_standing(store)
    claims, report = read_run(run)
    members = {c.campaign_id: c.members for c in report.campaigns}
    names = carried_ids(standing.campaigns, members, notes.used)
    notes = Notes(str(run.resolve()), now, names, sorted({*notes.used, *names.values()}))
    _write_notes(folder, notes)
    organizations = _organizations(customers)
    return [
        msgspec.structs.replace(
            claim,
            campaign_id=names[claim.campaign_id],
            since=now,
            organization_id=organizations.get(claim.account_id, ""),
        )
        for claim in claims
    ]


def _loaded(store: Store, run: Path, claims: list[Subject]) -> Loaded:
    levels: dict[str, int] = {}
    campaigns: dict[str, int] = {}
    for claim in claims:
        levels[claim.level] = levels.get(claim.level, 0) + 1
        campaigns[claim.campaign_id] = campaigns.get(claim.campaign_id, 0) + 1
    return Loaded(str(run), levels, campaigns, len(read_standing(store).cleared))


def _organizations(customers: pa.Table | None) -> dict[str, str]:
    if customers is None:
        return {}
    columns = (customers.column(name).to_pylist() for name in ("account_id", "organization_id"))
    return {account: organization or "" for account, organization in zip(*columns, strict=True)}


def _folder(state: Path) -> Path:
    folder = state / "learning"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _alone(folder: Path) -> int:
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UsageError("another learner works here", folder, "stop it first, or name another --state") from None
    return descriptor


def _read_notes(folder: Path) -> Notes:
    try:
        return msgspec.json.decode((folder / "notes.json").read_bytes(), type=Notes)
    except FileNotFoundError:
        return Notes()
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(
            f"cannot be read: {error}", folder / "notes.json", "remove it, and load a run with `stillwatch gate load`"
        ) from error


def _write_notes(folder: Path, notes: Notes) -> None:
    write_whole(folder / "notes.json", msgspec.json.encode(notes), private=True)
