"""What a drill found, in sentences and figures; the page and the terminal say the same.

Names of adversaries, evasions and kinds come from files that a user wrote: all of them go through
`stillwatch.campaigns.wording.visible`. A figure that is not known is called unknown and never left out, because a
drill with too few minutes is an ordinary one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from stillwatch.campaigns.wording import count, counted, listed, percent, sentence, visible
from stillwatch.drill.report import Adversary, Bounded, Carried, Cell, DrillReport, Innocents, Smallest, Timing

__all__ = [
    "adversaries",
    "aims",
    "answers",
    "bounded",
    "campaign",
    "carrier",
    "chance",
    "day",
    "everyone",
    "half_found",
    "headline",
    "innocents",
    "known",
    "name",
    "near",
    "openness",
    "outwards",
    "per_million",
    "recommended",
    "reference",
    "smallest",
    "usual",
    "worked",
]

USUAL_ACCOUNTS, USUAL_COVER = 50, 0.3
FEW_TRIALS = 10
TARGET = 0.9
UNKNOWN = "unknown"


def known(value: float | None) -> bool:
    """Whether there is a figure: not null, not NaN, not infinite."""
    return value is not None and math.isfinite(value)


def name(text: str) -> str:
    """A name from a user's file in quotation marks."""
    return f"“{visible(text, limit=60)}”"


def chance(value: float | None) -> str:
    """A probability with two figures, never rounded to a certainty that it does not have: ``0.94``, ``over 0.999``."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value in (0, 1):
        return f"{value:.0f}"
    if 0.01 <= round(value, 2) <= 0.99:
        return f"{value:.2f}"
    if value < 0.0005:
        return "under 0.001"
    return f"{value:.3f}" if value < 0.9995 else "over 0.999"


def bounded(found: Bounded) -> str:
    """A probability with its interval: ``0.94 (0.80 to 0.99)``; without a trial, that it is unknown."""
    if not known(found.value):
        return UNKNOWN
    return f"{chance(found.value)} ({chance(found.low)} to {chance(found.high)})"


def per_million(rate: Bounded) -> str:
    """A rate per million with its interval: ``0 (at most 1,300)``, ``120 (31 to 480)``; ends rounded outwards."""
    if rate.value is None or not math.isfinite(rate.value):
        return f"unknown (at most {outwards(rate.high)})" if known(rate.high) else UNKNOWN
    if not rate.low > 0:
        return f"{count(rate.value)} (at most {outwards(rate.high)})"
    return f"{count(rate.value)} ({outwards(rate.low, down=True)} to {outwards(rate.high)})"


def outwards(rate: float, *, down: bool = False) -> str:
    """Two figures of a rate, rounded so that the interval stays at least as wide."""
    if not math.isfinite(rate):
        return UNKNOWN
    if rate <= 0:
        return "0"
    step = 10.0 ** max(math.floor(math.log10(rate)) - 1, 0)
    return count((math.floor(rate / step + 1e-9) if down else math.ceil(rate / step - 1e-9)) * step)


def day(days: float) -> str:
    """A number of days as a count of them."""
    if not math.isfinite(days):
        return UNKNOWN
    return counted(days, "day")


def campaign(cell: Cell | Timing) -> str:
    """A campaign's size: ``50 accounts taking 30 exchanges each, 30 % of them cover``."""
    cover = "none of them cover" if cell.cover <= 0 else f"{percent(cell.cover)} of them cover"
    return f"{counted(cell.accounts, 'account')} taking {counted(cell.exchanges, 'exchange')} each, {cover}"


def near(report: DrillReport, adversary: str) -> Cell | None:
    """An adversary's measured cell nearest to 50 accounts, 30 % cover and its usual exchanges; None without a trial.

    The size is fixed beforehand, so that nobody picks the one that flatters.
    """
    usual_exchanges = next((a.exchanges for a in report.adversaries if a.name == adversary), 0.0)
    cells = [c for c in report.cells if c.adversary == adversary and c.trials > 0 and known(c.found.value)]
    return min(
        cells,
        key=lambda c: (
            abs(math.log(max(c.accounts, 1) / USUAL_ACCOUNTS)),
            abs(c.cover - USUAL_COVER),
            abs(c.exchanges - usual_exchanges),
            c.exchanges,
        ),
        default=None,
    )


def adversaries(report: DrillReport) -> tuple[Adversary, ...]:
    """The adversaries that are not another one with an evasion: those are told of by their evasions."""
    evading = {evasion.name for evasion in report.evasions}
    return tuple(adversary for adversary in report.adversaries if adversary.name not in evading)


def usual(report: DrillReport) -> tuple[Cell, ...]:
    """The cell of each adversary near the usual size, the least found first."""
    cells = [cell for a in adversaries(report) if (cell := near(report, a.name)) is not None]
    return tuple(sorted(cells, key=lambda c: (c.found.value or 0.0, c.adversary)))


def reference(report: DrillReport) -> Cell | None:
    """What the headline speaks of: the middle adversary, by how often it is found, near the usual size.

    The middle one neither flatters nor frightens; of an even number the harder one of the two. None without a trial.
    """
    cells = usual(report)
    return cells[(len(cells) - 1) // 2] if cells else None


def headline(report: DrillReport) -> str:
    """The one sentence that an executive reads."""
    cell = reference(report)
    if cell is None:
        return "Nothing can be said yet: the drill ended before it had judged a single planted campaign."
    said = f"n your traffic, a campaign of {campaign(cell)}, is found with probability {bounded(cell.found)}"
    if cell.trials < FEW_TRIALS:
        return f"Too early to say: i{said}, after {counted(cell.trials, 'trial')}."
    return f"I{said}."


def answers(report: DrillReport) -> tuple[str, ...]:
    """What follows the headline: who that is, who is easier and harder, how soon, what it takes, and the innocent."""
    cell = reference(report)
    said: list[str] = []
    if cell is not None:
        cells = usual(report)
        if len(cells) > 1:
            said.append(
                f"That is {name(cell.adversary)}, the middle one of the {len(cells)} adversaries by how often they "
                f"are found at about this size. {_spread(cells[0], cells[-1])}"
            )
        else:
            said.append(f"That is {name(cell.adversary)}, the only adversary measured.")
        said += [*_reach(report, cell), *half_found(report, cell.adversary)]
    said.append(f"Innocent accounts accused, per million: {innocents(report.innocents)}.")
    return tuple(said)


def _spread(hardest: Cell, easiest: Cell) -> str:
    """Who is the hardest and who the easiest to find, if that is more than chance."""
    if not hardest.found.high < easiest.found.low:
        return "None of them is shown to be easier or harder to find than another yet."
    return f"The hardest to find is {_found(hardest)}; the easiest is {_found(easiest)}."


def _found(cell: Cell) -> str:
    size = "" if cell.accounts == USUAL_ACCOUNTS else f" at {counted(cell.accounts, 'account')}"
    return f"{name(cell.adversary)}{size}, found with probability {bounded(cell.found)}"


def _reach(report: DrillReport, cell: Cell) -> list[str]:
    """From what size on the headline's adversary is found, and which adversaries never are."""
    rows = [s for s in report.smallest if _tried(report, s)]
    if not rows:
        return []
    reached = {row.adversary for row in rows if row.accounts is not None}
    if not reached:
        return ["No adversary is found with probability 0.9 at any of the sizes tried."]
    said = [*smallest(report, cell.adversary)]
    rest = {row.adversary for row in rows} - reached - {cell.adversary}
    missed = [adversary.name for adversary in adversaries(report) if adversary.name in rest]
    if missed:
        said.append(f"At no size tried is that so for {listed([name(each) for each in missed])}.")
    return [" ".join(said)]


def _tried(report: DrillReport, row: Smallest) -> bool:
    return any(c.trials > 0 for c in report.cells if (c.adversary, c.cover) == (row.adversary, row.cover))


def smallest(report: DrillReport, adversary: str) -> tuple[str, ...]:
    """From what size on an adversary is found with probability 0.9, one sentence for all covers that had a trial."""
    rows = sorted((s for s in report.smallest if s.adversary == adversary and _tried(report, s)), key=lambda s: s.cover)
    if not rows:
        return ()
    if all(row.accounts is None for row in rows):
        return (f"{name(adversary)} is found with probability 0.9 at none of the sizes tried.",)
    parts = []
    for row in rows:
        cover = "without cover" if row.cover <= 0 else f"with {percent(row.cover)} cover"
        if row.accounts is None:
            parts.append(f"at none of the sizes {cover}")
            continue
        sure = "" if row.surely is None else f" (surely from {row.surely:,})"
        parts.append(f"from {counted(row.accounts, 'account')} {cover}{sure}")
    unsure = "" if any(row.surely is not None for row in rows) else "; none of it surely yet"
    return (f"{name(adversary)} is found with probability 0.9 {listed(parts)}{unsure}.",)


def worked(report: DrillReport, adversary: str) -> Timing | None:
    """How soon an adversary is found, at the size measured that is nearest to the usual one; None without a trial."""
    rows = [t for t in report.timing if t.adversary == adversary and t.trials > 0 and t.days]
    return min(
        rows,
        key=lambda t: (abs(math.log(max(t.accounts, 1) / USUAL_ACCOUNTS)), abs(t.cover - USUAL_COVER), t.exchanges),
        default=None,
    )


def half_found(report: DrillReport, adversary: str) -> tuple[str, ...]:
    """How soon campaigns of an adversary are found, in a sentence; nothing without a trial."""
    row = worked(report, adversary)
    if row is None:
        return ()
    who = f"campaigns of {name(adversary)} with {counted(row.accounts, 'account')}"
    if row.median is None or not math.isfinite(row.median):
        return (f"Fewer than half of the {who} are found within {day(max(row.days))} of their beginning.",)
    return (f"Half of the {who} are found within {day(row.median)} of their beginning.",)


def everyone(rows: Iterable[Innocents]) -> Innocents | None:
    """The row of all innocents together, or of the shuffled log; None where nothing was counted."""
    return next((row for row in rows if row.kind in ("all", "shuffled")), None)


def innocents(rows: Iterable[Innocents]) -> str:
    """The rate of all innocents together, per million."""
    row = everyone(rows)
    return UNKNOWN if row is None else per_million(row.per_million)


def carrier(rows: Sequence[Carried], adversary: str) -> str:
    """Which evidence gives an adversary away, in a sentence; empty where nothing was measured."""
    mine = [r for r in rows if r.adversary == adversary and math.isfinite(r.log_odds) and r.log_odds >= 0.05]
    if not mine:
        return ""
    ranked = sorted(mine, key=lambda r: (-r.log_odds, r.kind))[:3]
    said = listed([f"{name(r.title)} (+{r.log_odds:.1f} nats)" for r in ranked])
    return f"What gives its accounts away most: {said}."


def recommended(report: DrillReport) -> tuple[str, ...]:
    """The recommendation and what it rests on; nothing where the drill has none."""
    advice = report.recommendation
    if advice is None:
        return ()
    return (
        sentence(advice.words),
        f"With the bar at {advice.firm:g} (as it is: {advice.firm_default:g}), innocents accused per million are "
        f"{per_million(advice.per_million)}, and {percent(advice.found)} of the planted campaigns are found instead "
        f"of {percent(advice.found_default)}. Allowed are {count(advice.allowed)} per million, which "
        f"{'the interval stays below' if advice.reachable else 'the upper end of the interval exceeds'}.",
    )


def openness(report: DrillReport) -> tuple[str, ...]:
    """How wide the intervals still are, what was spent, and what more minutes would buy."""
    spent = f"{counted(report.spent, 'minute')} of {counted(report.budget, 'minute')}"
    said = [f"{counted(report.plantings, 'planting')} took {spent}."]
    left = [cell for cell in report.cells if not cell.settled]
    if not report.cells:
        return (*said, "No question was put: there are no adversaries.")
    if report.complete or not left:
        return (*said, "Every question is settled; more minutes would only narrow intervals whose answer is clear.")
    width = f"the widest of their intervals spans {chance(report.widest)}" if known(report.widest) else ""
    said.append(f"{len(left):,} of {counted(len(report.cells), 'question')} are still open{width and '; ' + width}.")
    trials, all_trials = sum(c.trials for c in left), sum(c.trials for c in report.cells)
    pace = report.spent / all_trials if all_trials and report.spent > 0 else 0.0
    untried = sum(c.trials == 0 for c in left)
    if untried:
        first = f": at the pace so far, one trial of each takes about {_more(untried * pace)}" if pace else ""
        said.append(f"{counted(untried, 'question')} had no trial at all{first}.")
    elif pace:
        said.append(
            "An interval narrows with the square root of its trials: to halve those still open takes about "
            f"{_more(3 * trials * pace)}."
        )
    return tuple(said)


def _more(minutes: float) -> str:
    return counted(max(round(minutes), 1), "more minute")


def aims(adversary: Adversary) -> str:
    """What an adversary does, as a sentence of its own."""
    return sentence(adversary.summary)
