"""The decisions in a folder, as a scan heeds them (``stillwatch scan --decisions FOLDER``)."""

from __future__ import annotations

from pathlib import Path

from stillwatch.campaigns.decided import Decided, Link
from stillwatch.campaigns.judgements import Judgement
from stillwatch.console.decisions.entry import Faced
from stillwatch.console.decisions.store import Decisions, moment

__all__ = ["decided_in"]


def decided_in(folder: Path) -> Decided:
    """What stands by the decisions in ``folder``, which must hold some; nothing is written there.

    Raises `InputError` for a folder without decisions, and for a chain that is broken.
    """
    decisions = Decisions(folder, existing=True)
    judgements, final, held = [], set(), set()
    faced: dict[int, dict[str, Faced]] = {}
    with decisions.reading() as derived:
        now = decisions.now
        for account in derived.decided_accounts():
            standing = derived.standing(account, now)
            by = standing.by
            if by is None:
                continue
            if standing.state == "held":
                held.add(account)
                continue
            if by.line not in faced:
                faced[by.line] = {one.account_id: one for one in by.faced}
            stated = faced[by.line][account]
            if standing.state == "dismissed" and by.reference:
                final.add(account)
            judgements.append(
                Judgement(
                    account_id=account, verdict="cleared" if standing.state == "dismissed" else "confirmed",
                    at=moment(by.at), by=by.by, why=by.why, innocent=stated.innocent, campaign_id=stated.campaign_id,
                    reference=by.reference,
                )
            )  # fmt: skip
        links = tuple(Link(link.kind, link.parts) for link in derived.links())
    return Decided(tuple(judgements), frozenset(final), frozenset(held), links, decisions.last_hash)
