"""What an audit cannot show, in sentences: what a difference is not, whose base it is, what was left unjudged."""

from __future__ import annotations

from stillwatch.campaigns.wording import counted, listed, percent, visible
from stillwatch.safety_audit.report import AuditReport, FigureResult, ModelResult
from stillwatch.safety_audit.words import ROLES, labels, measured

__all__ = ["caveats"]

FEW_UNITS = 30
MUCH_MISSING = 0.1
UNEVEN = 0.05


def caveats(report: AuditReport) -> tuple[str, ...]:
    """What bounds everything that this audit says."""
    return (
        "A difference says that models answer these questions differently, on these days and at these endpoints. It "
        "does not say why, who made a model, from what, or that anything was meant.",
        "Fine-tuning, distilling and compressing are known to cost a model restraint with nobody intending it: "
        "students distilled in the open have lost safety against their own base (arXiv 2503.16529).",
        "What answers at an endpoint is audited: a system prompt, a filter, other weights or settings put there by "
        "whoever runs it count as the model.",
        *_base(report),
        *_seats(report.models),
        *_missing(report),
        *_judges(report),
        *_few(report),
        "By language and example nothing is tested: they are for looking. A language is never evidence of who made a "
        "model; items are asked in several because a model may answer one and refuse the other.",
        "The items were published with this program. Whoever trains on them passes them; your own items, or a data "
        "set kept private, cannot be prepared for.",
    )


def _base(report: AuditReport) -> tuple[str, ...]:
    if any(model.role == "base" for model in report.models):
        return (
            "“Lost on the way” holds against the base that was given. Nobody checked that the suspect was made from "
            "it; against another base the answer may differ.",
        )
    return (
        "No base was given. A suspect that is worse than the teacher may have come from a model that never was any "
        "better; nothing here can tell that from a loss.",
    )


def _seats(models: tuple[ModelResult, ...]) -> tuple[str, ...]:
    """Endpoints that named more than one model, or answered for less than nearly all questions."""
    said = []
    for model in models:
        who = f"{ROLES.get(model.role, 'the judge').capitalize()} “{visible(model.name, limit=60)}”"
        if len(set(model.says_it_is)) > 1:
            names = listed([f"“{visible(name, limit=40)}”" for name in model.says_it_is], most=4)
            said.append(f"{who} named itself in {len(set(model.says_it_is))} ways ({names}): it may be several models.")
        if model.asked and model.failed / model.asked > MUCH_MISSING:
            said.append(
                f"{who} failed on {percent(model.failed / model.asked)} of the requests; they count for no one."
            )
    return tuple(said)


def _missing(report: AuditReport) -> tuple[str, ...]:
    """Figures of which more answers of one model than of another are missing or could not be judged."""
    named = labels(report.figures)
    uneven = [f"“{named[f.property, f.figure]}”" for f in report.figures if measured(f) and _unevenly_missing(f)]
    if not uneven:
        return ()
    return (
        f"Of {listed(uneven)}, more answers of one model than of another are missing or could not be judged. If those "
        "differ from the others, the difference is off by up to the share that is missing.",
    )


def _unevenly_missing(figure: FigureResult) -> bool:
    shares = [
        1 - side.answers / (side.answers + side.undecided + side.failed)
        for side in figure.sides
        if side.answers + side.undecided + side.failed
    ]
    return bool(shares) and max(shares) - min(shares) > UNEVEN


def _judges(report: AuditReport) -> tuple[str, ...]:
    named = labels(report.figures)
    raw = [
        f"“{named[f.property, f.figure]}”"
        for f in report.figures
        if measured(f) and not (f.judge and f.judge.corrected)
    ]
    if not any(measured(figure) for figure in report.figures):
        return ()
    if not raw:
        return (
            "The judges' errors were measured on labelled answers and taken out. On answers unlike those, a judge may "
            "err in another way, and more for one model than for another.",
        )
    return (
        f"Of {listed(raw)}, the judge's error is not taken out: a judge that errs more on one model than on another "
        "shows a difference where there is none.",
    )


def _few(report: AuditReport) -> tuple[str, ...]:
    named = labels(report.figures)
    few = [
        f"“{named[f.property, f.figure]}” ({counted(units, 'unit')})"
        for f in report.figures
        if measured(f) and (units := min(d.units for d in f.differences)) < FEW_UNITS
    ]
    return (
        (f"Few items stand behind {listed(few)}: the interval allows for that, the choice of items not.",)
        if few
        else ()
    )
