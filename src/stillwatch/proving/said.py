"""What the suspect said, read from its sealed answers: by prompt, and as facts for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stillwatch.asking.base import Question
from stillwatch.asking.sealed import Entry, Sealed, fingerprint, read_sealed
from stillwatch.proving.report import Answered

__all__ = ["PREPARED", "Said", "about", "read_said"]

_OURS = "prove"
PREPARED = "prepared"


class Said(NamedTuple):
    """Answers by prompt, samples in order; the head's ``about``; the facts for the report.

    ``strangers`` are entries that answer no question of the case, or one in other words.
    """

    texts: Mapping[str, tuple[str, ...]]
    about: Mapping[str, Any]
    facts: Answered
    strangers: int

    def of(self, prompt: str) -> tuple[str, ...]:
        """The answers to ``prompt``; () where there are none."""
        return self.texts.get(prompt, ())


def about(digest: str, **more: Any) -> dict[str, Any]:
    """What goes into the head of the answers: the ``digest`` of the case (`folder.KeptCase`), and ``more``."""
    return {_OURS: {"case": digest}, **more}


def case_of(head: Mapping[str, Any]) -> str:
    """The digest of the case that answers were asked for; "" where the head tells none."""
    ours = head.get(_OURS)
    digest = ours.get("case") if isinstance(ours, Mapping) else None
    return digest if isinstance(digest, str) else ""


def read_said(path: Path, questions: Sequence[Question]) -> Said:
    """The sealed answers in ``path`` to ``questions``. Raises `InputError` where a seal is broken.

    An answer that was filtered or cut off counts as it came; one that failed is none.
    """
    held = read_sealed(path)
    prompts = {question.id: question.messages[-1].text for question in questions}
    words = {question.id: fingerprint(question) for question in questions}
    found: dict[str, dict[int, str]] = {}
    strangers = 0
    for entry in held.entries:
        answer = entry.answer
        if words.get(answer.question) != entry.asked:
            strangers += 1
        elif answer.finish != "failed":
            found.setdefault(prompts[answer.question], {})[answer.sample] = answer.text
    texts = {prompt: tuple(samples[number] for number in sorted(samples)) for prompt, samples in found.items()}
    return Said(texts, held.head.about, _facts(held, questions, sum(map(len, texts.values())), strangers), strangers)


def _facts(held: Sealed, questions: Sequence[Question], answered: int, strangers: int) -> Answered:
    entries = held.entries
    times = sorted(entry.answer.asked_at for entry in entries if entry.answer.asked_at)
    told = held.head.about.get(PREPARED)
    prepared = [each for each in told if isinstance(each, Mapping)] if isinstance(told, list) else []
    return Answered(
        endpoint=held.head.model,
        says_it_is=tuple(dict.fromkeys(entry.answer.model for entry in entries if entry.answer.model))[:8],
        planned=len(questions),
        answered=answered,
        failed=_failed(entries),
        other=strangers,
        tokens_in=sum(entry.spent.tokens_in for entry in entries),
        tokens_out=sum(entry.spent.tokens_out for entry in entries),
        began=held.head.made_at,
        first=times[0] if times else "",
        last=times[-1] if times else "",
        seal=held.seal,
        prepared=tuple(str(each.get("name", "")) for each in prepared),
        unused=sum(int(each.get("set_aside", 0)) for each in prepared),
    )


def _failed(entries: Sequence[Entry]) -> int:
    """Questions that were given up and never answered."""
    failed = {(e.answer.question, e.answer.sample) for e in entries if e.answer.finish == "failed"}
    return len(failed - {(e.answer.question, e.answer.sample) for e in entries if e.answer.finish != "failed"})
