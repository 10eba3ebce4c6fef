"""The statement that an executive reads: what was asked, what was found, how sure that is, what else may explain it.

Four paragraphs, a heading on the first line of each; the same text stands in ``audit.json``, on top of the page and
on the page of its own. It says what was measured and never who is to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from stillwatch.campaigns.wording import count, counted, listed, sentence, visible
from stillwatch.safety_audit.caveats import caveats
from stillwatch.safety_audit.report import AuditReport, FigureResult, Reading
from stillwatch.safety_audit.rounding import differing, gap, known, points
from stillwatch.safety_audit.words import difference, false_alarm, finding, labels, losses, measured

__all__ = ["Paragraph", "counts", "headline", "paragraphs", "statement", "tell"]

_NAMED, _EXPLAINED = 4, 2


class Paragraph(msgspec.Struct, frozen=True):
    """A part of the statement: its heading, its sentences, and its points."""

    heading: str
    said: str
    points: tuple[str, ...]


def tell(report: AuditReport) -> AuditReport:
    """The report with its words: the finding of each figure, the statement, and the caveats after those it has."""
    figures = tuple(msgspec.structs.replace(f, words=finding(f, report.margin)) for f in report.figures)
    report = msgspec.structs.replace(report, figures=figures)
    added = tuple(said for said in caveats(report) if said not in report.caveats)
    return msgspec.structs.replace(report, caveats=(*report.caveats, *added), statement=statement(report))


def counts(report: AuditReport) -> dict[str, tuple[FigureResult, ...]]:
    """The safety figures by reading, and those that were ``not measured``."""
    found: dict[str, list[FigureResult]] = {}
    for figure in report.figures:
        if figure.safety:
            found.setdefault(figure.reading if measured(figure) else "not measured", []).append(figure)
    return {reading: tuple(figures) for reading, figures in found.items()}


def headline(report: AuditReport) -> str:
    """The one sentence at the top."""
    by = counts(report)
    judged = sum(len(figures) for reading, figures in by.items() if reading != "not measured")
    if not judged:
        return "Nothing can be said: no safety figure was measured."
    lost, below, inherited = (len(by.get(r, ())) for r in ("worse than both", "worse than teacher", "as its base"))
    still_open = len(by.get("open", ()))
    if lost:
        return f"On {_of(lost, judged)}, the suspect lost what its own base had."
    if below:
        return (
            f"On {_of(below, judged)}, the suspect is worse than the teacher; whether that was lost on the way is not "
            "known."
        )
    if inherited:
        also = f"; {_are(still_open)} still open" if still_open else ""
        return f"Nothing shows that safety was lost on the way: where the suspect is worse, its base already was{also}."
    if still_open == judged:
        return "Too early to say: the intervals are too wide to tell a loss from none."
    also = f"; {_are(still_open)} still open" if still_open else ""
    return f"No loss of safety was found on {_figures(judged)}{also}."


def _of(some: int, judged: int) -> str:
    if judged == 1:
        return "the one safety figure that was measured"
    return f"all {judged} safety figures" if some == judged else f"{some} of {judged} safety figures"


def _figures(number: int) -> str:
    return "the one safety figure that was measured" if number == 1 else f"{number} safety figures"


def _are(number: int) -> str:
    return "1 is" if number == 1 else f"{number} are"


def statement(report: AuditReport) -> str:
    """The whole statement: paragraphs with a blank line between, each below its heading."""
    parts = (
        ("What was asked", _asked(report)),
        ("What was found", [f"- {said}" for said in _found(report)]),
        ("How sure this is", _sure(report)),
        ("What else could explain it" if _worse(report) else "What it does not show", _otherwise(report)),
    )
    return "\n\n".join(f"{heading}\n{_joined(said)}" for heading, said in parts)


def _joined(said: Sequence[str]) -> str:
    """Sentences one after the other; points below each other, unless there is only one."""
    if len(said) == 1:
        return said[0].removeprefix("- ")
    return "\n".join(said) if said[0].startswith("- ") else " ".join(said)


def paragraphs(text: str) -> tuple[Paragraph, ...]:
    """A statement in its parts; a paragraph of one line has no heading."""
    found = []
    for part in text.split("\n\n"):
        lines = [line for line in part.split("\n") if line.strip()]
        heading = lines.pop(0) if len(lines) > 1 else ""
        points = tuple(line.removeprefix("- ") for line in lines if line.startswith("- "))
        said = " ".join(line for line in lines if not line.startswith("- "))
        if lines:
            found.append(Paragraph(heading, said, points))
    return tuple(found)


def _asked(report: AuditReport) -> list[str]:
    models = {model.role: f"“{visible(model.name, limit=60)}”" for model in report.models}
    if not {"suspect", "teacher"} <= set(models):
        return ["Suspect and teacher were not both asked."]
    who = f"{models['suspect']} (the suspect) and {models['teacher']} (the teacher, which it is held against)"
    if "base" in models:
        who = (
            f"{models['suspect']} (the suspect), {models['teacher']} (the teacher, which it is held against) and "
            f"{models['base']} (the base, which the suspect is said to come from)"
        )
    asked = [model.asked for model in report.models if model.role != "judge"]
    each = f"{count(min(asked))}" if min(asked) == max(asked) else f"{count(min(asked))} to {count(max(asked))}"
    requests = "1 request" if each == "1" else f"{each} requests"
    tongues = counted(len(report.languages), "language")
    done = [figure for figure in report.figures if measured(figure)]
    safety = sum(figure.safety for figure in done)
    beside = f" and {counted(len(done) - safety, 'other')}" if len(done) > safety else ""
    return [
        f"{who} were asked the same questions, {requests} each, in {tongues}.",
        f"{counted(safety, 'safety figure')}{beside} came out of it." if done else "No figure came out of it.",
        "What counts is the difference between the models, never a figure of one model alone.",
    ]


def _found(report: AuditReport) -> list[str]:
    by = counts(report)
    judged = sum(len(figures) for reading, figures in by.items() if reading != "not measured")
    if not judged:
        return [
            "No safety figure was measured, so nothing can be said of it.",
            *_unmeasured(by.get("not measured", ()), report),
            *_beside(report),
        ]
    said: list[str] = []
    worse = any(by.get(reading) for reading in ("worse than both", "worse than teacher", "as its base"))
    if not worse and len(by.get("open", ())) < judged:
        said.append("No loss of safety was found.")
    for reading, told in _SENTENCES:
        figures = by.get(reading, ())
        if figures:
            first = not any(line.startswith("On ") for line in said)
            where = _of(len(figures), judged) if first else counted(len(figures), "figure")
            said.append(f"On {where} {told(figures, report)}")
    said += _unmeasured(by.get("not measured", ()), report)
    return [*said, *_beside(report)]


def _lost(figures: Sequence[FigureResult], report: AuditReport) -> str:
    return (
        "the suspect is worse than the teacher and worse than its own base, by more than chance explains: "
        f"{_with_gaps(figures, report)}. What the base had of this was lost on the way."
    )


def _below(figures: Sequence[FigureResult], report: AuditReport) -> str:
    compared = any(model.role == "base" for model in report.models)
    why = "the comparison with its base is open" if compared else "no base was compared"
    return (
        f"the suspect is worse than the teacher, by more than chance explains: {_with_gaps(figures, report)}. As "
        f"{why}, a loss on the way is not shown."
    )


def _inherited(figures: Sequence[FigureResult], report: AuditReport) -> str:
    return (
        f"the suspect is worse than the teacher, but so is its base already: {_names(figures, report)}. Nothing shows "
        "that this was lost on the way."
    )


def _better(figures: Sequence[FigureResult], report: AuditReport) -> str:
    return f"the suspect is better than the teacher: {_names(figures, report)}."


def _alike(figures: Sequence[FigureResult], report: AuditReport) -> str:
    margin = points(report.margin)
    return f"the suspect differs from the teacher by no more than the margin of {margin}: {_names(figures, report)}."


def _open(figures: Sequence[FigureResult], report: AuditReport) -> str:
    return f"the intervals are too wide to tell: {_names(figures, report)}."


_SENTENCES: tuple[tuple[Reading, Callable[[Sequence[FigureResult], AuditReport], str]], ...] = (
    ("worse than both", _lost),
    ("worse than teacher", _below),
    ("as its base", _inherited),
    ("better", _better),
    ("no difference", _alike),
    ("open", _open),
)


def _unmeasured(figures: Sequence[FigureResult], report: AuditReport) -> list[str]:
    if not figures:
        return []
    return [f"Not measured: {_names(figures, report)}."]


def _beside(report: AuditReport) -> list[str]:
    """The figures that are no safety figures, in a sentence."""
    beside = [figure for figure in report.figures if not figure.safety and measured(figure)]
    apart = [f for f in beside if f.reading not in ("open", "no difference")]
    if not beside:
        return []
    if not apart:
        return []
    return [f"Beside safety, suspect and teacher differ in {_with_gaps(apart, report)}."]


def _names(figures: Sequence[FigureResult], report: AuditReport) -> str:
    named = labels(report.figures)
    return listed([f"“{named[f.property, f.figure]}”" for f in figures], most=_NAMED)


def _with_gaps(figures: Sequence[FigureResult], report: AuditReport) -> str:
    """Figures with how far the suspect is from the teacher, the farthest first."""
    named = labels(report.figures)
    ranked = sorted(figures, key=lambda f: (-_size(f), f.property, f.figure))
    parts = []
    for figure in ranked:
        against = difference(figure, "suspect-teacher")
        far = "" if against is None else f" ({gap(figure, against).replace(' (', ', ').removesuffix(')')})"
        parts.append(f"“{named[figure.property, figure.figure]}”{far}")
    return listed(parts, most=_NAMED)


def _size(figure: FigureResult) -> float:
    against = difference(figure, "suspect-teacher")
    return abs(differing(figure, against).value) if against is not None and known(against.simultaneous) else 0.0


def _sure(report: AuditReport) -> list[str]:
    said = [false_alarm(report)]
    done = [figure for figure in report.figures if measured(figure)]
    if not done:
        return said
    unseen = max((_unseen(figure) for figure in done if figure.safety), default=0.0)
    if unseen > 0:
        size = "Any loss" if unseen >= 1 else f"A loss of up to {points(unseen)}"
        said.append(f"{size} could have gone unseen on the safety figure that is known least.")
    corrected = sum(figure.judge is not None and figure.judge.corrected for figure in done)
    if corrected == len(done):
        said.append("How often the judges of the answers err was measured, and is taken out.")
    elif corrected:
        said.append(
            f"How often the judges of the answers err was measured and taken out for {corrected} of {len(done)} "
            "figures; for the others it is not known or not taken out."
        )
    else:
        said.append("How often the judges of the answers err is not taken out.")
    return said


def _unseen(figure: FigureResult) -> float:
    """How much worse than the teacher the suspect may be on a figure on which no loss was found."""
    against = difference(figure, "suspect-teacher")
    if against is None or figure.reading in ("worse than both", "worse than teacher", "as its base"):
        return 0.0
    return max(-differing(figure, against).low, 0.0)


def _first(text: str) -> str:
    """The first sentence; the rest stands with the figure."""
    return text.strip().partition(". ")[0]


def _worse(report: AuditReport) -> list[FigureResult]:
    """The safety figures with a loss, the largest first."""
    return sorted(losses(report), key=lambda f: (-_size(f), f.property, f.figure))


def _otherwise(report: AuditReport) -> list[str]:
    worse = _worse(report)
    if not worse:
        return [
            "A model can do well on these questions and badly on others, and what is open may still turn out either "
            "way. Who made the suspect, and from what, the audit does not say."
        ]
    named = labels(report.figures)
    said = [
        "Fine-tuning, distilling or compressing a model is known to cost it restraint with nobody intending it, and a "
        "system prompt or filter at an endpoint counts as the model here."
    ]
    said += [
        f"On “{named[f.property, f.figure]}”: {sentence(_first(f.innocent_reading))}"
        for f in worse[:_EXPLAINED]
        if f.innocent_reading.strip()
    ]
    return [*said, "The audit does not say who made the suspect, from what, or that anything was meant."]
