"""Labelled examples, composed from the written formulations and ordinary requests (seeded, so repeatable).

A formulation is put around, before or after ordinary payloads of every length, because that is what traffic looks
like and because a payload must not be what the classifier learns.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np

TECHNIQUES = (
    "reasoning_elicitation",
    "rubric_grading",
    "prompt_evolution",
    "jailbreak",
    "agent_traces",
    "code_tasks",
    "answer_rewriting",
)
ORDINARY = len(TECHNIQUES)  # the class index of an ordinary exchange

_GREETINGS = ("Hi!", "Hello there,", "Hey,", "Good morning.", "Please help me with this.", "Quick one:", "For context:")
_FAREWELLS = ("Thanks!", "Thank you in advance.", "Please be quick.", "Answer in English.", "Keep it short.", "Cheers")
_JOINTS = ("\n\n", "\n", " ", "\n---\n", "\n\nTask:\n", "\n\nInput: ", "\n### Question\n", "\n\n```\n", " — ")
_LABELS = (("Question", "Answer"), ("Q", "A"), ("Text", "Question"), ("Input", "Output"), ("User", "Assistant"))


@dataclass(frozen=True, slots=True)
class Example:
    """One made exchange and its class (`ORDINARY` or an index of `TECHNIQUES`)."""

    text: str
    label: int
    system: str = ""
    tool_count: int = 0
    is_tool_result: bool = False
    history_length: int = 0


Family = tuple[str, ...]  # texts that were written as one: a wording alone, or the expansions of one pattern


def expand(pattern: str, rng: np.random.Generator) -> str:
    """One text of a pattern: of each ``(a|b|c)`` one alternative; brackets without a bar stand as they are."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern[at] != "(":
            out.append(pattern[at])
            at += 1
            continue
        depth, start, parts = 0, at + 1, []
        for end in range(at, len(pattern)):
            depth += (pattern[end] == "(") - (pattern[end] == ")")
            if depth == 0 or (depth == 1 and pattern[end] == "|"):
                parts.append(pattern[start:end])
                start = end + 1
            if depth == 0:
                break
        chosen = expand(parts[int(rng.integers(len(parts)))], rng)
        out.append(chosen if len(parts) > 1 else f"({chosen})")
        at = end + 1
    return "".join(out)


@dataclass(frozen=True, slots=True)
class Formulations:
    """The written texts as families, by technique and by part; every list in the order of its file."""

    wordings: dict[str, list[Family]]
    agents: dict[str, list[Family]]
    ordinary: dict[str, list[Family]]

    def part(self, folds: int, fold: int, inside: bool) -> Formulations:
        """Every ``folds``-th family of each list, from number ``fold`` on; or (not ``inside``) all the others."""

        def chosen(lists: dict[str, list[Family]]) -> dict[str, list[Family]]:
            return {
                name: [family for i, family in enumerate(found) if (i % folds == fold) is inside]
                for name, found in lists.items()
            }

        return Formulations(chosen(self.wordings), chosen(self.agents), chosen(self.ordinary))


_EXPANSIONS = 24  # texts drawn of each pattern


def load_formulations() -> Formulations:
    """The formulations that ship with the package; patterns are expanded, the same way each time."""
    folder = files(__package__) / "formulations"
    rng = np.random.default_rng(0)

    def read(name: str, *parts: tuple[str, str]) -> dict[str, list[Family]]:
        held = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
        found: dict[str, list[Family]] = {part: [(text,) for text in held[part]] for part, _ in parts}
        for part, patterns in parts:
            found[part] += [tuple(expand(p, rng) for _ in range(_EXPANSIONS)) for p in held.get(patterns, [])]
        return found

    one = ("formulations", "patterns")
    wordings = {name: read(name, one)["formulations"] for name in TECHNIQUES if name != "agent_traces"}
    agents = read("agent_traces", ("systems", "system_patterns"), ("users", "user_patterns"), ("tool_results", ""))
    plain = (("tasks", ""), ("near", "near_patterns"), ("follow_ups", ""), ("answers", ""))
    return Formulations(wordings, agents, read("ordinary", *plain, ("systems", ""), ("tool_results", "")))


@dataclass(slots=True)
class Composer:
    """Draws examples from ``source`` with ``rng``; one composer, one sequence."""

    source: Formulations
    rng: np.random.Generator
    plain: list[Family] = field(init=False)

    def __post_init__(self) -> None:
        self.plain = self.source.ordinary["tasks"] + self.source.ordinary["near"]

    def pick(self, texts: Sequence[str | Family]) -> str:
        """One of the texts; of a family one of its texts."""
        chosen = texts[int(self.rng.integers(len(texts)))]
        return chosen if isinstance(chosen, str) else self.pick(chosen)

    def plainly(self) -> str:
        """An ordinary request."""
        text = self.pick(self.plain)
        return text.replace("{answer}", self.answer()).replace("{task}", "Who is it about?")

    def chance(self, p: float) -> bool:
        """True with probability ``p``."""
        return bool(self.rng.random() < p)

    def payload(self) -> str:
        """What a technique is applied to: mostly one request, at times pages of text."""
        draw = self.rng.random()
        if draw < 0.12:  # what a technique is applied to may be a task of another: the outer wording counts
            return self.pick(self.source.wordings["code_tasks"])
        if draw < 0.17:
            return self.of_another()
        return self.plain_payload()

    def plain_payload(self) -> str:
        """An ordinary payload: one request, one with an answer, or pages of either."""
        draw = self.rng.random()
        if draw < 0.55:
            return self.plainly()
        if draw < 0.75:
            return self.plainly() + self.pick(("\n\n", "\n", " ")) + self.pick(self.source.ordinary["answers"])
        joint, many, answers = self.pick((" ", "\n", "\n\n")), int(self.rng.integers(3, 11)), self.chance(0.5)
        return joint.join(
            self.pick(self.source.ordinary["answers"]) if answers else self.plainly() for _ in range(many)
        )

    def of_another(self) -> str:
        """A request for reasoning, as the payload of another technique."""
        return self.pick(self.source.wordings["reasoning_elicitation"]).replace("{task}", self.plainly())

    def answer(self) -> str:
        """An answer of one or more sentences."""
        answers = self.source.ordinary["answers"]
        return " ".join(self.pick(answers) for _ in range(1 if self.chance(0.7) else int(self.rng.integers(2, 7))))

    def dressed(self, text: str) -> str:
        """With a greeting or a last word around it, as people write."""
        if self.chance(0.15):
            text = self.pick(_GREETINGS) + self.pick(("\n", " ")) + text
        if self.chance(0.15):
            text = text + self.pick(("\n", " ", "\n\n")) + self.pick(_FAREWELLS)
        return text

    def around(self, wording: str) -> str:
        """The wording with its slots filled, or placed before, after or without a payload."""
        if "{task}" in wording or "{answer}" in wording:
            for slot, value in (
                ("{task2}", self.plainly()),
                ("{answer2}", self.answer()),
                ("{task}", self.payload() if self.chance(0.6) else self.plainly()),
                ("{answer}", self.answer()),
            ):
                wording = wording.replace(slot, value)
            return self.dressed(wording)
        draw = self.rng.random()
        if draw < 0.15:
            return self.dressed(wording)
        if draw < 0.58:
            return self.dressed(wording + self.pick(_JOINTS) + self.payload())
        return self.dressed(self.payload() + self.pick(_JOINTS[:4]) + wording)

    def setting(self) -> tuple[str, int, int]:
        """An ordinary system prompt, number of tools and length of history."""
        system = self.pick(self.source.ordinary["systems"]) if self.chance(0.3) else ""
        tools = int(self.rng.integers(1, 6)) if self.chance(0.08) else 0
        history = 2 * int(self.rng.integers(1, 5)) if self.chance(0.3) else 0
        return system, tools, history

    def technique(self, label: int, wording: str) -> Example:
        """An example of a technique that is made of wordings (every one but agent traces)."""
        system, tools, history = self.setting()
        name = TECHNIQUES[label]
        if "{" not in wording and self.chance(0.1):
            return Example(self.payload(), label, wording, tools, False, history)
        if name == "jailbreak" and self.chance(0.35):  # whole jailbreak prompts run to a page
            more = [self.pick(self.source.wordings[name]) for _ in range(int(self.rng.integers(1, 5)))]
            wording = " ".join(w.replace("{task}", "").strip() for w in more) + " " + wording
        return Example(self.around(wording), label, system, tools, False, history)

    def agent(self) -> Example:
        """A turn of an agent's run: at least two of its marks (agent's instructions, tools, a tool's result)."""
        label, agents = TECHNIQUES.index("agent_traces"), self.source.agents
        tools, history = int(self.rng.integers(2, 14)), 2 * int(self.rng.integers(0, 10))
        system = self.pick(agents["systems"])
        draw = self.rng.random()
        if draw < 0.35:
            result = "\n".join(self.pick(agents["tool_results"]) for _ in range(int(self.rng.integers(1, 4))))
            return Example(result, label, "" if self.chance(0.25) else system, tools, True, history + 2)
        if draw < 0.6:
            user = self.pick(agents["users"]) if self.chance(0.6) else self.payload()
            return Example(self.dressed(user), label, system, tools if self.chance(0.8) else 0, False, history)
        if draw < 0.8:
            return Example(self.dressed(self.pick(agents["users"])), label, "", tools, False, history)
        user = self.pick(self.source.ordinary["follow_ups"] + agents["users"])
        return Example(user, label, system, tools, False, history)

    def ordinary(self, family: Family) -> Example:
        """An ordinary exchange with a text of the family at its core."""
        system, tools, history = self.setting()
        draw = self.rng.random()
        core = self.pick(family).replace("{answer}", self.answer()).replace("{task}", "Who is it about?")
        if draw < 0.06:
            result = self.pick(self.source.ordinary["tool_results"])
            return Example(
                result, ORDINARY, self.pick(self.source.ordinary["systems"]), max(tools, 1), True, history + 2
            )
        if draw < 0.16:
            follow_up = self.pick(self.source.ordinary["follow_ups"])
            return Example(self.dressed(follow_up), ORDINARY, system, tools, False, history + 2)
        if draw < 0.55:
            return Example(self.dressed(core), ORDINARY, system, tools, False, history)
        if draw < 0.75:
            text = core + self.pick(_JOINTS) + self.plain_payload()
        elif draw < 0.88:
            text = self.plain_payload() + self.pick(_JOINTS[:4]) + core
        else:
            first, second = _LABELS[int(self.rng.integers(len(_LABELS)))]
            text = f"{first}: {core}\n{second}: {self.answer()}"
            if self.chance(0.5):
                text += self.pick(("\n", "\n\n")) + self.plainly()
        return Example(self.dressed(text), ORDINARY, system, tools, False, history)


def compose(source: Formulations, seed: int, per_wording: int = 12, ordinary_each: int = 14) -> list[Example]:
    """Examples of every class: ``per_wording`` of each formulation, ``ordinary_each`` of each ordinary request."""
    composer = Composer(source, np.random.default_rng(seed))
    made: list[Example] = []

    def repeats(family: Family, each: int) -> int:
        return each if len(family) == 1 else 3 * each

    for label, name in enumerate(TECHNIQUES):
        if name == "agent_traces":
            made += [composer.agent() for _ in range(30 * per_wording)]
        else:
            for family in source.wordings[name]:
                times = repeats(family, per_wording)
                made += [composer.technique(label, composer.pick(family)) for _ in range(times)]
    for family in composer.plain:
        made += [composer.ordinary(family) for _ in range(repeats(family, ordinary_each))]
    return made
