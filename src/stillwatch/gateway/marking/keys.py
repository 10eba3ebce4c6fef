"""Which committed key a decision names: looked up in the keyring's folder, and read again only where that changed."""

from __future__ import annotations

from pathlib import Path

from stillwatch.errors import StillwatchError, UsageError
from stillwatch.gateway.policy import Marking
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keyring import REGISTER, Keyring
from stillwatch.marks.text import SCHEME

__all__ = ["MarkKeys", "scheme_of"]

_MOST = 10_000
Found = MarkKey | StillwatchError | None
Stamp = tuple[int, int, int] | None


def scheme_of(marking: Marking) -> str:
    """The scheme whose keys a policy marks with."""
    return marking.engine or SCHEME


class MarkKeys:
    """The keys of the keyrings that a policy names. A rotation, or a new commitment, holds from the next request on."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[Stamp, Found]] = {}

    def key(self, mark: str, marking: Marking) -> MarkKey | None:
        """The key that ``mark`` (`Decision.mark`: keyring and campaign) names; None where the policy names no folder
        for the keyring, or no key is committed there for the campaign.

        Raises `StillwatchError` where the folder cannot be used: a spoilt register, a master that is gone.
        """
        keyring, _, campaign = mark.partition("/")
        folder = marking.keyrings.get(keyring)
        if not folder:
            return None
        name = (folder, scheme_of(marking), campaign)
        stamp = _stamp(Path(folder) / REGISTER)
        known = self._known.get(name)
        if known is None or known[0] != stamp:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[name] = (stamp, None if stamp is None else _found(*name))
        if isinstance(known[1], StillwatchError):
            raise known[1]
        return known[1]


def _found(folder: str, scheme: str, campaign: str) -> Found:
    try:
        return Keyring(Path(folder)).use(scheme, "campaign", campaign)
    except UsageError:  # nothing is committed under this name, or its key is retired
        return None
    except StillwatchError as error:
        return error


def _stamp(path: Path) -> Stamp:
    """What changes when the file does; None where it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
