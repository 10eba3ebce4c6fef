"""A document in a file: which format it is, and what it holds."""

from __future__ import annotations

from pathlib import Path

from stillwatch.errors import InputError, StillwatchError, UnknownFormatError
from stillwatch.sharing import SHARE_FORMATS
from stillwatch.sharing.base import MOST_BYTES, Decoded

__all__ = ["read_document"]

HEAD = 64 * 1024


def read_document(path: Path, format: str | None = None) -> Decoded:
    """Read a document whole, in the ``format`` named or the one that recognises it.

    Raises `InputError` naming the file where it cannot be read, is too large, malformed, or of no known format.
    """
    try:
        with path.open("rb") as file:
            document = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    if len(document) > MOST_BYTES:
        raise InputError(f"is larger than {MOST_BYTES >> 20} MiB", path, "ask its sender for a part of it")
    name = format or _recognised(document[:HEAD], path)
    try:
        return SHARE_FORMATS.get(name).decode(document)
    except InputError as error:
        raise InputError(error.what, path if error.where is None else f"{path}: {error.where}", error.do) from error


def _recognised(head: bytes, path: Path) -> str:
    found, missing = [], []
    for name in SHARE_FORMATS.names():
        try:
            if SHARE_FORMATS.get(name).recognises(head):
                found.append(name)
        except StillwatchError:  # its extra is not installed: told only where nothing else reads the file
            missing.append(name)
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownFormatError(f"could be {' or '.join(found)}", path, "name it with --format")
    needs = f" ({', '.join(missing)}: not installed, see stillwatch[sharing])" if missing else ""
    raise UnknownFormatError(f"is in no format that is known: {', '.join(SHARE_FORMATS.names())}{needs}", path)
