"""The compositional writer: a topic, a grammar family and a person's own names make a request and its answer."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from random import Random
from typing import Any

from stillwatch.simulation.texts.noise import Style, invented_name
from stillwatch.simulation.texts.puzzles import PUZZLES
from stillwatch.simulation.texts.snippets import snippet, table

CHOICE = re.compile(r"<([^<>]*\|[^<>]*)>")
FOLDER = resources.files("stillwatch.simulation.texts")


@dataclasses.dataclass(frozen=True, slots=True)
class Topic:
    """What one can talk about; ``family`` names its grammar, ``language`` is a code or None for English."""

    name: str
    family: str
    language: str | None
    things: tuple[str, ...]
    goals: tuple[str, ...]
    troubles: tuple[str, ...]
    asks: tuple[str, ...]
    follow: tuple[str, ...]
    answers: tuple[str, ...]
    contexts: tuple[str, ...]
    audiences: tuple[str, ...]


@dataclasses.dataclass(slots=True)
class Ask:
    """One request with a fitting answer, and the slots both were made from (follow-ups stay on the subject)."""

    text: str
    answer: str
    topic: Topic
    slots: Slots


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(FOLDER.joinpath(name).read_text(encoding="utf-8"))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


def spelt_out(pattern: str) -> list[str]:
    """Every reading of a pattern with choices ``<a|b>``."""
    parts = [part.split("|") if i % 2 else [part] for i, part in enumerate(CHOICE.split(pattern))]
    return ["".join(reading) for reading in itertools.product(*parts)]


@functools.cache
def topics() -> tuple[Topic, ...]:
    """All English topics, sorted by name."""
    grammar = _toml("grammar.toml")
    shared = grammar["any"]
    found = []
    for file in ("software", "sciences", "office", "home", "culture"):
        for name, entry in _toml(f"topics/{file}.toml").items():
            own = grammar[entry["family"]]

            def both(key: str, own: Mapping[str, list[str]] = own) -> tuple[str, ...]:
                # A family's own patterns count twice.
                return tuple(
                    one
                    for pattern in (*shared[key], *own.get(key, ()), *own.get(key, ()))
                    for one in spelt_out(pattern)
                )

            found.append(
                Topic(
                    name,
                    entry["family"],
                    None,
                    _split(entry["things"]),
                    _split(entry["goals"]),
                    _split(entry["troubles"]),
                    both("asks"),
                    both("follow"),
                    both("answers"),
                    both("contexts"),
                    both("audiences"),
                )
            )
    return tuple(sorted(found, key=lambda topic: topic.name))


@functools.cache
def languages() -> tuple[Topic, ...]:
    """One broad topic for each language other than English."""
    return tuple(
        Topic(
            f"everyday_{code}",
            "everyday",
            code,
            _split(entry["things"]),
            _split(entry["goals"]),
            _split(entry["things"]),
            tuple(entry["asks"]),
            tuple(entry["follow"]),
            tuple(entry["answers"]),
            ("",),
            ("",),
        )
        for code, entry in sorted(_toml("languages.toml").items())
    )


@functools.cache
def details() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Optional sentences after a request: details and limits."""
    shared = _toml("grammar.toml")["any"]
    return tuple(shared["details"]), tuple(shared["limits"])


@functools.cache
def wordings() -> Mapping[str, tuple[str, ...]]:
    """Operators' wordings by technique, innocents' under ``innocent.<kind>``; ``personas``; ``office``."""
    raw = _toml("techniques.toml")
    innocent = raw.pop("innocent")
    found: dict[str, tuple[str, ...]] = {key: tuple(value) for key, value in raw.items() if isinstance(value, list)}
    found["personas"] = _split(raw["personas"])
    for key, value in innocent.items():
        found[f"innocent.{key}"] = tuple(value) if isinstance(value, list) else (value,)
    return found


class Slots(dict[str, str]):
    """Fillers of a pattern, drawn when first asked for, so that one exchange stays on one subject."""

    def __init__(self, r: Random, topic: Topic, style: Style) -> None:
        super().__init__()
        self.r, self.topic, self.style = r, topic, style

    def copy_for(self, writer: Writer, r: Random) -> Slots:
        """The same subject in another writer's hands."""
        slots = Slots(r, self.topic, writer.style)
        slots.update(self)
        return slots

    def __missing__(self, key: str) -> str:
        value = self._draw(key)
        self[key] = value
        return value

    def _draw(self, key: str) -> str:
        r, topic = self.r, self.topic
        match key:
            case "thing" | "goal" | "trouble" | "audience":
                pool: Sequence[str] = {
                    "thing": topic.things,
                    "goal": topic.goals,
                    "trouble": topic.troubles,
                    "audience": topic.audiences,
                }[key]
                return r.choice(pool).format_map(self) if key == "audience" else r.choice(pool)
            case "other":
                return r.choice([thing for thing in topic.things if thing != self["thing"]])
            case "Thing" | "Trouble":
                lower = self[key.lower()]
                return lower[:1].upper() + lower[1:]
            case "context":
                return r.choice(topic.contexts).format_map(self)
            case "n":
                return str(r.randint(2, 12))
            case "m":
                return str(
                    r.choice((15, 40, 60, 80, 90, 120, 150, 200, 250, 300, 400, 500, 1200, 3000, r.randint(11, 9999)))
                )
            case "mine":
                return r.choice(self.style.own)
            case "name" | "place" | "firm":
                return invented_name(r)
            case "code":
                return snippet(r)
            case "rows":
                return table(r)
            case "puzzle":
                text, solution = r.choice(PUZZLES)(r)
                self["solution"] = solution
                return text
        raise KeyError(key)


class Writer:
    """Writes one person's (or program's) requests. ``style`` stays; everything drawn comes from ``r``."""

    def __init__(self, r: Random, style: Style) -> None:
        self.r, self.style = r, style

    def ask(self, topic: Topic, *, plain: bool = False) -> Ask:
        """A request on ``topic`` with its answer; ``plain`` leaves out greeting, slips and habits of the writer."""
        r = self.r
        slots = Slots(r, topic, self.style)
        text = r.choice(topic.asks).format_map(slots)
        if topic.language is None:
            text = self._lengthen(text, slots)
        answer = self.answer(topic, slots)
        return Ask(text if plain or len(text) > 1500 else self.style.apply(text, r), answer, topic, slots)

    def _lengthen(self, text: str, slots: Slots) -> str:
        r, (more, limits) = self.r, details()
        parts = [text]
        while r.random() < self.style.details * 0.75 and len(parts) < 5:
            slots.pop(r.choice(("thing", "goal", "trouble", "other", "n")), None)
            parts.append(r.choice(more).format_map(slots))
        if r.random() < self.style.details * 0.7:
            parts.append(r.choice(limits).format_map(slots))
        if len(parts) > 2 and r.random() < 0.25:
            parts.insert(0, parts.pop())
        return (" " if r.random() < 0.75 else "\n").join(parts)

    def follow_up(self, before: Ask) -> Ask:
        """The next turn of a conversation on the same subject."""
        r, slots = self.r, before.slots
        for key in ("n", "m", "code", "puzzle", "solution", "other", "goal"):
            if r.random() < 0.6:
                slots.pop(key, None)
        text = r.choice(before.topic.follow).format_map(slots)
        return Ask(self.style.apply(text, r), self.answer(before.topic, slots), before.topic, slots)

    def answer(self, topic: Topic, slots: Slots) -> str:
        """One to a dozen sentences; a puzzle's solution comes first where one was asked."""
        r = self.r
        count = min(12, 1 + int(r.expovariate(1 / 3.2)))
        sentences = [pattern.format_map(slots) for pattern in r.sample(topic.answers, min(count, len(topic.answers)))]
        if "solution" in slots:
            sentences.insert(0, slots["solution"])
        return (" " if r.random() < 0.7 else "\n\n").join(dict.fromkeys(sentences))
