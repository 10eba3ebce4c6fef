"""``report.json`` without holding all of it: what is small as values, campaigns one by one, accounts where they stand.

A report of 500,000 accounts takes hundreds of megabytes as text and several times that as values. Its text is mapped
into memory, where the system may drop it, and of each account only the place is kept until somebody asks.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from stillwatch.campaigns.report import Account, Campaign, ErrorRate, Input, Judged, LookAlike, Report
from stillwatch.errors import InputError

__all__ = ["Parts", "read_parts"]

NAME = "report.json"
_AGAIN = "scan again"


class _Head(msgspec.Struct, frozen=True):
    """A `Report` whose campaigns and accounts are left as text."""

    version: int
    stillwatch: str
    seed: int
    settings: dict[str, str]
    input: Input
    campaigns: list[msgspec.Raw]
    accounts: list[msgspec.Raw]
    look_alikes: tuple[LookAlike, ...]
    error_rate: ErrorRate
    candidates: int
    notes: tuple[str, ...]
    judged: Judged | UnsetType = UNSET


class Parts:
    """A report that was opened: ``head`` (no accounts, no campaigns), and the rest when it is asked for."""

    def __init__(self, folder: Path, head: _Head) -> None:
        self.folder = folder
        self.head = Report(
            version=head.version,
            stillwatch=head.stillwatch,
            seed=head.seed,
            settings=head.settings,
            input=head.input,
            campaigns=(),
            accounts=(),
            look_alikes=head.look_alikes,
            error_rate=head.error_rate,
            candidates=head.candidates,
            notes=head.notes,
            judged=head.judged,
        )
        self._campaigns: Sequence[msgspec.Raw] = head.campaigns
        self._accounts: Sequence[msgspec.Raw] = head.accounts

    @property
    def accounts(self) -> int:
        """How many accounts the report has."""
        return len(self._accounts)

    def account(self, place: int) -> Account:
        """The account at a place, from 0 in the report's order. Raises `InputError` where it cannot be read."""
        try:
            return msgspec.json.decode(self._accounts[place], type=Account)
        except msgspec.DecodeError as error:
            raise _broken(self.folder, error) from error

    def campaigns(self) -> Iterator[Campaign]:
        """Every campaign, whole and one at a time: the largest take tens of megabytes. Raises `InputError`."""
        for text in self._campaigns:
            try:
                yield msgspec.json.decode(text, type=Campaign)
            except msgspec.DecodeError as error:
                raise _broken(self.folder, error) from error


def read_parts(folder: Path) -> Parts:
    """Open the report of the run in ``folder``. Raises `InputError` for one that is missing, cut short or other."""
    path = folder / NAME
    try:
        with path.open("rb") as file:
            text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return Parts(folder, msgspec.json.decode(text, type=_Head))
    except OSError as error:
        raise InputError(f"holds no {NAME} that can be read: {error.strerror}", folder, _AGAIN) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _broken(folder, error) from error


def _broken(folder: Path, error: Exception) -> InputError:
    said = str(error)[:200]
    return InputError(f"has a {NAME} that this version of Stillwatch cannot read ({said})", folder, _AGAIN)
