"""The tables of marks in text. A key is committed to their SHA-256, so that none can be chosen afterwards."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from importlib import resources
from typing import Any, Final

__all__ = ["SCHEME", "VERSION", "read_table", "tables_sha256"]

VERSION: Final = "1"
_NAMES = ("canaries", "guards", "habits", "phrases")


@functools.cache
def _bytes(name: str) -> bytes:
    return (resources.files(__package__) / VERSION / f"{name}.toml").read_bytes()


@functools.cache
def read_table(name: str) -> dict[str, Any]:
    """A table by its name."""
    return tomllib.loads(_bytes(name).decode())


def tables_sha256() -> str:
    """SHA-256 of the tables one after another, in the order of their names."""
    return hashlib.sha256(b"".join(_bytes(name) for name in _NAMES)).hexdigest()


SCHEME: Final = f"text-{VERSION}-{tables_sha256()[:16]}"
"""The scheme of keys for marks in text: it names these very tables, and so does every commitment to such a key."""
