"""Keyrings for tests of marks at the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stillwatch.gateway.policy import Failures, Marking, Policy
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keyring import Keyring
from stillwatch.marks.text import SCHEME
from stillwatch.responses.mark_output import campaign_hash

__all__ = ["ABOUT", "MARK", "keyring", "policy"]

ABOUT = campaign_hash("c")
MARK = f"campaigns/{ABOUT}"


def keyring(folder: Path, scheme: str = SCHEME, about: str = ABOUT) -> MarkKey:
    """A committed key in a keyring that is made where there is none."""
    ring = Keyring(folder) if folder.exists() else Keyring.make(folder)
    return ring.commit(scheme, "campaign", about)


def policy(folder: Path, closed: bool = False, **marking: Any) -> Policy:
    """A policy that marks with the keys in ``folder``."""
    failures = Failures(marking="closed" if closed else "open")
    told = Marking(keyrings={"campaigns": str(folder)}, **marking)
    return Policy(version=1, name="test", mode="act", failures=failures, marking=told)
