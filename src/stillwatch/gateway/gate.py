"""The gateway at work: state, policy, stores, journal, ledger and alerts behind two calls, for every door.

A door needs nothing else: `Gate.decide` before the model is asked, `Gate.observed` when the exchange has ended. Neither
waits for a disk or a network but `observed`, which writes one line to the journal before the answer's last byte leaves.
Everything slow (the store, planning, the policy's file, what is to be forgotten) is `gateway.upkeep`'s, in a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.errors import StorageError
from stillwatch.gateway.alerts.base import Alert
from stillwatch.gateway.bounds import Breach, Watchman
from stillwatch.gateway.clock import Clock, SteadyClock
from stillwatch.gateway.decide import decide
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.journal import Journal
from stillwatch.gateway.ledger import Ledger, LedgerEntry, decided
from stillwatch.gateway.news import take_change
from stillwatch.gateway.policy import Failing, Policy
from stillwatch.gateway.policy_file import read_policy
from stillwatch.gateway.state import State, Switch
from stillwatch.gateway.stores.base import Change, Store, change
from stillwatch.gateway.stores.opening import Place, claim_place, open_store
from stillwatch.gateway.upkeep import Upkeep
from stillwatch.responses.traffic import Refusal, Request

__all__ = ["Gate", "open_gate"]

SECOND = 1_000_000
UNAVAILABLE = Refusal(
    status=503, code="unavailable", message="The service cannot take this request right now.", retry_after=5.0
)


class Gate:
    """Opened by `open_gate`; usable from one event loop, or from threads (LiteLLM's callbacks).

    ``alerts`` are called with every `Alert`, ``listeners`` with every exchange that ended (both must be quick, and
    what they raise is counted and ignored). ``policy`` is the one in force. ``keeps_text`` says whether `Observed.row`
    should hold text: the policy keeps it in the journal, where the learner reads it.
    """

    def __init__(
        self, folder: Path, policy: Policy, policy_path: Path, state: State, store: Store, place: Place, clock: Clock
    ) -> None:
        self.folder, self.policy, self.state, self.clock = folder, policy, state, clock
        self.keeps_text = policy.learning.keep_text_hours > 0
        self.journal = Journal(folder / "journal", keep_text=self.keeps_text)
        self.ledger = Ledger(folder / "ledger")
        self.alerts: list[Callable[[Alert], None]] = []
        self.listeners: list[Callable[[Observed], None]] = []
        self.errors = {"decide": 0, "observed": 0, "journal": 0, "listener": 0, "unread": 0}
        self.store_down = self.policy_broken = ""
        self.lock = threading.Lock()
        self._watchman = Watchman(policy.bounds)
        self._waiting: list[Change] = []
        self._place, self._store = place, store
        self._upkeep = Upkeep(self, store, policy_path)

    def now(self) -> int:
        """Microseconds since 1970 by the gateway's own clock: what a door's `Request.at` is."""
        return self.clock.now()

    def decide(self, request: Request) -> Decision:
        """`gateway.decide.decide`, or what the policy says where something is broken; noted in the ledger where it
        touches somebody. Never raises."""
        try:
            failing = self.policy.failures
            if (self.store_down and failing.store_down == "closed") or (
                self.policy_broken and failing.policy_broken == "closed"
            ):
                return _failed(request, "closed")
            now = self.clock.now()
            if abs(request.at - now) > SECOND:  # a door's clock that leaps is not believed either
                request = msgspec.structs.replace(request, at=now)
            with self.lock:
                decision = decide(request, self.state, self.policy)
                breach = self._watchman.note(request.account_id, decision.touches, now)
            if breach is not None and not self.state.stood_down:
                self._stand_down(breach, now)
            if decision.touches:
                self.ledger.note(decided(decision))
        except Exception:
            self.errors["decide"] += 1
            return _failed(request, self.policy.failures.error)
        return decision

    def observed(self, observed: Observed) -> None:
        """Tell of an exchange that ended (refused ones too): written to the journal, counted. Never raises."""
        self.errors["unread"] += observed.unread
        try:
            self.journal.write(observed.row, self.clock.now())
        except Exception:
            self.errors["journal"] += 1
        try:
            with self.lock:
                self.state.observe(observed)
        except Exception:
            self.errors["observed"] += 1
        for listener in self.listeners:
            try:
                listener(observed)
            except Exception:
                self.errors["listener"] += 1

    def put(self, changes: Sequence[Change], entries: Sequence[LedgerEntry] = ()) -> None:
        """Let changes hold here at once, and be kept in the store as soon as it can be reached."""
        now = self.clock.now()
        with self.lock:
            for one in changes:
                take_change(self.state, one, now)
            self._waiting += changes
        self._upkeep.heed(changes)
        for entry in entries:
            self.ledger.note(entry)

    def take_waiting(self) -> list[Change]:
        """Changes that the store does not have yet, handed over."""
        with self.lock:
            waiting, self._waiting = self._waiting, []
        return waiting

    def give_back(self, changes: list[Change]) -> None:
        """Changes that the store could not take."""
        with self.lock:
            self._waiting = changes + self._waiting

    def set_policy(self, policy: Policy) -> None:
        """Let a policy be in force from the next request on."""
        with self.lock:
            if policy.bounds != self.policy.bounds:
                self._watchman = Watchman(policy.bounds)
            if isinstance(self.clock, SteadyClock):
                self.clock.jump = policy.failures.clock_jump
            self.policy = policy
            self.keeps_text = self.journal.keep_text = policy.learning.keep_text_hours > 0

    def act_again(self) -> None:
        """A person has looked: the window of the bounds begins anew."""
        with self.lock:
            self._watchman.restart()

    def tell(self, alert: Alert) -> None:
        """Hand an alert to whoever carries them."""
        for carry in self.alerts:
            try:
                carry(alert)
            except Exception:
                self.errors["listener"] += 1

    def figures(self) -> Mapping[str, float]:
        """`State.figures`, and how the gateway itself is: errors by place, what waits, and flags (0 or 1)."""
        with self.lock:
            counted: dict[str, Any] = dict(self.state.figures())
            counted["waiting_for_store"] = len(self._waiting)
            requests, accounts = self._watchman.shares()
        errors = {f"errors_{name}": count for name, count in self.errors.items()}
        return {
            **counted,
            **errors,
            "touched_requests_share": requests,
            "touched_accounts_share": accounts,
            "ledger_waiting": self.ledger.waiting,
            "ledger_lost": self.ledger.lost,
            "ledger_down": float(bool(self.ledger.failed)),
            "store_down": float(bool(self.store_down)),
            "policy_broken": float(bool(self.policy_broken)),
            "off": float(self.state.off or self.policy.mode == "off"),
            "clock_leaping": float(getattr(self.clock, "leaping", False)),
        }

    def refresh(self) -> None:
        """Do the upkeep's round now: policy, store, plans, counts. For tests, replays and a virtual clock."""
        self._upkeep.round()

    def start(self) -> None:
        """Begin the upkeep in a thread."""
        self._upkeep.start()

    def close(self) -> None:
        """Write what is not yet written. The second time nothing happens."""
        if self._upkeep.end():
            self.ledger.close()
            self.journal.close()
            self._store.close()
            self._place.leave()

    def _stand_down(self, breach: Breach, now: int) -> None:
        share = f"{breach.share:.1%} of {breach.of:,} {breach.what} were touched, {breach.most:.1%} are allowed"
        switch = Switch(name="stood_down", on=True, why=share, at=now)
        self.put([change(switch)], [LedgerEntry(at=now, kind="stood_down", why=share)])
        self.tell(
            Alert(
                id=f"stood-down-{now}",
                kind="stood_down",
                at=now,
                severity="critical",
                summary=f"The gateway stood down and only watches: {share}.",
                facts={"share": breach.share, "most": breach.most, "of": breach.of},
            )
        )


def open_gate(state: Path, policy: Path, *, store: str | None = None, clock: Clock | None = None) -> Gate:
    """The gateway whose memory lies in the folder ``state`` (made where missing, mode 0700); ``store`` is a Redis URL
    for gateways that share it. ``clock`` is for replays: the machine's, but for its leaps, where None.

    A server that cannot be reached is no error: the gateway does what the policy says of ``failures.store_down``.
    Raises `InputError` for a policy or state that cannot be read, `StorageError` for a folder that cannot be written.
    """
    read = read_policy(policy)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the state cannot be made: {error.strerror}", state, "name another --state") from error
    place = claim_place(state)
    kept = open_store(state, store, place.name)
    gate = Gate(
        state, read, policy, State(), kept, place, SteadyClock(read.failures.clock_jump) if clock is None else clock
    )
    gate._upkeep.load()
    gate.start()
    return gate


def _failed(request: Request, failing: Failing) -> Decision:
    refuse = UNAVAILABLE if failing == "closed" else None
    reasons = ("unavailable",) if refuse is not None else ()
    return Decision(
        request_id=request.request_id, account_id=request.account_id, at=request.at, refuse=refuse, reasons=reasons
    )
