"""From the journal's marks to the exchanges that a proof is made of: prompt, answer, key, which marks could be made.

The text comes from the journal where the policy kept it, else from a log of the provider's own: an exchange in it is
known again by the keyed hashes of its prompt and its answer, whether that log saw the answer before or after the mark.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stillwatch.errors import StillwatchError
from stillwatch.gateway.journal import hours
from stillwatch.gateway.marking.records import COLUMN, MarkRecord, answer_hash, prompt_hash
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keyring import Keyring
from stillwatch.marks.text import SCHEME
from stillwatch.marks.text.marking import mark_answer
from stillwatch.storage.disk import disk_errors

__all__ = ["Exchange", "Export", "Journalled", "exported", "journalled"]


class Journalled(msgspec.Struct):
    """A line of the journal that has a mark; text where it was kept, time in microseconds."""

    exchange_id: str
    started_at: int
    marks: MarkRecord
    messages: str | None = None
    response: str | None = None


class Exchange(NamedTuple):
    """An exchange of a log: its conversation (JSON, as THE record has it) and the answer."""

    messages: str | None
    response: str | None


class Export(NamedTuple):
    """``lines`` as `stillwatch prove` takes them; how many exchanges have ``no_text`` here and in the log, and how many
    a key that the keyring does not know (``no_key``)."""

    lines: tuple[dict[str, Any], ...]
    no_text: int
    no_key: int


class _Turn(msgspec.Struct):
    role: str
    content: str | None = None


_TURNS = msgspec.json.Decoder(list[_Turn]).decode
_LINE = msgspec.json.Decoder(Journalled).decode


def journalled(journal: Path) -> Iterator[Journalled]:
    """The lines of a journal's folder that have a mark, in the order of time. Raises `StorageError`."""
    mark = f'"{COLUMN}"'.encode()
    for _, path in hours(journal):
        with disk_errors(path), path.open("rb") as file:
            for line in file:
                if mark in line:
                    try:
                        yield _LINE(line)
                    except (msgspec.DecodeError, UnicodeError, RecursionError):
                        continue  # torn, or a text that quotes the name


def exported(lines: Iterable[Journalled], keys: Keyring, log: Iterable[Exchange] = ()) -> Export:
    """The exchanges of ``lines`` with their text, looked for in ``log`` where the journal kept none."""
    known: dict[str, MarkKey | None] = {}
    found: dict[int, dict[str, Any]] = {}
    waiting: dict[tuple[str, str], list[tuple[int, Journalled]]] = defaultdict(list)
    number = no_key = 0
    for number, line in enumerate(lines, 1):
        key = _known(keys, known, line.marks.key)
        if key is None:
            no_key += 1
            continue
        prompt = _prompt(line.messages)
        if prompt is not None and line.response is not None and prompt_hash(key, prompt) == line.marks.prompt:
            found[number] = _line(line, prompt, line.response)
        else:
            waiting[key.id, line.marks.prompt].append((number, line))
    used = [key for key in known.values() if key is not None]
    for exchange in log if waiting else ():
        for number, told in _matched(exchange, used, waiting):
            found[number] = told
    left = sum(map(len, waiting.values()))
    return Export(tuple(found[place] for place in sorted(found)), left, no_key)


def _known(keys: Keyring, known: dict[str, MarkKey | None], key_id: str) -> MarkKey | None:
    if key_id not in known:
        try:
            known[key_id] = keys.detect(key_id)[0]
        except StillwatchError:
            known[key_id] = None
    return known[key_id]


def _matched(
    exchange: Exchange, keys: Iterable[MarkKey], waiting: dict[tuple[str, str], list[tuple[int, Journalled]]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The line of the journal that an exchange of a log belongs to: it waits no longer."""
    prompt = _prompt(exchange.messages)
    if prompt is None or exchange.response is None:
        return
    for key in keys:
        lines = waiting.get((key.id, prompt_hash(key, prompt)))
        if not lines:
            continue
        answers = [exchange.response]
        if key.scheme == SCHEME:
            answers.append(mark_answer(prompt, exchange.response, key).text)
        told = {answer_hash(key, answer): answer for answer in reversed(answers)}
        place = next((place for place, (_, line) in enumerate(lines) if line.marks.answer in told), None)
        if place is not None:
            number, line = lines.pop(place)
            yield number, _line(line, prompt, told[line.marks.answer])
            return


def _line(line: Journalled, prompt: str, answer: str) -> dict[str, Any]:
    marks: dict[str, Any] = {"key": line.marks.key}
    if line.marks.could is not None:
        marks |= {"could": line.marks.could, "did": line.marks.did}
    at = dt.datetime.fromtimestamp(line.started_at // 1_000_000, dt.UTC)
    return {"prompt": prompt, "answer": answer, "marks": marks, "at": at.isoformat().replace("+00:00", "Z")}


def _prompt(messages: str | None) -> str | None:
    """The last user turn, as `gateway.marking.asked` takes it from a request."""
    try:
        turns = _TURNS(messages or "[]")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return next((turn.content for turn in reversed(turns) if turn.role == "user" and turn.content), None)
