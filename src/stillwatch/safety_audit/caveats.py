"""What an audit cannot show, in sentences: what a difference is not, whose base it is, what was left unjudged."""

from __future__ import annotations

from stillwatch.campaigns.wording import counted, listed, percent, visible
from stillwatch.safety_audit.report import AuditReport, FigureResult, ModelResult
from stillwatch.safety_audit.words import ROLES, difference, labels, measured

__all__ = ["caveats"]

FEW_UNITS = 30
MUCH_MISSING = 0.1


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
    """Figures whose difference from the teacher could vanish in the answers that are missing."""
    named = labels(report.figures)
    shaky = [f"“{named[f.property, f.figure]}”" for f in report.figures if measured(f) and _rests_on_missing(f)]
    if not shaky:
        return ()
    return (
        f"Of {listed(shaky)}, so many answers failed or could not be judged that the difference could vanish in them, "
        "were they all to speak against it.",
    )


def _rests_on_missing(figure: FigureResult) -> bool:
    found = difference(figure, "suspect-teacher")
    if found is None or found.if_missing is None:
        return False
    shown = not found.simultaneous.low <= 0 <= found.simultaneous.high
    return shown and found.if_missing.low <= 0 <= found.if_missing.high


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
