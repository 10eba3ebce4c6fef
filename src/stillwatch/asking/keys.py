"""Keys: they come from the environment, are sent to their endpoint, and appear nowhere else."""

from __future__ import annotations

import os
import re

from stillwatch.errors import UsageError

__all__ = ["Secrets", "from_environment", "names_a_secret"]

_FROM = "env:"
_HIDDEN = "[key]"
_PIECE = 8
"""Characters of a key in a row that nothing shown may hold: providers quote a wrong key with its middle masked."""
_TELLING = ("authorization", "cookie", "key", "secret", "token", "password", "signature")


def from_environment(value: str, where: str) -> str:
    """The key that ``env:NAME`` names. Raises `UsageError`, never quoting a key, where there is none."""
    if not value.startswith(_FROM):
        raise UsageError("a key is only taken from the environment", where, 'write "env:NAME"')
    name = value.removeprefix(_FROM)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name):
        raise UsageError("names no variable of the environment", where, 'write "env:NAME", never the key itself')
    key = os.environ.get(name, "").strip()
    if not key:
        raise UsageError(f"the environment has no {name}", where, f"set {name} to the key")
    if not (key.isascii() and key.isprintable()):
        raise UsageError(f"the key in {name} has characters that no key has", where, f"set {name} anew")
    return key


def names_a_secret(name: str) -> bool:
    """Whether a header or parameter of this name is likely to carry a key."""
    lowered = name.lower()
    return lowered in {"code", "sig", "auth"} or any(word in lowered for word in _TELLING)


class Secrets:
    """The keys of one endpoint, which are hidden from whatever it answers."""

    def __init__(self, keys: tuple[str, ...] = ()) -> None:
        self._keys = tuple(key for key in keys if len(key) >= _PIECE)

    def __repr__(self) -> str:
        return f"Secrets({len(self._keys)})"

    def hide(self, text: str) -> str:
        """``text`` without keys: a hostile endpoint may send back what it was sent."""
        for key in self._keys:
            text = text.replace(key, _HIDDEN)
        return text

    def quoted_in(self, text: str) -> bool:
        """Whether ``text`` holds a piece of a key."""
        return any(key[start : start + _PIECE] in text for key in self._keys for start in range(len(key) - _PIECE + 1))
