"""From a kept case and its sealed answers to the report: the one way, for a first report and for checking one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from stillwatch import __version__
from stillwatch.campaigns.wording import counted
from stillwatch.progress import Progress
from stillwatch.proving.folder import ANSWERS, BESIDE, READINGS, KeptCase
from stillwatch.proving.material import Material, load
from stillwatch.proving.questions import questions_of
from stillwatch.proving.readings import beside
from stillwatch.proving.readings.read import load_readings, plan_in
from stillwatch.proving.report import Answered, ProofReport
from stillwatch.proving.said import case_of, read_said
from stillwatch.proving.statement import tell
from stillwatch.proving.testing import all_tests, corrected_for, untested
from stillwatch.proving.tiers import marks, twins

__all__ = ["as_json", "build_report"]

_LOCAL = (
    "The answers are sealed and the case is in their head. That neither was made anew shows only whoever had the seal "
    "before the report was known: have it stamped, or hand it on."
)
_ONE_LOOK = "The answers were tested once, when asking had ended; none was asked for afterwards."


def build_report(kept: KeptCase, out: Path, progress: Progress) -> ProofReport:
    """Test what is sealed in ``out``. The same case and answers give the same report, byte for byte.

    Raises `InputError` for files or seals that are broken.
    """
    progress.step("Reading")
    material = load(kept.case, kept.folder)
    said = read_said(out / ANSWERS, questions_of(material))
    settled = plan_in(said.about)
    readings = None
    if settled is not None:
        plan, seal = settled
        material = material._replace(reading=plan)
        readings = load_readings(out / READINGS, material, plan, seal, kept.digest)
    plan_beside = beside.plan_in(said.about)
    answers = None
    if plan_beside is not None:
        material = material._replace(beside=plan_beside)
        answers = beside.load_beside(out / BESIDE, material, plan_beside, said, kept.digest)
    tests = all_tests(material, said, progress, readings, {} if answers is None else answers.leans)
    report = ProofReport(
        stillwatch=__version__,
        claim=kept.case.claim,
        case=kept.digest,
        files=kept.files,
        tests=tests,
        planned=corrected_for(material),
        untested=untested(material),
        answered=said.facts,
        read=None if readings is None else readings.facts,
        beside=None if answers is None else answers.facts,
        examples=twins.examples(material, said),
        set_aside=material.set_aside,
        caveats=tuple(_caveats(material, said.facts, case_of(said.about) == kept.digest)),
    )
    return tell(report)


def as_json(report: ProofReport) -> bytes:
    """``prove.json``, byte for byte."""
    return msgspec.json.format(msgspec.json.encode(report, order="deterministic"), indent=1) + b"\n"


def _caveats(material: Material, answered: Answered, same: bool) -> Iterator[str]:
    """What bounds the whole report."""
    if material.reading is not None:
        yield from material.reading.left_out
    if not same:
        yield "The answers were sealed for another case than this one: nothing shows that it was settled before them."
    if answered.prepared:
        yield (
            "The answers were collected elsewhere. That they are the suspect's, whole and unpicked, is the word of "
            "whoever collected them."
        )
    else:
        yield (
            "What answers at an endpoint is tested, system prompt, filters and settings too. A neutralising filter "
            "at the endpoint, or one that answers known prompts from a list, changes what can be seen."
        )
    yield from _unread(material, answered)
    if answered.unused:
        yield f"{counted(answered.unused, 'line')} of the collected answers could not be used, and were set aside."
    missing = answered.planned - answered.answered
    if missing > 0 and missing > answered.planned // 10:
        yield f"{counted(missing, 'question')} of {answered.planned:,} planned have no answer; they count for no one."
    if answered.other:
        yield f"{counted(answered.other, 'sealed answer')} are to no question of the case, and were not used."
    if len(answered.says_it_is) > 1:
        yield "The endpoint named itself in several ways: it may be several models."
    if material.tried > len(material.opened) and material.opened:
        yield (
            f"{counted(material.tried - len(material.opened), 'key')} that were committed to are not opened here. They "
            "count in the correction as tested in vain."
        )
    yield _ONE_LOOK
    yield _LOCAL


def _unread(material: Material, answered: Answered) -> Iterator[str]:
    """That the suspect's probabilities would have said more, where they were not read."""
    case = material.case
    named = [part.reference_model for part in (case.marks, case.twins) if part is not None]
    readable = material.pairs or any(not marks.is_text(opened) for opened in material.opened)
    if material.reading is None and readable and (answered.prepared or any(named)):
        yield (
            "The suspect's own probabilities, which show more than its answers, were not read: that takes a suspect in "
            "a folder, named in the command."
        )
