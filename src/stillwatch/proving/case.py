"""What is to be proved, and from which files: ``case.toml``, read strictly, with every mistake in a line of its own.

docs/prove.md says what each field means. Paths are beside the file.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, cast

import msgspec

from stillwatch.errors import InputError, one_line

__all__ = [
    "FILES",
    "Asked",
    "Case",
    "CaseMistakes",
    "Claim",
    "Marks",
    "Style",
    "Twins",
    "files_of",
    "moment",
    "read_case",
]

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
File = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Files = tuple[File, ...]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]

FILES: Final = {
    "marks": (
        "openings", "statement", "register", "stamp", "authority", "marked", "controls", "reference", "tokenizer",
    ),
    "twins": ("pairs", "controls", "probabilities"),
    "style": ("reference", "answers", "prompts"),
    "asking": ("prompts",),
}  # fmt: skip
"""The fields of each table that name files."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who says what of whom.

    ``level``: a test counts as shown where its p-value, corrected for all tests that were planned, is at most this.
    ``before``: the moment (ISO 8601 with its zone) before which keys must have been fixed: when the first answer that
    bears a mark was given; "" where the marked exchanges say it themselves.
    """

    suspect: Name
    model: Name
    by: Name
    campaign: str = ""
    before: str = ""
    level: Annotated[float, msgspec.Meta(gt=0, le=0.05)] = 1e-3


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """Tier 1: keys that were laid open (`marks.openings`) and the exchanges whose answers they marked.

    ``tried``: how many keys were to be tested, where some are not shown; default: all that the statement tells of.
    ``reference_model``: a folder with a model of the same tokens that no key had a part in (the marking model without
    its mark, or the suspect's base), beside which a suspect in a folder is read; ``windows``: how many windows of each
    key's texts its predicted tokens are counted in.
    """

    openings: Annotated[Files, msgspec.Meta(min_length=1, max_length=100)]
    marked: File
    statement: File | None = None
    register: File | None = None
    stamp: File | None = None
    authority: Files = ()
    controls: File | None = None
    reference: File | None = None
    tokenizer: File | None = None
    tried: Annotated[int, msgspec.Meta(ge=1)] | None = None
    decoys: Annotated[int, msgspec.Meta(ge=20)] | None = None
    reference_model: File | None = None
    windows: Annotated[int, msgspec.Meta(ge=1, le=10**9)] | None = None


class Twins(msgspec.Struct, frozen=True, kw_only=True):
    """Tier 2: pairs of answers (`twins.reading.prepared`); ``seed`` splits them into choosing and deciding halves.

    ``reference_model``: a folder with another model (yours, or the suspect's base), whose probabilities are taken off
    those of a suspect in a folder. ``measures``: of nearness (`twins.similarity`), all where none are named; one alone
    is settled, nothing is chosen, and all prompts decide.
    """

    pairs: File
    controls: File | None = None
    probabilities: File | None = None
    reference_model: File | None = None
    seed: Seed = 0
    measures: tuple[str, ...] = ()


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """Tier 3: a reference set (`style.reference`) and its answers to common prompts, which the suspect is asked too.

    ``maker``: who made the suspect: no candidate of the same maker is named.
    """

    reference: File
    answers: Annotated[Files, msgspec.Meta(min_length=1)]
    prompts: File
    maker: str | None = None
    level: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.2
    seed: Seed = 0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How the suspect is asked; ``prompts`` are further ones, for the tests to which any prompt will do."""

    samples: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 3
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=10**6)] = 512
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    system: str = ""
    prompts: Files = ()


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A case; the tiers that it does not name are not tested."""

    claim: Claim
    marks: Marks | None = None
    twins: Twins | None = None
    style: Style | None = None
    asking: Asked = Asked()


_TABLES: Final[Mapping[str, type[msgspec.Struct]]] = {
    "claim": Claim,
    "marks": Marks,
    "twins": Twins,
    "style": Style,
    "asking": Asked,
}


class CaseMistakes(InputError):
    """A case that cannot be used. ``mistakes`` has a line for each thing that is wrong."""

    def __init__(self, path: Path, mistakes: list[str]) -> None:
        self.mistakes = tuple(one_line(f"{path}: {mistake}") for mistake in mistakes)
        more = f" (the first of {len(mistakes)} mistakes)" if len(mistakes) > 1 else ""
        super().__init__(f"{mistakes[0]}{more}", path)


def read_case(path: Path) -> Case:
    """The case in a TOML file. Raises `CaseMistakes` with all that is wrong, `InputError` where it is no TOML."""
    try:
        told = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", path, "name a case.toml; docs/prove.md shows one"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is no TOML: {error}", path, "docs/prove.md shows a case") from error
    mistakes = [
        f"there is no table [{one_line(name)[:60]}]; known: {', '.join(_TABLES)}"
        for name in told
        if name not in _TABLES
    ]
    parts = {name: _part(name, kind, told[name], mistakes) for name, kind in _TABLES.items() if name in told}
    if "claim" not in told:
        mistakes.append("has no [claim]: say the suspect, your model and who you are (suspect, model, by)")
    if not parts.keys() & {"marks", "twins", "style"}:
        mistakes.append("has nothing to test with: give [marks], [twins] or [style]")
    if not mistakes:
        case = Case(**{name: part for name, part in parts.items() if part is not None})  # type: ignore[arg-type]
        mistakes = list(_unfit(case, path.parent))
    if mistakes:
        raise CaseMistakes(path, mistakes)
    return case


def _part(name: str, kind: type[msgspec.Struct], told: Any, mistakes: list[str]) -> msgspec.Struct | None:
    """One table; what is wrong with it goes to ``mistakes``."""
    if not isinstance(told, dict):
        mistakes.append(f"[{name}] must be a table")
        return None
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    before = len(mistakes)
    for key in told:
        if key not in fields:
            mistakes.append(f"[{name}] has no field {one_line(key)[:60]!r}; known: {', '.join(fields)}")
    values = {}
    for key, field in fields.items():
        if key not in told:
            if field.required:
                mistakes.append(f"[{name}] lacks {key}")
            continue
        value = told[key].isoformat() if isinstance(told[key], dt.date) else told[key]
        try:
            values[key] = msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            mistakes.append(f"[{name}] {key}: {error}")
    if len(mistakes) > before:
        return None
    made: msgspec.Struct = cast(Any, kind)(**values)
    return made


def _unfit(case: Case, folder: Path) -> Iterator[str]:
    """What is wrong across fields, and files that are not there."""
    for table, field, name in files_of(case):
        if not (folder / name).is_file():
            yield f"[{table}] {field}: there is no file {name}"
    for table in ("marks", "twins"):
        model = getattr(getattr(case, table), "reference_model", None)
        if model is not None and not (folder / model / "config.json").is_file():
            yield f"[{table}] reference_model: {model} is no folder of a model: it has no config.json"
    claim, marks = case.claim, case.marks
    if claim.before and moment(claim.before) is None:
        yield f"[claim] before: {claim.before!r} is no moment with its zone; write 2026-05-01T00:00:00Z"
    for field in ("suspect", "model", "by", "campaign"):
        if not getattr(claim, field).isprintable():
            yield f"[claim] {field}: has characters that do not print"
    if marks is None:
        return
    if marks.stamp is not None and (marks.statement is None or not marks.authority):
        yield "[marks] stamp: is a stamp on a statement by somebody; give statement and authority too"
    if marks.tried is not None and marks.tried < len(marks.openings):
        yield f"[marks] tried: {marks.tried} is below the {len(marks.openings)} keys that are opened"


def moment(text: str) -> dt.datetime | None:
    """A moment with its zone; None for a text that is none."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def files_of(case: Case) -> Iterator[tuple[str, str, str]]:
    """Every file that a case names: its table, field and name."""
    for table, fields in FILES.items():
        part = getattr(case, table)
        for field in fields if part is not None else ():
            named = getattr(part, field)
            for name in (named,) if isinstance(named, str) else named or ():
                yield table, field, name
