"""The reference set: whom a suspect may have learnt from, and the models that are known to be innocent of it.

A table with a header, tab-separated (``.csv``: by commas):

========  ==================================================================================================
model     the name that stands beside its answers
role      ``candidate`` (may be a teacher), ``control`` (trained on no candidate's answers), ``student`` (known
          to be trained on the answers of ``teachers``)
family    of a candidate: versions of one model are one answer. Default: the family named under ``teachers``
          that its name begins with, else the first word of its name
maker     who made it; a suspect is never said to have learnt from its own maker. Default: the first word of its name
teachers  of a student: families, separated by ``;``
========  ==================================================================================================

Columns beyond ``model`` and ``role`` may be left out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, cast

import msgspec

from stillwatch.errors import InputError

__all__ = ["Reference", "ReferenceModel", "Role", "first_word", "read_reference"]

Role = Literal["candidate", "control", "student"]

_ROLES = {"candidate": "candidate", "teacher candidate": "candidate", "control": "control", "student": "student"}
_FORMS = "the columns are model, role (candidate, control or student), and family, maker, teachers where wanted"
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_MOST_MODELS = 5_000


class ReferenceModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a reference set; `read_reference` says what its fields mean."""

    name: str
    role: Role
    family: str = ""
    maker: str = ""
    teachers: tuple[str, ...] = ()


class Reference(msgspec.Struct, frozen=True):
    """A checked reference set: of each candidate the family is filled in, of each model the maker.

    Raises `InputError` where two models have one name, a role lacks what it needs, or there is no candidate.
    """

    models: tuple[ReferenceModel, ...]

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"the model {name!r} stands twice in the reference set")
        for model in self.models:
            if model.role == "student" and not model.teachers:
                raise InputError(f"the student {model.name!r} has no teachers", None, "name them, or call it a control")
            if model.role != "student" and model.teachers:
                raise InputError(f"the {model.role} {model.name!r} has teachers", None, "call it a student")
        if not any(model.role == "candidate" for model in self.models):
            raise InputError("the reference set has no candidate", None, _FORMS)

    def of_role(self, role: Role) -> tuple[ReferenceModel, ...]:
        """All models of one role, in their order."""
        return tuple(model for model in self.models if model.role == role)

    def without(self, name: str) -> Reference:
        """The set without one model: for a suspect that stands in it itself."""
        return Reference(tuple(model for model in self.models if model.name != name))

    def get(self, name: str) -> ReferenceModel | None:
        """The model of that name, if it is in the set."""
        return next((model for model in self.models if model.name == name), None)

    def families(self) -> dict[str, tuple[ReferenceModel, ...]]:
        """The candidates by family, in the order in which the families first stand."""
        found: dict[str, tuple[ReferenceModel, ...]] = {}
        for model in self.of_role("candidate"):
            family = model.family or model.name
            found[family] = (*found.get(family, ()), model)
        return found


def first_word(name: str) -> str:
    """The first run of letters of a name, in small letters; the name itself where it has none."""
    found = _FIRST_WORD.search(name)
    return found.group().lower() if found else name


def read_reference(path: Path, makers: Mapping[str, str] | None = None) -> Reference:
    """Read a reference set.

    Args:
        path: of the table; see the module.
        makers: by first word of a model's name (``{"gemma": "google", "gemini": "google"}``), for tables without the
            column.

    Raises:
        InputError: with file and line.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", path, _FORMS) from error
    reader = csv.DictReader(text.splitlines(), delimiter="," if path.suffix == ".csv" else "\t")
    if not {"model", "role"} <= set(reader.fieldnames or ()):
        raise InputError("has no columns model and role", path, _FORMS)
    rows = []
    try:
        for row in reader:
            rows.append(_model(row, f"{path}:{reader.line_num}", makers or {}))
            if len(rows) > _MOST_MODELS:
                raise InputError(f"has more than {_MOST_MODELS:,} models", path)
    except csv.Error as error:
        raise InputError(f"cannot be read: {error}", f"{path}:{reader.line_num}", _FORMS) from error
    try:
        return Reference(tuple(_with_families(rows)))
    except InputError as error:
        raise InputError(error.what, path, error.do) from error


def _model(row: Mapping[str | None, str | None], place: str, makers: Mapping[str, str]) -> ReferenceModel:
    cells = {
        key: (value or "").strip() for key, value in row.items() if isinstance(key, str) and not isinstance(value, list)
    }
    name, role = cells["model"], _ROLES.get(cells["role"].lower())
    if not 0 < len(name) <= 200:
        raise InputError("no model's name", place, _FORMS)
    if role is None:
        raise InputError(f"no such role: {cells['role']!r}", place, _FORMS)
    teachers = tuple(t.strip() for t in cells.get("teachers", "").strip('"').split(";") if t.strip())
    word = first_word(name)
    return ReferenceModel(
        name=name,
        role=cast(Role, role),
        family=cells.get("family", ""),
        maker=cells.get("maker", "") or makers.get(word, word),
        teachers=teachers,
    )


def _with_families(models: Iterable[ReferenceModel]) -> Iterable[ReferenceModel]:
    """Fills in the families of candidates: as students name them, so that both can be compared."""
    models = list(models)
    named = sorted({t for model in models for t in model.teachers}, key=len, reverse=True)
    for model in models:
        if model.role != "candidate" or model.family:
            yield model
            continue
        begins = (family for family in named if _bare(model.name).startswith(_bare(family)))
        yield msgspec.structs.replace(model, family=next(begins, first_word(model.name)))


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())
