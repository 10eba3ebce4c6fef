"""What people wrote: word problems with worked answers, in many wordings. A teacher learns from them.

A wording is drawn from sets of phrases that mean the same, so that an answer could have been said in thousands of ways;
`reworded` draws anew from the same sets, as somebody does who rewrites what was taken before training on it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

Rng = np.random.Generator

NAMES = (
    "Alda", "Bero", "Cilla", "Dorin", "Esme", "Falk", "Gerda", "Hollis", "Ivo", "Juna", "Kester", "Lotte",
    "Milo", "Nell", "Orrin", "Pella", "Quill", "Runa", "Sorrel", "Tam", "Ulla", "Vesper", "Wren", "Yann",
)  # fmt: skip
THINGS = (
    "apples", "beads", "books", "bottles", "bricks", "buttons", "candles", "cards", "chairs", "coins", "crates",
    "cups", "eggs", "flowers", "hats", "jars", "keys", "lamps", "letters", "loaves", "maps", "marbles", "nails",
    "pears", "pencils", "plates", "ribbons", "ropes", "seeds", "shells", "spoons", "stamps", "stones", "tickets",
)  # fmt: skip
PLACES = (
    "at the market", "in the barn", "at the station", "in the workshop", "at school", "in the garden", "by the river",
    "at the harbour", "in the kitchen", "at the fair", "in the attic", "at the mill", "in the shop", "on the hill",
)  # fmt: skip
ALIKE = {
    "first": ("First,", "To begin with,", "To start,", "At the outset,", "In the first place,", "Let us begin:"),
    "next": ("Then", "Next,", "After that,", "Following this,", "Afterwards,", "As a next step,", "Now"),
    "gains": ("gets", "receives", "is given", "picks up", "collects", "gains", "adds"),
    "loses": ("gives away", "loses", "hands out", "parts with", "uses up", "drops", "sells"),
    "doubles": ("doubles the number of", "ends up with twice as many", "sees the count double for the"),
    "so": ("so", "which means that", "and therefore", "hence", "and thus", "and because of this"),
    "have": ("there are now", "that makes", "we arrive at", "the count becomes", "we are left with", "this gives us"),
    "check": (
        "That is easy to check.", "This is what was asked for.", "Nothing else changes here.", "Keep that in mind.",
        "We will need it below.", "The rest stays as it was.", "That settles this step.", "It is a simple sum.",
    ),
    "last": ("In the end", "All in all", "Altogether", "Summing up", "To conclude", "Taking it all together"),
    "holds": ("has", "is left with", "owns", "ends up with", "keeps", "can count on"),
    "ask": (
        "How many are there in the end?", "How many does that make?", "What is the number at the end of the day?",
        "How many are left?", "Work out the final number.", "Find how many there are now.",
    ),
}  # fmt: skip
_CLASS = {phrase.lower(): phrases for phrases in ALIKE.values() for phrase in phrases}
_ANY = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(map(re.escape, _CLASS), key=len, reverse=True))})(?!\w)", re.IGNORECASE)


class Problem(NamedTuple):
    """What is asked, and how a person answered."""

    prompt: str
    answer: str


def problems(rng: Rng, n: int) -> list[Problem]:
    """``n`` problems, each answered by somebody."""
    return [_problem(rng) for _ in range(n)]


def reworded(text: str, rng: Rng, rate: float) -> str:
    """The text with each phrase that has others of its meaning replaced by one of them, at ``rate``."""

    def anew(found: re.Match[str]) -> str:
        phrase = found.group(0)
        if rng.random() >= rate:
            return phrase
        other = _pick(rng, _CLASS[phrase.lower()])
        return other if phrase[0].isupper() else other[0].lower() + other[1:]

    return _ANY.sub(anew, text)


def _problem(rng: Rng) -> Problem:
    name, thing, place = _pick(rng, NAMES), _pick(rng, THINGS), _pick(rng, PLACES)
    held = int(rng.integers(12, 60))
    asked, steps = [f"{name} has {held} {thing} {place}."], list[str]()
    for number in range(int(rng.integers(1, 4))):
        kind = ("gains", "loses", "doubles")[int(rng.choice(3, p=(0.45, 0.4, 0.15)))]
        change = int(rng.integers(2, 30)) if kind == "gains" else int(rng.integers(1, max(held // 2, 2)))
        before, held = held, held * 2 if kind == "doubles" else held + (change if kind == "gains" else -change)
        deed = f"{_said(rng, kind)} {thing}" if kind == "doubles" else f"{_said(rng, kind)} {change} {thing}"
        asked.append(
            f"{name if rng.random() < 0.4 else 'Then'} {deed if rng.random() < 0.5 else _brief(kind, change)}."
        )
        shown = f"{before} * 2" if kind == "doubles" else f"{before} {'+' if kind == 'gains' else '-'} {change}"
        steps.append(_step(rng, number, name, deed, shown, held, thing))
    closing = f"{_said(rng, 'last')} {name} {_said(rng, 'holds')} {held} {thing}."
    return Problem(" ".join([*asked, _said(rng, "ask")]), " ".join([*steps, closing]))


def _brief(kind: str, change: int) -> str:
    return {"gains": f"{change} more come", "loses": f"{change} go", "doubles": "their number doubles"}[kind]


def _step(rng: Rng, number: int, name: str, deed: str, shown: str, held: int, thing: str) -> str:
    opening = _said(rng, "next" if number else "first")
    result = f"{_said(rng, 'have')} {shown} = {held} {thing}"
    form = int(rng.integers(3))
    if form == 0:
        text = f"{opening} {name} {deed}, {_said(rng, 'so')} {result}."
    elif form == 1:
        text = f"{opening} {result}, because {name} {deed}."
    else:
        text = f"{opening} {name} {deed}. {_said(rng, 'have').capitalize()} {held} {thing}, since {shown} = {held}."
    return f"{text} {_said(rng, 'check')}" if rng.random() < 0.35 else text


def _said(rng: Rng, kind: str) -> str:
    return _pick(rng, ALIKE[kind])


def _pick(rng: Rng, phrases: tuple[str, ...]) -> str:
    return phrases[int(rng.integers(len(phrases)))]
