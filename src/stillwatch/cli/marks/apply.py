"""``stillwatch marks apply``: marks in text on a file of answers, to see what they do and cost."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from stillwatch.cli.marks.options import PURPOSE, TEXT, Json, Purpose, opened, read_file, write
from stillwatch.cli.terminal import clean
from stillwatch.errors import InputError, UsageError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import KEY_BYTES, key_id
from stillwatch.marks.text import SCHEME, TEXT_MARKS
from stillwatch.marks.text.cost import Cost, measure
from stillwatch.marks.text.marking import Marked, chosen, mark_answer
from stillwatch.storage.whole import write_whole

_SHOWN = 10


def apply(
    answers: Annotated[Path, Parameter(help="JSON lines, each an object with a prompt and an answer.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="File to write: the same lines, marked.")],
    keys: Annotated[
        Path | None, Parameter(name="--keys", help="Folder of keys; without it a key is drawn, to try marks out.")
    ] = None,
    purpose: Purpose = PURPOSE,
    mark: Annotated[
        tuple[str, ...], Parameter(negative=(), help=f"Which marks: {', '.join(TEXT_MARKS.names())}.")
    ] = (),
    prompt_field: Annotated[str, Parameter(help="Field that holds the prompt.")] = "prompt",
    answer_field: Annotated[str, Parameter(help="Field that holds the answer.")] = "answer",
    json: Json = False,
) -> int:
    """Mark a file of answers, and tell what it costs them: how many are touched, how many words change, and a sample.

    Each mark is put into a keyed half of the answers; the same prompt always falls into the same halves. Each line gets
    a field ``marks`` with what was done, which a later test needs.

    Example: stillwatch marks apply answers.jsonl --out marked.jsonl
    """
    names = chosen(mark)
    secret = _key(keys, purpose)
    pairs: list[tuple[str, Marked]] = []
    lines = bytearray()
    for line in _lines(answers, prompt_field, answer_field):
        marked = mark_answer(line[prompt_field], line[answer_field], secret, names)
        pairs.append((line[answer_field], marked))
        done = {"key": secret.id, "could": marked.could, "did": {name: len(e) for name, e in marked.edits.items()}}
        lines += msgspec.json.encode({**line, answer_field: marked.text, "marks": done}) + b"\n"
    cost = measure(pairs, shown=_SHOWN)
    write_whole(out, bytes(lines))
    if json:
        sys.stdout.write(msgspec.json.encode(cost).decode() + "\n")
    else:
        write(*_told(cost), f"Wrote {out}" + ("" if keys else "; its key is forgotten: nothing can be shown by it"))
    return 0


def _key(keys: Path | None, purpose: Purpose) -> MarkKey:
    """The committed key, or one that is drawn and forgotten."""
    if purpose.scheme != TEXT:
        raise UsageError(
            f"{purpose.scheme!r} is no mark in text", "--scheme", "a sampling scheme marks as it generates"
        )
    if keys is not None:
        scheme, scope, about = purpose.name()
        return opened(keys).use(scheme, scope, about)
    if purpose != PURPOSE:
        raise UsageError("names a key of a folder", "--campaign, --tier, --all", "give --keys")
    secret = secrets.token_bytes(KEY_BYTES)
    return MarkKey(id=key_id(secret), secret=secret, scheme=SCHEME, scope="all", about="", epoch=0)


def _lines(path: Path, prompt_field: str, answer_field: str) -> Iterator[dict[str, Any]]:
    for number, raw in enumerate(read_file(path).split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            line = msgspec.json.decode(raw)
        except (ValueError, RecursionError):
            raise InputError("is no JSON", f"{path}:{number}", "give one object a line") from None
        if not isinstance(line, dict) or not all(isinstance(line.get(f), str) for f in (prompt_field, answer_field)):
            do = "name the fields with --prompt-field and --answer-field"
            raise InputError(f"has no text in {prompt_field!r} and {answer_field!r}", f"{path}:{number}", do)
        yield line


def _told(cost: Cost) -> list[str]:
    """The cost in words, and the sample."""
    if not cost.answers:
        return ["The file holds no answers."]
    share, per = 100 * cost.touched / cost.answers, 100 * cost.changed / max(cost.words, 1)
    lines = [
        f"{cost.touched:,} of {cost.answers:,} answers touched ({share:.0f} %); {per:.2f} words changed in a hundred."
    ]
    for name, part in cost.by_mark.items():
        lines.append(f"  {name}: {part.touched:,} of {part.could:,} that it could mark, {part.words:,} words")
    for shown in cost.sample:
        lines += ["", f"{shown.mark}:", f"  {clean(shown.before, 300)}", f"  {clean(shown.after, 300)}"]
    return lines
