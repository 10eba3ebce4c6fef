"""What a person does with a gateway from beside it: switch it off and on, look at it, take actions back.

The emergency switch is told twice: a file named ``off`` in the gateway's folder, which works when nothing else does,
and a change in the store, which reaches every gateway that shares it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.gateway.applying import undo_all
from stillwatch.gateway.ledger import LedgerEntry, append
from stillwatch.gateway.news import take_change
from stillwatch.gateway.state import State, Switch, Undone
from stillwatch.gateway.stores.base import News, Store, change
from stillwatch.gateway.stores.opening import agreed_key, open_store
from stillwatch.responses.base import Action
from stillwatch.storage.whole import write_whole

__all__ = ["Standing", "look", "microseconds", "must_be_there", "named", "state_of", "switch_off", "switch_on", "undo"]

OFF_FILE, LEDGER = "off", "ledger"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a gateway stands: whether it is ``off``, by a person or (``by_file``) by the file; whether it ``stood_down``
    by itself, and why in our own or a colleague's words; accounts by level of claim, actions by response (those that
    are only watched apart), accounts that a person cleared, actions that one took back."""

    off: bool
    by_file: bool
    off_why: str
    stood_down: bool
    stood_down_why: str
    claims: dict[str, int]
    campaigns: int
    actions: dict[str, int]
    watched: dict[str, int]
    cleared: int
    undone: int


def switch_off(folder: Path, store: str | None, *, by: str, why: str, now: dt.datetime) -> str:
    """Pull the emergency switch. Returns what did not work in one line, "" where everything did: the file alone stops
    every gateway that works in ``folder``. Raises `UsageError` without a name or reason, or for a folder that is none,
    `StorageError` where not even the file can be written."""
    named(by, why)
    must_be_there(folder)
    write_whole(folder / OFF_FILE, f"{by.strip()}: {why.strip()}\n".encode())
    return _switch(folder, store, {"off": True}, by, why, now)


def switch_on(folder: Path, store: str | None, *, by: str, why: str, now: dt.datetime) -> str:
    """Let the gateway act again: the emergency switch is put back, and a stand-down ended. As `switch_off`."""
    named(by, why)
    must_be_there(folder)
    try:
        (folder / OFF_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot be removed: {error.strerror}", folder / OFF_FILE) from error
    return _switch(folder, store, {"off": False, "stood_down": False}, by, why, now)


def look(folder: Path, store: str | None) -> Standing:
    """How the gateway of ``folder`` (or of the ``store`` that it shares) stands. Raises `StorageError`, `InputError`
    where the store cannot be read."""
    must_be_there(folder)
    with _opened(folder, store) as (_, state):
        off, down = (state.switches.get(name) for name in ("off", "stood_down"))
        by_file = (folder / OFF_FILE).exists()
        subjects, actions = list(state.subjects()), state.all_actions()
        return Standing(
            off=by_file or state.off,
            by_file=by_file,
            off_why=_said_in(folder / OFF_FILE) or (off.why if off is not None and off.on else ""),
            stood_down=state.stood_down,
            stood_down_why=down.why if down is not None and down.on else "",
            claims=dict(Counter(subject.level for subject in subjects)),
            campaigns=len({subject.campaign_id for subject in subjects}),
            actions=dict(Counter(action.response for action in actions if not action.dry)),
            watched=dict(Counter(action.response for action in actions if action.dry)),
            cleared=len(state.all_cleared()),
            undone=len(state.undone),
        )


def undo(folder: Path, store: str | None, whom: str, *, by: str, why: str, now: dt.datetime) -> tuple[Action, ...]:
    """Take back the action ``whom``, or all that stand against the account or the campaign of that name; they are not
    planned again. Claims stay as they are: to clear an account is another word. Returns the actions.

    Raises `UsageError` without a name or reason, and where nothing stands.
    """
    named(by, why)
    must_be_there(folder)
    at = microseconds(now)
    with _opened(folder, store) as (opened, state):
        actions = tuple(a for a in state.all_actions() if whom in {a.id, a.account_id, a.campaign_id})
        if not actions:
            raise UsageError("no action stands under this name", whom, "see: stillwatch gate status")
        carried = undo_all(actions, state.responses, state.undo_notes, at, by=by.strip(), why=why.strip())
        undone = [change(Undone(action_id=a.id, account_id=a.account_id, why=why.strip(), at=at)) for a in actions]
        opened.put([*carried.changes, *undone])
    append(folder / LEDGER, carried.entries)
    return actions


def _switch(folder: Path, store: str | None, switches: dict[str, bool], by: str, why: str, now: dt.datetime) -> str:
    at = microseconds(now)
    said = f"{by.strip()}: {why.strip()}"
    wrong = []
    try:
        with _opened(folder, store) as (opened, state):
            turned = [
                Switch(name=name, on=on, why=said, at=at)
                for name, on in switches.items()
                if on or name in state.switches
            ]
            opened.put([change(switch) for switch in turned])
    except (StorageError, InputError) as error:
        wrong.append(str(error))
    try:
        words = ", ".join(f"{name} {'on' if on else 'off'}" for name, on in switches.items())
        append(folder / LEDGER, [LedgerEntry(at=at, kind="switch", what=words, by=by.strip(), why=why.strip())])
    except StorageError as error:
        wrong.append(str(error))
    return "; ".join(wrong)


@contextmanager
def _opened(folder: Path, store: str | None) -> Iterator[tuple[Store, State]]:
    """The store, and a state of what stands in it now."""
    opened = open_store(folder, store)
    try:
        yield opened, state_of(opened.since(0))
    finally:
        opened.close()


def state_of(news: News) -> State:
    """A state of what stands by all the ``news`` of a store (since version 0)."""
    state = State(agreed_key(news, b"")[0])
    now = microseconds(dt.datetime.now(dt.UTC))
    for one in news.changes:
        take_change(state, one, now)
    return state


def must_be_there(folder: Path) -> None:
    """Raise `UsageError` for a folder that is none: a name misspelt must not make a second, empty gateway."""
    if not folder.is_dir():
        raise UsageError("is no gateway's folder", folder, "name the folder of watch --state")


def _said_in(file: Path) -> str:
    """The first line of the file that switches off: whoever made it by hand may have left it empty."""
    try:
        with open(file, "rb") as opened:
            return opened.read(1000).decode("utf-8", "replace").strip().partition("\n")[0]
    except OSError:
        return ""


def named(by: str, why: str) -> None:
    """Raises `UsageError` for a decision without a name or a reason."""
    if not by.strip() or not why.strip():
        raise UsageError("a decision has a name and a reason", "--by, --why", "give both")


def microseconds(now: dt.datetime) -> int:
    """A time as the gateway counts it, since 1970."""
    return int(now.timestamp() * 1_000_000)
