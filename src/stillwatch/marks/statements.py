"""What is published of the commitments: a page for people and a file for machines, made so that it gives nothing away.

A statement holds commitments and when they were made, and neither campaigns nor keys. What counts later is that
somebody else can say since when it existed: a newspaper, a public repository, a notary, a timestamping authority
(`timestamps`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from stillwatch.errors import InputError
from stillwatch.marks.commitments import Read

__all__ = ["FORMAT", "Statement", "Told", "as_json", "as_text", "make_statement", "moment", "read_statement"]

FORMAT: Final = "stillwatch mark commitments 1"
_MOST_ON_A_PAGE = 30
_LARGEST = 64 * 2**20


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One commitment, and when its maker says that it was made (ISO 8601, UTC)."""

    commitment: str
    committed_at: str


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All commitments of a register, or some. ``register_hash`` is the last hash of its chain of ``register_lines``
    lines: whoever holds the statement can tell whether the register was changed afterwards."""

    format: str = FORMAT
    by: str
    made_at: str
    register_lines: int
    register_hash: str
    commitments: tuple[Told, ...]

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"is not of the format {FORMAT!r}")


def moment(at: int) -> str:
    """Microseconds UTC as ISO 8601 to the second, rounded up: a statement never claims an earlier time."""
    seconds = -(-at // 1_000_000)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_statement(read: Read, *, by: str, keys: Sequence[str] = (), at: int | None = None) -> Statement:
    """A statement of the commitments of ``keys`` (ids; default: all) in a register that was read.

    Raises `InputError` for an id that the register does not hold, and for no commitment at all.
    """
    told = {e.key_id: Told(e.commitment, moment(e.at)) for e in read.entries if e.kind == "committed"}
    for key in keys:
        if key not in told:
            raise InputError("is no key of this register", key, "see `stillwatch marks list`")
    if not told:
        raise InputError("holds no commitment", "register", "commit a key: stillwatch marks key")
    return Statement(
        by=by,
        made_at=moment(time.time_ns() // 1000 if at is None else at),
        register_lines=len(read.entries),
        register_hash=read.last,
        commitments=tuple(one for key, one in told.items() if not keys or key in keys),
    )


def as_json(statement: Statement) -> bytes:
    """The file that is published and timestamped, byte for byte: it is its SHA-256 that a stamp is on."""
    return msgspec.json.format(msgspec.json.encode(statement), indent=2) + b"\n"


def as_text(statement: Statement) -> str:
    """The page for people; its first figure is the SHA-256 of `as_json`."""
    digest = hashlib.sha256(as_json(statement)).hexdigest()
    shown = statement.commitments[:_MOST_ON_A_PAGE]
    rest = len(statement.commitments) - len(shown)
    lines = [
        "COMMITMENT TO SECRET KEYS",
        "",
        f"{statement.by} has fixed secret keys ({len(statement.commitments)}) by which answers of its models may be",
        "marked, and for each the keys that are never used, with which any test of a mark will compare it.",
        "",
        f"SHA-256 of the statement's file:  {digest}",
        f"Made at:                          {statement.made_at}",
        f"The register's last hash:         {statement.register_hash}",
        f"Lines of the register:            {statement.register_lines}",
        "",
        "Commitments (SHA-256), and when they were made:",
        *(f"  {told.commitment}  {told.committed_at}" for told in shown),
        *([f"  and {rest} more in the file"] if rest else []),
        "",
        "The times are what the maker says. That the file existed at a time is shown by whoever published or stamped",
        "it. A key is opened by showing eight lines of text that hold the SHA-256 of its secret; the SHA-256 of those",
        "lines is its commitment above. Nobody can find other lines or another secret that give the same commitment.",
    ]
    return "\n".join(lines) + "\n"


def read_statement(data: bytes, name: str) -> Statement:
    """A statement's file. Raises `InputError` for one that is none, or is not written as we write it: a byte more or
    less would give another SHA-256."""
    try:
        if len(data) > _LARGEST:
            raise ValueError("is too large")
        statement = msgspec.json.decode(data, type=Statement)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no statement of commitments: {error}", name, "name the JSON file") from None
    if as_json(statement) != data:
        raise InputError("is not as it was written", name, "take the file that was published, byte for byte")
    return statement
