"""The marking model itself, read along what the suspect answered: for the test that takes nothing but answers.

Whether it is read, and which files of it, is settled in the head of the answers, before the first of them; it is read
when asking has ended, and what it gave is sealed with the seal of those answers. So the test can be made again without
any model, and whoever has the model can read it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stillwatch.errors import AskingError, InputError
from stillwatch.progress import Progress
from stillwatch.proving.material import Material
from stillwatch.proving.passages import passages_of
from stillwatch.proving.radioactivity.choices import Leans, said_beside, unshown
from stillwatch.proving.readings.along import Along, InPlace, given_to, turns_of, vocabulary_of
from stillwatch.proving.readings.base import OpenModel
from stillwatch.proving.readings.planning import contexts_of, hashed, marks_reference, token_keys
from stillwatch.proving.readings.read import joined_choices
from stillwatch.proving.readings.sealed import open_readings, packed_choice, read_readings
from stillwatch.proving.report import BesideFacts, BesidePlan, ModelRead
from stillwatch.proving.said import Said

__all__ = ["ABOUT", "LeansOfAnswers", "head", "load_beside", "plan_beside", "plan_in", "read_beside_answers"]

ABOUT = "beside"


class LeansOfAnswers(NamedTuple):
    """What the test is given, by how many tokens a window has, and the facts for the report."""

    leans: Mapping[int, Leans]
    facts: BesideFacts


def plan_beside(material: Material, folder: Path | None, progress: Progress | None = None) -> BesidePlan | None:
    """Whether the marking model in ``folder`` will be read, and for which keys; its files are hashed where there is
    somebody to tell of it. None where no key marks tokens, or the case names no model or no tokenizer.

    Raises `InputError` where the model's tokens are not those of the mark, or a file cannot be read.
    """
    keys = token_keys(material)
    if folder is None or not keys or material.tokenizer is None:
        return None
    model = marks_reference(material, folder)
    files = {} if progress is None else hashed([folder], progress)[folder]
    return BesidePlan(model=ModelRead(folder=model.folder, files=files), keys=tuple(each.key.id for each in keys))


def head(plan: BesidePlan) -> dict[str, Any]:
    """What goes into the head of the answers."""
    return {ABOUT: msgspec.to_builtins(plan)}


def plan_in(about: Mapping[str, Any]) -> BesidePlan | None:
    """The plan in the head of the answers; None where nothing is read. Raises `InputError` for something else."""
    told = about.get(ABOUT)
    if told is None:
        return None
    try:
        return msgspec.convert(told, BesidePlan)
    except msgspec.ValidationError as error:
        raise InputError(f"tell of a model that cannot be: {error}", "the answers' head", "restore the file") from None


def read_beside_answers(
    material: Material,
    plan: BesidePlan,
    said: Said,
    model: OpenModel,
    path: Path,
    case: str,
    progress: Progress,
    *,
    overwrite: bool = False,
) -> None:
    """Read the model along all answers, and seal into ``path`` what it gave; what is there already is not read again.

    Raises `AskingError` where it was interrupted, `InputError` for what cannot be read, `UsageError`, `StorageError`.
    """
    about = {**head(plan), "answers": said.facts.seal}
    vocabulary = vocabulary_of(material)
    with open_readings(path, case, None, about, overwrite=overwrite) as file:
        items = [each for each in _items(_along(material, plan, said)) if each.name not in file.items]
        progress.step("Reading our own model along the answers", len(items))
        try:
            for item in items:
                passage = item.along.passages[item.text]
                given = given_to(model, turns_of(material, item.along.prompts[item.text]), item.name)
                placed = InPlace(model, given, passage.start, vocabulary)
                windows = item.along.of(item.text).alone()
                file.add(item.name, packed_choice(said_beside(placed, [passage], windows)))
                progress.advance()
        except KeyboardInterrupt:
            told = f"was interrupted; {len(file.items):,} answers are read and sealed"
            raise AskingError(f"{told}: call again to go on", plan.model.folder, again=False) from None


def load_beside(path: Path, material: Material, plan: BesidePlan, said: Said, case: str) -> LeansOfAnswers:
    """What was read, from the sealed file alone.

    Raises `InputError` where it is of other answers or another case, where a line was changed, or where one is missing
    or too much.
    """
    kept = read_readings(path)
    about = kept.head.about
    if kept.head.case != case or plan_in(about) != plan or about.get("answers") != said.facts.seal:
        raise InputError("was read along other answers, or for another case", path, "restore the file")
    every = _along(material, plan, said)
    items = list(_items(every))
    if {item.name for item in items} != kept.items.keys():
        raise InputError("holds readings of other answers than these", path, "restore the file")
    leans = {}
    for context, found in every.items():
        read = joined_choices(kept, path, found, (item.name for item in items if item.context == context))
        leans[context] = Leans(read, found.windows.rows, len(found.passages), said=True)
    return LeansOfAnswers(leans, BesideFacts(plan=plan, began=kept.head.made_at, seal=kept.seal))


class _Item(NamedTuple):
    """One answer to be read along, in its windows of ``context`` tokens."""

    context: int
    text: int
    along: Along

    @property
    def name(self) -> str:
        return f"said/{self.context}/{self.text}"


def _items(every: Mapping[int, Along]) -> Iterator[_Item]:
    for context, found in every.items():
        yield from (_Item(context, text, found) for text in found.texts)


def _along(material: Material, plan: BesidePlan, said: Said) -> dict[int, Along]:
    """All answers, in the order in which they were sealed, by how many tokens a window has."""
    texts = [(prompt, text) for prompt, answers in said.texts.items() for text in answers]
    passages, prompts = passages_of(material, texts), [prompt for prompt, _ in texts]
    return {each: Along(prompts, passages, unshown(passages, each)) for each in contexts_of(material, plan.keys)}
