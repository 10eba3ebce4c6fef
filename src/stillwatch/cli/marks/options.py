"""Options that the commands of ``stillwatch marks`` share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.cli.terminal import clean
from stillwatch.errors import InputError, UsageError
from stillwatch.marks.base import Scope
from stillwatch.marks.keyring import MASTER, Keyring
from stillwatch.marks.text import SCHEME

__all__ = ["PURPOSE", "TEXT", "Json", "Keys", "Purpose", "opened", "read_file", "write"]

TEXT = "text"
Keys = Annotated[Path, Parameter(name="--keys", help="Folder of the master and the register of commitments.")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Write one JSON object.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What a key is for: one mark, and the answers of a campaign, of a tier, or all."""

    scheme: Annotated[str, Parameter(help="The mark: text (these tables), or the name of a sampling scheme.")] = TEXT
    campaign: Annotated[str, Parameter(help="Mark the answers of this campaign.")] = ""
    tier: Annotated[str, Parameter(help="Mark the answers of this tier of suspicion.")] = ""
    everybody: Annotated[bool, Parameter(name="--all", negative=(), help="Mark everybody's answers.")] = False

    def name(self) -> tuple[str, Scope, str]:
        """Scheme, scope and what it is about. Raises `UsageError` unless one of the three is given."""
        if bool(self.campaign) + bool(self.tier) + self.everybody != 1:
            raise UsageError("a key is for one purpose", do="give one of --campaign, --tier and --all")
        scope: Scope = "campaign" if self.campaign else "tier" if self.tier else "all"
        return self.full_scheme(), scope, self.campaign or self.tier

    def full_scheme(self) -> str:
        """The scheme's name in the register."""
        return SCHEME if self.scheme == TEXT else self.scheme


PURPOSE = Purpose()


def opened(keys: Path) -> Keyring:
    """The keyring in a folder. Raises `UsageError` where there is none."""
    if not (keys / MASTER).exists():
        raise UsageError("holds no master of marks", keys, "make one: stillwatch marks init")
    return Keyring(keys)


def read_file(path: Path) -> bytes:
    """A small file of the user's. Raises `InputError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error


def write(*lines: str) -> None:
    """Lines on stdout, without tricks."""
    sys.stdout.write("".join(clean(line) + "\n" for line in lines))
