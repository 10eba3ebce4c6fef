"""A whole proof on one page: keep the case, read a suspect in a folder, ask it or take answers, test once, write."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stillwatch.asking.addresses import LocalFolder, local_folder, open_model
from stillwatch.asking.sealed import read_sealed
from stillwatch.asking.spending import Budget
from stillwatch.errors import AskingError, InputError, UsageError
from stillwatch.progress import Progress
from stillwatch.proving.asking_for import ask_suspect, seal_prepared
from stillwatch.proving.case import Case, read_case
from stillwatch.proving.folder import ANSWERS, BESIDE, PAGE, READINGS, REPORT, STATEMENT, KeptCase, keep
from stillwatch.proving.material import Material, load
from stillwatch.proving.page import render_page, render_statement
from stillwatch.proving.planning import ProofPlan, make_plan
from stillwatch.proving.questions import questions_of
from stillwatch.proving.radioactivity.local import LocalModel
from stillwatch.proving.readings.base import Opener, OpenModel
from stillwatch.proving.readings.beside import head as beside_head
from stillwatch.proving.readings.beside import plan_beside, read_beside_answers
from stillwatch.proving.readings.beside import plan_in as plan_beside_in
from stillwatch.proving.readings.planning import Folders, plan_reading, with_hashes
from stillwatch.proving.readings.read import head as reading_head
from stillwatch.proving.readings.reading import read_suspect
from stillwatch.proving.report import BesidePlan, ProofReport
from stillwatch.proving.reporting import as_json, build_report
from stillwatch.proving.said import about, read_said
from stillwatch.proving.tiers import twins
from stillwatch.storage.whole import write_whole

__all__ = ["Wanted", "preview", "run", "write_questions"]


class Wanted(NamedTuple):
    """What the user asks for. ``suspect`` is an address (`open_model`); with ``answers`` nobody is asked, and a suspect
    that is named as well is a folder, to be read. ``close``: test what was answered so far, and ask no more. ``opener``
    loads models that are read.
    """

    case: Path
    suspect: str | None = None
    answers: tuple[Path, ...] = ()
    budget: Budget = Budget()
    close: bool = False
    opener: Opener = LocalModel

    def check(self) -> None:
        """Raises `UsageError` unless there is either a suspect to ask or answers to take, or answers of a suspect in a
        folder."""
        if self.suspect is None and not self.answers:
            raise UsageError(
                "it takes either a suspect to ask or files of its answers", "SUSPECT, --answers", "give one of the two"
            )
        if self.suspect is not None and self.answers and self.local() is None:
            raise UsageError(
                "it takes either a suspect to ask or files of its answers; only one in a folder can be read besides",
                "SUSPECT, --answers",
                "give one of the two",
            )

    def local(self) -> LocalFolder | None:
        """The suspect's folder; None where it is elsewhere, or none is named. Raises as `local_folder`."""
        return None if self.suspect is None else local_folder(self.suspect, "SUSPECT")

    def folders(self, case: Case) -> Folders | None:
        """Where the models lie that are to be read; None where nothing is."""
        suspect = self.local()
        if suspect is None:
            return None
        twins = case.twins.reference_model if case.twins is not None else None
        return Folders(suspect.folder, self.marks_reference(case), self._beside(twins))

    def marks_reference(self, case: Case) -> Path | None:
        """Where the marking model lies; None where the case names none."""
        return self._beside(case.marks.reference_model if case.marks is not None else None)

    def _beside(self, name: str | None) -> Path | None:
        return None if name is None else self.case.parent / name


def run(wanted: Wanted, out: Path, progress: Progress, *, overwrite: bool = False) -> ProofReport:
    """Prove, and write ``prove.json``, ``prove.html`` and ``statement.html`` into ``out``, beside case and answers.

    A folder whose report is written is closed: called again, it is tested again, and nobody is asked.

    Raises `CaseMistakes`, `UsageError`, `InputError`, `StorageError`; `AskingError` where asking ended early: what was
    answered is kept, nothing is tested, and the next call goes on.
    """
    wanted.check()
    case = read_case(wanted.case)
    material = load(case, wanted.case.parent)  # what is wrong with a file is told before anything is written or asked
    folders = wanted.folders(case)
    if folders is not None:
        plan_reading(material, folders)
    plan_beside(material, wanted.marks_reference(case))
    kept = keep(case, wanted.case.parent, out, overwrite=overwrite)
    if overwrite:
        for name in (REPORT, PAGE, STATEMENT):
            (out / name).unlink(missing_ok=True)
    if not _closed(out, kept):
        our_own = _our_own(wanted, case, material, progress)
        if our_own is not None:
            wanted = wanted._replace(opener=our_own.once(wanted.opener))
        _answers(wanted, kept, out, progress, our_own, overwrite=overwrite)
        _beside(kept, out, progress, our_own, overwrite=overwrite)
    report = build_report(kept, out, progress)
    progress.step("writing results")
    write_whole(out / PAGE, render_page(report).encode())
    write_whole(out / STATEMENT, render_statement(report).encode())
    write_whole(out / REPORT, as_json(report))
    return report


def preview(wanted: Wanted) -> ProofPlan:
    """What `run` would ask, cost and could see. Nothing is asked or written."""
    case = read_case(wanted.case)
    material, folders = load(case, wanted.case.parent), wanted.folders(case)
    if folders is not None:
        material = material._replace(reading=plan_reading(material, folders))
    material = material._replace(beside=plan_beside(material, wanted.marks_reference(case)))
    if wanted.answers:
        return make_plan(material, None)
    return make_plan(material, None if wanted.suspect is None else open_model(wanted.suspect, "SUSPECT"))


def write_questions(wanted: Wanted, path: Path) -> int:
    """Write all questions as JSON lines, for a suspect that is asked elsewhere; returns how many.

    Raises `StorageError` and what `read_case` raises.
    """
    questions = questions_of(load(read_case(wanted.case), wanted.case.parent))
    write_whole(path, b"".join(msgspec.json.encode(question) + b"\n" for question in questions))
    return len(questions)


class _OurOwn(NamedTuple):
    """The marking model, loaded before anybody is asked: that it cannot be is told then, and not when all is paid."""

    folder: Path
    model: OpenModel
    plan: BesidePlan

    def once(self, opener: Opener) -> Opener:
        """An opener that does not load it a second time."""
        return lambda folder, device: self.model if folder == self.folder else opener(folder, device)


def _our_own(wanted: Wanted, case: Case, material: Material, progress: Progress) -> _OurOwn | None:
    """None where none is read along answers. Raises `InputError`, and `PluginError` where an extra is missing."""
    folder = wanted.marks_reference(case)
    plan = plan_beside(material, folder, progress)
    if folder is None or plan is None:
        return None
    local = wanted.local()
    return _OurOwn(folder, wanted.opener(folder, "" if local is None else local.device), plan)


def _beside(kept: KeptCase, out: Path, progress: Progress, our_own: _OurOwn | None, *, overwrite: bool) -> None:
    """Have our own model read along the answers, where their head says that it is."""
    material = load(kept.case, kept.folder)
    said = read_said(out / ANSWERS, questions_of(material))
    plan = plan_beside_in(said.about)
    if plan is None:
        return
    if our_own is None or plan != our_own.plan:
        do = "name the folder in which it lies, as it was then, in [marks] reference_model"
        raise UsageError("is not the model that the answers' head says is read along them", "reference_model", do)
    read_beside_answers(material, plan, said, our_own.model, out / BESIDE, kept.digest, progress, overwrite=overwrite)


def _answers(
    wanted: Wanted, kept: KeptCase, out: Path, progress: Progress, our_own: _OurOwn | None, *, overwrite: bool
) -> None:
    """Have readings and answers sealed. Raises `AskingError` where either ended early and was not to be closed."""
    material = load(kept.case, kept.folder)
    questions, path = questions_of(material), out / ANSWERS
    if wanted.close and _some(path) and not overwrite:
        return
    read = _read(wanted, material, kept, out, progress, overwrite=overwrite)
    if our_own is not None:
        read |= beside_head(our_own.plan)
    if wanted.answers or wanted.suspect is None:
        seal_prepared(wanted.answers, material, questions, path, kept.digest, read, overwrite=overwrite)
        return
    head = about(kept.digest, **twins.head(material), **read)
    result, _ = ask_suspect(wanted.suspect, questions, path, head, wanted.budget, progress, overwrite=overwrite)
    if result.left and not wanted.close:
        done = result.answered + result.already
        raise AskingError(
            f"{result.stopped or 'asking ended early'}; {done:,} of {len(questions):,} questions are answered, "
            "and nothing was tested: call again to go on, or with --close to test these and ask no more",
            again=False,
        )


def _read(
    wanted: Wanted, material: Material, kept: KeptCase, out: Path, progress: Progress, *, overwrite: bool
) -> dict[str, Any]:
    """Have a suspect in a folder read, before it is asked; returns what the head of its answers tells of that."""
    folders, local = wanted.folders(kept.case), wanted.local()
    if folders is None or local is None or not (material.opened or material.pairs):
        return {}
    plan = with_hashes(plan_reading(material, folders), folders, progress)
    seal = read_suspect(
        material,
        plan,
        folders,
        out / READINGS,
        kept.digest,
        twins.head(material),
        lambda folder: wanted.opener(folder, local.device),
        progress,
        overwrite=overwrite,
    )
    return reading_head(plan, seal)


def _some(path: Path) -> bool:
    """Whether there are sealed answers."""
    return path.exists() and bool(read_sealed(path).entries)


def _closed(out: Path, kept: KeptCase) -> bool:
    """Whether the folder has its report already. Raises `InputError` for one of another case."""
    path = out / REPORT
    if not path.exists():
        return False
    try:
        report = msgspec.json.decode(path.read_bytes(), type=ProofReport)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be read: {error}", path, "name another folder, or give --overwrite") from None
    if report.case != kept.digest:
        raise InputError("is the report of another case", path, "name another folder, or give --overwrite")
    return True
