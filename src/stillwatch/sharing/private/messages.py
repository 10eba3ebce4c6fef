"""The three messages of a session: setup, request, response. Read with distrust: limits first, then types, then points.

A message is the line ``stillwatch-psi 1``, then one MessagePack map. It holds points of a curve under secret keys and
no artefact in any readable form.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from stillwatch.errors import InputError
from stillwatch.sharing.private.curve import POINT, Points
from stillwatch.sharing.private.items import KINDS

__all__ = ["MEDIA_TYPE", "MOST_ITEMS", "VERSION", "Message", "Mode", "Step", "digest", "largest", "read", "written"]

VERSION = 1
MEDIA_TYPE = "application/vnd.stillwatch.psi"
MOST_ITEMS = 4_000_000
"""Artefacts of either side that this version takes on at all; `protocol.Limits` is what a peer may ask."""

_MAGIC = b"stillwatch-psi "
_LINE = b"stillwatch-psi 1\n"
_ENVELOPE = 1024

Mode = Literal["items", "count"]
Step = Literal["setup", "request", "response"]
Digest = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{64})?\Z")]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One message. ``answers`` is the SHA-256 of the message before it ("" for a setup), so a message belongs to one
    session and one place in it. ``points`` are 33 bytes each."""

    step: Step
    session: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    mode: Mode
    kind: Annotated[str, Meta(max_length=32)]
    library: Annotated[str, Meta(max_length=64)]
    answers: Digest
    points: bytes

    @property
    def count(self) -> int:
        """How many points it holds."""
        return len(self.points) // POINT

    def array(self) -> Points:
        """The points, (n,)."""
        return np.frombuffer(self.points, dtype=f"S{POINT}")


def digest(data: bytes) -> str:
    """SHA-256 of a message as it travels: what the transcripts of both sides hold."""
    return hashlib.sha256(data).hexdigest()


def largest(items: int = MOST_ITEMS) -> int:
    """Bytes of the largest message with so many points."""
    return POINT * items + _ENVELOPE


def written(message: Message) -> bytes:
    """The message as it travels; the same message gives the same bytes."""
    return _LINE + msgspec.msgpack.encode(message)


def read(data: bytes, step: Step, most: int = MOST_ITEMS) -> Message:
    """The message that ``data`` holds. Raises `InputError`, one line, for one that is none, of another version or step,
    that holds more than ``most`` points, points twice or in no order where order would tell something."""
    if len(data) > largest(most):
        raise InputError(f"is larger than a message of {most:,} artefacts", do="agree on smaller sets")
    if not data.startswith(_MAGIC):
        raise InputError("is no message of private matching")
    if not data.startswith(_LINE):
        raise InputError(f"is a message of another version; this Stillwatch speaks {VERSION}")
    try:
        message = msgspec.msgpack.decode(memoryview(data)[len(_LINE) :], type=Message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is a broken message: {error}") from None
    if message.step != step:
        raise InputError(f"is the {message.step}, where the {step} belongs")
    if message.kind not in KINDS:
        raise InputError("is about artefacts of a kind that is not known here", do="use the same version on both sides")
    if bool(message.answers) == (step == "setup"):
        raise InputError("is a broken message: what it answers does not fit its step")
    _check_points(message, most)
    return message


def _check_points(message: Message, most: int) -> None:
    if len(message.points) % POINT:
        raise InputError("is a broken message: its points are cut short")
    if message.count > most:
        raise InputError(f"holds {message.count:,} artefacts, more than {most:,}", do="agree on smaller sets")
    points = message.array()
    first = np.frombuffer(message.points, dtype=np.uint8)[::POINT]
    if not np.isin(first, (2, 3)).all():
        raise InputError("holds what is no point of the curve", do="ask its sender to make it anew")
    by_bytes = message.step == "setup" or (message.step == "response" and message.mode == "count")
    ordered = points if by_bytes else np.sort(points)
    if not (ordered[1:] > ordered[:-1]).all():
        raise InputError("holds a point twice, or its points in an order that would tell something")
