"""The same campaign keeps its id from scan to scan, so that its budget, alerts and history go on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

__all__ = ["carried_ids"]


def carried_ids(
    before: Mapping[str, Collection[str]], now: Mapping[str, Collection[str]], used: Iterable[str] = ()
) -> dict[str, str]:
    """The id that each campaign of a new scan goes by: scan's id → standing id.

    ``before`` holds the accounts of the campaigns that stand, ``now`` those of the new scan, ``used`` further ids that
    were ever given (a campaign that ended is not confused with one that comes). A new campaign goes on as an old one
    where they share at least half of the accounts of the smaller of the two: a campaign that replaces its accounts
    keeps the old ones in the log, and one of which more is found holds what was found before. The largest overlap
    chooses first, equal ones by id; each old id goes to one new campaign, so that of one that falls in two the larger
    part goes on. Others get the next free number. Nothing before: ids are kept where they are free.
    """
    overlaps = []
    for old, members in before.items():
        old_members = frozenset(members)
        for new, others in now.items():
            shared = len(old_members.intersection(others))
            if shared and 2 * shared >= min(len(old_members), len(frozenset(others))):
                overlaps.append((-shared, old, new))
    result: dict[str, str] = {}
    taken: set[str] = set()
    for _, old, new in sorted(overlaps):
        if new not in result and old not in taken:
            result[new] = old
            taken.add(old)
    known = {*before, *used}
    for new in now:
        if new not in result:
            result[new] = new if new not in known else _next(known)
            known.add(result[new])
    return result


def _next(known: set[str]) -> str:
    numbers = [int(name[1:]) for name in known if name[:1] == "C" and name[1:].isdecimal() and name[1:].isascii()]
    return f"C{max(numbers, default=0) + 1}"
