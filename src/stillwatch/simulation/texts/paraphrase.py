"""An operator's wording said anew: what somebody does who has read that shared wordings give a campaign away.

Phrases are exchanged, sentences led in and rounded off, enumerations and blocks turned round. Nothing is added as a
sentence of its own, because a sentence that many requests share is exactly what is looked for. The data is
``paraphrases.toml``; what it makes is stiff English at times, as that of a small model is.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import tomllib
from importlib import resources
from random import Random

_KEPT = re.compile(r"(\{[^{}]*\}|</?[A-Za-z]+/?>)")  # placeholders and tags
_APART = re.compile(r"(\{(?!n\})[^{}]*\}|</?[A-Za-z]+/?>)")  # what sentences are told apart by: a number is part of one
_PIECE = re.compile(r"(\s*[(\"]?)([^.!?:;\n]+)(?=([.!?:;]?))")  # a sentence, as far as one stands between placeholders
_TASK_FIRST = re.compile(r"\{task\}(\n+(?:---\n+)?)((?!Then\b)[^{}]+(?:\{n\}[^{}]*)?)")
_TASK_LAST = re.compile(r"([^{}]+(?:\{n\}[^{}]*)?[.:])(\n+)\{task\}")
_ABOVE = (("Below is", "Above is"), ("Here is", "Above is"), ("below", "above"), ("the following", "the above"))
_ARTICLE = re.compile(r"\b(an?) (?=([a-z]+))")
_VOWEL = re.compile(r"(?!one|uni|use|usu|uti)[aeiou]|hour|honest")
_FEWEST_WORDS = 3  # what is shorter is a label ("Question:") and stays one
_EXCHANGED, _OPENED, _CLOSED, _LED_IN, _TURNED = 0.9, 0.93, 0.8, 0.6, 0.4


@dataclasses.dataclass(frozen=True)
class _Words:
    """The data file, ready for use; ``phrase`` finds what may be exchanged, ``verb`` whether a sentence orders."""

    phrases: dict[str, tuple[str, ...]]
    phrase: re.Pattern[str]
    verb: re.Pattern[str]
    lead_ins: tuple[str, ...]
    openers: tuple[str, ...]
    closers: tuple[str, ...]
    enumerations: tuple[str, ...]


def _split(text: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in text.split("|"))


def _any_of(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


@functools.cache
def _words() -> _Words:
    text = resources.files("stillwatch.simulation.texts").joinpath("paraphrases.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    phrases = {key.lower(): _split(value) for key, value in raw["phrases"].items()}
    return _Words(
        phrases,
        re.compile(rf"(?<![\w'-])(?:{_any_of(tuple(phrases))})(?![\w'-])", re.IGNORECASE),
        re.compile(rf"(?:{_any_of(_split(raw['verbs']))})\b", re.IGNORECASE),
        _split(raw["lead_ins"]),
        _split(raw["openers"]),
        _split(raw["closers"]),
        tuple(raw["enumerations"]),
    )


def paraphrased(pattern: str, r: Random) -> str:
    """``pattern`` in other words drawn from ``r``; its ``{placeholders}`` stay, each as often as before.

    Stretches of fewer than three words in which nothing is known to be exchangeable stay as they are; so does an
    empty pattern.
    """
    words = _words()
    pattern = _turned(pattern, r)
    for row in words.enumerations:
        if row in pattern:
            pattern = pattern.replace(row, _shuffled(row, r))
    parts = _KEPT.split(pattern)
    parts[::2] = [_exchanged(part, words, r) for part in parts[::2]]
    parts = _APART.split("".join(parts))
    for i in range(0, len(parts), 2):
        parts[i] = _decorated(parts[i], words, r, opens=i == 0, ends=i == len(parts) - 1)
    return "".join(parts)


def _turned(pattern: str, r: Random) -> str:
    """The task before or after its instruction, where the two are blocks of their own."""
    first, last = _TASK_FIRST.fullmatch(pattern), _TASK_LAST.fullmatch(pattern)
    if first is not None and r.random() < _TURNED:
        return f"{first[2]}{first[1]}{{task}}"
    if last is not None and r.random() < _TURNED:
        block = last[1][:-1] + "."
        for below, above in _ABOVE:
            block = block.replace(below, above)
        return f"{{task}}{last[2]}{block}"
    return pattern


def _shuffled(row: str, r: Random) -> str:
    """``a, b and c`` in another order, ending in ``and`` where it did."""
    head, joined, tail = row.partition(" and ")
    items = [*head.split(", "), *([tail] if joined else [])]
    r.shuffle(items)
    return ", ".join(items[:-1]) + f"{joined or ', '}{items[-1]}"


def _exchanged(text: str, words: _Words, r: Random) -> str:
    def exchange(match: re.Match[str]) -> str:
        if r.random() >= _EXCHANGED:
            return match[0]
        return _cased(r.choice(words.phrases[match[0].lower()]), match[0])

    text = words.phrase.sub(exchange, text)
    return _ARTICLE.sub(lambda match: "an " if _VOWEL.match(match[2]) else "a ", text)


def _decorated(text: str, words: _Words, r: Random, *, opens: bool, ends: bool) -> str:
    """The sentences of ``text`` led in and rounded off, except where a placeholder is part of them."""

    def decorate(match: re.Match[str]) -> str:
        space, piece, stop = match[1], match[2], match[3]
        if len(piece.split()) < _FEWEST_WORDS:
            return match[0]
        body = piece.rstrip(')" ')
        piece, tail = body, piece[len(body) :]
        inside = match.start() == 0 and not opens  # what comes right after a placeholder may go on with its sentence
        whole = piece[:1].isalpha() and (piece[0].isupper() or "(" in space or not inside)
        if whole and r.random() < _OPENED:
            piece = _opened(piece, words, r)
        if (
            (stop or ")" in tail or (ends and match.end() == len(text)))
            and r.random() < _CLOSED
            and piece[-1] not in "#-"
        ):
            closer = r.choice(words.closers)
            piece += closer if closer.startswith(",") else f" {closer}"
        return f"{space}{piece}{tail}"

    return _PIECE.sub(decorate, text)


def _opened(piece: str, words: _Words, r: Random) -> str:
    lead_in = words.verb.match(piece) and r.random() < _LED_IN
    first = piece.split()[0]
    kept = first in ("I", "I'm") or (first.isupper() and len(first) > 1)
    rest = piece if kept else piece[0].lower() + piece[1:]
    return f"{_cased(r.choice(words.lead_ins if lead_in else words.openers), piece[0])} {rest}"


def _cased(words: str, like: str) -> str:
    """``words`` in capitals, or with a capital first letter, as ``like`` is."""
    if like.isupper() and len(like) > 1:
        return words.upper()
    return words[:1].upper() + words[1:] if like[:1].isupper() else words
