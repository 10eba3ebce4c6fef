"""What every reader of strangers' documents does first: refuse what is too large or no text, before it is parsed."""

from __future__ import annotations

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_BYTES

__all__ = ["checked_size", "readable_size", "shown", "text_of"]

BOM = "\ufeff"


def text_of(document: bytes) -> str:
    """The document as text, without a byte-order mark. Raises `InputError`: too large, or no UTF-8."""
    try:
        return readable_size(document).decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError as error:
        raise InputError(f"is no UTF-8 text: byte {error.start}") from error


def readable_size(document: bytes) -> bytes:
    """``document``, unless it is too large to be read: then `InputError`."""
    if len(document) > MOST_BYTES:
        raise InputError(f"is larger than {MOST_BYTES >> 20} MiB", do="ask its sender for a part of it")
    return document


def checked_size(document: bytes) -> bytes:
    """``document``, unless no Stillwatch would read it: then `InputError`."""
    if len(document) > MOST_BYTES:
        raise InputError(f"would be larger than {MOST_BYTES >> 20} MiB", do="write fewer bulletins into one document")
    return document


def shown(text: object, limit: int = 80) -> str:
    """A stranger's ``text`` fit to be shown: at most ``limit`` characters, controls and invisible ones as ``?``."""
    return "".join(c if c.isprintable() else "?" for c in str(text)[:limit])
