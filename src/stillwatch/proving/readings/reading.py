"""The work itself: each model loaded, each item read and sealed; what is sealed already is not read again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.errors import AskingError, InputError
from stillwatch.progress import Progress
from stillwatch.proving.material import Material
from stillwatch.proving.radioactivity.choices import read_beside
from stillwatch.proving.radioactivity.reading import read_text
from stillwatch.proving.readings.along import Along, InPlace, along, given_to, turns_of, unmarked, vocabulary_of
from stillwatch.proving.readings.base import OpenModel
from stillwatch.proving.readings.planning import Folders, Item, items_of
from stillwatch.proving.readings.sealed import (
    Candidate,
    Choice,
    ReadingFile,
    Text,
    open_readings,
    packed,
    packed_choice,
)
from stillwatch.proving.report import ReadingPlan

__all__ = ["read_suspect"]


def read_suspect(
    material: Material,
    plan: ReadingPlan,
    folders: Folders,
    path: Path,
    case: str,
    about: Mapping[str, Any],
    opener: Callable[[Path], OpenModel],
    progress: Progress,
    *,
    overwrite: bool = False,
) -> str:
    """Read all of the plan that ``path`` does not hold yet; returns the seal of the last reading.

    ``case`` is the case's SHA-256, ``about`` what tests settle beforehand; ``opener`` loads the model of a folder.

    Raises `AskingError` where it was interrupted (what was read is sealed), `InputError` for what cannot be read,
    `PluginError` where what loads models is not installed, `UsageError`, `StorageError`.
    """
    with open_readings(path, case, plan, about, overwrite=overwrite) as file:
        items = list(items_of(material, plan))
        left = [item for item in items if item.name not in file.items]
        if left:
            progress.step("Loading what is read")
            try:
                work = _Work(material, plan, folders, opener, not all(item.candidate for item in left))
                progress.step("Reading the suspect", len(items))
                progress.advance(len(items) - len(left))
                _read(left, work, file, progress)
            except KeyboardInterrupt:
                told = f"was interrupted; {len(file.items):,} of {len(items):,} readings are sealed"
                raise AskingError(f"{told}: call again to go on", folders.suspect.name, again=False) from None
        return file.seal


def _read(left: Iterable[Item], work: _Work, file: ReadingFile, progress: Progress) -> None:
    for item in left:
        file.add(item.name, work.read(item))
        progress.advance()


class _Work:
    """The models, each loaded once, and what is asked of them."""

    def __init__(
        self,
        material: Material,
        plan: ReadingPlan,
        folders: Folders,
        opener: Callable[[Path], OpenModel],
        marks: bool,
    ) -> None:
        loaded: dict[Path, OpenModel] = {}

        def model(folder: Path) -> OpenModel:
            where = folder.resolve()
            if where not in loaded:
                loaded[where] = opener(folder)
            return loaded[where]

        self._material = material
        self._suspect = model(folders.suspect)
        self._beside_marks = (
            model(folders.marks_reference) if marks and plan.marks_reference and folders.marks_reference else None
        )
        self._beside_twins = (
            model(folders.twins_reference) if plan.twins_reference and folders.twins_reference else None
        )
        self._along: dict[str | int, Along] = {}
        self._vocabulary = vocabulary_of(material) if marks else 0

    def read(self, item: Item) -> Text | Choice | Candidate:
        """What one item gives."""
        if item.key:
            return self.text(item)
        return self.candidate(item) if item.context is None else self.choice(item, item.context)

    def text(self, item: Item) -> Text:
        """A marked text, along the windows that count; each model asked in its own way."""
        key = next(opened.key for opened in self._material.opened if opened.key.id == item.key)
        found = self._found(item.key, lambda: along(self._material, key))
        suspect, reference = self._placed(found, item)
        return packed(read_text(suspect, reference, found.passages[item.at], found.of(item.at), key))

    def choice(self, item: Item, context: int) -> Choice:
        """An unmarked text, along all its windows; each model asked in its own way."""
        found = self._found(context, lambda: unmarked(self._material, context))
        suspect, reference = self._placed(found, item)
        if reference is None:
            raise InputError("is read beside a reference", item.name, "name [marks] reference_model")
        return packed_choice(read_beside(suspect, reference, [found.passages[item.at]], found.of(item.at).alone()))

    def _found(self, name: str | int, find: Callable[[], Along]) -> Along:
        """Where to read, worked out once for all texts of a kind, which follow on each other."""
        if name not in self._along:
            self._along = {name: find()}
        return self._along[name]

    def _placed(self, found: Along, item: Item) -> tuple[InPlace, InPlace | None]:
        """The suspect, and the reference where there is one, each asked in its own way."""
        start, turns = found.passages[item.at].start, turns_of(self._material, found.prompts[item.at])

        def placed(model: OpenModel) -> InPlace:
            return InPlace(model, given_to(model, turns, item.name), start, self._vocabulary)

        return placed(self._suspect), None if self._beside_marks is None else placed(self._beside_marks)

    def candidate(self, item: Item) -> Candidate:
        """One answer of a pair, as the suspect would give it to the pair's prompt."""
        pair = self._material.pairs[item.at]
        answer = (pair.taken or "") if item.place == 0 else pair.twins[item.place - 1]
        total, tokens = self._log(self._suspect, pair.prompt, answer, item)
        beside = self._beside_twins
        reference = None if beside is None or not tokens else self._log(beside, pair.prompt, answer, item)[0]
        return Candidate(total=total, tokens=tokens, reference=reference)

    def _log(self, model: OpenModel, prompt: str, answer: str, item: Item) -> tuple[float, int]:
        """The natural log of an answer's probability, and its tokens."""
        given = given_to(model, turns_of(self._material, prompt), item.name)
        said = model.encoded(answer)
        if not len(said):
            return 0.0, 0
        logs = model.logs(np.concatenate([given, said]), len(given))
        if not bool(np.all(np.isfinite(logs))) or not bool(np.all(logs <= 0)):
            raise InputError("gave a token no probability that has a logarithm", item.name, "read it in full precision")
        return float(np.sum(logs)), len(logs)
