"""Drills as the command would report them, made by formulas: full, begun, blind, null, hostile, empty."""

from __future__ import annotations

import math
from typing import TypeVar

import msgspec

from stillwatch.drill.report import (
    Adversary,
    Bounded,
    Carried,
    Cell,
    DrillReport,
    Evasion,
    Innocents,
    Recommendation,
    Smallest,
    Timing,
    Traffic,
)
from tests.campaigns.made_reports import HOSTILE

_Row = TypeVar("_Row", Cell, Timing, Smallest)
SIZES = (10, 20, 50, 100, 200)
COVERS = (0.0, 0.3, 0.6)
UNTOLD = Bounded(None, 0.0, 1.0)
# Name, what it does, its knobs, usual exchanges, the size at which half are found without cover.
_ADVERSARIES = (
    ("blatant", "shared cards and addresses, opened together, one technique", "cards=8 addresses=20", 16.0, 8.0),
    ("quiet", "private cards, household exits, ordinary prompts half of the time", "network=rotating", 36.0, 18.0),
    ("agents", "traces of agents, hidden among developers with the same tools", "harness=own", 30.0, 24.0),
    ("ghost", "aged accounts, private networks and cards, topics of its own", "sign_up=spread topics=400", 30.0, 45.0),
    ("thin", "hundreds of accounts with a handful of exchanges each", "exchanges=6", 6.0, 260.0),
)
_KINDS = (
    ("content", "They ask from one source"), ("wordings", "They share wordings"), ("usage", "They are used alike"),
    ("payment", "They are paid together"), ("networks", "They come from the same networks"),
    ("repeats", "The work is shared out"), ("habits", "They have habits of their own"),
)  # fmt: skip
_WEIGHTS = {
    "blatant": (2.1, 3.4, 1.2, 4.9, 2.2, 0.6, -0.3),
    "quiet": (2.9, 1.4, 1.0, 0.0, 0.1, 0.5, -0.6),
    "agents": (1.6, 0.4, 2.4, 0.2, 0.3, 1.1, -0.4),
    "ghost": (1.8, 0.3, 0.5, 0.0, 0.0, 0.3, -0.9),
    "thin": (0.4, 0.2, 0.1, 0.0, 0.3, 0.0, -0.1),
}
TRAFFIC = Traffic(3, "litellm", 1_840_000, 21_300, 42.0, 4_000, 96_400, 112, 0.05, ("Nothing tells who paid.",))


def bounded(share: float, trials: int) -> Bounded:
    """An interval that is right at its ends and about right between (Wilson's, for 99 %)."""
    if not trials:
        return UNTOLD
    z = 2.6
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    return Bounded(round(share, 4), round(max(middle - half, 0.0), 4), round(min(middle + half, 1.0), 4))


def _power(half: float, accounts: int, cover: float, load: float) -> float:
    return 1 / (1 + (half * (1 + 2.5 * cover) / (accounts * load)) ** 2.2)


def _cells(name: str, exchanges: float, half: float, trials: int) -> list[Cell]:
    asked = [(n, exchanges, cover) for n in SIZES for cover in COVERS]
    asked += [(n, exchanges * load, 0.3) for n in (20, 100) for load in (0.5, 2.0)]
    made = []
    for number, (n, m, cover) in enumerate(asked):
        tries = trials + 7 * (number % 3)
        share = round(_power(half, n, cover, m / exchanges) * tries) / tries if tries else 0.0
        found = bounded(share, tries)
        made.append(
            Cell(name, n, m, cover, tries, found, bounded(share * 0.8, tries), found.low > 0.8 or found.high < 0.2)
        )
    return made


def _timing(name: str, exchanges: float, half: float) -> Timing:
    days = (3.0, 7.0, 14.0, 21.0, 28.0, 42.0)
    found = tuple(round(_power(half, 50, 0.3, day / 42.0), 2) for day in days)
    return Timing(
        name, 50, exchanges, 0.3, 24, days, found, next((d for d, f in zip(days, found, strict=True) if f >= 0.5), None)
    )


def _smallest(name: str, cells: list[Cell], exchanges: float) -> list[Smallest]:
    rows = []
    for cover in COVERS:
        mine = [c for c in cells if c.cover == cover and c.exchanges == exchanges]
        found = [c.accounts for c in mine if (c.found.value or 0) >= 0.9]
        surely = [c.accounts for c in mine if c.found.low >= 0.9]
        rows.append(Smallest(name, cover, min(found, default=None), min(surely, default=None)))
    return rows


EVASIONS = (
    Evasion("private cards", "blatant", "the shared cards", "cards=own", 50, 40, bounded(0.95, 40), bounded(1.0, 40),
            2.9, 2.4, 63.0, 63.0, 0.0),
    Evasion("own wordings", "quiet", "the shared wordings", "wordings=many", 50, 40, bounded(0.6, 40),
            bounded(0.85, 40), 4.1, 3.2, 28.0, 28.0, 0.0),
    Evasion("more accounts", "quiet", "the load of each account", "exchanges=6", 50, 40, bounded(0.1, 40),
            bounded(0.85, 40), 9.8, 3.2, 167.0, 28.0, 0.0),
    Evasion("sleepers", "blatant", "the sign-ups together", "honest_days=30", 50, 40, bounded(0.275, 40),
            bounded(1.0, 40), 14.6, 2.4, 63.0, 63.0, 30.0),
    Evasion("copied customers", "ghost", "the shared source of tasks", "cover_kind=mimic", 50, 0, UNTOLD,
            bounded(0.45, 40), 6.0, 5.5, 41.0, 33.0, 21.0),
)  # fmt: skip
INNOCENTS = (
    Innocents("all", "All innocents", 38, 2_280, 0.0, 0, Bounded(0.0, 0.0, 1_315.4)),
    Innocents("class", "A class with the same assignments", 38, 140, 0.0, 0, Bounded(0.0, 0.0, 21_070.0)),
    Innocents("developers", "Developers with one agent", 38, 420, 0.0, 0, Bounded(0.0, 0.0, 7_115.0)),
    Innocents("company", "A company on one bill", 38, 61, 0.05, 1, Bounded(862.0, 415.0, 88_010.0)),
)
ADVICE = Recommendation(
    1_000.0, 9.4, 11.0, Bounded(0.0, 0.0, 1_315.4), 0.81, 0.74, False,
    "With --firm 9.4 the drill saw no innocents accused, but 2,280 accounts cannot show that it is at most 1,000",
)  # fmt: skip


def full() -> DrillReport:
    """A drill of an hour: five adversaries, most of them settled, one evasion untried."""
    return _report(trials=18)


def hardly_any() -> DrillReport:
    """A drill of a minute: one trial for some questions, none for others, nothing recommended."""
    made = _report(trials=0)
    cells = tuple(
        msgspec.structs.replace(c, trials=1, found=Bounded(1.0, 0.025, 1.0), recall=Bounded(0.9, 0.9, 0.9))
        if place % 11 == 0
        else msgspec.structs.replace(c, trials=0, found=UNTOLD, recall=UNTOLD)
        for place, c in enumerate(made.cells)
    )
    smallest = tuple(
        row
        for name, _, _, m, _ in _ADVERSARIES
        for row in _smallest(name, [c for c in cells if c.adversary == name], m)
    )
    evasions = tuple(msgspec.structs.replace(e, trials=0, found=UNTOLD, found_without=UNTOLD) for e in EVASIONS)
    return msgspec.structs.replace(
        made, cells=cells, smallest=smallest, timing=(), evasions=evasions, recommendation=None, spent=0.9, budget=1.0,
        plantings=2, widest=1.0,
    )  # fmt: skip


def none_found() -> DrillReport:
    """A drill whose campaigns are all missed: every question is settled, and no evidence carries anything."""
    made = _report(trials=30)
    cells = tuple(
        msgspec.structs.replace(
            c, trials=30, found=Bounded(0.0, 0.0, 0.14), recall=Bounded(0.0, 0.0, 0.0), settled=True
        )
        for c in made.cells
    )
    timing = tuple(msgspec.structs.replace(t, found=(0.0,) * len(t.days), median=None) for t in made.timing)
    carried = tuple(msgspec.structs.replace(c, log_odds=0.0) for c in made.carried)
    smallest = tuple(msgspec.structs.replace(s, accounts=None, surely=None) for s in made.smallest)
    flat = Bounded(0.0, 0.0, 0.14)
    evasions = tuple(msgspec.structs.replace(e, trials=30, found=flat, found_without=flat) for e in EVASIONS)
    return msgspec.structs.replace(
        made, cells=cells, timing=timing, carried=carried, smallest=smallest, evasions=evasions, complete=True,
        recommendation=None,
    )  # fmt: skip


def nulls() -> DrillReport:
    """Everything that can be unknown is: no estimate, no adversary's trial, figures that are not numbers."""
    made = _report(trials=0)
    untold = Bounded(math.nan, 0.0, math.nan)
    cells = tuple(msgspec.structs.replace(c, trials=0, found=UNTOLD, recall=untold, settled=False) for c in made.cells)
    timing = tuple(msgspec.structs.replace(t, trials=0, days=(), found=(), median=None) for t in made.timing)
    carried = tuple(msgspec.structs.replace(c, log_odds=math.nan) for c in made.carried)
    evasions = tuple(
        msgspec.structs.replace(e, trials=0, found=UNTOLD, found_without=untold, cost=math.nan, days_needed=math.inf)
        for e in EVASIONS
    )
    innocents = (Innocents("all", "All innocents", 0, 0, math.nan, 0, untold),)
    advice = msgspec.structs.replace(ADVICE, per_million=untold, found=math.nan, found_default=math.nan)
    return msgspec.structs.replace(
        made, cells=cells, timing=timing, carried=carried, smallest=(), evasions=evasions, innocents=innocents,
        shuffled=innocents, recommendation=advice, widest=math.nan, spent=0.0, plantings=0, currency="",
    )  # fmt: skip


def empty() -> DrillReport:
    """A drill without adversaries."""
    return msgspec.structs.replace(
        _report(trials=0), adversaries=(), cells=(), timing=(), carried=(), smallest=(), evasions=(), innocents=(),
        shuffled=(), recommendation=None, notes=(), traffic=msgspec.structs.replace(TRAFFIC, blind=(), suspected=0),
    )  # fmt: skip


def hostile() -> DrillReport:
    """Every name and sentence is an attack on the page or on the terminal."""
    made = full()
    names = {a.name: HOSTILE[place] for place, a in enumerate(made.adversaries)}
    adversaries = tuple(
        Adversary(names[a.name], HOSTILE[-1 - n] or "does it", HOSTILE[n], a.exchanges)
        for n, a in enumerate(made.adversaries)
    )

    def renamed(rows: tuple[_Row, ...]) -> tuple[_Row, ...]:
        return tuple(msgspec.structs.replace(row, adversary=names[row.adversary]) for row in rows)

    carried = tuple(
        Carried(names[c.adversary], c.kind, HOSTILE[n % len(_KINDS)], c.log_odds) for n, c in enumerate(made.carried)
    )
    evasions = tuple(
        msgspec.structs.replace(e, name=HOSTILE[n + 5], of=HOSTILE[n], hides=HOSTILE[n + 2], knobs=HOSTILE[n + 3])
        for n, e in enumerate(made.evasions)
    )
    innocents = tuple(msgspec.structs.replace(row, title=HOSTILE[n]) for n, row in enumerate(made.innocents))
    return msgspec.structs.replace(
        made, adversaries=adversaries, cells=renamed(made.cells), timing=renamed(made.timing), carried=carried,
        smallest=renamed(made.smallest), evasions=evasions, innocents=innocents, shuffled=innocents, notes=HOSTILE,
        currency=HOSTILE[1], version=HOSTILE[0],
        traffic=msgspec.structs.replace(TRAFFIC, format=HOSTILE[0], blind=HOSTILE),
        recommendation=msgspec.structs.replace(ADVICE, words=HOSTILE[0]),
    )  # fmt: skip


def _report(trials: int) -> DrillReport:
    adversaries = tuple(Adversary(name, does, knobs, m) for name, does, knobs, m, _ in _ADVERSARIES)
    cells: list[Cell] = []
    smallest: list[Smallest] = []
    for name, _, _, m, half in _ADVERSARIES:
        mine = _cells(name, m, half, trials)
        cells += mine
        smallest += _smallest(name, mine, m)
    carried = tuple(
        Carried(name, kind, title, weight)
        for name, weights in _WEIGHTS.items()
        for (kind, title), weight in zip(_KINDS, weights, strict=True)
    )
    shuffled = (Innocents("shuffled", "Accounts of the shuffled log", 12, 2_280, 0.0, 0, Bounded(0.0, 0.0, 1_315.4)),)
    return DrillReport(
        "0.3.0", 7, 60.0, 56.4, 38, False, 0.52, TRAFFIC, adversaries, tuple(cells),
        tuple(_timing(name, m, half) for name, _, _, m, half in _ADVERSARIES[:4]), carried, tuple(smallest), EVASIONS,
        INNOCENTS, shuffled, ADVICE, "USD", ("Topics were read with the codebook of the first planting",),
    )  # fmt: skip
