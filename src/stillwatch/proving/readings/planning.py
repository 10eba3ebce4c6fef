"""What is read of a suspect in a folder, settled beforehand, with the hashes of the files that it is read from."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from stillwatch.errors import InputError
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.text import SCHEME
from stillwatch.progress import Progress
from stillwatch.proving.material import Material, Opened
from stillwatch.proving.passages import passages_of
from stillwatch.proving.radioactivity.windows import first_of_each, fresh_windows
from stillwatch.proving.readings.along import along, unmarked
from stillwatch.proving.readings.tokens import unlike
from stillwatch.proving.report import ModelRead, ReadingPlan

__all__ = [
    "WINDOWS_EACH",
    "Folders",
    "Item",
    "context_of",
    "contexts_of",
    "hashed",
    "items_of",
    "marks_reference",
    "plan_reading",
    "token_keys",
    "with_hashes",
]

WINDOWS_EACH: Final = 256
"""Windows of a marked answer that are planned where the case brings no unmarked answers to tell how many they have."""
_KINDS = frozenset({".safetensors", ".json", ".jinja", ".model", ".txt"})
_BLOCK = 2**20
_TOKENIZER = "no tokenizer.json of the marking model is given ([marks] tokenizer)"


class Folders(NamedTuple):
    """Where the models lie: the suspect, and what it is read beside, where there is anything."""

    suspect: Path
    marks_reference: Path | None = None
    twins_reference: Path | None = None


class Item(NamedTuple):
    """One thing that is read: a marked text (``key``, its number ``at``), an unmarked one (its number, and the
    ``context`` of windows), or a candidate (the number ``at`` of its pair, its ``place`` among the candidates)."""

    at: int
    key: str = ""
    context: int | None = None
    place: int = 0

    @property
    def candidate(self) -> bool:
        """Whether it is one answer of a pair, and no text that is read for marks."""
        return not self.key and self.context is None

    @property
    def name(self) -> str:
        """What the sealed file calls it."""
        if self.key:
            return f"marks/{self.key}/{self.at}"
        return f"twins/{self.at}/{self.place}" if self.context is None else f"choices/{self.context}/{self.at}"


def plan_reading(material: Material, folders: Folders) -> ReadingPlan:
    """What will be read, before any model is loaded; files are not hashed yet.

    Raises `InputError` where the tokens of a reference that the case names are not the marking model's: what it is
    named for could not be done.
    """
    left_out: list[str] = []
    plan = ReadingPlan(suspect=_model(folders.suspect))
    tokens = token_keys(material)
    if tokens:
        why = _TOKENIZER if material.tokenizer is None else _unlike(material, folders.suspect)
        if why:
            left_out.append(f"The suspect's probabilities under keys that mark tokens are not read: {why}.")
        else:
            plan = _with_marks(plan, material, folders, tokens)
    if material.pairs and material.probabilities is None:
        reference = folders.twins_reference
        plan = msgspec.structs.replace(
            plan,
            candidates=sum(1 for _ in _candidates(material)),
            twins_reference=None if reference is None else _model(reference),
        )
    elif material.pairs:
        left_out.append("The probabilities of twin answers are not read: the case brings them ([twins] probabilities).")
    return msgspec.structs.replace(plan, left_out=tuple(left_out))


def with_hashes(plan: ReadingPlan, folders: Folders, progress: Progress) -> ReadingPlan:
    """The plan with the SHA-256 of every file of the models, so that it is settled which were read.

    Raises `InputError` for a file that cannot be read.
    """
    hashes = hashed([folders.suspect, *(each for each in folders[1:] if each is not None)], progress)

    def told(model: ModelRead | None, folder: Path | None) -> ModelRead | None:
        if model is None or folder is None:
            return None
        return msgspec.structs.replace(model, files=hashes[folder])

    return msgspec.structs.replace(
        plan,
        suspect=told(plan.suspect, folders.suspect),
        marks_reference=told(plan.marks_reference, folders.marks_reference),
        twins_reference=told(plan.twins_reference, folders.twins_reference),
    )


def hashed(folders: Sequence[Path], progress: Progress) -> dict[Path, dict[str, str]]:
    """Of each model's folder the SHA-256 of the files that decide what it says, by name.

    Raises `InputError` for a file that cannot be read.
    """
    files = {path: None for folder in folders for path in _files(folder)}
    progress.step("Hashing the models' files", sum(path.stat().st_size // _BLOCK for path in files))
    hashes = {path: _sha256(path, progress) for path in files}
    return {folder: {path.name: hashes[path] for path in _files(folder)} for folder in folders}


def token_keys(material: Material) -> list[Opened]:
    """The keys that mark the choice of tokens."""
    return [opened for opened in material.opened if opened.key.scheme != SCHEME]


def marks_reference(material: Material, folder: Path) -> ModelRead:
    """The model that the case names as the marking one; the case has a tokenizer.

    Raises `InputError` where its tokens are others: what it is named for could not be done.
    """
    why = unlike(material.tokenizer, folder)
    if why:
        do = "name a model of the same tokens: the marking model unmarked, or the suspect's base"
        raise InputError(f"{folder.name} {why}", "[marks] reference_model", do)
    return _model(folder)


def items_of(material: Material, plan: ReadingPlan) -> Iterator[Item]:
    """All that is read, in the order of reading."""
    for opened in material.opened:
        if opened.key.id in plan.planned:
            yield from (Item(text, key=opened.key.id) for text in along(material, opened.key).texts)
    for context in contexts_of(material, plan.choices):
        yield from (Item(text, context=context) for text in unmarked(material, context).texts)
    if plan.candidates:
        yield from _candidates(material)


def contexts_of(material: Material, keys: Container[str]) -> list[int]:
    """The lengths of windows under those of the opened keys whose ids are among ``keys``."""
    return sorted({context_of(opened) for opened in material.opened if opened.key.id in keys})


def context_of(opened: Opened) -> int:
    """The tokens of a window under a key."""
    return scheme_named(opened.key.scheme).context


def _candidates(material: Material) -> Iterator[Item]:
    """Every candidate answer of every pair; of a control without an answer of the log the first is a twin."""
    for number, pair in enumerate(material.pairs):
        first = 0 if pair.taken is not None else 1
        yield from (Item(number, place=place) for place in range(first, len(pair.twins) + 1))


def _with_marks(plan: ReadingPlan, material: Material, folders: Folders, tokens: list[Opened]) -> ReadingPlan:
    reference = folders.marks_reference
    beside = None if reference is None else marks_reference(material, reference)
    texts, windows, planned, choices = {}, {}, {}, {}
    if beside is not None and material.usual:
        contexts = contexts_of(material, [opened.key.id for opened in tokens])
        different = {each: int(first_of_each(unmarked(material, each).windows.rows).sum()) for each in contexts}
        choices = {opened.key.id: different[context_of(opened)] for opened in tokens}
    for opened in tokens:
        found = along(material, opened.key)
        texts[opened.key.id], windows[opened.key.id] = len(found.passages), len(found.windows.rows)
        planned[opened.key.id] = _planned(material, opened, len(found.passages))
    return msgspec.structs.replace(
        plan,
        marks_reference=beside,
        texts=texts,
        windows=windows,
        planned=planned,
        unmarked=len(material.usual) if choices else 0,
        choices=choices,
    )


def _planned(material: Material, opened: Opened, texts: int) -> int:
    """How many windows predicted tokens are counted in. Nothing of how long the marked answers are goes into it: where
    they end is the key's doing, and a number made of that would make the p-value wrong."""
    marks = material.case.marks
    if marks is not None and marks.windows is not None:
        return marks.windows
    each = float(WINDOWS_EACH)
    if material.usual:
        usual = material.usual[:texts]  # what is new gets less with every text more
        windows = fresh_windows(passages_of(material, usual), scheme_named(opened.key.scheme).context)
        each = len(windows.rows) / len(usual)
    return max(round(each * texts), 1)


def _unlike(material: Material, folder: Path) -> str:
    why = unlike(material.tokenizer, folder)
    return f"{folder.name} {why}" if why else ""


def _model(folder: Path) -> ModelRead:
    return ModelRead(folder=folder.resolve().name)


def _files(folder: Path) -> list[Path]:
    """The files of a model that decide what it says."""
    return sorted(path for path in folder.iterdir() if path.suffix in _KINDS and path.is_file())


def _sha256(path: Path, progress: Progress) -> str:
    whole = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                whole.update(block)
                progress.advance(len(block) // _BLOCK)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "let the file be read") from error
    return whole.hexdigest()
