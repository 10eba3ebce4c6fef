"""What matching found, on one screen."""

from __future__ import annotations

import textwrap
from pathlib import Path

from stillwatch.campaigns.explanations import rival_words
from stillwatch.campaigns.report import Report
from stillwatch.cli.terminal import Style, clean
from stillwatch.sharing.matching import Match, Matching

__all__ = ["summary"]

WIDTH = 100
PAIRS_SHOWN = 12
_RULED_OUT = 3


def summary(found: Matching, report: Report, ledger: Path | None, style: Style) -> str:
    """Matches first, each with its error rate and what its group had ruled out; then how near the others came."""
    matching = [pair for pair in found.pairs if pair.matches]
    bulletins = len({pair.bulletin for pair in found.pairs})
    groups = len({pair.campaign_id for pair in found.pairs})
    said = (
        f"{_counted(len(matching), 'match', 'es')} among {_counted(len(found.pairs), 'pair')} of a bulletin and a group"
        if matching
        else "No match"
    )
    lines = [style.red(said) if matching else style.bold(said)]
    asked = f"{_counted(bulletins, 'bulletin')} against {_counted(groups, 'group')} of this run"
    lines.append(style.dim(f"{asked}, at level {found.level:g}."))
    for pair in matching[:PAIRS_SHOWN]:
        lines += ["", style.bold(f"{pair.campaign_id} ({pair.verdict}) - bulletin {pair.bulletin} of "
                                 f"{clean(pair.peer_name, 64)}")]  # fmt: skip
        lines += _wrapped(_why(pair))
        lines += _wrapped(_worth(pair))
        lines += _wrapped(_ruled_out(pair, report))
    if len(matching) > PAIRS_SHOWN:
        lines.append(f"and {len(matching) - PAIRS_SHOWN} more with --json")
    lines += ["", *_wrapped(_level(found), style)] if found.pairs else []
    lines += [line for sentence in (*found.unused, *found.blind) for line in _wrapped(sentence, style)]
    if matching and ledger is not None:
        lines += _wrapped(
            f"Noted in {ledger}. When you know: `stillwatch share judge BULLETIN --right CASE` or --wrong."
        )
    return "\n".join(lines) + "\n"


def _counted(number: int, noun: str, ending: str = "s") -> str:
    return f"{number:,} {noun}{'' if number == 1 else ending}"


def _why(pair: Match) -> str:
    told = []
    if pair.behaves is not None:
        told.append(f"its {pair.accounts} accounts behave as the bulletin says (p = {pair.behaves:.2g}, against "
                    f"{pair.draws} groups of innocent accounts here)")  # fmt: skip
    if pair.shows is not None:
        told.append(f"{pair.hits} of {pair.accounts} show an indicator (p = {pair.shows:.2g})")
    adjusted = f"{pair.adjusted:.2g}" if pair.adjusted is not None else "none"
    return f"{'; '.join(told)}. Over all pairs: p = {adjusted}."


def _worth(pair: Match) -> str:
    if pair.earned == 0:
        return "The peer has earned nothing yet: it moves nothing here. Look for yourself, and judge it."
    moved = (f"The peer's record allows {pair.earned:.1f} nats; the match moves {pair.moved:.1f}: expected innocent "
             f"members {pair.innocent:.1f} before, {pair.innocent_after:.1f} with it.")  # fmt: skip
    return moved + (" Its members would be sure enough with it: look at this group first." if pair.sure else "")


def _ruled_out(pair: Match, report: Report) -> str:
    campaign = next(c for c in report.campaigns if c.campaign_id == pair.campaign_id)
    beaten = sorted((r for r in campaign.rivals if r.log_odds > 0), key=lambda r: r.log_odds)[:_RULED_OUT]
    said = "; ".join(f"{rival_words(r.name).title.lower()} (by {r.log_odds:.0f} nats)" for r in beaten)
    rate = f"At most {campaign.error_rate.level:.0%} of what such a threshold accuses is innocent."
    return f"{rate} Nearest explanations that this group beat: {said}." if said else f"{rate} It beat no explanation."


def _level(found: Matching) -> str:
    return (f"In at most {found.level:.0%} of such calls is any match told that is none. A match is no verdict: those "
            f"of the scan stand, and no account outside its groups is touched.")  # fmt: skip


def _wrapped(text: str, style: Style | None = None) -> list[str]:
    lines = textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return [style.dim(line) for line in lines] if style is not None else lines
