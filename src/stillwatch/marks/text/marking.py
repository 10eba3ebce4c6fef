"""One answer marked under one key: the marks in their order, each in its own keyed half of the prompts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stillwatch.errors import UsageError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.text import SCHEME, TEXT_MARKS
from stillwatch.marks.text.base import Coins, Edit, apply
from stillwatch.marks.text.guard import is_exact

__all__ = ["Marked", "check_key", "chosen", "defaults", "mark_answer"]


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """A marked answer, and what a later test needs to know of it: keep it with the log, all but ``text``.

    ``could`` names the marks that had something to mark in the answer as it was, in whichever half it is: no coin tells
    on it, so a test may look at these answers alone. ``edits`` says for each mark of its half what was changed, by
    places in the text as it stood then.
    """

    text: str
    could: tuple[str, ...] = ()
    edits: dict[str, tuple[Edit, ...]] = {}


def defaults() -> tuple[str, ...]:
    """The marks that are used unless somebody chooses."""
    return tuple(name for name, mark in TEXT_MARKS.all() if mark.info.default)


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """``names`` in the order in which they are applied; none: `defaults`. Raises `PluginError` for an unknown one."""
    for name in names:
        TEXT_MARKS.get(name)
    return tuple(name for name in TEXT_MARKS.names() if name in names) if names else defaults()


def check_key(key: MarkKey) -> None:
    """Raises `UsageError` for a key that is not one for these tables."""
    if key.scheme != SCHEME:
        raise UsageError(
            f"is a key of the scheme {key.scheme}; marks in text by these tables are {SCHEME}",
            key.id,
            "commit one with `stillwatch marks key --scheme text`, or take the version of Stillwatch that made it",
        )


def mark_answer(prompt: str, answer: str, key: MarkKey, marks: Sequence[str] = ()) -> Marked:
    """``answer`` as it is to be given.

    Args:
        prompt: what was asked; the coins are thrown by it, so the same question always falls into the same halves.
        answer: whole; streams are marked when they are whole.
        key: committed, from `Keyring.use`.
        marks: names; default `defaults`.

    Returns:
        The marked answer. Marking it once more changes nothing.

    Raises:
        UsageError: the key is not one for marks in text.
        PluginError: no such mark.
    """
    check_key(key)
    if is_exact(prompt):
        return Marked(text=answer)
    coin = Coins(key).for_prompt(prompt)
    names = chosen(marks)
    could = tuple(name for name in names if TEXT_MARKS.get(name).plan(answer, coin))
    text, edits = answer, {}
    for name in names:
        if not coin.treated(name):
            continue
        planned = TEXT_MARKS.get(name).plan(text, coin)
        if planned:
            text = apply(text, planned)
            edits[name] = planned
    return Marked(text=text, could=could, edits=edits)
