"""What a table tells of an address: the number and the kind of its network."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["KNOWN_TABLES", "NUMBER_FIELDS", "UNKNOWN", "Network", "number_in"]

NUMBER_FIELDS = ("autonomous_system_number", "asn", "as_number")
KNOWN_TABLES = "see docs/log-formats.md for the tables known"
_DIGITS = 10


class Network(NamedTuple):
    """A network as a table knows it; None for what it does not tell."""

    number: int | None
    kind: str | None


UNKNOWN = Network(None, None)


def number_in(text: str) -> int | None:
    """The AS number in ``13335``, ``AS13335``, or of several origins (``13335_4``, ``{13335,4}``) the first."""
    digits = text.strip().upper().removeprefix("AS").replace("_", ",").split(",")[0].strip("{} ")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS else None
