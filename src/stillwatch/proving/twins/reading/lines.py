"""JSON lines of a prepared file: the good ones, and where the others stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from stillwatch.errors import InputError, one_line
from stillwatch.sources.base import Rejected

__all__ = ["lines_of"]

T = TypeVar("T")
_LONGEST_LINE = 16 * 2**20


def lines_of(path: Path, kind: type[T]) -> Iterator[tuple[T | None, Rejected]]:
    """Each line that is not blank, as a ``kind``; None with the reason and place for one that is none.

    Raises `InputError` where the file cannot be read.
    """
    decoder = msgspec.json.Decoder(kind)
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                if not line.strip():
                    continue
                where = f"{path}:{number}"
                if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                    while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                        pass
                    yield None, Rejected("longer than 16 MiB", where)
                    continue
                try:
                    yield decoder.decode(line), Rejected("", where)
                except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                    yield None, Rejected(one_line(error)[:200], where)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name a file of JSON lines") from error
