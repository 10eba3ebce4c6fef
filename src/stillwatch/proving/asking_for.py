"""Asking the suspect, or taking answers that were collected elsewhere; either way they end in one sealed file.

Before the first question its head fixes the case (files, keys, split, all that is planned), so that a report can show
that nothing of it was chosen once the answers were known. Answers that were collected before cannot show that, and the
head says so.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stillwatch.asking.addresses import open_model
from stillwatch.asking.base import Answer, Question
from stillwatch.asking.running import Asker, Kept, Result, Work, ask
from stillwatch.asking.sealed import SealedFile, Spent, open_sealed, read_sealed
from stillwatch.asking.spending import Budget, Spending
from stillwatch.errors import AskingError, InputError, UsageError
from stillwatch.progress import Progress
from stillwatch.proving.material import Material
from stillwatch.proving.questions import question_id
from stillwatch.proving.said import PREPARED, about
from stillwatch.proving.twins.reading.lines import lines_of
from stillwatch.sources.base import Rejected

__all__ = ["ask_suspect", "seal_prepared"]

_SEALED = b'{"after":""'
_LINE = 'give lines of {"prompt_id" or "prompt", "answer"}, or a sealed file of answers'


def ask_suspect(
    suspect: str,
    questions: Sequence[Question],
    path: Path,
    head: Mapping[str, Any],
    budget: Budget,
    progress: Progress,
    *,
    overwrite: bool = False,
) -> tuple[Result, float | None]:
    """Ask ``suspect`` (an address, `open_model`) what ``path`` holds no answer to yet; ``head`` goes into its head.

    Returns what became of it, and what all its answers cost (None: no price is known). Raises `AskingError` where it
    was interrupted or answered nothing at all, `UsageError`, `InputError`, `StorageError`.
    """
    model = open_model(suspect, "SUSPECT")
    if model.prepared:
        raise UsageError("is a file of answers, not a model that can be asked", "SUSPECT", "give it with --answers")
    told = {**head, "settings": model.settings}
    with (
        asyncio.Runner() as runner,
        open_sealed(path, model=model.name, seed=0, about=told, overwrite=overwrite) as sealed,
    ):
        asker = Asker(model, Spending(budget), sealed=sealed)
        try:
            (result,) = runner.run(ask([Work(asker, questions, lambda _, __: Kept())], progress, "Asking the suspect"))
        except KeyboardInterrupt:
            raise AskingError(
                "was interrupted; what was answered is sealed: call again to go on", model.name, again=False
            ) from None
        finally:
            runner.run(asker.close())
        if not any(entry.answer.finish != "failed" for entry in sealed.entries):
            raise AskingError(result.stopped or "gave no answer", None if result.stopped else model.name, again=False)
        return result, asker.cost


class _Line(msgspec.Struct):
    answer: str | None = None
    text: str | None = None
    prompt_id: str | int = ""
    question: str = ""
    prompt: str = ""
    sample: int | None = None
    model: str = ""
    asked_at: str = ""


class _Prepared(NamedTuple):
    """One answer of a file, by the prompt that it answers; ``sample`` None: the next."""

    prompt: str
    sample: int | None
    answer: Answer


def seal_prepared(
    paths: Sequence[Path],
    material: Material,
    questions: Sequence[Question],
    path: Path,
    digest: str,
    more: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> tuple[Rejected, ...]:
    """Seal the answers in ``paths`` into ``path``; returns what of them was set aside.

    A line names its prompt by the id in a list of the case, by the question's id, or by its words. A sealed file's
    head goes into this one's, so that what it settled stays known; ``more`` goes there besides. Raises `InputError` for
    a file that cannot be read or where nothing answers a prompt of the case; `UsageError`, `StorageError`.
    """
    by_name, by_id = _names(material), {question.id: question for question in questions}
    rejected: list[Rejected] = []
    found: list[_Prepared] = []
    files = []
    for each in paths:
        data = _read(each)
        file: dict[str, Any] = {"name": each.name, "sha256": hashlib.sha256(data).hexdigest()}
        if data.startswith(_SEALED):
            held = read_sealed(each)
            file |= {
                "model": held.head.model,
                "seal": held.seal,
                "about": held.head.about,
                "made_at": held.head.made_at,
            }
        before = len(rejected)
        found += _sealed_answers(each, by_id, rejected) if "seal" in file else _lines(each, by_name, rejected)
        files.append(file | {"set_aside": len(rejected) - before})
    if not found:
        first = f" (the first line set aside: {rejected[0].reason})" if rejected else ""
        raise InputError(f"holds no answer to a prompt of the case{first}", paths[0], _LINE)
    name = files[0]["model"] if len(files) == 1 and "model" in files[0] else material.case.claim.suspect
    told = about(digest, **{PREPARED: files, **more})
    with open_sealed(path, model=name, seed=0, about=told, overwrite=overwrite) as sealed:
        _add(sealed, found, by_id, rejected)
    return tuple(rejected)


def _add(
    sealed: SealedFile, found: Sequence[_Prepared], questions: Mapping[str, Question], rejected: list[Rejected]
) -> None:
    used: dict[str, set[int]] = {}
    for each in found:
        name = question_id(each.prompt)
        taken = used.setdefault(name, set())
        sample = each.sample if each.sample is not None else next(i for i in range(len(taken) + 1) if i not in taken)
        if sample in taken:
            rejected.append(Rejected("answers what another line answers", f"{name}, sample {sample}"))
            continue
        taken.add(sample)
        question = msgspec.structs.replace(questions[name], sample=sample)
        if sealed.answered(question) is None:
            answer = msgspec.structs.replace(each.answer, question=name, sample=sample)
            sealed.add(question, answer, spent=Spent(0, 0, 0))


def _names(material: Material) -> dict[str, str | None]:
    """What prompts may be called by, and the prompt; None where two prompts have one name."""
    found: dict[str, str | None] = {}

    def name(called: str, prompt: str) -> None:
        found[called] = prompt if found.get(called, prompt) == prompt else None

    for pair in material.pairs:
        name(pair.prompt_id, pair.prompt)
    lists = [
        *material.mark_controls,
        *material.further,
        *(material.style.prompts if material.style is not None else ()),
    ]
    for each in lists:
        name(each.id, each.text)
    texts = [pair.prompt for pair in material.pairs] + [each.text for each in lists]
    keys = {opened.key.id for opened in material.opened}
    texts += [exchange.prompt for exchange in material.marked if exchange.key in keys and exchange.prompt.strip()]
    for text in texts:
        name(question_id(text), text)
        name(text, text)
    return found


def _lines(path: Path, names: Mapping[str, str | None], rejected: list[Rejected]) -> Iterator[_Prepared]:
    for line, place in lines_of(path, _Line):
        if line is None:
            rejected.append(place)
            continue
        text = line.answer if line.answer is not None else line.text
        called = line.prompt or line.question or str(line.prompt_id)
        prompt = names.get(called)
        if text is None:
            rejected.append(place._replace(reason="has no answer"))
        elif prompt is None:
            why = (
                "two prompts of the case are called so; give the prompt"
                if called in names
                else "is to no prompt of the case"
            )
            rejected.append(place._replace(reason=why))
        elif line.sample is not None and line.sample < 0:
            rejected.append(place._replace(reason="samples are counted from 0"))
        else:
            answer = Answer("", text=text, model=line.model, asked_at=line.asked_at)
            yield _Prepared(prompt, line.sample, answer)


def _sealed_answers(path: Path, questions: Mapping[str, Question], rejected: list[Rejected]) -> Iterator[_Prepared]:
    for number, entry in enumerate(read_sealed(path).entries, 2):
        answer, where = entry.answer, f"{path}:{number}"
        if answer.question not in questions:
            rejected.append(Rejected("is to no prompt of the case", where))
        elif answer.finish == "failed" or entry.withheld:
            rejected.append(Rejected("has no answer, or its text was not kept", where))
        else:
            prompt = questions[answer.question].messages[-1].text
            yield _Prepared(prompt, answer.sample, answer)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name a file of answers") from error
