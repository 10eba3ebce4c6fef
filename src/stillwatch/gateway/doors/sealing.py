"""The keys with which a door seals reasoning."""

from __future__ import annotations

from pathlib import Path

from stillwatch.errors import PluginError
from stillwatch.gateway.shielding.seal import Sealer, SealKeys, make_keys, read_keys

__all__ = ["SEAL_KEYS", "opened_keys"]

SEAL_KEYS = "seal.keys"
"""File in the state that seals reasoning, unless another is named."""


def opened_keys(path: Path) -> SealKeys | None:
    """The keys that seal, made where missing; None where the library that seals is missing: then nothing is sealed, and
    reasoning is left out."""
    keys = read_keys(path) if path.exists() else make_keys(path)
    try:
        Sealer(keys, "")
    except PluginError:
        return None
    return keys
