"""Documents of peers: a file, which of the sharing formats it is of, and what it holds."""

from __future__ import annotations

from pathlib import Path

from stillwatch.errors import InputError, PluginError
from stillwatch.sharing import SHARE_FORMATS
from stillwatch.sharing.base import MOST_BYTES, Decoded, ShareFormat

__all__ = ["decoded", "format_of", "read_document"]

_HEAD = 64 * 1024


def read_document(path: Path) -> bytes:
    """The file, up to `MOST_BYTES`. Raises `InputError`."""
    try:
        with path.open("rb") as file:
            document = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    if len(document) > MOST_BYTES:
        raise InputError(f"is larger than {MOST_BYTES >> 20} MiB", path, "ask its sender for a part of it")
    return document


def format_of(document: bytes) -> ShareFormat:
    """The sharing format that recognises the document. Raises `InputError` where none does, or a needed extra lacks."""
    missing: list[PluginError] = []
    for name in SHARE_FORMATS.names():
        try:
            known = SHARE_FORMATS.get(name)
        except PluginError as error:
            missing.append(error)
            continue
        if known.recognises(document[:_HEAD]):
            return known
    lacking = f"; not asked: {missing[0]}" if missing else ""
    raise InputError(f"is of no sharing format ({', '.join(SHARE_FORMATS.names())}){lacking}")


def decoded(path: Path) -> Decoded:
    """What the document holds. Raises `InputError` naming the file; then nothing of it is used."""
    document = read_document(path)
    try:
        return format_of(document).decode(document)
    except InputError as error:
        raise InputError(error.what, path, error.do) from error
