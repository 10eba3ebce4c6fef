"""What a drill cannot say, in sentences: what was planted in, whose adversaries they are, what the figures rest on."""

from __future__ import annotations

from stillwatch.campaigns.wording import counted, percent, sentence
from stillwatch.drill.report import DrillReport
from stillwatch.drill.words import everyone, known, per_million

__all__ = ["blind", "ground", "innocents_note", "notes"]


def ground(report: DrillReport) -> tuple[str, ...]:
    """What the campaigns were planted in."""
    log = report.traffic
    said = [
        f"Planted in memory, in {counted(log.sampled_exchanges, 'exchange')} of "
        f"{counted(log.sampled_accounts, 'account')}, drawn from {counted(log.exchanges, 'exchange')} of "
        f"{counted(log.accounts, 'account')} in {counted(log.days, 'day')} of your log; nothing was written into it."
    ]
    if known(log.given_up) and log.given_up > 0:
        said.append(
            f"In each planting, the lives of {percent(log.given_up)} of the accounts are taken on by campaigns."
        )
    return tuple(said)


def innocents_note(report: DrillReport) -> tuple[str, ...]:
    """Why the interval of the innocents is as wide as it is, and why no planting narrows it."""
    row = everyone(report.innocents)
    if row is None or row.accounts == 0:
        return ("No innocent account was judged, so nothing is known about false accusations.",)
    said = (
        f"{counted(row.ever, 'account') if row.ever else 'None'} of "
        f"{counted(row.accounts, 'different innocent account')} {'was' if row.ever == 1 else 'were'} ever accused, in "
        f"{counted(row.logs, 'planted log')}. "
        "The interval is as narrow as the number of different innocents allows: more plantings do not narrow it, "
        "only a longer log or more accounts do."
    )
    return (
        said,
        "Its upper end counts an account that was accused once as accused always, and the accounts counted as innocent "
        "are those that a scan does not suspect: a campaign that hides among them counts as innocent too.",
    )


def notes(report: DrillReport) -> tuple[str, ...]:
    """What bounds every figure of the drill; its own notes last."""
    shuffled = everyone(report.shuffled)
    control = (
        ()
        if shuffled is None
        else (
            "Where nobody works with anybody (the log's sessions dealt at random among accounts of like load), "
            f"innocents accused per million are {per_million(shuffled.per_million)}.",
        )
    )
    return (
        *control,
        "The adversaries are of our making, or of the file that you gave. A real one may differ from all of them; a "
        "probability holds for campaigns like those planted, and for no others.",
        "What an evasion costs rests on the prices of accounts, networks and waiting in a file of assumptions that you "
        "can change; no operator was asked.",
        "An evasion counts as working only where the interval with it lies below the interval without it as a whole.",
        "Intervals of probabilities hold at 95 % whenever one looks, each for itself: of many cells, some will lie "
        "outside. Times to detection and log-odds are means of the trials and have none.",
        "The headline speaks of the middle adversary by how often each is found, at the size nearest to 50 accounts "
        "with 30 % cover: fixed beforehand, so that nobody picks the one that flatters.",
        *(sentence(note) for note in report.notes if note.strip()),
    )


def blind(report: DrillReport) -> tuple[str, ...]:
    """What the log lacks, so that no planted campaign could be found by it."""
    return tuple(sentence(missing) for missing in report.traffic.blind if missing.strip())
