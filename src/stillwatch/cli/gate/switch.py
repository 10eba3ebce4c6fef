"""``stillwatch gate off``, ``on``, ``status`` and ``undo``: a person's hand on the gateway."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.campaigns.wording import counted
from stillwatch.cli.gate.options import By, State, Store, Why
from stillwatch.cli.terminal import Style, clean, write_error
from stillwatch.gateway.steering import Standing, look, switch_off, switch_on
from stillwatch.gateway.steering import undo as take_back

__all__ = ["off", "on", "status", "undo"]

_JSON = Parameter(name="--json", negative=(), help="Write one JSON object.")


def off(*, state: State, by: By, why: Why, store: Store = None) -> int:
    """Pull the emergency switch: within a second or two nobody is touched, and nothing else changes.

    Works when the store does not: gateways look for the file ``off`` in their folder.
    """
    wrong = switch_off(state, store, by=by, why=why, now=dt.datetime.now(dt.UTC))
    return _told("Off: nobody is touched any more. To act again: stillwatch gate on", wrong)


def on(*, state: State, by: By, why: Why, store: Store = None) -> int:
    """Put the emergency switch back, and let a gateway act that stood down by itself."""
    wrong = switch_on(state, store, by=by, why=why, now=dt.datetime.now(dt.UTC))
    return _told("On: the policy holds again.", wrong)


def status(*, state: State, store: Store = None, as_json: Annotated[bool, _JSON] = False) -> int:
    """Say how the gateway stands. Returns 1 where it is switched off or stood down, else 0."""
    found = look(state, store)
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        sys.stdout.write("\n".join(_words(found, Style(sys.stdout))) + "\n")
    return int(found.off or found.stood_down)


def undo(whom: str, /, *, state: State, by: By, why: Why, store: Store = None) -> int:
    """Take back an action (by its id), or all that stand against an account or a campaign; they are not planned again.

    The claim stays. To say that an account has no part in it: ``stillwatch gate clear``.
    """
    actions = take_back(state, store, whom, by=by, why=why, now=dt.datetime.now(dt.UTC))
    accounts = len({action.account_id for action in actions})
    sys.stdout.write(f"Undone: {counted(len(actions), 'action')} against {counted(accounts, 'account')}.\n")
    return 0


def _told(done: str, wrong: str) -> int:
    sys.stdout.write(f"{done}\n")
    if wrong:
        write_error(clean(f"only in this folder: {wrong}"))
        return 2
    return 0


def _words(found: Standing, style: Style) -> list[str]:
    if found.off:
        why = found.off_why or "the file named off"
        lines = [style.bold(style.red(f"Switched off ({clean(why, 200)}): nobody is touched."))]
    elif found.stood_down:
        lines = [style.bold(style.red(f"Stood down ({clean(found.stood_down_why, 200)}): it only watches."))]
    else:
        lines = [style.green("On: the policy holds.")]
    lines.append(f"Claims: {_listed(found.claims)}; {counted(found.campaigns, 'campaign')}.")
    lines.append(f"Actions that stand: {_listed(found.actions)}.")
    if found.watched:
        lines.append(f"Only watched: {_listed(found.watched)}.")
    lines.append(
        f"By people: {counted(found.cleared, 'account')} cleared, {counted(found.undone, 'action')} taken back."
    )
    return lines


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {clean(name, 40)}" for name, number in sorted(counts.items())) or "none"
