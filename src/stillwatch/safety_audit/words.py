"""What an audit found, figure by figure, in plain sentences; the page and the terminal say the same.

Titles come from properties (so also from plugins), names from endpoints: all of them go through
`stillwatch.campaigns.wording.visible`. Nothing here says who made a model, or that anything was meant.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from stillwatch.campaigns.wording import chances, count, counted, date, percent, probability, visible
from stillwatch.safety_audit.report import AuditReport, Contrast, Difference, FigureResult, JudgeError, Reading
from stillwatch.safety_audit.rounding import differing, gap, known, points, share, signed, value

__all__ = [
    "CONTRASTS",
    "ROLES",
    "STOPPED",
    "Told",
    "difference",
    "false_alarm",
    "finding",
    "half_width",
    "judge_error",
    "labels",
    "losses",
    "measured",
    "method",
    "moment",
    "price",
    "property_title",
    "ranked",
    "small",
    "told",
    "width",
]

ROLES: Mapping[str, str] = {"suspect": "the suspect", "teacher": "the teacher", "base": "its base"}
CONTRASTS: Mapping[Contrast, str] = {
    "suspect-teacher": "suspect against teacher",
    "suspect-base": "suspect against its base",
    "base-teacher": "base against teacher",
}


class Told(msgspec.Struct, frozen=True):
    """A reading for a person: the few words of its badge, the ``tone`` of its colour, and what it means."""

    short: str
    tone: str
    meaning: str


_READINGS: Mapping[Reading, Told] = {
    "worse than both": Told(
        "lost on the way",
        "loss",
        "Worse than the teacher and worse than its own base, by more than chance explains: what the base had was lost "
        "between the base and the suspect, by whatever was done in between.",
    ),
    "worse than teacher": Told(
        "worse than the teacher",
        "doubt",
        "Worse than the teacher by more than chance explains. Whether its base had it is not known, so whether this "
        "was lost on the way or never there cannot be told.",
    ),
    "as its base": Told(
        "as its base",
        "clear",
        "Worse than the teacher, as its base already was, and not worse than that base by more than the margin: "
        "nothing shows that it was lost on the way.",
    ),
    "better": Told("better", "clear", "Better than the teacher by more than chance explains."),
    "no difference": Told(
        "no difference",
        "clear",
        "The whole interval lies within the margin that was said beforehand not to matter.",
    ),
    "open": Told(
        "open", "untried", "The interval is too wide to tell a difference from none: more answers are needed."
    ),
}
_BESIDE: Mapping[Reading, Told] = {
    "worse than both": Told("differs", "doubt", "Differs from the teacher and from its own base by more than chance."),
    "worse than teacher": Told("differs", "doubt", "Differs from the teacher by more than chance explains."),
    "as its base": Told(
        "as its base", "clear", "Differs from the teacher by more than chance explains, as its base does."
    ),
    "better": Told("differs", "doubt", "Differs from the teacher by more than chance explains."),
    "no difference": _READINGS["no difference"],
    "open": _READINGS["open"],
}
_UNMEASURED = Told("not measured", "untried", "There is no figure, so nothing is said, in either direction.")
_NO_SAFETY = "This figure is shown beside the others and is not counted as safety."


def measured(figure: FigureResult) -> bool:
    """Whether the suspect was compared with the teacher."""
    found = difference(figure, "suspect-teacher")
    return figure.stopped != "not measured" and found is not None and found.units > 0 and known(found.simultaneous)


def losses(report: AuditReport) -> tuple[FigureResult, ...]:
    """The safety figures in which the suspect is worse: than both, or than the teacher where no base was compared."""
    worse = ("worse than both", "worse than teacher")
    return tuple(f for f in report.figures if f.safety and measured(f) and f.reading in worse)


def told(figure: FigureResult) -> Told:
    """What a figure's reading is called, and what it means."""
    if not measured(figure):
        return _UNMEASURED
    if figure.safety:
        return _READINGS[figure.reading]
    said = _BESIDE[figure.reading]
    return Told(said.short, said.tone, f"{said.meaning} {_NO_SAFETY}")


def difference(figure: FigureResult, contrast: Contrast) -> Difference | None:
    """One contrast of a figure, or None where it was not made."""
    return next((each for each in figure.differences if each.contrast == contrast), None)


def labels(figures: Sequence[FigureResult]) -> dict[tuple[str, str], str]:
    """How each figure is called, by (property, figure): its title, and its own name where several share a title."""
    often = Counter(figure.title for figure in figures)
    return {(f.property, f.figure): _label(f, alone=often[f.title] == 1) for f in figures}


def _label(figure: FigureResult, *, alone: bool) -> str:
    title = visible(figure.title or figure.figure, limit=90)
    return title if alone else f"{title}: {visible(figure.figure.replace('_', ' '), limit=40)}"


_WEIGHTS = ("worse than both", "worse than teacher", "open", "as its base", "better", "no difference", "not measured")


def ranked(figures: Sequence[FigureResult]) -> list[FigureResult]:
    """Safety figures first, and of those the losses, then what is open; else in the order of the audit."""
    return sorted(figures, key=lambda f: (not f.safety, _WEIGHTS.index(f.reading if measured(f) else "not measured")))


def property_title(name: str, figures: Sequence[FigureResult]) -> str:
    """The heading of a property: the title that its figures share, or its name in words."""
    titles = {figure.title for figure in figures}
    if len(titles) == 1 and (only := titles.pop()):
        return visible(only, limit=90)
    shown = visible(name.replace("_", " ").strip(), limit=60)
    return shown[:1].upper() + shown[1:]


def finding(figure: FigureResult, margin: float) -> str:
    """The finding of a figure in one or two plain sentences, with its numbers."""
    if not measured(figure):
        return _not_measured(figure)
    against = difference(figure, "suspect-teacher")
    if against is None:
        return _not_measured(figure)
    return f"{_standing(figure)} {_compared(figure, against, margin)}"


def _not_measured(figure: FigureResult) -> str:
    judged, failed = sum(s.answers for s in figure.sides), sum(s.failed for s in figure.sides)
    undecided = sum(side.undecided for side in figure.sides)
    if judged:
        return f"Not measured: {counted(judged, 'answer')} could be judged, too few to compare suspect and teacher."
    if undecided:
        which = "the only answer could not" if undecided == 1 else f"none of {count(undecided)} answers could"
        return f"Not measured: {which} be judged."
    if failed:
        return f"Not measured: no answer came to {'the only request' if failed == 1 else counted(failed, 'request')}."
    return "Not measured: no answer was judged on it; some figures need a judging model."


def _standing(figure: FigureResult) -> str:
    """Where each model stands."""
    order = {role: place for place, role in enumerate(ROLES)}
    sides = sorted((side for side in figure.sides if side.units and known(side.estimate)), key=lambda s: order[s.role])
    said = ", ".join(f"{ROLES[side.role]} is at {value(figure, side.estimate)}" for side in sides)
    said = said.replace("is at at ", "is at ")
    return f"{said[:1].upper()}{said[1:]}."


def _compared(figure: FigureResult, against: Difference, margin: float) -> str:
    far = f"Against the teacher that is {gap(figure, against)}"
    base = difference(figure, "suspect-base")
    from_base = f"against its own base {'unknown' if base is None else gap(figure, base)}"
    match figure.reading:
        case "worse than both":
            return f"{far}; {from_base}{': what the base had was lost on the way' if figure.safety else ''}."
        case "worse than teacher":
            why = "no base was compared" if base is None or not base.units else f"{from_base}"
            return f"{far}; {why}, so {'a loss on the way' if figure.safety else 'a change on the way'} is not shown."
        case "as its base":
            return f"{far}, but its base already was{_in_brackets(figure, 'base-teacher')}; {from_base}."
        case "better":
            return f"{far}."
        case "no difference":
            return f"{far}, within the margin of {points(margin)}."
        case "open":
            return f"{far}{_why_open(figure, against, margin)}."


def _why_open(figure: FigureResult, against: Difference, margin: float) -> str:
    """Too wide; or, where zero is best, as far from zero, but to another side."""
    apart = differing(figure, against)
    if figure.better == "zero" and -margin < apart.low and apart.high < margin:
        return f", but to another side: {signed(against.simultaneous)}"
    return ", too wide to tell"


def _in_brackets(figure: FigureResult, contrast: Contrast) -> str:
    found = difference(figure, contrast)
    return "" if found is None else f" ({gap(figure, found).replace(' (', ', ').removesuffix(')')})"


def false_alarm(report: AuditReport) -> str:
    """How often a difference is reported where there is none, in one sentence."""
    number = sum(len(figure.differences) for figure in report.figures if measured(figure))
    if not number:
        return "No difference was measured."
    rate = chances(1 - report.level)
    if number == 1:
        return f"If the models did not differ at all, the chance of a difference being reported is at most {rate}."
    return (
        f"The {count(number)} differences of this audit are judged together, at {percent(report.level)}: if the models "
        f"did not differ at all, the chance that any of them is reported is at most {rate}."
    )


def judge_error(judge: JudgeError | None) -> str:
    """How often a figure's judge errs, and whether that was taken out, in a sentence or two."""
    if judge is None:
        return "How often its judge errs was not measured, so nothing was taken out."
    who = "rules" if judge.judge == "rules" else f"the model “{visible(judge.judge, limit=60)}”"
    whose = "shipped with Stillwatch" if judge.source == "own" else visible(judge.source, limit=80)
    done = "This error is taken out of the estimates" if judge.corrected else "This error is not taken out"
    carried = ", and what is not known of it widens the intervals." if judge.corrected else "."
    if not judge.labelled:
        return f"Judged by {who}; no labelled answers were at hand, so how often that errs is not known."
    return (
        f"Judged by {who}, measured on {counted(judge.labelled, 'labelled answer')} ({whose}): it finds "
        f"{share(judge.sensitivity)} of what is there, and passes {share(judge.specificity)} of what is "
        f"not. {done}{carried}"
    )


STOPPED: Mapping[str, str] = {
    "narrow enough": "its intervals are narrow enough",
    "all asked": "every item was asked",
    "budget": "the budget was spent",
    "not measured": "it could not be measured",
}


def small(p_value: float) -> str:
    """A p-value; below one in a million no curve is to be believed, so no such number is said."""
    return "under 10⁻⁶" if 0 <= p_value < 1e-6 else probability(p_value)


def moment(written: str) -> str:
    """A time in ISO 8601 in words, ``27 November 2026, 21:35 UTC``; anything else as it is."""
    try:
        read = dt.datetime.fromisoformat(written).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return visible(written, limit=40)
    return f"{date(read)}, {read:%H:%M} UTC"


def price(cost: float | None) -> str:
    """What a model's answers cost, in the currency of the prices given."""
    if cost is None:
        return "no price given"
    return f"{cost:,.2f}" if math.isfinite(cost) else "unknown"


def width(figure: FigureResult) -> str:
    """How wide the suspect's difference from the teacher is known: ``± 8 points``."""
    against = difference(figure, "suspect-teacher")
    if not measured(figure) or against is None:
        return "not measured"
    interval = differing(figure, against)
    return f"±\u00a0{points((interval.high - interval.low) / 2)}"


def half_width(report: AuditReport) -> str:
    """How narrow an interval is asked for."""
    return points(report.width)


def method(report: AuditReport) -> tuple[str, ...]:
    """How the figures came about, in sentences."""
    return (
        "Every model was asked the same questions with the same settings. Questions that belong together (in other "
        "languages or wordings, or from the two sides of a pair) are one unit; a unit's score is the mean over its "
        "answers, and everything counts units, because answers to one question are not independent.",
        "Differences are taken unit by unit, over the units that were judged for both models. What could not be judged "
        "counts for no one.",
        false_alarm(report),
        "A real difference that is smaller than its interval can be missed: “no difference” is said only where the "
        f"whole interval lies within {points(report.margin)}, and “open” where it does not.",
        "Answers were judged as they came and sealed at once. Of a harmful request nothing is kept but a hash of each "
        "answer, its length and its judgement.",
    )
