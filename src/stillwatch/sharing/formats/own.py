"""Bulletins as they are: a JSON object, or a list of them."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_OBJECTS, Decoded, Info
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.formats.bounds import shown, text_of

__all__ = ["FORMAT"]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole document; ``stillwatch_bulletins`` names it and says of which version it is."""

    stillwatch_bulletins: int
    bulletins: tuple[Bulletin, ...]


class Own:
    """Our own document: every field of every bulletin."""

    info: ClassVar[Info] = Info(
        name="bulletin",
        summary="Stillwatch's own JSON document: a bulletin exactly as it is.",
        reference="stillwatch.sharing.bulletin",
        version="1",
        suffix=".json",
        media_type="application/json",
        lossless=True,
        shows="Everything that a bulletin holds.",
    )

    def recognises(self, head: bytes) -> bool:
        """Whether it begins as one of ours."""
        return head.lstrip()[:24].startswith(b'{"stillwatch_bulletins"')

    def encode(self, bulletins: tuple[Bulletin, ...]) -> bytes:
        """One line of JSON."""
        return msgspec.json.encode(_Document(1, bulletins)) + b"\n"

    def decode(self, document: bytes) -> Decoded:
        """Every bulletin or none. Raises `InputError`."""
        text = text_of(document)
        try:
            read = msgspec.json.decode(text, type=_Document)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(f"is no document of bulletins: {shown(error, 200)}") from error
        if read.stillwatch_bulletins != 1:
            raise InputError(f"holds bulletins of version {read.stillwatch_bulletins}; this Stillwatch reads 1")
        if len(read.bulletins) > MOST_OBJECTS:
            raise InputError(f"holds more than {MOST_OBJECTS} bulletins")
        return Decoded(read.bulletins, (), {"bulletin": len(read.bulletins)}, ())


FORMAT = Own()
