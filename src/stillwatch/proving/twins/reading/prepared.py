"""Pairs, answers and probabilities from prepared files of JSON lines; answers from sealed files too.

A pair is ``{"prompt_id", "prompt", "taken", "twins": […]}``; a control has ``"control": true`` and may go without
``taken`` if it has two twins or more. ``prompt`` is a text or a list of ``{"role", "content"}``. ``made_with`` and
``twins_made_with`` (any JSON: model, version, system prompt, temperature) are compared where both are given;
``finish`` and ``twin_finishes`` say why answers ended.

An answer is ``{"prompt_id", "sample", "answer"}``; a probability ``{"prompt_id", "which", "logprob", "tokens"}``, where
``which`` is ``"taken"`` or the number of a twin from 0, with ``reference`` if another model's is known.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from stillwatch.asking.sealed import read_sealed
from stillwatch.errors import InputError
from stillwatch.proving.twins.base import Answers, LogProbabilities, LogProbability, Pair
from stillwatch.proving.twins.reading.lines import lines_of
from stillwatch.proving.twins.splitting import NOT_SEALED, Sealing
from stillwatch.sources.base import Rejected

__all__ = ["AnswersRead", "PairsRead", "ProbabilitiesRead", "read_answers", "read_log_probabilities", "read_pairs"]

_SEALED = b'{"after":""'
_PAIR = 'give lines of {"prompt_id", "prompt", "taken", "twins": […]}'
_ANSWER = 'give lines of {"prompt_id", "sample", "answer"}'
_PROBABILITY = 'give lines of {"prompt_id", "which", "logprob", "tokens"}'


class PairsRead(NamedTuple):
    """Pairs in the file's order, and the lines that hold none."""

    pairs: tuple[Pair, ...]
    rejected: tuple[Rejected, ...]


class AnswersRead(NamedTuple):
    """Answers by prompt id, samples in order; the lines that hold none; how they were sealed."""

    answers: Answers
    rejected: tuple[Rejected, ...]
    sealing: Sealing


class ProbabilitiesRead(NamedTuple):
    """Probabilities by prompt id and place, and the lines that hold none."""

    given: LogProbabilities
    rejected: tuple[Rejected, ...]


class _Turn(msgspec.Struct):
    content: str
    role: str = ""


class _Pair(msgspec.Struct):
    prompt_id: str
    prompt: str | list[_Turn]
    twins: list[str]
    taken: str | None = None
    control: bool = False
    system: str = ""
    made_with: Any = None
    twins_made_with: Any = None
    finish: str = ""
    twin_finishes: list[str] = []


class _Answer(msgspec.Struct):
    prompt_id: str
    answer: str
    sample: int = 0


class _Probability(msgspec.Struct):
    prompt_id: str
    which: Literal["taken"] | int
    logprob: float
    tokens: int
    reference: float | None = None


def read_pairs(path: Path) -> PairsRead:
    """The pairs of a prepared file. Raises `InputError` where it cannot be read or holds no pair at all."""
    pairs: dict[str, Pair] = {}
    rejected = []
    for line, place in lines_of(path, _Pair):
        reason = place.reason if line is None else _unfit(line, pairs)
        if line is None or reason:
            rejected.append(place._replace(reason=reason))
            continue
        text = line.prompt if isinstance(line.prompt, str) else "\n\n".join(turn.content for turn in line.prompt)
        finishes = (line.finish, *line.twin_finishes) if line.taken is not None else tuple(line.twin_finishes)
        pairs[line.prompt_id] = Pair(
            prompt_id=line.prompt_id,
            prompt="\n\n".join(part for part in (line.system, text) if part),
            taken=line.taken,
            twins=tuple(line.twins),
            control=line.control,
            finishes=finishes,
        )
    _some(pairs, path, "pair", _PAIR, rejected)
    return PairsRead(tuple(pairs.values()), tuple(rejected))


def _unfit(line: _Pair, known: dict[str, Pair]) -> str:
    fewest = 1 if line.taken is not None else 2
    if line.prompt_id in known:
        return "its prompt_id is that of a line before"
    if not line.prompt:
        return "its prompt is empty"
    if line.taken is None and not line.control:
        return "it has no taken answer and is no control"
    if len(line.twins) < fewest:
        return "it has no twin" if fewest == 1 else "a control without an answer of the log needs two twins"
    if line.made_with is not None and line.twins_made_with is not None and line.made_with != line.twins_made_with:
        return "its twins were made with other settings than the answer that was taken"
    return ""


def read_answers(path: Path) -> AnswersRead:
    """A suspect's answers: sealed ones, whose questions' ids are prompt ids, or a prepared file.

    Answers that failed, and those whose text was not kept, count as set aside. Raises `InputError` where the file
    cannot be read, a seal is broken, or it holds no answer at all.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_SEALED))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name a file of answers") from error
    found: dict[str, dict[int, str]] = {}
    rejected: list[Rejected] = []
    sealing = NOT_SEALED
    if head == _SEALED:
        sealed = read_sealed(path)
        sealing = Sealing(sealed.head.about, sealed.seal)
        for number, entry in enumerate(sealed.entries, 2):
            answer = entry.answer
            if answer.finish == "failed":
                rejected.append(Rejected("the suspect gave no answer", f"{path}:{number}"))
            elif entry.withheld:
                rejected.append(Rejected("the text of the answer was not kept", f"{path}:{number}"))
            else:
                found.setdefault(answer.question, {})[answer.sample] = answer.text
    else:
        for line, place in lines_of(path, _Answer):
            if line is None:
                rejected.append(place)
            elif line.sample in found.get(line.prompt_id, {}):
                rejected.append(place._replace(reason="answers what a line before answers"))
            else:
                found.setdefault(line.prompt_id, {})[line.sample] = line.answer
    _some(found, path, "answer", _ANSWER, rejected)
    answers = {name: tuple(texts[sample] for sample in sorted(texts)) for name, texts in found.items()}
    return AnswersRead(answers, tuple(rejected), sealing)


def read_log_probabilities(path: Path) -> ProbabilitiesRead:
    """The probabilities that a suspect gives. Raises `InputError` where there is none to read."""
    given: dict[tuple[str, int], LogProbability] = {}
    rejected = []
    for line, place in lines_of(path, _Probability):
        reason = place.reason
        if line is not None:
            at = (line.prompt_id, 0 if line.which == "taken" else line.which + 1)
            reason = _improbable(line) or ("is of a text that a line before is of" if at in given else "")
        if line is None or reason:
            rejected.append(place._replace(reason=reason))
        else:
            given[at] = LogProbability(line.logprob, line.tokens, line.reference)
    _some(given, path, "probability", _PROBABILITY, rejected)
    return ProbabilitiesRead(given, tuple(rejected))


def _improbable(line: _Probability) -> str:
    if line.which != "taken" and line.which < 0:
        return "twins are numbered from 0"
    if line.tokens < 1:
        return "a text has at least one token"
    for value in (line.logprob, line.reference):
        if value is not None and not (math.isfinite(value) and value <= 0):
            return "the log of a probability is finite and at most 0"
    return ""


def _some(found: object, path: Path, what: str, do: str, rejected: list[Rejected]) -> None:
    if not found:
        first = f" (the first line set aside: {rejected[0].reason})" if rejected else ""
        raise InputError(f"holds no {what}{first}", path, do)
