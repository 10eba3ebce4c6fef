"""What the suspect is asked: every prompt that some test needs, once, however many lists it stands in.

A question is called by a hash of its prompt, and asked in the order of that hash, first all of them once, then all of
them once more: whoever must stop early has asked a part that nobody picked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from stillwatch.asking.base import Message, Question
from stillwatch.proving.material import Material, Prompt

__all__ = ["question_id", "questions_of", "wanted"]


def question_id(prompt: str) -> str:
    """What the question with this prompt is called: ``q`` and 16 hexadecimal digits of its SHA-256."""
    return "q" + hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def wanted(material: Material) -> dict[str, int]:
    """Every prompt, and how many answers to it are needed."""
    samples = material.case.asking.samples
    found: dict[str, int] = {}
    for prompt in _in_full(material):
        found[prompt] = samples
    for each in material.style.prompts if material.style is not None else ():
        found.setdefault(each.text, 1)
    return found


def questions_of(material: Material) -> tuple[Question, ...]:
    """All questions, in the order of asking."""
    asked = material.case.asking
    system = (Message("system", asked.system),) if asked.system else ()
    each = [
        Question(
            question_id(prompt),
            (*system, Message("user", prompt)),
            sample=sample,
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
        )
        for prompt, samples in wanted(material).items()
        for sample in range(samples)
    ]
    return tuple(sorted(each, key=lambda question: (question.sample, question.id)))


def _in_full(material: Material) -> Iterator[str]:
    """The prompts that are asked as often as the case says."""
    keys = {opened.key.id for opened in material.opened}
    yield from (exchange.prompt for exchange in material.marked if exchange.key in keys and exchange.prompt.strip())
    yield from (pair.prompt for pair in material.pairs)
    lists: tuple[tuple[Prompt, ...], ...] = (material.mark_controls, material.further)
    yield from (each.text for prompts in lists for each in prompts)
