"""A campaign or group under review as the console holds it: its figures, its accounts as numbers, what ties them."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from stillwatch.campaigns.report import Campaign
from stillwatch.console.reading.addresses import campaign_path, named

__all__ = ["Group", "Ties", "group_of"]

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Ties:
    """Which accounts of a group used which artefacts.

    ``kinds``, ``hashes`` (keyed hashes, never a raw value) and ``outsiders`` have one entry an artefact. The accounts
    of artefact a are ``users[starts[a]:starts[a + 1]]``, as places in the group's `Group.rows`, ascending.
    """

    kinds: tuple[str, ...]
    hashes: tuple[str, ...]
    outsiders: Ints
    starts: npt.NDArray[np.int64]
    users: Ints

    def __len__(self) -> int:
        return len(self.kinds)

    def used_by(self, artefact: int) -> Ints:
        """The accounts that used an artefact, as places in the group's rows."""
        return self.users[self.starts[artefact] : self.starts[artefact + 1]]


@dataclass(frozen=True)
class Group:
    """A group of the run. ``campaign`` holds everything but its members and artefacts, which are ``rows`` (of the
    run's table of accounts, ascending) and ``ties``; ``path`` is the address of its page."""

    campaign: Campaign
    rows: Ints
    ties: Ties

    @property
    def accused(self) -> bool:
        """Whether the scan accuses it; if not, it is under review."""
        return self.campaign.verdict == "campaign"

    @property
    def key(self) -> str:
        """What stands for it in addresses."""
        return named(self.campaign.campaign_id)

    @property
    def path(self) -> str:
        """The address of its page."""
        return campaign_path(self.campaign.campaign_id)


def group_of(campaign: Campaign, rows: Ints, ids: list[str]) -> Group:
    """``campaign`` with its accounts as numbers: ``rows`` of the table of accounts, and their ``ids`` in that order.

    Accounts that an artefact names and the group does not hold are left out.
    """
    place = {name: number for number, name in enumerate(ids)}
    users: list[Ints] = []
    for link in campaign.artefacts:
        found = [place[name] for name in link.accounts if name in place]
        users.append(np.unique(np.array(found, dtype=np.int32)))
    starts = np.concatenate([[0], np.cumsum([len(some) for some in users], dtype=np.int64)]).astype(np.int64)
    ties = Ties(
        kinds=tuple(link.kind for link in campaign.artefacts),
        hashes=tuple(link.artefact for link in campaign.artefacts),
        outsiders=np.array([link.outsiders for link in campaign.artefacts], dtype=np.int32),
        starts=starts,
        users=np.concatenate(users) if users else np.zeros(0, dtype=np.int32),
    )
    return Group(msgspec.structs.replace(campaign, members=(), artefacts=()), rows, ties)
