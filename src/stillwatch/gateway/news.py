"""What others decided, taken into a state; and a state's decisions, to be told to a store that lost its memory."""

from __future__ import annotations

from stillwatch.gateway.state import Cleared, State, Switch, Undone
from stillwatch.gateway.stores.base import Change, change, value_of
from stillwatch.responses.base import Action, Outgoing, Receipt, Subject

__all__ = ["all_changes", "take_change"]


def take_change(state: State, one: Change, at: int) -> None:
    """Let ``state`` know of one change of a store, as of ``at``. Taking it twice changes nothing; one of an unknown
    kind, or that cannot be read, is left out."""
    if one.body is None:
        _take_away(state, one)
        return
    match value_of(one):
        case Subject() as subject:
            state.set_claim(subject)
        case Cleared() as cleared:
            state.clear(cleared.account_id, cleared.why, cleared.at)
        case Action() as action:
            if action.until > at and action.id not in state.undone and state.cleared(action.account_id) is None:
                state.hold(action)
        case Receipt() as receipt:
            if receipt.undo:
                state.undo_notes[receipt.action.id] = receipt.undo
        case Undone() as undone:
            state.undone[undone.action_id] = undone
            state.release(undone.action_id)
        case Outgoing() as message:
            state.send(message)
        case Switch() as switch:
            state.switches[switch.name] = switch


def all_changes(state: State) -> list[Change]:
    """All that somebody decided and that stands, as changes."""
    values = [*state.subjects(), *state.all_cleared(), *state.all_actions(), *state.undone.values()]
    return [change(value) for value in [*values, *state.switches.values()]]


def _take_away(state: State, one: Change) -> None:
    if one.kind == "claim":
        state.withdraw(one.id)
    elif one.kind == "cleared":
        state.unclear(one.id)
    elif one.kind == "action":
        state.release(one.id)
    elif one.kind == "receipt":
        state.undo_notes.pop(one.id, None)
    elif one.kind == "undone":
        state.undone.pop(one.id, None)
    elif one.kind == "outgoing":
        state.waiting.pop(one.id, None)
    elif one.kind == "switch":
        state.switches.pop(one.id, None)
