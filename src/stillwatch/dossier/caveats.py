"""What a dossier does not show, and what would refute it, from the campaign at hand."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.campaigns import narrative, wording
from stillwatch.dossier.record import Dossier

__all__ = ["limits", "refutation"]


def limits(dossier: Dossier) -> tuple[str, ...]:
    """What is not shown, one sentence each, the general first and then what this log lacks."""
    return tuple(_limits(dossier))


def _limits(dossier: Dossier) -> Iterator[str]:
    campaign, scan = dossier.campaign, dossier.scan
    yield (
        f"The claim is statistical. Of the {wording.counted(campaign.accounts, 'account')} accused, "
        f"{narrative.innocents(campaign.expected_innocent)} expected to be innocent, and nobody can say which."
    )
    yield "Who holds or runs the accounts is not known and not claimed, nor in which country anybody is."
    if not any(backing.kind == "proof" for backing in dossier.backing):
        yield "That a model was trained on what was taken is not shown here; `stillwatch prove` is the test of that."
    yield "Intent, authorisation and what the provider's terms allow are not in a log, and nothing is said of them."
    yield (
        "The figures of damage are expected numbers with intervals. Tokens and money follow from a price table, and "
        "are neither an invoice nor lost profit."
    )
    if dossier.performance.source == "published":
        yield "How well the method does in this provider's traffic was not measured: no drill was given."
    yield "Innocent explanations that nobody thought of were not weighed; those that were are listed with their odds."
    if scan.judged is None:
        yield "No judgement of a person on any accused account was given to the scan."
    rejected = sum(reject.count for reject in scan.input.rejected)
    if rejected:
        yield f"{wording.counted(rejected, 'record')} of the log could not be read and were set aside."
    yield from (wording.sentence(blind) for blind in scan.input.blind)
    yield from (wording.sentence(note) for note in scan.notes)


def refutation(dossier: Dossier) -> tuple[str, ...]:
    """What would show the claim to be wrong, as things that somebody can go and do."""
    return tuple(_refutation(dossier))


def _refutation(dossier: Dossier) -> Iterator[str]:
    campaign = dossier.campaign
    clearing = narrative.clearing(campaign.evidence, campaign.rivals, whom="this group")
    yield from clearing.sentences
    yield from clearing.points
    yield (
        "For one account: show that it is declared and used as one of the innocent readings says, by contract, "
        "invoice, course list or product; what a person finds outranks the scan."
    )
    yield (
        "For the method: scan the same log again (`stillwatch dossier verify --rerun`) and get other figures, or run a "
        "drill and find that it accuses more innocents than it states."
    )
