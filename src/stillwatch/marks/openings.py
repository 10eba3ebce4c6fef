"""Laying one key before a court: what is shown, and how anybody checks that it was fixed before.

Shown are the eight committed lines and the secret of that one key, never the master: other keys stay as safe as they
were, because none can be computed from another. Whoever holds an opened key can find its mark, and forge it from that
day on: an opened key must be retired first (`Keyring.rotate`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.commitments import Entry, Read, committed_text, digest
from stillwatch.marks.keys import DECOYS_BY, KEY_BYTES, key_id
from stillwatch.marks.statements import Statement, moment

__all__ = ["FORMAT", "Checked", "Opening", "open_key", "opened_key", "read_opening", "verify"]

FORMAT: Final = "stillwatch mark opening 1"
_LARGEST = 1 << 20


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key laid open: ``committed`` is the text that the commitment is the SHA-256 of, ``entry`` the same in fields as
    the register has it, ``secret`` 64 hexadecimal digits."""

    format: str = FORMAT
    committed: str
    secret: str
    entry: Entry

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"is not of the format {FORMAT!r}")

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Opening({self.entry.key_id})"


class Checked(NamedTuple):
    """What a check of an opening found, ``holds`` and ``problems`` in words (none: the key was fixed before), and since
    when: ``said`` by its maker, ``stamped`` by somebody else."""

    holds: tuple[str, ...]
    problems: tuple[str, ...]
    said: str | None
    stamped: dt.datetime | None


def open_key(key: MarkKey, entry: Entry, *, retired: bool) -> Opening:
    """Lay ``key`` open. Raises `UsageError` while it is in use: who sees it could forge its mark."""
    if not retired:
        raise UsageError("is still in use, and who is shown it can forge its mark", key.id, "rotate it first")
    return Opening(committed=committed_text(entry), secret=key.secret.hex(), entry=entry)


def read_opening(data: bytes, name: str) -> Opening:
    """An opening's file. Raises `InputError` for one that is none."""
    try:
        if len(data) > _LARGEST:
            raise ValueError("is too large")
        return msgspec.json.decode(data, type=Opening)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no opening of a key: {error}", name, "name what `stillwatch marks open` wrote") from None


def opened_key(opening: Opening) -> MarkKey:
    """The key that was laid open, for a test. Raises `InputError` where the secret is not the committed one."""
    problems = _inconsistent(opening)
    if problems:
        raise InputError(problems[0], opening.entry.key_id, "ask for the file as it was written")
    entry = opening.entry
    return MarkKey(
        id=entry.key_id,
        secret=bytes.fromhex(opening.secret),
        scheme=entry.scheme,
        scope=entry.scope,
        about=entry.about,
        epoch=entry.epoch,
    )


def verify(
    opening: Opening,
    *,
    statement: Statement | None = None,
    register: Read | None = None,
    stamped: dt.datetime | None = None,
) -> Checked:
    """Compute everything again, from what is shown alone.

    Args:
        opening: what was laid open.
        statement: what was published; its commitments must hold this key's.
        register: the whole register, where it is shown; the key's line must stand in it, and be as old as the statement
            says.
        stamped: the time of a stamp on the statement's file, checked already (`timestamps.verify`).

    Returns:
        What holds and what does not.
    """
    problems = _inconsistent(opening)
    holds = [] if problems else [f"the secret is the one that commitment {opening.entry.commitment} was made of"]
    said = None
    if statement is not None:
        told = [one for one in statement.commitments if one.commitment == opening.entry.commitment]
        if not told:
            problems.append("the statement does not hold this commitment")
        else:
            said = told[0].committed_at
            holds.append(f"the statement made at {statement.made_at} by {statement.by} holds it")
    if register is not None:
        problems += _in_register(opening, statement, register)
        holds += [] if problems else [f"it stands in line {opening.entry.line} of the register, which is whole"]
    if stamped is not None and statement is not None:
        holds.append(f"the statement existed at {stamped.astimezone(dt.UTC).isoformat(timespec='seconds')}")
    return Checked(tuple(holds), tuple(problems), said, stamped)


def _inconsistent(opening: Opening) -> list[str]:
    entry, problems = opening.entry, []
    try:
        secret = bytes.fromhex(opening.secret)
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES or opening.secret != secret.hex():
        return [f"the secret is not {2 * KEY_BYTES} small hexadecimal digits"]
    if hashlib.sha256(secret).hexdigest() != entry.secret_sha256 or key_id(secret) != entry.key_id:
        problems.append("the secret is not the one that was committed to")
    if opening.committed != committed_text(entry) or digest(entry) != entry.commitment:
        problems.append("the committed text does not give the commitment")
    if entry.decoys_by != DECOYS_BY:
        problems.append("the keys to compare with follow from it in a way that this version does not know")
    return problems


def _in_register(opening: Opening, statement: Statement | None, register: Read) -> list[str]:
    entry = opening.entry
    if entry not in register.entries:
        return ["the register does not hold this line"]
    if statement is None:
        return []
    hashes: Sequence[str] = [e.hash for e in register.entries]
    lines = statement.register_lines
    if not 0 < lines <= len(hashes) or hashes[lines - 1] != statement.register_hash:
        return ["the register is not the one that the statement was made of"]
    if all(one.committed_at != moment(entry.at) for one in statement.commitments if one.commitment == entry.commitment):
        return ["the register gives another time than the statement"]
    return []
