"""What the gateway does beside answering: once a second, in a thread of its own, never on the way of a request.

The policy's file is read where it changed; the store's news are taken, and what passed is kept there; whoever is
claimed of is planned for; actions that ended are undone; what is too old is forgotten.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stillwatch.errors import InputError, StillwatchError, StorageError
from stillwatch.gateway.alerts.base import Alert
from stillwatch.gateway.applying import Carried, apply_all, undo_all
from stillwatch.gateway.clock import SteadyClock
from stillwatch.gateway.journal import untidy
from stillwatch.gateway.ledger import LedgerEntry
from stillwatch.gateway.news import all_changes, take_change
from stillwatch.gateway.planning import difference, plan
from stillwatch.gateway.policy_file import parse_policy
from stillwatch.gateway.profiles import Profile
from stillwatch.gateway.state import Switch, Undone
from stillwatch.gateway.stores.base import Change, Counts, News, Store, change, gone, value_of
from stillwatch.gateway.stores.opening import agreed_key
from stillwatch.storage.whole import write_whole

if TYPE_CHECKING:
    from stillwatch.gateway.gate import Gate

__all__ = ["Upkeep"]

EVERY = 1.0
REPLAN_US = 3600 * 1_000_000
TIDY_US = 600 * 1_000_000
AT_ONCE = 500
CAMPAIGNS_EVERY = 3


class Upkeep:
    """The thread's work on a `Gate`; `round` is one turn of it."""

    def __init__(self, gate: Gate, store: Store, policy_path: Path) -> None:
        self._gate, self._store, self._policy_path = gate, store, policy_path
        self._version, self._epoch, self._rounds = 0, "", 0
        self._seen = self._print = ""
        self._to_plan: set[str] = set()
        self._renewed: set[str] = set()
        self._planned_at = self._tidied_at = self._shifted = 0
        self._ends, self._ended = threading.Event(), False
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._tidying: subprocess.Popen[bytes] | None = None

    def load(self) -> None:
        """What the store holds, before the first request: claims, actions, what this gateway counted."""
        gate = self._gate
        self._look_at_policy()
        key = _kept_key(gate.folder / "key")
        try:
            self._take_up(self._store.since(0), key)
        except StorageError as error:
            gate.state.set_key(key or os.urandom(32))
            self._store_is(str(error))
        _keep_key(gate.folder / "key", gate.state.key)
        self._plan_all()

    def _take_up(self, news: News, key: bytes) -> None:
        """What the store holds, for the first time: as the gateway opens, or once the store can be reached."""
        state = self._gate.state
        secret, changes = agreed_key(news, key)
        self._store.put(changes)
        kept = self._store.kept()
        with self._gate.lock:
            if secret != state.key:
                state.set_key(secret)
            state.budgets.restore(kept.budgets.items())
            state.restore_campaigns(kept.campaigns.items())
        for some in _parts(kept.profiles):
            with self._gate.lock:
                state.profiles.restore(some)
        self._take(news)

    def start(self) -> None:
        """Begin; the thread ends with `end`, or with the process."""
        self._thread = threading.Thread(target=self._run, name="stillwatch-upkeep", daemon=True)
        self._thread.start()

    def end(self) -> bool:
        """A last round, and no more. False where it has ended already."""
        with self._turn:
            if self._ended:
                return False
            self._ended = True
        self._ends.set()
        if self._thread is not None:
            self._thread.join()
        self._one_round()
        return True

    def heed(self, changes: Iterable[Change]) -> None:
        """Plan anew, in the next round, for those whom ``changes`` claim something of; the claims are made anew."""
        accounts = {one.id for one in changes if one.kind in ("claim", "cleared")}
        self._to_plan |= accounts
        self._renewed |= accounts

    def round(self) -> None:
        """One turn: the policy's file, the switch, the store, plans, ends, what is to be forgotten."""
        with self._turn:
            if not self._ended:
                self._one_round()

    def _run(self) -> None:
        while not self._ends.wait(EVERY):
            try:
                self.round()
            except Exception:
                self._gate.errors["upkeep"] = self._gate.errors.get("upkeep", 0) + 1

    def _one_round(self) -> None:
        now = self._gate.now()
        self._follow_clock()
        self._look_at_policy()
        self._look_at_switch(now)
        self._exchange_news()
        if now - self._planned_at >= REPLAN_US:  # exemptions and holds end by the clock
            self._plan_all()
        elif self._to_plan:
            self._plan(sorted(self._to_plan), now)
        self._end(now)
        self._count()
        self._tidy(now)

    # The policy and the switch

    def _look_at_policy(self) -> None:
        """Read the policy where its file changed; a broken one is told of, and the last good one stays in force."""
        gate, path = self._gate, self._policy_path
        try:
            stat = path.stat()
            seen = f"{stat.st_mtime_ns} {stat.st_size} {stat.st_ino}"
            if seen == self._seen:
                return
            data = path.read_bytes()
            self._seen = seen
            mark = hashlib.sha256(data).hexdigest()
            if mark == self._print and not gate.policy_broken:
                return
            policy = parse_policy(data, path)
        except (OSError, InputError) as error:
            if str(error) != gate.policy_broken:
                gate.policy_broken = str(error)
                self._tell("store_down", f"policy-{self._print[:12]}", "The policy cannot be read; the last one holds.")
            return
        first, gate.policy_broken, self._print = not self._print, "", mark
        gate.ledger.note(LedgerEntry(at=gate.now(), kind="policy", what=f"mode {policy.mode}", why=f"sha256 {mark}"))
        gate.set_policy(policy)
        if not first:
            self._plan_all()

    def _look_at_switch(self, now: int) -> None:
        """The emergency switch may be a file named ``off`` beside the state, for whoever cannot reach the store."""
        gate = self._gate
        wanted, held = (gate.folder / "off").exists(), gate.state.switches.get("off")
        by_file = held is not None and held.on and held.why == BY_FILE
        if wanted and not gate.state.off:
            self._switch(Switch(name="off", on=True, why=BY_FILE, at=now))
        elif not wanted and by_file:
            self._switch(Switch(name="off", on=False, why=BY_FILE, at=now))

    def _switch(self, switch: Switch) -> None:
        self._gate.put([change(switch)])
        self._switched(switch)

    def _switched(self, switch: Switch) -> None:
        """Tell of a switch that was turned, here or elsewhere."""
        gate = self._gate
        on = "on" if switch.on else "off"
        gate.ledger.note(LedgerEntry(at=switch.at, kind="switch", what=f"{switch.name} {on}", why=switch.why[:1000]))
        if switch.name == "off" and switch.on:
            self._tell("switched_off", f"off-{switch.at}", "The gateway was switched off: it touches nobody.")
        elif switch.name == "stood_down" and not switch.on:
            gate.act_again()

    # The store

    def _exchange_news(self) -> None:
        gate = self._gate
        waiting = gate.take_waiting()
        try:
            self._store.put(waiting)
            waiting = []
            news = self._store.since(self._version)
            if not self._epoch:
                self._take_up(news, gate.state.key)
                _keep_key(gate.folder / "key", gate.state.key)
            if self._epoch and news.epoch != self._epoch:
                self._store.put([*all_changes(gate.state), *agreed_key(News((), 0, ""), gate.state.key)[1]])
                with gate.lock:
                    gate.state.keep_all()
                news = self._store.since(0)
            self._take(news)
            self._store_is("")
        except StorageError as error:
            gate.give_back(waiting)
            self._store_is(str(error))

    def _take(self, news: News) -> None:
        gate, now = self._gate, self._gate.now()
        for one in news.changes:
            value = value_of(one)
            before = gate.state.switches.get(one.id) if one.kind == "switch" else None
            if one.kind == "cleared" and one.body is not None:
                self._carry(undo_all(gate.state.actions(one.id), gate.state.responses, gate.state.undo_notes, now))
            with gate.lock:
                take_change(gate.state, one, now)
            if isinstance(value, Switch) and before != value and self._epoch:
                self._switched(value)
        if self._epoch:  # what is read at the start was said before
            self.heed(news.changes)
        self._version, self._epoch = news.version, news.epoch

    def _store_is(self, wrong: str) -> None:
        gate = self._gate
        if wrong and not gate.store_down:
            does = "refuses requests" if gate.policy.failures.store_down == "closed" else "goes on with what it knows"
            self._tell("store_down", f"store-{gate.now()}", f"The store cannot be reached; the gateway {does}.")
        gate.store_down = wrong

    def _count(self) -> None:
        """Keep what passed. What could not be kept is kept with the next round: totals only grow."""
        gate, self._rounds = self._gate, self._rounds + 1
        if gate.store_down:
            return
        while True:
            with gate.lock:
                profiles = gate.state.profiles.changed(AT_ONCE)
                budgets = gate.state.budgets.changed()
                campaigns = {} if self._rounds % CAMPAIGNS_EVERY and not self._ended else gate.state.campaigns_changed()
            try:
                elsewhere = self._store.count(Counts(profiles, budgets, campaigns))
            except StorageError as error:
                with gate.lock:
                    gate.state.profiles.not_kept(profiles)
                    gate.state.budgets.not_kept(budgets)
                    gate.state.not_kept(campaigns)
                self._store_is(str(error))
                return
            with gate.lock:
                gate.state.budgets.told(elsewhere.budgets)
                gate.state.elsewhere = elsewhere.campaigns
            if len(profiles) < AT_ONCE:
                return

    # Plans

    def _plan_all(self) -> None:
        state = self._gate.state
        accounts = {subject.account_id for subject in state.subjects()} | {a.account_id for a in state.all_actions()}
        self._planned_at = self._gate.now()
        self._plan(sorted(accounts), self._planned_at)

    def _plan(self, accounts: list[str], now: int) -> None:
        """Bring what stands against ``accounts`` to what the policy plans for them.

        Planning again because time passed, or the policy changed, makes nothing last longer, and brings nothing back
        whose time was over: only a claim that is made anew does.
        """
        gate, state = self._gate, self._gate.state
        for first in range(0, len(accounts), AT_ONCE):
            some = accounts[first : first + AT_ONCE]
            self._to_plan.difference_update(some)
            renewed = self._renewed.intersection(some)
            self._renewed -= renewed
            claims = [claim for name in some if (claim := state.subject(name)) is not None]
            standing = [action for name in some for action in state.actions(name) if action.until > now]
            over = renewed.union(name for name in some if state.subject(name) is None)
            again = [undone for undone in list(state.undone.values()) if undone.ended and undone.account_id in over]
            if again:
                gate.put([gone("undone", undone.action_id) for undone in again])
            planned = plan(claims, gate.policy, state.key, now).actions
            steps = difference(standing, planned, state.undone)
            turned = {action.id for action in steps.to_undo}
            to_apply = [
                action
                for action in steps.to_apply
                if action.account_id in renewed or action.id in turned or not state.holds(action.id)
            ]
            self._carry(undo_all(steps.to_undo, state.responses, state.undo_notes, now))
            self._carry(apply_all(to_apply, state.responses, state.holds, now))
            time.sleep(0)

    def _end(self, now: int) -> None:
        """Undo the actions whose time is over, and note that it was."""
        state = self._gate.state
        ended = state.expired(now)
        self._carry(undo_all(ended, state.responses, state.undo_notes, now, kind="expired"))
        why = "its time was over"
        self._gate.put(
            [
                change(Undone(action_id=action.id, account_id=action.account_id, why=why, at=now, ended=True))
                for action in ended
            ]
        )

    def _carry(self, carried: Carried) -> None:
        changes: list[Change] = carried.changes
        for first in range(0, len(changes), AT_ONCE):
            self._gate.put(changes[first : first + AT_ONCE])
        for entry in carried.entries:
            self._gate.ledger.note(entry)

    # Time

    def _follow_clock(self) -> None:
        """Budgets keep instants: where the clock was set, they are moved with it."""
        clock = self._gate.clock
        if isinstance(clock, SteadyClock) and clock.set_by != self._shifted:
            with self._gate.lock:
                self._gate.state.budgets.shift(clock.set_by - self._shifted)
            self._shifted = clock.set_by

    def _tidy(self, now: int) -> None:
        """Forget what is too old, in a process of its own: it reads whole files, and requests are not to wait."""
        gate = self._gate
        running = self._tidying is not None and self._tidying.poll() is None
        if running or not self._tidied_at <= now - TIDY_US:
            return
        self._tidied_at = now
        learning = gate.policy.learning
        if not untidy(gate.journal.folder, now, text_hours=learning.keep_text_hours, days=learning.journal_days):
            return
        command = [sys.executable, "-m", "stillwatch.gateway.tidying", str(gate.journal.folder), str(now)]
        try:
            self._tidying = subprocess.Popen([*command, str(learning.keep_text_hours), str(learning.journal_days)])
        except OSError:
            gate.errors["tidy"] = gate.errors.get("tidy", 0) + 1

    def _tell(self, kind: str, key: str, summary: str) -> None:
        now = self._gate.now()
        self._gate.tell(Alert(id=key, kind=kind, at=now, severity="critical", summary=summary))  # type: ignore[arg-type]


BY_FILE = "the file named off, beside the state"


def _parts(profiles: Iterable[tuple[int, Profile]]) -> Iterator[list[tuple[int, Profile]]]:
    """So many at once that no request waits long for them."""
    rest = iter(profiles)
    while some := list(itertools.islice(rest, AT_ONCE)):
        yield some


def _kept_key(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError):
        return b""


def _keep_key(path: Path, key: bytes) -> None:
    if _kept_key(path) == key:
        return
    try:
        write_whole(path, key.hex().encode(), private=True)
    except (OSError, StillwatchError):
        return
