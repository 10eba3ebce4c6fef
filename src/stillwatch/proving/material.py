"""All that a case's files hold, read once: keys with their commitments, marked exchanges, pairs, reference answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from stillwatch.errors import InputError, PluginError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.commitments import Entry, Read, Register
from stillwatch.marks.openings import Opening, opened_key, read_opening, verify
from stillwatch.marks.statements import Statement, read_statement
from stillwatch.proving.case import Case, Marks, moment
from stillwatch.proving.report import BesidePlan, Fixed, ReadingPlan, SetAside
from stillwatch.proving.style import Answers, Reference, read_answers, read_reference
from stillwatch.proving.twins.base import LogProbabilities, Pair
from stillwatch.proving.twins.reading.lines import lines_of
from stillwatch.proving.twins.reading.prepared import read_log_probabilities, read_pairs
from stillwatch.proving.twins.similarity import MEASURES
from stillwatch.sources.base import Rejected

__all__ = ["Exchange", "Material", "Opened", "Prompt", "StyleSet", "load", "tokenizer_of"]

T = TypeVar("T")
_PROMPT = 'give lines of {"prompt_id", "prompt"}'
_MARKED = 'give lines of {"prompt", "answer", "marks": {"key"}}, as `stillwatch marks apply` writes them'


class Prompt(NamedTuple):
    """One prompt of a list, and what the list calls it."""

    id: str
    text: str


class Exchange(NamedTuple):
    """An exchange that was given while a key was used. ``could`` names the marks that had something to mark in its
    answer (None: not known); ``at`` is when it was given."""

    prompt: str
    answer: str
    key: str
    could: tuple[str, ...] | None
    at: dt.datetime | None


class Opened(NamedTuple):
    """A key, its line of the register, and since when it is fixed."""

    key: MarkKey
    entry: Entry
    fixed: Fixed


class StyleSet(NamedTuple):
    """Who is compared with, what they answered, and the prompts that they answered."""

    reference: Reference
    answers: Answers
    prompts: tuple[Prompt, ...]


class Material(NamedTuple):
    """What there is to test with. ``tried`` is the number of keys that the correction counts; ``usual`` are answers
    without marks, as (prompt, answer); ``reading`` is what is read of the suspect itself, ``beside`` of our own model
    along its answers (None: nothing)."""

    case: Case
    opened: tuple[Opened, ...] = ()
    tried: int = 0
    marked: tuple[Exchange, ...] = ()
    mark_controls: tuple[Prompt, ...] = ()
    usual: tuple[tuple[str, str], ...] = ()
    tokenizer: Any = None
    pairs: tuple[Pair, ...] = ()
    probabilities: LogProbabilities | None = None
    style: StyleSet | None = None
    further: tuple[Prompt, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    reading: ReadingPlan | None = None
    beside: BesidePlan | None = None


class _PromptLine(msgspec.Struct):
    prompt: str
    prompt_id: str | int = ""


class _Done(msgspec.Struct):
    key: str
    could: tuple[str, ...] | None = None


class _MarkedLine(msgspec.Struct):
    prompt: str
    answer: str
    marks: _Done | None = None
    key: str = ""
    at: str = ""


class _UsualLine(msgspec.Struct):
    prompt: str
    answer: str


class _Aside:
    """Counts what is set aside, by file and reason."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}

    def add(self, path: Path, rejected: Iterable[Rejected]) -> None:
        for one in rejected:
            self._found.setdefault((path.name, one.reason), []).append(one.where)

    def all(self) -> tuple[SetAside, ...]:
        return tuple(
            SetAside(file=file, reason=reason, number=len(places), first=Path(places[0]).name)
            for (file, reason), places in self._found.items()
        )


def load(case: Case, folder: Path) -> Material:
    """Read all files of ``case``, which lie in ``folder``.

    Lines that cannot be used are set aside and counted. Raises `InputError` for a file that cannot be used at all,
    `PluginError` for a measure that nobody knows, or where a stamp needs an extra that is not installed.
    """
    aside = _Aside()
    found = Material(case, further=_prompts([folder / name for name in case.asking.prompts], aside))
    if case.marks is not None:
        found = _with_marks(found, case.marks, folder, aside)
    if case.twins is not None:
        for name in case.twins.measures:
            MEASURES.get(name)  # an unknown one is told now, and not when all was asked
        found = found._replace(pairs=_pairs(folder, case.twins.pairs, case.twins.controls, aside))
        if case.twins.probabilities is not None:
            read = read_log_probabilities(folder / case.twins.probabilities)
            aside.add(folder / case.twins.probabilities, read.rejected)
            found = found._replace(probabilities=read.given)
    if case.style is not None:
        answers = read_answers(folder / case.style.answers[0])
        for name in case.style.answers[1:]:
            answers = answers.and_(read_answers(folder / name))
        if answers.bad:
            why = [Rejected("holds no answer of a model", place) for place in answers.examples[:1]] * answers.bad
            aside.add(folder / case.style.answers[0], why)
        prompts = _prompts([folder / case.style.prompts], aside)
        found = found._replace(style=StyleSet(read_reference(folder / case.style.reference), answers, prompts))
    return found._replace(set_aside=aside.all())


def _with_marks(found: Material, marks: Marks, folder: Path, aside: _Aside) -> Material:
    marked = tuple(_marked(folder / marks.marked, aside))
    times = [each.at for each in marked if each.at is not None]
    claimed = moment(found.case.claim.before)
    before = min([*times, *([claimed] if claimed is not None else [])], default=None)
    statement, register = _statement(marks, folder), _register(marks, folder)
    stamped = _stamped(marks, folder)
    opened = []
    for name in marks.openings:
        path = folder / name
        opening = read_opening(_read(path), str(path))
        opened.append(Opened(opened_key(opening), opening.entry, _fixed(opening, statement, register, stamped, before)))
    ids = [each.key.id for each in opened]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice is not None:
        raise InputError("is opened twice", twice, "name each opening once in [marks] openings")
    told = len(statement.commitments) if statement is not None else 0
    usual = _good(folder / marks.reference, _UsualLine, aside) if marks.reference is not None else []
    return found._replace(
        opened=tuple(opened),
        tried=max(marks.tried or told, len(opened)),
        marked=marked,
        mark_controls=_prompts([folder / marks.controls] if marks.controls is not None else [], aside),
        usual=tuple((line.prompt, line.answer) for line in usual),
        tokenizer=tokenizer_of(folder / marks.tokenizer) if marks.tokenizer is not None else None,
    )


def _fixed(
    opening: Opening,
    statement: Statement | None,
    register: Read | None,
    stamped: dt.datetime | None,
    before: dt.datetime | None,
) -> Fixed:
    """The check of `marks.openings.verify`, and whether it was early enough."""
    checked = verify(opening, statement=statement, register=register, stamped=stamped)
    problems = list(checked.problems)
    said = moment(checked.said) if checked.said is not None else None
    since = checked.stamped or said
    if before is not None and since is not None and not since < before:
        who = "a stamp says" if checked.stamped is not None else "its maker says"
        problems.append(f"{who} that it was fixed at {_iso(since)}, not before {_iso(before)}, when it was used first")
    return Fixed(
        key=opening.entry.key_id,
        scheme=opening.entry.scheme,
        commitment=opening.entry.commitment,
        said=checked.said or "",
        stamped=_iso(checked.stamped) if checked.stamped is not None else "",
        before=_iso(before) if before is not None else "",
        holds=checked.holds,
        problems=tuple(problems),
    )


def _iso(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _statement(marks: Marks, folder: Path) -> Statement | None:
    if marks.statement is None:
        return None
    return read_statement(_read(folder / marks.statement), str(folder / marks.statement))


def _register(marks: Marks, folder: Path) -> Read | None:
    return None if marks.register is None else Register(folder / marks.register).read()


def _stamped(marks: Marks, folder: Path) -> dt.datetime | None:
    if marks.stamp is None or marks.statement is None:
        return None
    try:
        from stillwatch.marks import timestamps  # noqa: PLC0415 - of an extra
    except ImportError:
        raise PluginError(
            "checking a stamp needs the extra marks", marks.stamp, "pip install 'stillwatch[marks]'"
        ) from None
    roots = [_read(folder / name) for name in marks.authority]
    return timestamps.verify(_read(folder / marks.stamp), _read(folder / marks.statement), roots, marks.stamp)


def tokenizer_of(path: Path) -> Any:
    """A model's tokenizer, as its ``tokenizer.json`` has it. Raises `InputError` for a file that is none."""
    from tokenizers import Tokenizer  # noqa: PLC0415 - slow to import, and only marks in tokens need it

    text = _read(path).decode("utf-8", "replace")
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more particular
        raise InputError(f"is no tokenizer: {error}", path, "name a tokenizer.json as transformers saves it") from None


def _pairs(folder: Path, pairs: str, controls: str | None, aside: _Aside) -> tuple[Pair, ...]:
    read = read_pairs(folder / pairs)
    aside.add(folder / pairs, read.rejected)
    found = list(read.pairs)
    if controls is not None:
        read = read_pairs(folder / controls)
        aside.add(folder / controls, read.rejected)
        found += [msgspec.structs.replace(pair, control=True) for pair in read.pairs]
    seen: set[str] = set()
    for pair in found:
        if pair.prompt_id in seen:
            do = "name prompts apart, in the pairs and the controls together"
            raise InputError(f"has two pairs called {pair.prompt_id!r}", folder / (controls or pairs), do)
        seen.add(pair.prompt_id)
    return tuple(found)


def _marked(path: Path, aside: _Aside) -> list[Exchange]:
    found: list[Exchange] = []
    for line in _good(path, _MarkedLine, aside):
        key = line.marks.key if line.marks is not None else line.key
        could = line.marks.could if line.marks is not None else None
        found.append(Exchange(line.prompt, line.answer, key, could, moment(line.at) if line.at else None))
    if not any(each.key for each in found):
        raise InputError("holds no exchange that a key marked", path, _MARKED)
    return found


def _prompts(paths: Sequence[Path], aside: _Aside) -> tuple[Prompt, ...]:
    found: list[Prompt] = []
    for path in paths:
        before = len(found)
        for number, line in enumerate(_good(path, _PromptLine, aside), 1):
            if line.prompt.strip():
                found.append(Prompt(str(line.prompt_id) or f"{path.stem}/{number}", line.prompt))
        if len(found) == before:
            raise InputError("holds no prompt", path, _PROMPT)
    return tuple(found)


def _good(path: Path, kind: type[T], aside: _Aside) -> list[T]:
    good: list[T] = []
    bad: list[Rejected] = []
    for line, place in lines_of(path, kind):
        if line is None:
            bad.append(place)
        else:
            good.append(line)
    aside.add(path, bad)
    return good


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
